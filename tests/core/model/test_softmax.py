"""Gradient descent: curves, seeds, batches, divergence."""

import numpy as np
import pytest

from decor_core.errors import TrainingError
from decor_core.model.linear_head import cross_entropy, probabilities
from decor_core.model.softmax import SoftmaxRegression


def test_it_learns_and_reports_the_curves(clouds):
    vectors, classes = clouds
    events = []
    model = SoftmaxRegression(steps=95, learning_rate=0.05, eval_interval=10)
    model.fit(vectors, classes, validation=(vectors[::3], classes[::3]), on_event=events.append)
    assert [event.step for event in events] == [*range(10, 91, 10), 95]
    assert events[-1].train_cross_entropy < events[0].train_cross_entropy / 2
    assert events[-1].train_accuracy >= 0.95
    assert events[-1].validation_accuracy >= 0.9
    assert model.score(vectors, classes) == pytest.approx(events[-1].train_accuracy)


def _descend_by_hand(vectors, classes, batches, rate, decay):
    weights, bias = np.zeros((vectors.shape[1], 3)), np.zeros(3)
    for batch in batches:
        errors = probabilities(vectors[batch] @ weights + bias) - np.eye(3)[classes[batch]]
        weights -= rate * (vectors[batch].T @ errors / len(batch) + decay * weights)
        bias -= rate * errors.mean(axis=0)
    return weights, bias


@pytest.mark.parametrize("columns", [6, 200], ids=["tall", "wide"])
def test_steps_are_those_of_plain_gradient_descent(clouds, columns):
    vectors, classes = clouds
    vectors = vectors @ np.random.default_rng(0).normal(size=(6, columns)) / np.sqrt(columns)
    model = SoftmaxRegression(steps=60, learning_rate=0.1, weight_decay=0.1, batch_size=20)
    model.fit(vectors, classes)
    by_class = np.argsort(classes, kind="stable")
    random, ends = np.random.default_rng(0).random((60, 20, 2)), np.array([50, 80, 90])
    sizes, drawn = np.array([50, 30, 10]), (random[..., 0] * 3).astype(int)
    batches = by_class[(ends[drawn] - sizes[drawn] * (1 - random[..., 1])).astype(int)]
    weights, bias = _descend_by_hand(vectors, classes, batches, 0.1, 0.1)
    np.testing.assert_allclose(model.head_.weights, weights, atol=1e-4)
    np.testing.assert_allclose(model.head_.bias, bias, atol=1e-4)


def test_same_seed_same_bits_other_seed_others(clouds):
    one, same, other = (
        SoftmaxRegression(steps=20, learning_rate=0.1, random_state=seed).fit(*clouds).head_
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.weights, same.weights)
    np.testing.assert_array_equal(one.bias, same.bias)
    assert not np.array_equal(one.weights, other.weights)


def test_watching_does_not_change_the_outcome(clouds):
    model = SoftmaxRegression(steps=40, learning_rate=0.1, eval_interval=7)
    alone = model.fit(*clouds).head_
    watched = model.fit(*clouds, on_event=lambda event: None).head_
    np.testing.assert_allclose(alone.weights, watched.weights, rtol=1e-6)


def test_without_validation_there_is_no_validation_curve(clouds):
    events = []
    SoftmaxRegression(steps=1).fit(*clouds, on_event=events.append)
    assert (events[0].validation_accuracy, events[0].validation_cross_entropy) == (None, None)


def test_batches_draw_classes_evenly(clouds):
    # One step from nothing: the bias moves by rate * (share of the batch - 1/3).
    model = SoftmaxRegression(steps=1, learning_rate=1.0, batch_size=10_000)
    bias = model.fit(np.zeros((90, 1)), clouds[1]).head_.bias
    np.testing.assert_allclose(bias, 0, atol=0.02)  # by pictures it would be 0.22, 0, -0.22


def test_batches_draw_members_by_weight():
    # Of class 0 one member lies at 1, one at -1 and counts a third: their mean is 0.5.
    vectors, classes = np.array([[1.0], [-1.0], [0.0]]), np.array([0, 0, 1])
    model = SoftmaxRegression(steps=1, learning_rate=1.0, batch_size=10_000)
    weights = model.fit(vectors, classes, np.array([0.75, 0.25, 1])).head_.weights
    # Half the batch is of class 0, its probability is 1/2: slope 0.5 * 0.5 * mean.
    np.testing.assert_allclose(weights[0], [0.125, -0.125], atol=0.02)


def test_weight_decay_pulls_towards_zero(clouds):
    free, held = (
        SoftmaxRegression(steps=50, learning_rate=0.1, weight_decay=decay).fit(*clouds).head_
        for decay in (0.0, 1.0)
    )
    assert np.abs(held.weights).sum() < np.abs(free.weights).sum() / 2


def test_stopped_training_gives_what_it_has(clouds):
    events = []
    SoftmaxRegression(steps=1000, eval_interval=5).fit(
        *clouds, on_event=events.append, should_stop=lambda: len(events) == 2
    )
    assert [event.step for event in events] == [5, 10]


def test_too_high_a_learning_rate_is_said_to_diverge():
    vectors = np.random.default_rng(0).normal(size=(20, 2)) * 1e30
    with pytest.raises(TrainingError, match="diverged at step 20.*smaller learning rate"):
        SoftmaxRegression(steps=20, learning_rate=10).fit(vectors, np.arange(20) % 2)


def test_probabilities_and_cross_entropy_by_hand():
    probs = probabilities(np.log([[1.0, 3.0], [2.0, 2.0]]))
    np.testing.assert_allclose(probs, [[0.25, 0.75], [0.5, 0.5]])
    assert cross_entropy(np.log([[1.0, 3.0], [2.0, 2.0]]), np.array([1, 0])) == pytest.approx(
        -(np.log(0.75) + np.log(0.5)) / 2
    )


def test_huge_scores_overflow_nowhere():
    np.testing.assert_array_equal(probabilities(np.array([[1e4, -1e4]])), [[1, 0]])
    assert np.isfinite(cross_entropy(np.array([[1e4, -1e4]]), np.array([1])))
