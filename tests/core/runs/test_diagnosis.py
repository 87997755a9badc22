"""What training curves say, on curves drawn for it and on one that TensorFlow draws."""

import math

import numpy as np
import pytest

from decor_core.model.events import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.diagnosis import Diagnosis, best_step, diagnose
from decor_core.training.train import train


def curve(training, validation=None):
    """Events of these cross-entropies, ten steps apart."""
    watched = [None] * len(training) if validation is None else validation
    return [
        TrainEvent(10 * (i + 1), 1.0, own, None, other, 0.0)
        for i, (own, other) in enumerate(zip(training, watched, strict=True))
    ]


FALLING = 2 * np.exp(-np.arange(50) / 8)


@pytest.mark.parametrize(
    ("training", "validation", "expected"),
    [
        (FALLING, FALLING + 0.1, Diagnosis.CONVERGED),
        (FALLING[:12], FALLING[:12] + 0.1, Diagnosis.NOT_CONVERGED),
        (np.linspace(1.9, 1.7, 10), np.linspace(1.9, 1.8, 10), Diagnosis.NOT_CONVERGED),
        (FALLING, np.abs(FALLING - 0.5) + 0.1, Diagnosis.OVERFITS),
        (FALLING[::-1] + 1, FALLING[::-1] + 1, Diagnosis.DIVERGED),
        (np.full(9, math.nan), np.full(9, math.nan), Diagnosis.DIVERGED),
        (np.full(9, 0.001), np.linspace(0.001, 0.015, 9), Diagnosis.CONVERGED),
        (FALLING[:2], FALLING[:2], Diagnosis.UNCLEAR),
        (FALLING, None, Diagnosis.CONVERGED),
    ],
)
def test_curves_are_diagnosed(training, validation, expected):
    assert diagnose(curve(training, validation), 7) is expected


def test_best_step_is_where_the_validation_was_lowest():
    assert best_step(curve([3.0, 2.0, 1.0], [2.0, 1.0, 1.5])) == 20
    assert best_step(curve([3.0, 2.0, 1.0])) == 30


def test_a_real_training_with_a_wild_rate_diverges(embeddings):
    config = TrainingConfig(
        "softmax", steps=60, learning_rate=10, weight_decay=0.19, eval_interval=2
    )
    events = train(embeddings, config, "style").events
    assert diagnose(events, 3) is not Diagnosis.CONVERGED
