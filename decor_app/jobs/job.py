"""A job of a background process as it stands: its state, its progress, how long it will take."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_MIN_SECONDS = 0.3  # after which a pace is known


@dataclass(frozen=True)
class Job:
    """A snapshot of one job: queued → starting → running → done, stopped or failed.

    ``task`` is a tasks.Task. ``about`` says what it is about, in the owner's terms; ``then`` takes
    it when it is done. ``place`` counts the jobs before it. ``result`` is what the task gives; a
    stopped job has one if there was something to give. ``message`` says in one sentence why it
    failed, or who but the owner stopped it. ``stopping`` tells that it was asked to stop. Times are
    those of ``time.monotonic``.
    """

    id: str
    owner: str
    task: Any
    about: str = ""
    then: "Callable[[Job], None] | None" = field(default=None, repr=False)
    status: str = "queued"
    place: int = 0
    events: tuple = ()
    result: Any = None
    message: str = ""
    stopping: bool = False
    started: float | None = None
    first_event: float | None = None
    last_event: float | None = None
    ended: float | None = None

    @property
    def active(self) -> bool:
        return self.status in ("queued", "starting", "running")

    @property
    def partial_results(self) -> list[Any]:
        """The results that came on the way."""
        return [event.result for event in self.events if event.result is not None]

    @property
    def fraction_done(self) -> float:
        """How much of its time is over (0–1), as far as its events tell."""
        return self.task.fraction_done(self.events)

    @property
    def seconds(self) -> float | None:
        """How long it ran, None unless it ran to an end."""
        if self.started is None or self.ended is None:
            return None
        return self.ended - self.started

    def seconds_left(self, now: float) -> float | None:
        """Estimated from the pace since the first event, which warming up delays; else None."""
        if self.status != "running" or self.first_event is None or self.last_event is None:
            return None
        seconds = self.last_event - self.first_event
        gone = self.fraction_done - self.task.fraction_done(self.events[:1])
        if seconds < _MIN_SECONDS or not gone or self.fraction_done >= 1:
            return None  # the first events may come at once, from several threads
        whole = seconds / gone
        return max(whole * (1 - self.fraction_done) - (now - self.last_event), 0.0)

    def progress(self, now: float) -> float:
        """How much of its time is over (0–1) by now, going on at the same pace."""
        left = self.seconds_left(now)
        if left is None or self.first_event is None:
            return self.fraction_done
        gone = now - self.first_event
        return gone / max(gone + left, 1e-9)
