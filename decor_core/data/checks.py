"""Labels and sizes of pictures → what is wrong with the classes, and what would help."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from decor_core.data.findings import Finding

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
    finest = levels[0]
    different = _different_pictures(table, finest)
    counts = table[finest].value_counts().to_dict()
    found = [*_few(different, counts), *_imbalance(counts)]
    for level in levels:
        found += similar_labels(table[level].value_counts().to_dict())
    if "width" in table:
        found += _sizes(table)
    return tuple(found)


def _different_pictures(table: pd.DataFrame, level: str) -> dict[str, int]:
    """Groups of near duplicates of each label; one under several labels counts for the commonest,
    as in a split."""
    labels = table.groupby("group")[level]
    owners = labels.first().where(labels.nunique() == 1)
    for group in owners.index[owners.isna()]:
        owners[group] = labels.get_group(group).mode().min()
    counts = owners.value_counts().to_dict()
    return {label: counts.get(label, 0) for label in set(table[level])}


def similar_labels(counts: Mapping[str, int]) -> list[Finding]:
    """Labels that differ only by case, blanks, or letters that look alike: the rarer ones, with
    the most frequent as the suggestion."""
    alike = defaultdict(list)
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        alike[_skeleton(label)].append(label)
    return [
        Finding(
            "similar labels",
            label,
            f"It looks like “{usual}”, which {_has(counts[usual])}; this {_has(counts[label])}. "
            "Is it the same?",
            other=usual,
            suggestion=usual,
        )
        for usual, *others in alike.values()
        for label in others
    ]


def _skeleton(label: str) -> str:
    folded = unicodedata.normalize("NFKC", label).casefold().translate(_BLANKS)
    if not any(letter.isdigit() for letter in folded):  # 1.5 is not 15
        folded = folded.translate(_SIGNS)
    return folded.translate(_LOOK_ALIKE).replace("\0", "")


def _few(different: Mapping[str, int], counts: Mapping[str, int]) -> Iterable[Finding]:
    if len(different) == 1:
        (label,) = different
        message = "It is the only class; two are needed to learn to tell them apart."
        yield Finding("one class", label, message)
    for label, count in sorted(different.items()):
        has = f"It has {_different(count, counts[label])}"
        if count < NEEDED:
            message = (
                f"{has}; at least {NEEDED} are needed, to train on, to watch and to test. "
                "Please add some, or leave the class out."
            )
            yield Finding("too few pictures", label, message)
        elif count < FEW:
            message = f"{has}, so a single one tests it; {FEW} are the least, and 20 are good."
            yield Finding("few pictures", label, message)


def _different(count: int, total: int) -> str:
    """How many pictures of ``total`` differ, said so that nobody misses the others."""
    if count == total == 1:
        return "1 picture"
    words = f"{count} different {'picture' if count == 1 else 'pictures'}"
    return words if count == total else f"{words} (near duplicates count once)"


def _imbalance(counts: Mapping[str, int]) -> Iterable[Finding]:
    largest = min(counts, key=lambda label: (-counts[label], label))
    for label, count in sorted(counts.items()):
        if counts[largest] > _IMBALANCE * count:
            message = (
                f"It {_has(count)}, “{largest}” {counts[largest] / count:.0f} times as many; "
                f"answers will lean towards “{largest}”."
            )
            yield Finding("imbalance", label, message, other=largest)


def _has(count: int) -> str:
    return f"has {count} {'picture' if count == 1 else 'pictures'}"


def _sizes(table: pd.DataFrame) -> Iterable[Finding]:
    for file, width, height in zip(table["file"], table["width"], table["height"], strict=True):
        if min(width, height) < _TINY:
            message = f"It has {width} × {height} pixels; below {_TINY} little is to be seen."
            yield Finding("tiny", file, message)
        elif width * height > _HUGE:
            message = f"It has {width} × {height} pixels; reading it takes a moment longer."
            yield Finding("huge", file, message)
