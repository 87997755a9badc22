"""A job of the training process as it stands: its state, its progress, how long it will take."""

from dataclasses import dataclass
from typing import Any

from decor_app.jobs.train_tasks import Task

# A pace is known after so long.
_LEAST_SECONDS = 0.3


@dataclass(frozen=True)
class Job:
    """A snapshot of one job: queued → starting → running → done, stopped or failed.

    ``place`` counts the jobs before it. ``result`` is what the task gives; a stopped job has
    one if there was something to give. ``message`` says in one sentence why it failed. ``tail``
    is how long similar jobs went on after their last event, as a multiple of the time up to it
    (a training is calibrated after its last step); 0 where there was none yet. Times are those
    of ``time.monotonic``.
    """

    id: str
    owner: str
    task: Task
    status: str = "queued"
    place: int = 0
    events: tuple = ()
    result: Any = None
    message: str = ""
    tail: float = 0.0
    started: float | None = None
    first_event: float | None = None
    last_event: float | None = None
    ended: float | None = None

    @property
    def active(self) -> bool:
        return self.status in ("queued", "starting", "running")

    @property
    def fraction_done(self) -> float:
        """How much of what it reports on is done, 0–1."""
        return self.task.fraction_done(self.events)

    @property
    def seconds(self) -> float | None:
        """How long it ran, None unless it ran to an end."""
        if self.started is None or self.ended is None:
            return None
        return self.ended - self.started

    def seconds_left(self, now: float) -> float | None:
        """Estimated from the pace since the first event, which warming up delays; else None."""
        if self.status != "running" or len(self.events) < 2:
            return None
        if self.last_event - self.first_event < _LEAST_SECONDS:
            return None  # the first ones may come at once, from several threads
        done, beginning = self.fraction_done, self.task.fraction_done(self.events[:1])
        if done >= 1 and not self.tail:
            return None
        whole = (self.last_event - self.first_event) / max(done - beginning, 1e-9)
        return max(whole * (1 - done + self.tail) - (now - self.last_event), 0.0)

    def progress(self, now: float) -> float:
        """How much of its time is over, 0–1, as far as can be told."""
        left = self.seconds_left(now)
        if left is None:
            return self.fraction_done / (1 + self.tail)
        gone = now - self.first_event
        return gone / max(gone + left, 1e-9)
