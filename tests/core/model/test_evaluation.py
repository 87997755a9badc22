"""How good a head is: golden values by hand, intervals, calibration, JSON."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from decor_core.io import json_as
from decor_core.model.evaluation import Evaluation, Proportion, decode_counts, evaluate, wilson

LABELS = ("a", "b", "c")


@pytest.fixture
def judged():
    """Six pictures of a, a, a, b, b and nothing of c; answers a, a, b, b, c."""
    answers = np.array([0, 0, 1, 1, 2])
    probs = np.full((5, 3), 0.1)
    probs[np.arange(5), answers] = 0.8
    return evaluate(probs, np.array([0, 0, 0, 1, 1]), LABELS)


# Golden values: Newcombe (1998) and Agresti & Coull (1998), and the formula by hand.
@pytest.mark.parametrize("correct, n, low, high", [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (29, 29, 0.8830, 1.0),
    (22, 24, 0.7415, 0.9768),
    (0, 0, 0.0, 1.0),
])  # fmt: skip
def test_wilson_interval(correct, n, low, high):
    assert wilson(correct, n) == pytest.approx((low, high), abs=1e-4)
    assert Proportion(correct, n).ci95 == wilson(correct, n)
    if n:
        by_scipy = binomtest(correct, n).proportion_ci(method="wilson")
        assert wilson(correct, n) == pytest.approx(tuple(by_scipy), abs=1e-6)


def test_confusion_recall_and_precision_by_hand(judged):
    np.testing.assert_allclose(judged.confusion, [[2, 1, 0], [0, 1, 1], [0, 0, 0]])
    assert judged.n == 5
    assert judged.accuracy == pytest.approx(0.6)
    assert judged.ci95 == pytest.approx(wilson(3, 5))
    np.testing.assert_allclose(judged.recall, [2 / 3, 1 / 2, np.nan])
    np.testing.assert_allclose(judged.precision, [1, 1 / 2, 0])
    assert judged.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert judged.cross_entropy == pytest.approx(-(3 * np.log(0.8) + 2 * np.log(0.1)) / 5)


def test_figures_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    y_true = rng.integers(3, size=200)
    probs = rng.dirichlet(np.ones(3), size=200) * 0.7 + np.eye(3)[y_true] * 0.3
    found, y_pred = evaluate(probs, y_true, LABELS), probs.argmax(axis=1)
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(y_true, y_pred))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y_true, y_pred))
    balanced = metrics.balanced_accuracy_score(y_true, y_pred)
    assert found.balanced_accuracy == pytest.approx(balanced)
    assert found.cross_entropy == pytest.approx(metrics.log_loss(y_true, probs))
    precision, recall, _, _ = metrics.precision_recall_fscore_support(y_true, y_pred)
    np.testing.assert_allclose((found.precision, found.recall), (precision, recall))


def test_a_class_never_named_has_no_precision():
    found = evaluate(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1]), ("a", "b"))
    assert found.precision[0] == 0.5 and np.isnan(found.precision[1])


def test_calibration_error_by_hand():
    # Two answers at 0.9, one right: gap 0.8 of 2; two at 0.6, both right: gap -0.8 of 2.
    probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    found = evaluate(probs, np.array([0, 1, 0, 0]), ("a", "b"))
    assert found.ece == pytest.approx((0.8 + 0.8) / 4)
    bins = [(part.confidence, part.accuracy) for part in found.reliability]
    assert bins == [pytest.approx((0.6, 1.0)), pytest.approx((0.9, 0.5))]


def test_certain_answers_fall_into_the_last_bin():
    found = evaluate(np.array([[1.0, 0.0]]), np.array([0]), ("a", "b"))
    assert found.ece == 0
    assert [part.confidence for part in found.reliability] == [1.0]


def test_intervals_hold_the_figures_and_narrow_with_more_pictures(judged):
    low, high = judged.balanced_ci95
    assert 0 <= low <= judged.balanced_accuracy <= high <= 1
    random = np.random.default_rng(0)
    widths = []
    for n in (40, 4000):
        classes = random.integers(2, size=n)
        answers = np.where(random.random(n) < 0.8, classes, 1 - classes)
        found = evaluate(np.eye(2)[answers] * 0.6 + 0.2, classes, ("a", "b"))
        assert found.balanced_ci95[0] < found.balanced_accuracy < found.balanced_ci95[1]
        widths.append(np.ptp(found.balanced_ci95))
    assert widths[1] < widths[0] / 5


def test_repeats_are_averaged_and_do_not_multiply_the_pictures(judged):
    right, wrong = np.array([[0.9, 0.1]] * 4), np.array([[0.1, 0.9]] * 4)
    found = evaluate(np.array([right, wrong]), np.zeros(4, int), ("a", "b"))
    assert found.n == 4
    assert found.accuracy == 0.5
    assert found.ci95 == pytest.approx(wilson(2, 4))
    np.testing.assert_allclose(found.confusion, [[2, 2], [0, 0]])


def test_json_round_trip_through_text(judged):
    text = json.dumps(judged.to_json(), allow_nan=False)
    again = json_as(json.loads(text), Evaluation, decode_counts)
    assert again.to_json() == judged.to_json()
    np.testing.assert_array_equal(again.confusion, judged.confusion)


def test_json_tells_each_class(judged):
    first, _, absent = judged.to_json()["classes"]
    assert first == {
        "label": "a", "n": 3, "recall": pytest.approx(2 / 3),
        "recall_ci95": pytest.approx(list(wilson(2, 3))), "precision": 1.0,
    }  # fmt: skip
    assert (absent["n"], absent["recall"], absent["precision"]) == (0, None, 0.0)
