"""What training curves say, for people who have not seen many."""

import math
from collections.abc import Sequence
from enum import Enum

from decor_core.model.events import TrainEvent

# Cross-entropies wobble from batch to batch; smaller differences than these mean nothing.
_CLEAR_RISE = 1.1
_CLEAR_FALL = 0.85
_SHARE_OF_FALL = 0.08
_NEGLIGIBLE = 0.02  # nats
_MIN_EVENTS = 3


class Diagnosis(Enum):
    """How a training by gradient descent has gone."""

    DIVERGED = "diverged"
    NOT_CONVERGED = "not converged"
    OVERFITS = "overfits"
    CONVERGED = "converged"
    UNCLEAR = "unclear"


def diagnose(events: Sequence[TrainEvent], n_classes: int) -> Diagnosis:
    """Judge curves by their cross-entropies; guessing costs ln(``n_classes``) nats.

    Diverged: worse than guessing in the end. Overfits: validation was clearly better before.
    Not converged: over the last fifth the training still fell clearly, for its height or of all its
    fall. Unclear: too few points.
    """
    if len(events) < _MIN_EVENTS:
        return Diagnosis.UNCLEAR
    train = [event.train_cross_entropy for event in events]
    if not train[-1] <= math.log(n_classes) * _CLEAR_RISE:  # nan is no number either
        return Diagnosis.DIVERGED
    validation = [
        event.validation_cross_entropy
        for event in events
        if event.validation_cross_entropy is not None
    ]
    if validation:
        # One that is nearly all right cannot get worse in a way that matters.
        least = min(validation)
        if validation[-1] > max(_CLEAR_RISE * least, least + _NEGLIGIBLE):
            return Diagnosis.OVERFITS
    last, before = train[-1], train[-1 - max(1, len(events) // 5)]
    far = before - last > _SHARE_OF_FALL * (train[0] - last)
    if last > _NEGLIGIBLE and last < before and (far or last < _CLEAR_FALL * before):
        return Diagnosis.NOT_CONVERGED
    return Diagnosis.CONVERGED


def best_step(events: Sequence[TrainEvent]) -> int:
    """Where the validation's cross-entropy was least; the last step if there was no validation."""
    validation = [
        (event.validation_cross_entropy, event.step)
        for event in events
        if event.validation_cross_entropy is not None
    ]
    return min(validation)[1] if validation else events[-1].step
