"""What labels are worth, and when more of them will hardly help."""

import numpy as np
import pytest

from decor_core.features.embedder import Block
from decor_core.model.evaluation import Proportion
from decor_core.training.active_learning import ActiveLearner
from decor_core.training.labeling_progress import (
    changed_by_doubling,
    class_progress,
    enough,
    estimate,
    with_point,
)

CLASSES = np.repeat(["a", "b", "blurred"], (100, 100, 60))


@pytest.fixture(scope="module")
def learner() -> ActiveLearner:
    """Two classes far from each other, and one among the first."""
    rng = np.random.default_rng(0)
    centers = {"a": [0, 0, 0, 0], "b": [6, 6, 0, 0], "blurred": [0, 0, 1.2, 0]}
    vectors = np.array([rng.normal(centers[name], 1) for name in CLASSES], np.float32)
    return ActiveLearner(vectors, [Block("one", 0, 4)])


def given(*rows: int) -> dict[int, str]:
    return {row: str(CLASSES[row]) for row in rows}


def test_classes_that_are_few_or_worse_than_the_others_need_more(learner):
    proposals = learner.propose(given(*range(30), *range(100, 104), *range(200, 230)))
    told = {one.name: one for one in class_progress(proposals)}
    assert {name: one.labels for name, one in told.items()} == {"a": 30, "b": 4, "blurred": 30}
    assert told["b"].needs_more and told["b"].right.k == told["b"].right.n == 4
    sure = learner.propose(given(*range(30), *range(100, 130)))
    assert not any(one.needs_more for one in class_progress(sure))
    mixed = learner.propose(given(*range(10), *range(100, 180), *range(200, 230)))
    assert {one.name for one in class_progress(mixed) if one.needs_more} >= {"a"}


def test_the_estimate_is_near_what_is_right_of_the_rest(learner):
    proposals = learner.propose(given(*range(0, 100, 3), *range(100, 200, 3), *range(200, 260, 3)))
    share, low, high = estimate(proposals)
    right = (proposals.proposed == CLASSES)[~proposals.labeled].mean()
    assert low < right < high and low <= share <= high
    assert estimate(learner.propose(given(*range(260)))) is None


def test_more_labels_hardly_help_once_the_second_half_changes_nothing(learner):
    easy = given(*(row for pair in zip(range(20), range(100, 120), strict=True) for row in pair))
    changed = changed_by_doubling(learner, learner.propose(easy))
    assert changed.n == 220 and changed.k <= 2
    late = given(*range(20), *range(100, 120), *range(200, 240))  # a class that came late
    changed = changed_by_doubling(learner, learner.propose(late))
    assert changed.k > 10 and enough(changed, len(late)) == ""


@pytest.mark.parametrize(
    "changed, labels, said",
    [
        (Proportion(0, 40), 40, "of 40 unlabeled pictures, none"),
        (Proportion(1, 400), 40, "only 1 got another proposal by the latest 20 of your 40 labels"),
        (Proportion(1, 60), 40, ""),
        (Proportion(20, 400), 40, ""),
        (Proportion(0, 400), 29, ""),
        (Proportion(0, 0), 400, ""),
    ],
)
def test_it_is_enough_by_the_upper_end_of_the_interval(changed, labels, said):
    assert said in enough(changed, labels) if said else enough(changed, labels) == ""


def test_a_curve_forgets_what_was_undone_and_stays_short():
    points = [(10, 8, 10), (20, 18, 20), (30, 28, 30)]
    assert with_point(points, dict.fromkeys(range(20), "a"), Proportion(19, 20)) == [
        (10, 8, 10), (20, 19, 20),
    ]  # fmt: skip
    points = []
    for n in range(1, 1000):
        points = with_point(points, dict.fromkeys(range(n), "a"), Proportion(n, n))
    assert len(points) <= 200 and points[0] == (1, 1, 1) and points[-1] == (999, 999, 999)
