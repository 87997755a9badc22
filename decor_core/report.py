"""What was found wrong with a data set, and what was done about it: as text and as JSON."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = {
    "repaired": "Contradictions repaired",
    "contradiction": "Contradictions left as they are",
    "incomplete": "Rows without a file or a label, left out",
    "duplicate row": "Rows that name a picture again, left out",
    "missing": "Pictures that are named but not there",
    "unlisted": "Pictures that are there but belong to no class",
    "ignored": "Files in class folders that are no pictures",
    "unreadable": "Pictures that cannot be read",
    "misnamed": "Pictures that are of another format than their name says",
    "duplicate": "Pictures that are there twice, one kept",
    "label conflict": "One picture under two labels, the first kept",
    "near duplicate": "Near duplicates, kept on the same side of the split",
}


@dataclass(frozen=True)
class Entry:
    """One finding about one ``file``; ``kind`` is a key of KINDS, ``message`` one sentence."""

    kind: str
    file: str
    message: str


@dataclass(frozen=True)
class Report:
    """All findings, pictures per class of the finest level, and those left out per type."""

    entries: tuple[Entry, ...]
    counts: Mapping[str, int]
    left_out: Mapping[str, int]

    def of(self, kind: str) -> tuple[Entry, ...]:
        """The findings of one kind."""
        return tuple(entry for entry in self.entries if entry.kind == kind)

    def summary(self) -> list[str]:
        """For people, a line for each fact: pictures, those left out, findings of each kind."""
        classes = "1 class" if len(self.counts) == 1 else f"{len(self.counts)} classes"
        lines = [f"{sum(self.counts.values())} pictures in {classes}"]
        lines += [f"{count} {kind} pictures left out" for kind, count in self.left_out.items()]
        return lines + [
            f"{heading}: {len(self.of(kind))}" for kind, heading in KINDS.items() if self.of(kind)
        ]

    def to_text(self) -> str:
        """For people: the summary, pictures per class, then every finding under its heading."""
        lines = [*self.summary(), ""]
        lines += [f"{count:5d}  {label}" for label, count in self.counts.items()]
        for kind, heading in KINDS.items():
            entries = self.of(kind)
            if entries:
                lines += ["", heading]
                lines += [f"  {entry.file}: {entry.message}" for entry in entries]
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Any]:
        """The same, of plain dicts, lists, strings and numbers."""
        return {
            "counts": dict(self.counts),
            "left_out": dict(self.left_out),
            "findings": dict(Counter(entry.kind for entry in self.entries)),
            "entries": [vars(entry) for entry in self.entries],
        }
