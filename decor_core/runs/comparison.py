"""Runs side by side: which settings differ, and whether the difference is more than chance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import pandas as pd

from decor_core.errors import RunError, kind_of
from decor_core.model.evaluation import mcnemar
from decor_core.runs.run import Run, run_of_training
from decor_core.training.train import Training

_ALPHA = 0.05
# With fewer pictures not even “all right” against “all wrong” would be more than chance.
_MIN_SHARED = 6


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


def compare(runs: Sequence[Run | Training]) -> Comparison:
    """The settings in which ``runs`` differ, and each two of them on the same test pictures.

    Trainings on the same pictures with the same seed and test share have the same test pictures.
    The test is McNemar's in its exact form (McNemar, 1947), the p-values of several pairs are
    corrected by Holm (1979).
    """
    if isinstance(runs, str) or not isinstance(runs, Iterable):
        raise RunError(f"Expected a list of Runs or Trainings, but got {kind_of(runs)}.")
    runs = [run if isinstance(run, Run) else run_of_training(run, "") for run in runs]
    names = dict.fromkeys(name for run in runs for name in run.settings)
    values = {name: tuple(run.settings.get(name) for run in runs) for name in names}
    couples = list(combinations(runs, 2))
    pairs = [_pair(first, second) for first, second in couples]
    p_values = _holm(
        [
            mcnemar(pair.only_first, pair.only_second) if pair.shared >= _MIN_SHARED else None
            for pair in pairs
        ]
    )
    pairs = [replace(pair, p=p) for pair, p in zip(pairs, p_values, strict=True)]
    return Comparison(
        {name: found for name, found in values.items() if any(one != found[0] for one in found)},
        tuple(
            replace(pair, verdict=_verdict(pair, *couple))
            for pair, couple in zip(pairs, couples, strict=True)
        ),
    )


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Corrected p-values in the same order; None stays and does not count."""
    ranked = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    corrected, largest = list(p_values), 0.0
    for rank, (p, i) in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - rank) * p))
        corrected[i] = largest
    return corrected


def _pair(first: Run, second: Run) -> Pair:
    if first.level != second.level:
        return Pair(first.id, second.id, 0, 0, 0, 0)
    # A picture that is there twice counts once, and only where both runs have the same truth.
    one, two = (run.predictions.drop_duplicates("key") for run in (first, second))
    joined = pd.merge(one, two, on=["key", "truth"])
    right, also = (joined[f"answer_{side}"] == joined["truth"] for side in ("x", "y"))
    both, only_first, only_second = (
        int(mask.sum()) for mask in (right & also, right & ~also, ~right & also)
    )
    return Pair(first.id, second.id, len(joined), both, only_first, only_second)


def _verdict(pair: Pair, first: Run, second: Run) -> str:
    names = f"“{first.title}” and “{second.title}”"
    if first.level != second.level:
        return (
            f"{names} tell different things apart ({first.level} and {second.level}), so their "
            "answers cannot be compared."
        )
    untested = [run.title for run in (first, second) if not len(run.predictions)]
    if untested:
        return f"“{untested[0]}” has no test answers to compare with."
    if pair.p is None:
        return (
            f"{names} share too few test pictures to compare them ({pair.shared}); train both on "
            "the same data with the same seed and test share."
        )
    hits = pair.both + pair.only_first, pair.both + pair.only_second
    scores = f"{hits[0]} and {hits[1]} of the same {pair.shared} test pictures right"
    if not pair.only_first + pair.only_second:
        return f"{names} answer {scores}: the same ones."
    p = pair.p
    p_value = "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"
    if p >= _ALPHA:
        return f"{names} answer {scores}; the difference may well be chance ({p_value})."
    better, worse = (first, second) if hits[0] > hits[1] else (second, first)
    return (
        f"“{better.title}” is better than “{worse.title}”, and by more than chance ({p_value}): "
        f"{max(hits)} against {min(hits)} of the same {pair.shared} test pictures right."
    )
