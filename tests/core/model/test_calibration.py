"""Temperature scaling: a known temperature is found again, and confidence stays within reason."""

import numpy as np
import pytest

from decor_core.model.linear_head import cross_entropy, fit_temperature, probabilities


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_temperature_recovers_a_known_one(temperature):
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 4)) * 2
    thresholds = probabilities(logits).cumsum(axis=1)
    classes = (random.random((20_000, 1)) > thresholds).sum(axis=1)
    assert fit_temperature(logits * temperature, classes) == pytest.approx(temperature, rel=0.05)


def test_temperature_of_useless_answers_is_high_of_perfect_ones_low():
    random = np.random.default_rng(0)
    logits, classes = random.normal(size=(500, 3)), random.integers(3, size=500)
    assert fit_temperature(logits, classes) > 5
    assert fit_temperature(np.eye(3)[classes], classes) < 0.3


def test_all_right_answers_do_not_make_for_boundless_confidence():
    logits = np.array([[9.0, 0, 0], [0, 8, 0], [0, 1, 7], [6, 0, 2]])
    temperature = fit_temperature(logits, np.array([0, 1, 2, 0]))
    assert probabilities(logits / temperature).max(axis=1).mean() == pytest.approx(5 / 6, abs=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_no_temperature_nearby_is_likelier(seed):
    random = np.random.default_rng(seed)
    classes = random.integers(4, size=60)
    logits = np.exp(random.uniform(-3, 4)) * (random.normal(size=(60, 4)) + np.eye(4)[classes])
    found = fit_temperature(logits, classes)
    losses = [cross_entropy(logits / found / by, classes) for by in (0.98, 1, 1.02)]
    assert 1e-3 <= found <= 1e3 and np.argmin(losses) == 1


def test_logits_that_say_nothing_have_some_temperature():
    assert 1e-3 <= fit_temperature(np.zeros((5, 3)), np.zeros(5, int)) <= 1e3
