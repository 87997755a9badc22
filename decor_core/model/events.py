"""Events of a training, and how it is asked to stop."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainEvent:
    """One point of the training curves; accuracies are 0–1, cross-entropies in nats."""

    step: int
    train_accuracy: float
    train_cross_entropy: float
    validation_accuracy: float | None
    validation_cross_entropy: float | None
    seconds: float


OnEvent = Callable[[TrainEvent], None]
ShouldStop = Callable[[], bool]


def never_stop() -> bool:
    """The ``should_stop`` of a training that nobody stops."""
    return False
