"""Tasks of background processes: they can be pickled, and run themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:  # a child imports no more than what its tasks need
    from decor_core.model.events import ShouldStop

Report = Callable[[Any], None]
# Seconds in which a job may end by itself once it was asked to stop.
STOP_GRACE = 0.8
QueueName = Literal["training", "evaluation", "dataset", "labeling", "tensorflow"]


@dataclass(frozen=True)
class Progress:
    """How far a task is: ``done`` of ``total`` pictures or models, in a phase if it has several.

    ``fraction`` (0–1) is how much of the whole time is over; ``result`` is one that came of the
    last model.
    """

    done: int
    total: int
    fraction: float
    phase: str = ""
    result: Any = None


@dataclass(frozen=True)
class Task:
    """A piece of work for a background process; each kind is a frozen dataclass.

    ``queue`` names the queue that it belongs in; one that ``prepares`` is wanted for the sake of
    another, which follows. ``data`` is sent to the process once, however
    many tasks have it.
    """

    kind: ClassVar[str]
    queue: ClassVar[QueueName]
    prepares: ClassVar[bool] = False
    data: Any

    def run(self, report: Report, should_stop: "ShouldStop") -> Any:
        """Do it and return its result, or what there is of it when ``should_stop`` says so.

        ``report`` takes events, of one kind for a task. Raises DecorError where it cannot be done,
        and Stopped where half of it is nothing.
        """
        raise NotImplementedError

    def fraction_done(self, events: Sequence[Any]) -> float:
        """How much of its time is over (0–1), as far as its events tell."""
        return events[-1].fraction if events else 0.0

    def stop_grace(self, events: Sequence[Any]) -> float:
        """Seconds for ending by itself once it was asked to stop; its process ends after that."""
        return STOP_GRACE
