"""Hyperparameter search by cross-validation, its one-standard-error rule, the learning curve."""

import math
from dataclasses import replace

import numpy as np
import pytest

from decor_core.data.split import assign_folds
from decor_core.errors import TrainingError
from decor_core.model.softmax import SoftmaxRegression
from decor_core.model.training_config import TrainingConfig
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitened_folds import WhitenedFolds
from decor_core.training.labeled_vectors import LabeledVectors
from decor_core.training.search import (
    SearchCandidate,
    SearchResult,
    best_result,
    grid,
    learning_curve,
    random_candidates,
    search,
)
from decor_core.training.train import cross_validate

LDA = TrainingConfig(head="lda")


def test_a_tiny_set_has_as_many_folds_as_pictures(embeddings):
    tiny = embeddings.rows(np.array([0, 1, 12, 13]))
    base = TrainingConfig("softmax", testing_percentage=0, validation_percentage=0)
    (found,) = search(tiny, grid([], [], ["lda"]), "style", base=base)
    assert len(found.folds) == 4
    assert [point.accuracy.n for point in learning_curve(tiny, LDA, "style", shares=[1.0])] == [4]


def test_grid_has_every_combination_once():
    found = grid([100, 500, 500], [0.1, 0.01], ["softmax", "lda"])
    assert len(found) == 5
    assert SearchCandidate("softmax", 500, 0.01) in found and SearchCandidate("lda") in found


def test_random_candidates_are_seeded_distinct_and_within_range():
    found = random_candidates(30, [10, 2000], [0.001, 1], ["softmax", "lda"], seed=1)
    assert found == random_candidates(30, [10, 2000], [0.001, 1], ["softmax", "lda"], seed=1)
    assert found != random_candidates(30, [10, 2000], [0.001, 1], ["softmax", "lda"], seed=2)
    assert len(set(found)) == 30 and found.count(SearchCandidate("lda")) == 1
    steps = [c for c in found if c.steps]
    assert all(10 <= c.steps <= 2000 and 0.001 <= c.learning_rate <= 1 for c in steps)
    assert sum(c.learning_rate < 0.03 for c in steps) > 5  # on a logarithmic scale
    assert random_candidates(5, [10], [0.1], ["lda"]) == [SearchCandidate("lda")]


def _result(steps, rate, *folds):
    return SearchResult(SearchCandidate("softmax", steps, rate), folds)


def test_simplest_within_one_standard_error_is_best():
    top = _result(2000, 0.1, 0.95, 0.85)  # 0.90 ± 0.05
    near = _result(500, 0.1, 0.86, 0.86)
    slower = _result(500, 0.01, 0.86, 0.85)
    far = _result(100, 0.1, 0.84, 0.84)
    wild = _result(10, 5, 1.0, math.nan)
    assert top.standard_error == pytest.approx(0.05) and wild.diverged
    assert best_result([wild, top, near, far]) is near
    assert best_result([top, near, slower, far]) is slower  # of equal steps the smaller rate
    assert best_result([top, far]) is top
    lda = SearchResult(SearchCandidate("lda"), (0.86, 0.86))
    assert best_result([near, lda]) is lda
    assert best_result([wild]) is None and best_result([]) is None


def test_search_equals_training_each_candidate_by_itself(embeddings):
    base = TrainingConfig("softmax", learning_rate=0.1)
    candidates = grid([10, 30], [0.02, 0.2], ["softmax", "lda"])
    told, seen = [], []
    results = search(embeddings, candidates, "style", base=base, n_folds=3,
                     on_result=told.append, progress=lambda *at: seen.append(at))  # fmt: skip
    assert told == results and {r.candidate for r in results} == set(candidates)
    assert seen == [(i, 9) for i in range(1, 10)]
    data = LabeledVectors.of(embeddings, "style", base)
    parts = data.split()
    rows = np.sort(np.concatenate([parts.train, parts.validation]))
    fold_of = assign_folds(embeddings.table.iloc[rows], "style", 3)
    for result in results:
        one = LabeledVectors.of(embeddings, "style", result.candidate.config(base))
        for fold, accuracy in enumerate(result.folds):
            held = rows[fold_of == fold]
            folds = WhitenedFolds(one.examples(rows[fold_of != fold]))
            model = VectorClassifier.of(one.config).fit_folds(folds, np.arange(3))
            score = model.score(embeddings.vectors[held], one.classes[held])
            assert accuracy == pytest.approx(score)


def test_labels_at_random_are_not_learnt(embeddings):
    table = embeddings.table.copy()
    table["style"] = np.random.default_rng(0).permutation(table["style"])
    shuffled = replace(embeddings, table=table)
    (result,) = search(shuffled, [SearchCandidate("lda")], "style")
    assert result.accuracy < 0.7


def test_divergence_is_shown_and_what_was_before_it_stands(embeddings, monkeypatch):
    def burst(self, head):
        if self.n_iter_ > 10:
            raise TrainingError("it diverged")

    monkeypatch.setattr(SoftmaxRegression, "_check_finite", burst)
    short, long = search(embeddings, grid([10, 20], [0.1]), "style", n_folds=3)
    assert not short.diverged and long.diverged and math.isnan(long.accuracy)
    assert best_result([short, long]) is short


def test_a_stopped_search_keeps_what_is_done(embeddings):
    done = []
    results = search(embeddings, grid([10], [0.1, 0.2, 0.3]), "style", n_folds=3,
                     on_result=done.append, should_stop=lambda: len(done) == 2)  # fmt: skip
    assert results == done and len(done) == 2
    assert search(embeddings, grid([10], [0.1]), "style", should_stop=lambda: True) == []


def test_the_test_pictures_take_no_part(embeddings):
    base = TrainingConfig("softmax", testing_percentage=30)
    test = LabeledVectors.of(embeddings, "style", base).split().test
    vectors = embeddings.vectors.copy()
    vectors[test] = np.nan  # would spoil whatever looks at them
    hidden = replace(embeddings, vectors=vectors, copies=embeddings.copies[:, :0])
    shown = replace(embeddings, copies=embeddings.copies[:, :0])
    args = ([SearchCandidate("lda"), SearchCandidate("softmax", 20, 0.1)], "style")
    assert search(hidden, *args, base=base) == search(shown, *args, base=base)


def test_learning_curve_grows_with_the_pictures(embeddings):
    told = []
    points = learning_curve(embeddings, LDA, "style", shares=(1, 0.1, 0.5),
                            n_folds=3, on_point=told.append)  # fmt: skip
    assert points == told
    assert [point.pictures for point in points] == [3, 12, 24]
    assert all(point.accuracy.n == 36 for point in points)
    first, *_, last = (point.accuracy for point in points)
    assert first.value <= last.value
    low, high = last.ci95
    assert low < last.value <= high
    # All pictures: what cross-validation says.
    found = cross_validate(embeddings, LDA, "style", n_folds=3, repeats=1)
    assert last.value == pytest.approx(found["style"].accuracy)


def test_a_stopped_learning_curve_keeps_its_points(embeddings):
    done = []
    points = learning_curve(embeddings, LDA, "style", n_folds=3,
                            on_point=done.append, should_stop=lambda: len(done) == 2)  # fmt: skip
    assert points == done and len(done) == 2


def test_stopped_cross_validation_gives_nothing(embeddings):
    asked = iter([False] * 3 + [True] * 100)
    config = TrainingConfig("softmax", steps=20)
    assert cross_validate(embeddings, config, "style", should_stop=lambda: next(asked)) == {}


@pytest.mark.parametrize("repeats", [0, -1])
def test_to_repeat_it_less_than_once_is_refused(embeddings, repeats):
    with pytest.raises(TrainingError, match="once or more"):
        cross_validate(embeddings, LDA, "style", repeats=repeats)
