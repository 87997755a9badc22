"""How far labeling has come: what the labels are worth, and whether more would help.

Pictures that active learning chose are harder than the others, for which figures out of fold are
too low.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from decor_core.data.checks import ENOUGH_PICTURES
from decor_core.data.findings import pluralize
from decor_core.model.evaluation import Proportion, wilson
from decor_core.training.active_learning import ActiveLearner, Proposals

_MIN_LABELS = 30
_LITTLE_CHANGE = 0.03
_MAX_POINTS = 200  # of a curve


@dataclass(frozen=True)
class ClassProgress:
    """A class with its number of ``labels``, and those ``right`` out of fold.

    It needs more where it has fewer than five, or clearly less is right than of all together.
    """

    name: str
    labels: int
    right: Proportion
    needs_more: bool


def class_progress(proposals: Proposals) -> list[ClassProgress]:
    """Progress of each class, in the order of ``proposals.classes``."""
    given = list(proposals.labels.values())
    held_out = np.array([proposals.labels[row] for row in proposals.held_out.tolist()], object)
    found = []
    for name in proposals.classes:
        own = held_out == name
        right = Proportion(int(proposals.right[own].sum()), int(own.sum()))
        is_worse = right.ci95[1] < proposals.accuracy.value
        count = given.count(name)
        found.append(ClassProgress(name, count, right, count < ENOUGH_PICTURES or is_worse))
    return found


def estimate(proposals: Proposals) -> tuple[float, float, float] | None:
    """The share of proposals for unlabeled pictures that are right, with about its 95 % interval.

    By their probabilities. The interval is that of as many trials as there are out-of-fold
    predictions. As harder pictures are asked for, it is rather too low: in the simulation of
    ``enough`` by 2 points on average, and the truth was below the interval at 4 of 194 times. None
    where all are labeled.
    """
    share, n = proposals.estimated_accuracy, len(proposals.held_out)
    if share is None or not n:
        return None
    low, high = wilson(round(share * n), n)
    return share, min(low, share), max(high, share)


def changed_by_doubling(learner: ActiveLearner, proposals: Proposals) -> Proportion:
    """Unlabeled pictures that had another proposal from the first half of the labels.

    ``proposals.labels`` are in the order in which they were given.
    """
    early = dict(list(proposals.labels.items())[: len(proposals.labels) // 2])
    left = ~proposals.labeled
    before = learner.proposed_by(early)
    return Proportion(int((before != proposals.proposed)[left].sum()), int(left.sum()))


def enough(changed: Proportion, labels: int) -> str:
    """A sentence where labeling more will hardly help, else "".

    It does where twice as many labels have changed fewer than 3 % of the proposals for unlabeled
    pictures, by the upper end of the 95 % interval, or none at all, and 30 are given: labels are
    worth less and less, so the next doubling changes less. That proposals are stable is the rule
    of Bloodgood and Vijay-Shanker (2009). In a simulation on decor, flowers and stamps it came
    after 140, 210 and 270 labels on average, with a head within a point of that of all labels
    (benchmarks/ACCURACY.md).
    """
    if labels < _MIN_LABELS or not changed.n:
        return ""
    if changed.k and changed.ci95[1] >= _LITTLE_CHANGE:
        return ""
    few = "none" if not changed.k else f"only {changed.k:,}"
    return (
        f"Labeling more will hardly help: of {pluralize(changed.n, 'unlabeled picture')}, {few} "
        f"got another proposal by the latest {labels - labels // 2:,} of your {labels:,} labels."
    )


def with_point(
    points: list[tuple[int, int, int]], labels: Mapping[int, str], right: Proportion
) -> list[tuple[int, int, int]]:
    """A curve of (labels, right, judged) with what so many labels are worth now.

    Points of more labels, which were undone, go, and every other one where there are very many.
    """
    kept = [point for point in points if point[0] < len(labels)]
    if len(kept) >= _MAX_POINTS:
        kept = kept[::2]
    return [*kept, (len(labels), right.k, right.n)]
