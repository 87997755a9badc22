"""Logistic regression: the slope of its objective is zero in the end, and classes count alike."""

import numpy as np
import pytest

from decor_core.model.heads import RidgeLogisticRegression
from decor_core.model.linear_head import probabilities


def data(n, d, seed=0):
    random = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    return random.normal(size=(n, d)) + np.eye(3, d)[classes] * 1.5, classes


def fit(vectors, classes, weights=None):
    head = RidgeLogisticRegression().fit(vectors, classes, weights).head_
    return head.weights, head.bias


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("n, d", [(150, 8), (30, 50)], ids=["tall", "wide"])
def test_the_slope_of_the_objective_is_zero(n, d, kind):
    vectors, classes = data(n, d)
    slopes, bias = fit(vectors.astype(kind), classes)
    wrong = (probabilities(vectors @ slopes + bias) - np.eye(3)[classes]) / n
    # The ridge is meant for coordinates whose root mean square length is 1.
    ridge = 1e-3 * ((vectors - vectors.mean(axis=0)) ** 2).sum() / n
    np.testing.assert_allclose(wrong.sum(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(vectors.T @ wrong + ridge * slopes, 0, atol=2e-3)


def test_it_agrees_with_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    vectors, classes = data(150, 8)
    ridge = 1e-3 * ((vectors - vectors.mean(axis=0)) ** 2).sum() / 150
    shares = np.full(150, 1 / 150)
    other = LogisticRegression(C=1 / ridge, tol=1e-6).fit(vectors, classes, sample_weight=shares)
    ours = RidgeLogisticRegression().fit(vectors, classes)
    np.testing.assert_allclose(ours.predict_proba(vectors), other.predict_proba(vectors), atol=2e-3)


def test_a_weight_is_a_repetition():
    vectors, classes = data(60, 6)
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    often = np.repeat(np.arange(60), weights.astype(int))
    one, two = fit(vectors, classes, weights)[0], fit(vectors[often], classes[often])[0]
    np.testing.assert_allclose(one, two, atol=1e-3)


def test_classes_count_alike_however_many_pictures_they_have():
    vectors, classes = data(60, 6)
    often = np.concatenate([np.arange(60), *[np.flatnonzero(classes == 1)] * 4])
    one, bias = fit(vectors, classes)
    two, same = fit(vectors[often], classes[often])
    np.testing.assert_allclose(one, two, atol=1e-3)
    np.testing.assert_allclose(bias - bias.mean(), same - same.mean(), atol=1e-3)


def test_what_can_be_told_apart_perfectly_still_gives_finite_weights():
    vectors = np.concatenate([np.full((20, 3), -5.0), np.full((20, 3), 5.0)])
    slopes, bias = fit(vectors, np.repeat([0, 1], 20))
    assert np.isfinite(slopes).all() and np.isfinite(bias).all()
    assert ((vectors @ slopes + bias).argmax(axis=1) == np.repeat([0, 1], 20)).all()
