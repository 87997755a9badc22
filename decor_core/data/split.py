"""Which pictures train, which are watched, which test: seeded, duplicate-aware, by content.

Groups of near duplicates are ranked in each class by a hash of content and seed: so order, names
and folders do not matter, and new pictures move few of the old ones. Where it is told which
pictures came later, in batches, they move none.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd

from decor_core.errors import DataError

# The batch of corrections, which always train. NEAR_CORRECTION is that of near duplicates of
# corrections. They are not held out either, as a picture like them has been trained on.
CORRECTION, NEAR_CORRECTION = -1, -2


@dataclass(frozen=True)
class Split:
    """Rows to train on, to watch while training, and to test on once: sorted int arrays."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(
    labels: Sequence[str],
    keys: Sequence[str],
    groups: Sequence[str],
    *,
    batches: Sequence[int] | None = None,
    testing_percentage: float = 10,
    validation_percentage: float = 10,
    seed: int = 0,
) -> Split:
    """Rows divided with every class in every part, near duplicates on the same side.

    ``labels``, ``keys`` (content hashes) and ``groups`` have one item for each row. A part of
    0 percent is empty; any other holds at least one group of each class. ``batches`` tell when
    each row came, 0 first: the rows of a batch are divided without regard to later batches; later
    rows go only where the parts, grown by them, are too small. DataError if the percentages leave
    nothing to train on, or a class has too few different pictures.
    """
    shares = (testing_percentage, validation_percentage)
    if min(shares) < 0 or not sum(shares) < 100:
        raise DataError(
            "Test and validation percentages must be 0 or more and together less than 100; "
            f"they are {testing_percentage:g} and {validation_percentage:g}."
        )
    classes = _rank_groups(labels, keys, groups, batches, seed)
    _check_enough(classes, needed(*shares))
    size = np.zeros(len(classes), int)  # groups of each class so far
    n_test = np.zeros(len(classes), int)  # of these, those that test
    n_validation = np.zeros(len(classes), int)
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for batch in sorted({group.batch for ranked in classes.values() for group in ranked}):
        new = [[g.rows for g in ranked if g.batch == batch] for ranked in classes.values()]
        count = np.array([len(ranked) for ranked in new])
        size = size + count
        quota = _quotas(size, testing_percentage, most=size - 1 - (validation_percentage > 0))
        more_test = (quota - n_test).clip(0, count)
        n_test = n_test + more_test
        quota = _quotas(size, validation_percentage, most=size - 1 - n_test)
        more_validation = (quota - n_validation).clip(0, count)
        n_validation = n_validation + more_validation
        for ranked, test, validation in zip(new, more_test, more_validation, strict=True):
            # From the two ends: when one part grows, the other stays what it was.
            start = max(len(ranked) - validation, test)
            parts["test"] += chain(*ranked[:test])
            parts["train"] += chain(*ranked[test:start])
            parts["validation"] += chain(*ranked[start:])
    return Split(**{part: np.array(sorted(rows), np.intp) for part, rows in parts.items()})


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
    """How many different pictures each class must have to be split."""
    return 1 + (testing_percentage > 0) + (validation_percentage > 0)


def different_pictures(table: pd.DataFrame, level: str) -> dict[str, int]:
    """How many pictures of each label ``split`` can tell apart: near duplicates count once."""
    batches = list(table["batch"]) if "batch" in table else None
    labels, keys, groups = (list(table[name]) for name in (level, "key", "group"))
    classes = _rank_groups(labels, keys, groups, batches, seed=0)
    return {label: len(ranked) for label, ranked in classes.items()}


def folds(
    labels: Sequence[str],
    keys: Sequence[str],
    groups: Sequence[str],
    *,
    batches: Sequence[int] | None = None,
    n_folds: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """The fold, 0 to ``n_folds`` − 1, of each row: int [n]; classes spread evenly over folds.

    Near duplicates share a fold. Rows of later ``batches`` go where their class has fewest, and
    move no earlier one. DataError if a class has fewer than two different pictures, or there are
    fewer different pictures than folds.
    """
    classes = _rank_groups(labels, keys, groups, batches, seed)
    _check_enough(classes, need=2)
    ranked = [(label, group) for label, members in classes.items() for group in members]
    if not 2 <= n_folds <= len(ranked):
        raise DataError(
            f"The number of folds must be from 2 to {len(ranked)}, the number of different "
            f"pictures; it is {n_folds}."
        )
    ranked.sort(key=lambda one: one[1].batch)  # which keeps the order within a batch
    first_batch = ranked[0][1].batch
    fold_of = np.empty(len(labels), dtype=np.intp)
    sizes = {label: np.zeros(n_folds, int) for label in classes}  # groups in each fold
    for i, (label, group) in enumerate(ranked):
        fold = i % n_folds
        if group.batch != first_batch:  # where its class has fewest, of these where all have
            fold = int(np.lexsort((np.sum(list(sizes.values()), axis=0), sizes[label]))[0])
        sizes[label][fold] += 1
        fold_of[group.rows] = fold
    return fold_of


class _Group(NamedTuple):
    """Near duplicates, in the order in which they are dealt out: batch, then rank."""

    batch: int
    rank: bytes
    rows: list[int]


def _rank_groups(
    labels: Sequence[str],
    keys: Sequence[str],
    groups: Sequence[str],
    batches: Sequence[int] | None,
    seed: int,
) -> dict[str, list[_Group]]:
    """For each label, sorted, its groups: the earlier batches first, in seeded random order within.

    A group belongs to the earliest batch among its rows, and to the label most frequent in that
    batch.
    """
    labels, keys = list(labels), list(keys)
    came = [0] * len(keys) if batches is None else [int(batch) for batch in batches]
    rows_of = defaultdict(list)
    for row, group in enumerate(groups):
        rows_of[group].append(row)
    classes: dict[str, list[_Group]] = {label: [] for label in sorted(set(labels))}
    for rows in rows_of.values():
        batch = min(came[row] for row in rows)
        first = [row for row in rows if came[row] == batch]
        count = Counter(labels[row] for row in first)
        owner = min(count, key=lambda label: (-count[label], label))
        content = min(keys[row] for row in first)
        rank = hashlib.sha256(f"{seed}:{content}".encode()).digest()
        classes[owner].append(_Group(batch, rank, rows))
    return {label: sorted(ranked) for label, ranked in classes.items()}


def _check_enough(classes: Mapping[str, Sequence[_Group]], need: int) -> None:
    poor = [f"“{label}” has {len(ranked)}" for label, ranked in classes.items()
            if len(ranked) < need]  # fmt: skip
    if not classes or poor:
        found = ", ".join(poor) or "there are none at all"
        raise DataError(
            f"Each class needs at least {need} different pictures (near duplicates count once): "
            f"{found}. Please add pictures or leave such classes out."
        )
