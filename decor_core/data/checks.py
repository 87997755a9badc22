"""Labels and sizes of pictures → what is wrong with the classes, and what would help."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from decor_core.data.findings import Finding, pluralize

NEEDED = 3  # different pictures of a class: one each to train on, to watch and to test
FEW = 5
_IMBALANCE = 10
_TINY = 64  # pixels on the short side
_HUGE = 24_000_000  # pixels
_BLANKS = str.maketrans("", "", " _")
_SIGNS = str.maketrans("", "", "-.'’")
# Letters of other alphabets that look like Latin ones, in small letters.
_LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕԁһӏкмтвнгοαερυικνχτ" + "ı\u0307",
    "aeopcyxijsdhlkmtbhroaepuikvxt" + "i" + "\0",
)


def check_table(table: pd.DataFrame, levels: Sequence[str]) -> tuple[Finding, ...]:
    """What the labels of all ``levels`` (finest first) and the pictures' sizes tell.

    ``table`` is that of a Catalog; of its columns width and height may lack.
    """
    counts = Counter(table[levels[0]])
    findings = [*_few_pictures(_different_pictures(table, levels[0]), counts), *_imbalance(counts)]
    for level in levels:
        findings += similar_labels(Counter(table[level]))
    if "width" in table:
        findings += _sizes(table)
    return tuple(findings)


def _different_pictures(table: pd.DataFrame, level: str) -> dict[str, int]:
    """Groups of near duplicates of each label; one under several labels counts for the commonest,
    as in a split."""
    pairs = table.groupby(["group", level]).size().reset_index(name="count")
    pairs = pairs.sort_values(["count", level], ascending=[False, True])
    counts = pairs.drop_duplicates("group")[level].value_counts()
    return {label: int(counts.get(label, 0)) for label in set(table[level])}


def _few_pictures(different: Mapping[str, int], counts: Mapping[str, int]) -> Iterator[Finding]:
    if len(different) == 1:
        (label,) = different
        message = "It is the only class; two are needed to learn to tell them apart."
        yield Finding("one class", label, message)
    for label, count in sorted(different.items()):
        has = "It has 1 picture"
        if (count, counts[label]) != (1, 1):
            has = f"It has {pluralize(count, 'different picture')}"
        if count < counts[label]:
            has += " (near duplicates count once)"
        if count < NEEDED:
            message = (
                f"{has}; at least {NEEDED} are needed, to train on, to watch and to test. "
                "Please add some, or leave the class out."
            )
            yield Finding("too few pictures", label, message)
        elif count < FEW:
            message = f"{has}, so a single one tests it; {FEW} are the least, and 20 are good."
            yield Finding("few pictures", label, message)


def _imbalance(counts: Mapping[str, int]) -> Iterator[Finding]:
    largest = min(counts, key=lambda label: (-counts[label], label))
    for label, count in sorted(counts.items()):
        if counts[largest] > _IMBALANCE * count:
            message = (
                f"It has {pluralize(count, 'picture')}, “{largest}” "
                f"{counts[largest] / count:.0f} times as many; answers will lean towards "
                f"“{largest}”."
            )
            yield Finding("imbalance", label, message, other=largest)


def similar_labels(counts: Mapping[str, int]) -> Iterator[Finding]:
    """Labels that differ only by case, blanks, or letters that look alike: the rarer ones, with
    the most frequent as the suggestion."""
    alike = defaultdict(list)
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        alike[_skeleton(label)].append(label)
    for usual, *others in alike.values():
        for label in others:
            message = (
                f"It looks like “{usual}”, which has {pluralize(counts[usual], 'picture')}; this "
                f"has {pluralize(counts[label], 'picture')}. Is it the same?"
            )
            yield Finding("similar labels", label, message, other=usual, suggestion=usual)


def _skeleton(label: str) -> str:
    """What a label has in common with those that look like it."""
    folded = unicodedata.normalize("NFKC", label).casefold().translate(_BLANKS)
    if not any(letter.isdigit() for letter in folded):  # 1.5 is not 15
        folded = folded.translate(_SIGNS)
    return folded.translate(_LOOK_ALIKE).replace("\0", "")


def _sizes(table: pd.DataFrame) -> Iterator[Finding]:
    for file, width, height in zip(table["file"], table["width"], table["height"], strict=True):
        has = f"It has {width} × {height} pixels;"
        if min(width, height) < _TINY:
            yield Finding("tiny", file, f"{has} below {_TINY} little is to be seen.")
        elif width * height > _HUGE:
            yield Finding("huge", file, f"{has} reading it takes a moment longer.")
