"""Active learning: proposals from few labels, which pictures come next, wrong labels."""

import numpy as np
import pytest

from decor_core.errors import TrainingError
from decor_core.features.embedder import Block
from decor_core.training.active_learning import ActiveLearner, Proposals

SIZES = {"common": 150, "near": 30, "rare": 20}


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.repeat(list(SIZES), list(SIZES.values()))


@pytest.fixture(scope="module")
def learner(labels) -> ActiveLearner:
    rng = np.random.default_rng(0)
    centers = {"common": [0] * 8, "near": [2.5] * 4 + [0] * 4, "rare": [0] * 4 + [3] * 4}
    vectors = np.array([rng.normal(centers[label], 1) for label in labels], np.float32)
    return ActiveLearner(vectors, [Block("stage1", 0, 5), Block("color", 5, 8)])


def labeled(labels: np.ndarray, rows: list[int]) -> dict[int, str]:
    return {row: str(labels[row]) for row in rows}


@pytest.fixture(scope="module")
def proposals(learner, labels) -> Proposals:
    rows = [*range(20), *range(150, 160), *range(180, 190)]
    return learner.propose(labeled(labels, rows))


def test_nothing_is_proposed_before_three_pictures_each_of_two_classes(learner, labels):
    assert learner.propose({}) is None
    assert learner.propose(labeled(labels, [0, 1, 2, 3, 150, 151, 180, 181])) is None
    assert learner.propose(labeled(labels, [0, 1, 2, 150, 151, 152])) is not None


def test_proposals_are_mostly_right_and_as_sure_as_they_may_be(proposals, labels):
    assert proposals.probabilities.shape == (200, 3)
    assert proposals.probabilities.sum(axis=1) == pytest.approx(1)
    right = (proposals.proposed == labels)[~proposals.labeled]
    assert right.mean() > 0.85
    assert abs(proposals.estimated_accuracy - right.mean()) < 0.06
    low, high = proposals.accuracy.ci95
    assert low < right.mean() < high


def test_errors_above_a_threshold_are_those_out_of_fold(proposals):
    everything, sure, none = (proposals.errors_above(t) for t in (0.0, 0.9, 1.01))
    assert everything.n == 40 and everything.k == 40 - proposals.accuracy.k
    assert 0 < sure.n < 40 and sure.k <= everything.k
    assert (none.k, none.n) == (0, 0) and none.ci95 == (0.0, 1.0)


def test_a_wrong_label_is_disagreed_with_first(learner, proposals, labels):
    wrong = learner.propose({**proposals.labels, 3: "rare"})
    row, label, probability = wrong.disagreements()[0]
    assert (row, label) == (3, "common") and probability > 0.5


def test_a_class_of_one_picture_is_learned_but_not_judged(learner, proposals, labels):
    alone = learner.propose({**proposals.labels, 25: "only one"})
    assert alone.classes == ("common", "near", "only one", "rare")
    assert 25 not in alone.held_out and alone.accuracy.n == 40


def test_the_first_pictures_are_of_every_kind(learner, labels):
    rows = learner.next_rows(12)
    assert len(set(rows.tolist())) == len(rows) == 12
    assert set(labels[rows]) == set(SIZES)
    assert np.array_equal(rows, learner.next_rows(12))


def test_the_next_pictures_are_doubtful_and_not_among_those_left_out(learner, proposals):
    known = [*proposals.labels, 60, 61]
    rows = learner.next_rows(8, proposals, leave_out=known)
    assert len(rows) == 8 and not set(rows.tolist()) & set(known)
    rest = ~proposals.labeled
    assert proposals.margin[rows].mean() < np.quantile(proposals.margin[rest], 0.3)
    assert len(learner.next_rows(8, proposals, leave_out=range(197))) == 3
    assert not len(learner.next_rows(8, proposals, leave_out=range(200)))


def test_small_classes_are_asked_for_more_often_than_they_come(learner, labels):
    rows = learner.next_rows(12).tolist()
    for _ in range(4):
        found = learner.propose(labeled(labels, rows))
        rows += learner.next_rows(6, found, leave_out=rows).tolist()
    small = (labels != "common").mean()
    assert (labels[rows] != "common").mean() > small + 0.1


def test_one_picture_is_too_few():
    with pytest.raises(TrainingError, match="at least two pictures"):
        ActiveLearner(np.zeros((1, 4), np.float32), [Block("all", 0, 4)])


def test_no_picture_is_asked_for_twice_where_many_look_the_same():
    vectors = np.ones((30, 8), np.float32)
    vectors[:2] += np.eye(2, 8, dtype=np.float32)
    learner = ActiveLearner(vectors, [Block("all", 0, 8)])
    chosen = learner.next_rows(6)
    assert len(chosen) == len(set(chosen.tolist())) == 6
    assert {0, 1} <= set(chosen.tolist())
