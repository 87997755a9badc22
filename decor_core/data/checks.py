"""Labels and sizes of pictures → what is wrong with the classes, and what would help."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import pandas as pd

from decor_core.data.findings import Finding
from decor_core.data.quality_checks import check_quality
from decor_core.data.split import alike_classes
from decor_core.text import pluralize, quoted_list

MIN_PICTURES = 3  # pictures of a class: one each to train on, to watch and to test
ENOUGH_PICTURES = 5  # of a class, for its test to mean something
_IMBALANCE = 10
_NAMED = 3  # classes in a sentence
_BLANKS = str.maketrans("", "", " _")
_SIGNS = str.maketrans("", "", "-.'’")
# Letters of other alphabets that look like Latin ones, in small letters.
_LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕԁһӏкмтвнгοαερυικνχτ" + "ı\u0307",
    "aeopcyxijsdhlkmtbhroaepuikvxt" + "i" + "\0",
)


def check_table(table: pd.DataFrame, levels: Sequence[str]) -> tuple[Finding, ...]:
    """What the labels of all ``levels`` (finest first), sizes and quality of the pictures tell.

    ``table`` is that of a Catalog; of its columns those of sizes and quality may lack.
    """
    finest = levels[0]
    counts = Counter(table[finest])
    different = Counter(label for label, _ in set(zip(table[finest], table["group"], strict=True)))
    alike = alike_classes(table, finest, MIN_PICTURES)
    findings = list(_few_pictures(different, counts, alike))
    if alike:
        words = describe_same_scene(alike, len(counts))
        findings.append(Finding("same scene", ", ".join(alike), words))
    findings += _imbalance(counts)
    for level in levels:
        findings += similar_labels(Counter(table[level]))
    return (*findings, *check_quality(table))


def _few_pictures(
    different: Mapping[str, int], counts: Mapping[str, int], alike: Collection[str]
) -> Iterator[Finding]:
    """``different`` are groups of near duplicates; where all are ``alike``, pictures count."""
    if len(different) == 1:
        (label,) = different
        message = "It is the only class; two are needed to learn to tell them apart."
        yield Finding("one class", label, message)
    for label, total in sorted(counts.items()):
        count = total if label in alike or total < MIN_PICTURES else different[label]
        has = f"It has {pluralize(count, 'picture')}"
        if count < total:
            has = f"It has {pluralize(count, 'different picture')} (near duplicates count once)"
        if count < MIN_PICTURES:
            message = (
                f"{has}; at least {MIN_PICTURES} are needed, to train on, to watch and to test. "
                "Please add some, or leave the class out."
            )
            yield Finding("too few pictures", label, message)
        elif count < ENOUGH_PICTURES:
            least = f"{ENOUGH_PICTURES} are the least, and 20 are good"
            message = f"{has}, so a single one tests it; {least}."
            yield Finding("few pictures", label, message)


def describe_same_scene(alike: Sequence[str], classes: int) -> str:
    """What a test is worth where those labels, of so many, have pictures that are all alike.

    "" if there are none.
    """
    if not alike:
        return ""
    these = (
        "These pictures"
        if len(alike) >= classes
        else f"The pictures of {quoted_list(alike, _NAMED)}"
    )
    return (
        f"{these} are nearly alike (one scene): the test accuracy says how well the "
        "model tells these shots apart, not new ones. Take some at another place or time, and "
        "test with these."
    )


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
