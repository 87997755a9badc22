"""Runs side by side: which settings differ, and whether the difference is more than chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import pandas as pd

from decor_core.runs.run import Run

_LEVEL = 0.05
# With fewer pictures not even “all right” against “all wrong” would be more than chance.
_LEAST_SHARED = 6


@dataclass(frozen=True)
class Pair:
    """Two runs on the test pictures that both were tested on.

    ``shared`` is their number, of which ``only_first`` were answered rightly by the first run
    alone and ``only_second`` by the second alone, ``both`` by both. ``p`` is the two-sided exact
    p-value, corrected for the number of pairs; None where they share too few pictures.
    ``verdict`` says it in a sentence or two.
    """

    first: str
    second: str
    shared: int
    both: int
    only_first: int
    only_second: int
    p: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Comparison:
    """What differs between runs: for each setting that does, its value in every run."""

    settings: dict[str, tuple[Any, ...]]
    pairs: tuple[Pair, ...]


def compare(runs: Sequence[Run]) -> Comparison:
    """The settings in which ``runs`` differ, and each two of them on the same test pictures.

    The test is McNemar's in its exact form (McNemar, 1947), the p-values of several pairs are
    corrected by Holm (1979).
    """
    names = dict.fromkeys(name for run in runs for name in run.settings)
    values = {name: tuple(run.settings.get(name) for run in runs) for name in names}
    pairs = [_counted(*two) for two in combinations(runs, 2)]
    corrected = iter(_holm([mcnemar(p.only_first, p.only_second) for p in pairs if _enough(p)]))
    pairs = [replace(pair, p=next(corrected)) if _enough(pair) else pair for pair in pairs]
    worded = [
        replace(pair, verdict=_verdict(pair, *two))
        for pair, two in zip(pairs, combinations(runs, 2), strict=True)
    ]
    differing = {k: v for k, v in values.items() if any(value != v[0] for value in v)}
    return Comparison(differing, tuple(worded))


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value of that many pictures right in one of two runs alone."""
    n = only_first + only_second
    tail = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**n)


def _holm(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = largest
    return corrected


def _counted(first: Run, second: Run) -> Pair:
    if first.level != second.level:
        return Pair(first.id, second.id, 0, 0, 0, 0)
    # A picture that is there twice counts once, and only where both runs knew the same truth.
    one, two = (run.answers.drop_duplicates("key") for run in (first, second))
    joined = pd.merge(one, two, on=["key", "truth"])
    right, also = (joined[f"answer_{side}"] == joined["truth"] for side in ("x", "y"))
    counts = [int(mask.sum()) for mask in (right & also, right & ~also, ~right & also)]
    return Pair(first.id, second.id, len(joined), *counts)


def _enough(pair: Pair) -> bool:
    return pair.shared >= _LEAST_SHARED


def _verdict(pair: Pair, first: Run, second: Run) -> str:
    names = f"“{first.title}” and “{second.title}”"
    if first.level != second.level:
        return (
            f"{names} tell different things apart ({first.level} and {second.level}), so their "
            "answers cannot be compared."
        )
    untested = [run.title for run in (first, second) if not len(run.answers)]
    if untested:
        return f"“{untested[0]}” has no test answers to compare with."
    if pair.p is None:
        return (
            f"{names} share too few test pictures to compare them ({pair.shared}); train both on "
            "the same data with the same seed and test share."
        )
    return _in_words(pair, first.title, second.title)


def _in_words(pair: Pair, first: str, second: str) -> str:
    hits = pair.both + pair.only_first, pair.both + pair.only_second
    scores = f"{hits[0]} and {hits[1]} of the same {pair.shared} test pictures right"
    if not pair.only_first + pair.only_second:
        return f"“{first}” and “{second}” answer {scores}: the same ones."
    if pair.p >= _LEVEL:
        return (
            f"“{first}” and “{second}” answer {scores}; the difference may well be chance "
            f"({_p_value(pair.p)})."
        )
    better, worse = (first, second) if hits[0] > hits[1] else (second, first)
    return (
        f"“{better}” is better than “{worse}”, and by more than chance ({_p_value(pair.p)}): "
        f"{max(hits)} against {min(hits)} of the same {pair.shared} test pictures right."
    )


def _p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"
