"""What training curves say, for people who have not seen many."""

import math
from collections.abc import Sequence
from enum import Enum

from decor_core.model.heads import TrainEvent

# Cross-entropies wobble from batch to batch; less than these is no news.
_CLEARLY = 1.1
_STILL_FALLING = 0.85
_STILL_FAR = 0.08
_NOTHING = 0.02
_SHORT = 3


class Reading(Enum):
    """How a training by steps has gone."""

    DIVERGING = "diverging"
    UNFINISHED = "unfinished"
    OVERFITTING = "overfitting"
    SETTLED = "settled"
    UNCLEAR = "unclear"


def read_curves(events: Sequence[TrainEvent], classes: int) -> Reading:
    """Judge curves by their cross-entropies; guessing among ``classes`` costs ln(classes) nats.

    Diverging: worse than guessing in the end. Overfitting: validation was clearly better before.
    Unfinished: over the last fifth the training still fell clearly, for its height or of all its
    fall. Unclear: too few points.
    """
    if len(events) < _SHORT:
        return Reading.UNCLEAR
    last = events[-1].train_cross_entropy
    if not last <= math.log(classes) * _CLEARLY:  # nan is no number either
        return Reading.DIVERGING
    watched = [e.validation_cross_entropy for e in events if e.validation_cross_entropy is not None]
    # A validation that is nearly all right cannot get worse in a way that matters.
    if watched and watched[-1] > max(_CLEARLY * min(watched), min(watched) + _NOTHING):
        return Reading.OVERFITTING
    before = events[-1 - max(1, len(events) // 5)].train_cross_entropy
    far = before - last > _STILL_FAR * (events[0].train_cross_entropy - last)
    if last > _NOTHING and last < before and (far or last < _STILL_FALLING * before):
        return Reading.UNFINISHED
    return Reading.SETTLED


def best_step(events: Sequence[TrainEvent]) -> int:
    """Where the validation's cross-entropy was least; the last step if nothing was watched."""
    watched = [e for e in events if e.validation_cross_entropy is not None]
    if not watched:
        return events[-1].step
    return min(watched, key=lambda event: event.validation_cross_entropy).step
