"""Which pictures train, which are watched, which test: seeded, duplicate-aware, by content.

Groups of near duplicates are ranked in each class by a hash of content and seed: so order, names
and folders do not matter, and new pictures move few of the old ones. Where it is told which
pictures came later, in batches, they move none.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decor_core.errors import DataError

# The batch of corrections, which always train; and that of near duplicates of corrections, which
# are held out neither: a picture like them was seen with its label.
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
    each row came, 0 first: rows are divided as if no later ones were there, and those fill up what
    the grown parts lack. DataError if the percentages leave nothing to train on, or a class has
    too few different pictures.
    """
    shares = (testing_percentage, validation_percentage)
    if min(shares) < 0 or not sum(shares) < 100:
        raise DataError(
            "Test and validation percentages must be 0 or more and together less than 100; "
            f"they are {testing_percentage:g} and {validation_percentage:g}."
        )
    ranked = _ranked_groups(labels, keys, groups, batches, seed)
    everything = {label: [rows for _, rows in members] for label, members in ranked.items()}
    _check_enough(everything, need=needed(*shares))
    parts: tuple[list[int], ...] = ([], [], [])
    sizes = dict.fromkeys(ranked, 0)
    n_test, n_validation = dict(sizes), dict(sizes)  # groups dealt to these parts so far
    for batch in sorted({batch for members in ranked.values() for batch, _ in members}):
        new = {
            label: [rows for b, rows in members if b == batch] for label, members in ranked.items()
        }
        sizes = {label: size + len(new[label]) for label, size in sizes.items()}
        spare = {label: size - 1 - (shares[1] > 0) for label, size in sizes.items()}
        more_test = _missing(n_test, _quotas(sizes, testing_percentage, spare), new)
        n_test = {label: n_test[label] + more_test[label] for label in sizes}
        spare = {label: size - 1 - n_test[label] for label, size in sizes.items()}
        more_validation = _missing(n_validation, _quotas(sizes, validation_percentage, spare), new)
        n_validation = {label: n_validation[label] + more_validation[label] for label in sizes}
        for label, members in new.items():
            for rank, rows in enumerate(members):
                # From the two ends: when one part grows, the other stays what it was.
                is_test = rank < more_test[label]
                is_validation = rank >= len(members) - more_validation[label]
                parts[2 if is_test else 1 if is_validation else 0].extend(rows)
    return Split(*(np.array(sorted(part), dtype=np.intp) for part in parts))


def may_hold_out(table: pd.DataFrame) -> np.ndarray:
    """Mask [n] of the pictures that may be held out: all but corrections and their copies."""
    return (table["batch"] >= 0).to_numpy() if "batch" in table else np.ones(len(table), bool)


def needed(testing_percentage: float, validation_percentage: float) -> int:
    """How many different pictures each class must have to be split."""
    return 1 + (testing_percentage > 0) + (validation_percentage > 0)


def different_pictures(table: pd.DataFrame, level: str) -> dict[str, int]:
    """How many pictures of each label ``split`` can tell apart: near duplicates count once."""
    batches = list(table["batch"]) if "batch" in table else None
    known = list(table[level]), list(table["key"]), list(table["group"])
    ranked = _ranked_groups(*known, batches, seed=0)
    return {label: len(members) for label, members in ranked.items()}


def _missing(
    dealt: Mapping[str, int], wanted: Mapping[str, int], new: Mapping[str, list[list[int]]]
) -> dict[str, int]:
    """How many new groups of each class a part gets: those it lacks, where there are so many."""
    return {
        label: min(max(wanted[label] - have, 0), len(new[label])) for label, have in dealt.items()
    }


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
    ranked = _ranked_groups(labels, keys, groups, batches, seed)
    everything = {label: [rows for _, rows in members] for label, members in ranked.items()}
    _check_enough(everything, need=2)
    total = sum(map(len, everything.values()))
    if not 2 <= n_folds <= total:
        raise DataError(
            f"The number of folds must be from 2 to {total}, the number of different "
            f"pictures; it is {n_folds}."
        )
    order = [(b, label, rows) for label, members in ranked.items() for b, rows in members]
    first = min(batch for batch, _, _ in order)
    fold_of = np.empty(len(labels), dtype=np.intp)
    held = {label: np.zeros(n_folds, int) for label in ranked}  # groups of a class in each fold
    for dealt, (batch, label, rows) in enumerate(sorted(order, key=lambda one: one[0])):
        if batch == first:
            fold = dealt % n_folds
        else:
            fold = int(np.lexsort((sum(held.values()), held[label]))[0])
        held[label][fold] += 1
        fold_of[rows] = fold
    return fold_of


def _ranked_groups(
    labels: Sequence[str],
    keys: Sequence[str],
    groups: Sequence[str],
    batches: Sequence[int] | None,
    seed: int,
) -> dict[str, list[tuple[int, list[int]]]]:
    """For each label, sorted, its groups, the batch and the rows of each: the earlier batches
    first, in seeded random order within.

    A group is of the earliest batch of its rows. With several labels it belongs to the most
    frequent of them. What came later has no say in either.
    """
    members = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    ranked = defaultdict(list)
    for rows in members.values():
        batch = 0 if batches is None else min(int(batches[row]) for row in rows)
        first = [row for row in rows if batches is None or batches[row] == batch]
        count = Counter(labels[row] for row in first)
        owner = min(count, key=lambda label: (-count[label], label))
        content = min(keys[row] for row in first)
        rank = hashlib.sha256(f"{seed}:{content}".encode()).digest()
        ranked[owner].append((batch, rank, rows))
    return {
        label: [(batch, rows) for batch, _, rows in sorted(ranked[label])]
        for label in sorted(set(labels))
    }


def _check_enough(ranked: Mapping[str, list[list[int]]], need: int) -> None:
    poor = [f"“{label}” has {len(rows)}" for label, rows in ranked.items() if len(rows) < need]
    if not ranked or poor:
        found = ", ".join(poor) or "there are none at all"
        raise DataError(
            f"Each class needs at least {need} different pictures (near duplicates count once): "
            f"{found}. Please add pictures or leave such classes out."
        )


def _quotas(
    sizes: Mapping[str, int], percentage: float, spare: Mapping[str, int]
) -> dict[str, int]:
    """How many groups of each class a part gets, by largest remainder; 1 to ``spare`` each."""
    if percentage == 0:
        return dict.fromkeys(sizes, 0)
    exact = {label: size * percentage / 100 for label, size in sizes.items()}
    quotas = {label: math.floor(share) for label, share in exact.items()}
    missing = round(sum(exact.values())) - sum(quotas.values())
    by_remainder = sorted(exact, key=lambda label: (quotas[label] - exact[label], label))
    for label in by_remainder[:missing]:
        quotas[label] += 1
    return {label: max(min(max(quota, 1), spare[label]), 0) for label, quota in quotas.items()}
