"""Which pictures train, which are watched, which test: seeded, duplicate-aware, by content.

Groups of near duplicates are ranked in each class by a hash of content and seed: so order, names
and folders do not matter, and new pictures move few of the old ones. Where it is told which
pictures came later, in batches, they move none.

A class whose pictures are all but the same, as those of a fixed camera are, has too few groups for
that. It is divided by bursts, as names and times tell them; where these are too few as well, the
pictures in their order are cut into blocks, so that few neighbors are on both sides.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd

from decor_core.data.bursts import bursts
from decor_core.errors import DataError

# The batch of corrections, which always train. NEAR_CORRECTION is that of near duplicates of
# corrections. They are not held out either, as a picture like them has been trained on.
CORRECTION, NEAR_CORRECTION = -1, -2

# No group may hold more of its class: it could be the one to test, and the rest would train.
_LARGEST_SHARE_OF_A_GROUP = 2 / 3


@dataclass(frozen=True)
class Split:
    """Rows to train on, to watch while training, and to test on once: sorted int arrays."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(
    table: pd.DataFrame,
    level: str,
    *,
    testing_percentage: float = 10,
    validation_percentage: float = 10,
    seed: int = 0,
) -> Split:
    """Rows divided with every class in every part, near duplicates of a class on the same side.

    ``table`` has a row for each picture: its label in the column ``level``, ``key`` (content
    hash), ``group``, and where they are known ``file`` and ``taken``, of which ``bursts`` are told
    where a class has too few groups. A part of 0 percent is empty; any other holds at least one
    picture of each class. The column ``batch``, if there is one, tells when each row came, 0
    first: the rows of a batch are divided without regard to later batches; later rows fill
    parts that have become too small for the new total. Corrections always train. DataError if the
    percentages leave nothing to train on, or a class has too few pictures.
    """
    check_shares(testing_percentage, validation_percentage)
    need = needed(testing_percentage, validation_percentage)
    classes = _classes(table, level, seed, need)
    _check_enough(classes, need)
    size = np.zeros(len(classes), int)  # groups of each class so far
    n_test = np.zeros(len(classes), int)  # of these, those that test
    n_validation = np.zeros(len(classes), int)
    corrections = np.flatnonzero(~may_hold_out(table)).tolist()
    parts: dict[str, list[int]] = {"train": corrections, "validation": [], "test": []}
    for batch in sorted({group.batch for one in classes.values() for group in one.groups}):
        new = [[g.rows for g in one.groups if g.batch == batch] for one in classes.values()]
        count = np.array([len(ranked) for ranked in new])
        size = size + count
        quota = _quotas(size, testing_percentage, most=size - 1 - (validation_percentage > 0))
        more_test = (quota - n_test).clip(0, count)
        n_test = n_test + more_test
        quota = _quotas(size, validation_percentage, most=size - 1 - n_test)
        more_validation = (quota - n_validation).clip(0, count)
        n_validation = n_validation + more_validation
        for one, ranked, test, validation in zip(
            classes.values(), new, more_test, more_validation, strict=True
        ):
            # From the two ends: when one part grows, the other stays what it was. In a burst the
            # pictures to validate with lie between those to test and those to train with.
            start = max(len(ranked) - validation, test)
            if one.in_order:
                ranked = [*ranked[:test], *ranked[test + validation :],
                          *ranked[test : test + validation]]  # fmt: skip
            parts["test"] += chain(*ranked[:test])
            parts["train"] += chain(*ranked[test:start])
            parts["validation"] += chain(*ranked[start:])
    return Split(**{part: np.array(sorted(rows), np.intp) for part, rows in parts.items()})


def check_shares(testing_percentage: float, validation_percentage: float) -> None:
    """DataError where the parts to test and to validate with leave nothing to train on."""
    shares = testing_percentage, validation_percentage
    if min(shares) < 0 or not sum(shares) < 100:
        raise DataError(
            "Test and validation percentages must be 0 or more and together less than 100; "
            f"they are {testing_percentage:g} and {validation_percentage:g}."
        )


def _quotas(size: np.ndarray, percentage: float, most: np.ndarray) -> np.ndarray:
    """How many groups of each class a part gets, by largest remainder; 1 to ``most`` each."""
    if percentage == 0:
        return np.zeros_like(size)
    exact = size * percentage / 100
    quotas = np.floor(exact).astype(int)
    missing = round(sum(exact)) - quotas.sum()
    quotas[np.argsort(quotas - exact, kind="stable")[:missing]] += 1
    return np.minimum(np.maximum(quotas, 1), most).clip(0)


def may_hold_out(table: pd.DataFrame) -> np.ndarray:
    """Mask [n] of the pictures that may be held out: all but corrections and their copies."""
    return (table["batch"] >= 0).to_numpy() if "batch" in table else np.ones(len(table), bool)


def needed(testing_percentage: float, validation_percentage: float) -> int:
    """How many pictures each class must have to be split."""
    return 1 + (testing_percentage > 0) + (validation_percentage > 0)


def different_pictures(table: pd.DataFrame, level: str, need: int) -> dict[str, int]:
    """How many pictures of each label can be told apart where a class must have ``need``.

    Near duplicates count once, unless too few would be left; corrections do not count.
    """
    classes = _classes(table, level, seed=0, need=need)
    return {label: len(one.groups) for label, one in classes.items()}


def alike_classes(table: pd.DataFrame, level: str, need: int = 3) -> tuple[str, ...]:
    """The labels whose pictures are nearly all alike, and enough to be split all the same.

    They are divided picture by picture, or burst by burst: a test tells little of new pictures.
    """
    sizes: dict[str, list[int]] = {}
    groups = Counter(zip(table[level], table["group"], strict=True))
    for (label, _), size in sorted(groups.items()):
        sizes.setdefault(label, []).append(size)
    return tuple(
        label for label, of in sizes.items() if sum(of) >= need and not _is_enough(of, need)
    )


def assign_folds(table: pd.DataFrame, level: str, n_folds: int = 5, seed: int = 0) -> np.ndarray:
    """The fold, 0 to ``n_folds`` − 1, of each row of a table as in ``split``: int [n].

    Classes spread evenly over folds. Near duplicates of a class share one; where it has too few
    groups, it is divided as in ``split``. Rows of later batches go where their class has fewest,
    and move no earlier one. Corrections are in no fold, −1. DataError if a class has fewer than two
    pictures, or there are fewer different ones than folds.
    """
    classes = _classes(table, level, seed, need=2)
    _check_enough(classes, need=2)
    different = sum(len(one.groups) for one in classes.values())
    if not 2 <= n_folds <= different:
        raise DataError(
            f"The number of folds must be from 2 to {different}, the number of different "
            f"pictures; it is {n_folds}."
        )
    return _dealt(classes, list(table["key"]), n_folds, seed)


def inner_folds(table: pd.DataFrame, level: str, seed: int) -> np.ndarray:
    """Up to five folds, as many as the smallest class has pictures; all −1 where it has one."""
    classes = _classes(table, level, seed, need=2)
    smallest = min((len(one.groups) for one in classes.values()), default=0)
    if smallest < 2:
        return np.full(len(table), -1)
    return _dealt(classes, list(table["key"]), min(5, smallest), seed)


def _dealt(
    classes: Mapping[str, "_Class"], keys: Sequence[str], n_folds: int, seed: int
) -> np.ndarray:
    """The fold of each row, of which ``keys`` [n] are the contents; −1 for those of no class."""
    fold_of = np.full(len(keys), -1)
    sizes = {label: np.zeros(n_folds, int) for label in classes}  # groups in each fold
    ranked = [(label, group) for label, one in classes.items() for group in one.groups
              if not one.in_order]  # fmt: skip
    ranked.sort(key=lambda one: one[1].batch)  # which keeps the order within a batch
    for i, (label, group) in enumerate(ranked):
        fold = i % n_folds
        if group.batch != ranked[0][1].batch:
            fold = _emptiest(sizes, label)
        sizes[label][fold] += 1
        fold_of[group.rows] = fold
    for label, one in classes.items():
        for batch in sorted({group.batch for group in one.groups}) if one.in_order else ():
            rows = [row for group in one.groups if group.batch == batch for row in group.rows]
            # Blocks of neighbors, beginning elsewhere with each seed.
            start = int.from_bytes(_rank(seed, min(keys[row] for row in rows))[:4]) % len(rows)
            blocks = (np.arange(len(rows)) + start) % len(rows) * n_folds // len(rows)
            blocks = (blocks + _emptiest(sizes, label)) % n_folds
            sizes[label] += np.bincount(blocks, minlength=n_folds)
            fold_of[rows] = blocks
    return fold_of


def _emptiest(sizes: Mapping[str, np.ndarray], label: str) -> int:
    """The fold in which a class has fewest groups, of these that in which all have."""
    return int(np.lexsort((np.sum(list(sizes.values()), axis=0), sizes[label]))[0])


class _Group(NamedTuple):
    """Rows that stay together, in the order in which they are dealt out: batch, then rank."""

    batch: int
    rank: bytes
    rows: list[int]


class _Class(NamedTuple):
    """The groups of a class; ``in_order``: single pictures as they were taken, not near ones."""

    groups: list[_Group]
    in_order: bool


def _classes(table: pd.DataFrame, level: str, seed: int, need: int) -> dict[str, _Class]:
    """For each label, sorted, what of it stays together: near duplicates, else bursts.

    Earlier batches come first, in seeded random order within; a group belongs to the earliest
    batch among its rows. Single pictures, in order, where less than ``need`` bursts are told.
    """
    n, labels = len(table), list(table[level])
    keys, groups, files, taken = (
        list(table[name].astype(str)) if name in table else [""] * n
        for name in ("key", "group", "file", "taken")
    )
    came = list(map(int, table["batch"])) if "batch" in table else [0] * n
    rows_of: dict[str, dict[str, list[int]]] = {}
    for row in np.flatnonzero(may_hold_out(table)).tolist():
        rows_of.setdefault(labels[row], {}).setdefault(groups[row], []).append(row)

    def ranked(together: Sequence[list[int]]) -> list[_Group]:
        found = []
        for rows in together:
            batch = min(came[row] for row in rows)
            content = min(keys[row] for row in rows if came[row] == batch)
            found.append(_Group(batch, _rank(seed, content), rows))
        return sorted(found)

    classes = {}
    for label, members in sorted(rows_of.items()):
        alike, in_order = list(members.values()), False
        if not _is_enough(list(map(len, alike)), need):
            rows = sorted(chain(*alike))
            alike = [
                [rows[i] for i in burst]
                for burst in bursts([files[row] for row in rows], [taken[row] for row in rows])
            ]
            in_order = not _is_enough(list(map(len, alike)), need)
        found = ranked(alike)
        if in_order:
            turned = -1 if found[0].rank[0] % 2 else 1
            found = [
                group._replace(batch=came[row], rows=[row])
                for group in found
                for row in group.rows[::turned]
            ]
            found.sort(key=lambda group: group.batch)
        classes[label] = _Class(found, in_order)
    return classes


def content_order(table: pd.DataFrame) -> np.ndarray:
    """Row numbers in an order at random that depends on the content of the pictures alone."""
    ranks = [hashlib.sha256(key.encode()).digest() for key in table["key"]]
    return np.array(sorted(range(len(table)), key=ranks.__getitem__), int)


def _rank(seed: int, content: str) -> bytes:
    return hashlib.sha256(f"{seed}:{content}".encode()).digest()


def _is_enough(sizes: Sequence[int], need: int) -> bool:
    """Whether groups of these ``sizes`` are as many as a class needs, and none is most of it."""
    return len(sizes) >= need and max(sizes) <= _LARGEST_SHARE_OF_A_GROUP * sum(sizes)


def _check_enough(classes: Mapping[str, _Class], need: int) -> None:
    poor = [f"“{label}” has {len(one.groups)}" for label, one in classes.items()
            if len(one.groups) < need]  # fmt: skip
    if not classes or poor:
        found = ", ".join(poor) or "there are none at all"
        raise DataError(
            f"Each class needs at least {need} different pictures: {found}. "
            "Please add pictures or leave such classes out."
        )
