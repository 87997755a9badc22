"""What was found wrong with a data set, and what was done about it: as text and as JSON.

To add a kind: a line in KINDS, at its place by gravity; its name in those of the sets below that
apply; and who finds it. From the table alone, that is checks.check_table (and BY_TABLE). From the
pixels, a field of scan.ImageInfo that scan_images fills, and a finding in scan.usable_images; what
is measured of each picture, a field of images.quality.ImageQuality, filled by measure_quality, one
of Thresholds beside it, and a line in _PIXEL_CHECKS of quality_checks (and QUALITY). By a model,
training.label_issues (and BY_MODEL). The Data page shows it in a box of its own only with an entry
in GROUPS of decor_app/datasets/fixes.py, and among its notes else; ``fixes`` there says what a
click does. For people it is in docs/reference/findings.md.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from decor_core.text import pluralize, printable

# The gravest first, but similar labels before what merging them mends as well.
KINDS = {
    "one class": "Only one class",
    "similar labels": "Labels that may be one and the same",
    "too few pictures": "Classes with too few pictures to train on",
    "unreadable": "Pictures that cannot be read, set aside",
    "label conflict": "One picture under two labels, the first kept",
    "missing": "Pictures that are named but not there",
    "incomplete": "Rows without a file or a label, left out",
    "several labels": "Pictures whose label looks like several in one cell",
    "few pictures": "Classes with few pictures",
    "same scene": "Pictures so alike that a test flatters",
    "empty class": "Class folders without a picture",
    "near conflict": "Near duplicates under two labels, both kept",
    "blank": "Pictures in which nothing is to be seen",
    "mislabelled": "Pictures that may have the wrong label",  # as stored
    "contradiction": "Contradictions left as they are",
    "imbalance": "Classes with many more pictures than others",
    "outlier": "Pictures unlike all others of the set",
    "unlisted": "Pictures that are there but belong to no class, set aside",
    "dark": "Very dark pictures",
    "overexposed": "Very bright pictures, overexposed",
    "low contrast": "Pictures of low contrast",
    "blurry": "Blurry pictures",
    "tiny": "Pictures so small that little is to be seen",
    "odd aspect ratio": "Very long or very tall pictures",
    "odd size": "Pictures much larger or smaller than the others",
    "repaired": "Contradictions repaired",
    "duplicate": "Pictures that are there twice, one kept",
    "duplicate row": "Rows that name a picture again, left out",
    "near duplicate": "Near duplicates, kept on the same side of the split",
    "misnamed": "Pictures that are of another format than their name says",
    "pages": "Files of several pages or frames, of which the first is taken",
    "huge": "Large pictures, scaled down on reading",
    "dataset quality": "What many pictures of the set have in common",
    "ignored": "Files that are no pictures, ignored",
    "assumed": "Assumed on reading",
}

_WIDTH = 84
_MESSAGES, _NAMES = 100, 300  # of one kind of finding, in text

# Findings about a whole class: their ``file`` is its label.
ABOUT_CLASSES = frozenset(
    {
        *("one class", "too few pictures", "few pictures", "same scene"),
        *("empty class", "similar labels", "imbalance"),
    }
)

# What keeps a data set from being trained on.
BLOCKERS = frozenset({"one class", "too few pictures"})

# Pictures that have no class, neither by a table nor by a folder.
UNCLASSED = ("incomplete", "unlisted")

# What a model found in one state of a data set; what the table alone tells, anew after each edit.
BY_MODEL = frozenset({"mislabelled", "outlier"})
# What check_quality finds: in pictures one by one, and in the set.
QUALITY = frozenset(
    {"blank", "dark", "overexposed", "low contrast", "blurry", "tiny", "odd aspect ratio"}
    | {"odd size", "huge", "dataset quality"}
)
BY_TABLE = ABOUT_CLASSES - {"empty class"} | QUALITY
# What is said of an unlisted picture.
NO_ROW = "No row of the table names it."

# Resolved when the picture is relabeled, or it or its duplicate is dropped.
_OVER_WHEN_CHANGED = {"near duplicate", "near conflict", "misnamed", "pages"} | BY_MODEL


@dataclass(frozen=True)
class Finding:
    """One finding about one ``file``; ``kind`` is a key of KINDS, ``message`` one sentence.

    ``other`` is the other file concerned (of a duplicate, near duplicate or conflict) or the other
    label, ``suggestion`` the label that would put it right; both are "" where there is none.
    ``set_aside``: the file is there but is not among the pictures of the data set. ``value`` is
    what was measured of the picture and ``threshold`` where it begins to be told, in the units of
    the message; None where nothing was measured.
    """

    kind: str
    file: str
    message: str
    other: str = ""
    suggestion: str = ""
    set_aside: bool = False
    value: float | None = None
    threshold: float | None = None

    def is_open(self, label_of: Callable[[str], str]) -> bool:
        """Whether no edit has put it right; ``label_of`` a file is "" if it is not in the set."""
        own, other = label_of(self.file), label_of(self.other)
        if self.kind == "label conflict":
            return bool(other) and other == self.suggestion  # nobody has chosen otherwise
        if self.kind == "several labels":
            return own == self.other
        if self.kind not in _OVER_WHEN_CHANGED:
            return True
        wanted = other if self.kind == "near conflict" else self.suggestion
        return bool(own and (other or not self.other)) and own != wanted


@dataclass(frozen=True)
class DatasetReport:
    """All findings, pictures per class of the finest level, and those left out per type.

    ``read_as`` tells in a sentence for what layout the data set was taken, "" if it is not known.
    """

    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    left_out: Mapping[str, int] = field(default_factory=dict)
    read_as: str = ""

    def of(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def with_findings(self, findings: Iterable[Finding]) -> "DatasetReport":
        """This report with further findings."""
        return replace(self, findings=(*self.findings, *findings))

    def without(self, *kinds: str) -> "DatasetReport":
        """This report without the findings of these kinds."""
        return replace(self, findings=tuple(f for f in self.findings if f.kind not in kinds))

    @property
    def counts_by_kind(self) -> dict[str, int]:
        """How many findings there are of each kind, the gravest kind first."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in KINDS if found[kind]}

    @property
    def usable(self) -> bool:
        """Whether a classifier can be trained on the data set."""
        return bool(self.counts) and not any(f.kind in BLOCKERS for f in self.findings)

    @property
    def set_aside(self) -> dict[str, str]:
        """Files that are there but not among the pictures, and for each the reason."""
        return {f.file: f.message for f in self.findings if f.set_aside}

    def summary(self) -> list[str]:
        """For people, a line for each fact: pictures, how they were read, findings of each kind."""
        return self._what_it_holds() + [
            f"{KINDS[kind]}: {count}" for kind, count in self.counts_by_kind.items()
        ]

    def _what_it_holds(self) -> list[str]:
        classes = "1 class" if len(self.counts) == 1 else f"{len(self.counts)} classes"
        return [
            f"{pluralize(sum(self.counts.values()), 'picture')} in {classes}",
            *([printable(self.read_as)] if self.read_as else []),
            *(
                f"{pluralize(n, 'picture')} of type {kind} left out"
                for kind, n in self.left_out.items()
            ),
        ]

    def to_text(self) -> str:
        """For people: pictures per class, then the findings under their headings, gravest first.

        Of thousands of a kind the first are named, and how many more there are.
        """
        first, *more = self._what_it_holds()
        width = len(str(max(self.counts.values(), default=0)))
        lines = [first, *(f"  {n:>{width}}  {printable(name)}" for name, n in self.counts.items())]
        lines += more
        for kind, count in self.counts_by_kind.items():
            lines += ["", f"{KINDS[kind]}: {count}"]
            files: dict[str, list[str]] = {}  # what is said of several files is said once
            for finding in self.of(kind):
                files.setdefault(finding.message, []).append(printable(finding.file))
            said = list(files.items())
            for message, names in said[:_MESSAGES]:
                if len(names) == 1:
                    lines.append(f"  {names[0]}: {printable(message)}")
                else:
                    rest = [f"and {len(names) - _NAMES} more"] if len(names) > _NAMES else []
                    lines += [f"  {printable(message)}", *_wrapped(names[:_NAMES] + rest)]
            more = sum(len(names) for _, names in said[_MESSAGES:])
            if more:
                lines.append(f"  … and {more} more; the report as JSON names all")
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Any]:
        """The same, of plain dicts, lists, strings and numbers."""
        return {
            "usable": self.usable,
            "read_as": self.read_as,
            "counts": dict(self.counts),
            "left_out": dict(self.left_out),
            "findings": self.counts_by_kind,
            "entries": [asdict(finding) for finding in self.findings],
        }


def _wrapped(names: Iterable[str]) -> list[str]:
    """Names with commas between, in lines that fit on a screen; no name is broken."""
    lines = [""]
    for name in names:
        if lines[-1] and len(lines[-1]) + len(name) > _WIDTH:
            lines[-1] += ","
            lines.append("")
        lines[-1] += f", {name}" if lines[-1] else name
    return [f"      {line}" for line in lines]
