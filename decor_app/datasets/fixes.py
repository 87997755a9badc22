"""Findings in a data set in words, and the fixes that a click applies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from decor_core.data.findings import BLOCKERS, QUALITY, Finding
from decor_core.data.tables.label_cells import several_labels
from decor_core.datasets.dataset import Dataset

# Findings that go when the class is made part of another one.
MERGEABLE = ("too few pictures", "few pictures", "imbalance")

# Findings about one picture by itself, which goes or stays.
_DROPPABLE = QUALITY | {"outlier"}


@dataclass(frozen=True)
class Group:
    """Findings of one kind: a title, for one and for many, and what they mean."""

    one: str
    many: str
    meaning: str

    def title(self, count: int) -> str:
        return f"{count} {self.one if count == 1 else self.many}"


@dataclass(frozen=True)
class Fix:
    """A change that mends a finding, or lets it stand."""

    label: str
    change: Callable[[Dataset], Dataset]
    icon: str = ""


GROUPS: Mapping[str, Group] = {
    "one class": Group(
        "class only",
        "classes only",
        "Two are needed to learn to tell them apart: add pictures of another one.",
    ),
    "too few pictures": Group(
        "class with too few pictures to train",
        "classes with too few pictures to train",
        "Add pictures, merge the class with another one, or leave it out.",
    ),
    "label conflict": Group(
        "picture in two classes",
        "pictures in two classes",
        "The very same picture lies in both. It counts once, in the class that is named first.",
    ),
    "near conflict": Group(
        "pair alike in two classes",
        "pairs alike in two classes",
        "Near duplicates in different classes. One of the labels may be wrong.",
    ),
    "blank": Group(
        "blank picture",
        "blank pictures",
        "Nothing is to be seen in them: a lens cap, an empty page, a failed download. A model "
        "cannot learn anything from them.",
    ),
    "mislabelled": Group(
        "picture that may be in the wrong class",
        "pictures that may be in the wrong class",
        "Label issues: a model that has not seen them is sure that they are something else. It may "
        "be wrong: look, and decide.",
    ),
    "several labels": Group(
        "picture with several labels",
        "pictures with several labels",
        "They were in one cell of the table. A picture has one label here: choose it, or leave the "
        "picture out.",
    ),
    "contradiction": Group(
        "contradiction in the table",
        "contradictions in the table",
        "Nothing tells which side is right, so it stays as the label says.",
    ),
    "similar labels": Group(
        "class that may be another one",
        "classes that may be others",
        "The names differ only in letters that look alike, in case or in blanks.",
    ),
    "few pictures": Group(
        "class with few pictures",
        "classes with few pictures",
        "It can be trained, but what is measured of it will be uncertain.",
    ),
    "same scene": Group(
        "scene that whole classes show",
        "scenes that whole classes show",
        "It can be trained. What is measured of it holds for this scene alone.",
    ),
    "imbalance": Group(
        "class much smaller than the largest",
        "classes much smaller than the largest",
        "Class imbalance: answers will lean towards the large one. More pictures of the small one "
        "help most.",
    ),
    "empty class": Group(
        "class folder without a picture", "class folders without a picture", "It is left out."
    ),
    "outlier": Group(
        "picture unlike all others",
        "pictures unlike all others",
        "Outliers. A stray, a logo, a screenshot? Drop what does not belong here.",
    ),
    "dark": Group(
        "very dark picture",
        "very dark pictures",
        "Underexposed. They may stay if the pictures to be classified are as dark.",
    ),
    "overexposed": Group(
        "overexposed picture",
        "overexposed pictures",
        "Very bright: large parts of what they show have lost their colors.",
    ),
    "low contrast": Group(
        "picture of low contrast",
        "pictures of low contrast",
        "Light and dark are nearly the same: fog, a faded scan, pale on pale.",
    ),
    "blurry": Group(
        "blurry picture",
        "blurry pictures",
        "Out of focus, or moved: nothing in them is sharp, even at a small size.",
    ),
    "tiny": Group(
        "tiny picture", "tiny pictures", "Little is to be seen in them; a larger one helps."
    ),
    "pages": Group(
        "file of several pages or frames",
        "files of several pages or frames",
        "Only the first is taken. To use the others, save each as a picture of its own.",
    ),
    "odd aspect ratio": Group(
        "picture of an odd aspect ratio",
        "pictures of an odd aspect ratio",
        "Very long or very tall: panoramas, banners, strips cut from something else.",
    ),
    "odd size": Group(
        "picture of an odd size",
        "pictures of an odd size",
        "Much larger or smaller than the others: thumbnails or scans among photos?",
    ),
    "near duplicate": Group(
        "picture nearly the same as another",
        "pictures nearly the same as another",
        "Near duplicates. They may stay: no model is tested on one that was trained on another.",
    ),
}
# Every one of the rest is only told.


def fixes(finding: Finding, dataset: Dataset) -> list[Fix]:
    """Fixes of one finding, the likeliest first."""
    file, second = finding.file, finding.other
    label, other = dataset.label_of(file), dataset.label_of(second)

    def keep(words: str = "Keep") -> Fix:
        return Fix(words, lambda now: now.dismiss([finding]), ":material/check:")

    def drop(words: str = "Drop", dropped: str = file) -> Fix:
        return Fix(words, lambda now: now.drop([dropped]), ":material/delete:")

    def relabel(words: str, files: Sequence[str], new: str) -> Fix:
        return Fix(words, lambda now: now.relabel(files, new), ":material/label:")

    match finding.kind:
        case "mislabelled":
            suggested = finding.suggestion
            return [
                relabel(f"It is {suggested}", [file], suggested),
                keep(f"It is {label}"),
                drop(),
            ]
        case "near conflict":
            pair = [file, second]
            return [
                relabel(f"Both are {other}", pair, other),
                relabel(f"Both are {label}", pair, label),
                keep("Both are right"),
            ]
        case "several labels":
            parts = several_labels([second, *dataset.counts]).get(second, [finding.suggestion])
            return [*(relabel(f"It is {part}", [file], part) for part in parts), drop(), keep()]
        case "label conflict":
            return [keep(f"It is {other}"), drop("Drop it", second)] if other else [keep()]
        case "near duplicate":
            return [drop("Drop this one"), keep("Keep both")]
        case kind if kind in _DROPPABLE:
            return [drop(), keep()]
        case "contradiction":
            return [keep(), drop()] if label else [keep()]
        case "similar labels":
            same = finding.suggestion
            merge = Fix(f"Same as {same}", lambda now: now.rename(file, same), ":material/merge:")
            return [merge, keep("They differ")]
        case "too few pictures" | "few pictures" | "imbalance" if len(dataset.counts) > 1:
            words = "Leave the class out"
            leave_out = Fix(words, lambda now: now.drop_label(file), ":material/delete:")
            return [leave_out] if finding.kind in BLOCKERS else [leave_out, keep()]
    return [] if finding.kind in BLOCKERS else [keep()]


def fixes_of_all(kind: str, findings: Sequence[Finding]) -> list[Fix]:
    """Fixes of all findings of one kind at once."""
    if len(findings) < 2 or kind in BLOCKERS:
        return []
    keep = Fix("Keep all", lambda now: now.dismiss(findings), ":material/done_all:")
    if kind == "mislabelled":
        labels = {finding.file: finding.suggestion for finding in findings}
        return [Fix("Relabel all as suggested", lambda now: now.relabel_each(labels)), keep]
    if kind in ("near duplicate", "several labels") or kind in _DROPPABLE:
        files = [finding.file for finding in findings]
        return [Fix("Drop all", lambda now: now.drop(files), ":material/delete_sweep:"), keep]
    return [keep]
