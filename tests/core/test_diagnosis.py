"""What training curves say, on curves drawn for it and on one that TensorFlow draws."""

import math

import numpy as np
import pytest

from decor_core.model.heads import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.diagnosis import Reading, best_step, read_curves
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
    ("training", "validation", "reading"),
    [
        (FALLING, FALLING + 0.1, Reading.SETTLED),
        (FALLING[:12], FALLING[:12] + 0.1, Reading.UNFINISHED),
        (np.linspace(1.9, 1.7, 10), np.linspace(1.9, 1.8, 10), Reading.UNFINISHED),
        (FALLING, np.abs(FALLING - 0.5) + 0.1, Reading.OVERFITTING),
        (FALLING[::-1] + 1, FALLING[::-1] + 1, Reading.DIVERGING),
        (np.full(9, math.nan), np.full(9, math.nan), Reading.DIVERGING),
        (np.full(9, 0.001), np.linspace(0.001, 0.015, 9), Reading.SETTLED),
        (FALLING[:2], FALLING[:2], Reading.UNCLEAR),
        (FALLING, None, Reading.SETTLED),
    ],
)
def test_curves_are_read(training, validation, reading):
    assert read_curves(curve(training, validation), classes=7) is reading


def test_best_step_is_where_the_validation_was_lowest():
    assert best_step(curve([3.0, 2.0, 1.0], [2.0, 1.0, 1.5])) == 20
    assert best_step(curve([3.0, 2.0, 1.0])) == 30


def test_a_real_training_with_a_wild_rate_diverges(embeddings):
    config = TrainingConfig(
        "softmax", steps=60, learning_rate=10, weight_decay=0.19, eval_interval=2
    )
    events = train(embeddings, config, "style").events
    assert read_curves(events, classes=3) is not Reading.SETTLED
