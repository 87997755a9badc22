"""The background TensorFlow process: a queue of jobs, their progress, and a stop that stops.

TensorFlow lives in one child process, started when first wanted and given back when idle, so
that the process that serves pages stays small.
"""

import logging
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from .errors import TrainingError
from .heads import TrainConfig, TrainEvent
from .worker import TrainRequest, Worker
from .workflow import Training

STOP_GRACE = 0.8
IDLE_SECONDS = 600.0
_KEPT_JOBS = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A snapshot of one training: queued → starting → running → done, stopped or failed.

    ``place`` counts the jobs before it. ``training`` is there when it is done, and also when it
    was stopped after the first step; ``message`` says in one sentence why it failed.
    """

    id: str
    owner: str
    config: TrainConfig
    level: str
    title: str
    status: str = "queued"
    place: int = 0
    events: tuple[TrainEvent, ...] = ()
    training: Training | None = None
    message: str = ""

    @property
    def active(self) -> bool:
        return self.status in ("queued", "starting", "running")

    @property
    def seconds_left(self) -> float | None:
        """Estimated from the pace since the first event, which warming up delays; else None."""
        if len(self.events) < 2 or self.status != "running":
            return None
        first, last = self.events[0], self.events[-1]
        pace = (last.seconds - first.seconds) / (last.step - first.step)
        return pace * (self.config.steps - last.step)


class Trainer:
    """One queue and one child process; every method may be called from any thread."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Condition()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._requests: dict[str, TrainRequest] = {}
        self._waiting: list[str] = []
        self._stopping: dict[str, float] = {}
        self._warm_wanted = False
        self._closed = False
        self._child: Worker | None = None
        threading.Thread(target=self._work, name="decor-trainer", daemon=True).start()

    def submit(self, request: TrainRequest, owner: str) -> str:
        """Queue a training for ``owner`` (a session) and return the job's id."""
        job = Job(uuid.uuid4().hex, owner, request.config, request.level, request.title)
        with self._lock:
            if self._closed:
                raise TrainingError("The trainer has been shut down; restart the app.")
            self._jobs[job.id] = job
            self._requests[job.id] = request
            self._waiting.append(job.id)
            self._forget_old()
            self._lock.notify_all()
        return job.id

    def snapshot(self, job_id: str) -> Job:
        """How the job stands now; TrainingError if it is not known (any more)."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None:
                raise TrainingError("That training is not known any more; start it again.")
            if job.status == "queued":
                return replace(job, place=self._waiting.index(job_id) + self._busy())
            return job

    def stop(self, job_id: str) -> None:
        """Stop a job, queued or running; a running one ends within a second."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or not job.active:
                return
            if job.status == "queued":
                self._waiting.remove(job_id)
                self._requests.pop(job_id, None)
                self._update(job_id, status="stopped")
                return
            self._stopping.setdefault(job_id, time.monotonic() + STOP_GRACE)
            if self._child is not None:
                self._child.send(("stop", job_id))

    def warm(self) -> None:
        """Start TensorFlow now, so that the next job does not wait for it."""
        with self._lock:
            self._warm_wanted = True
            self._lock.notify_all()

    @property
    def process_id(self) -> int | None:
        """The child's process id, None while there is none."""
        child = self._child
        return child.process.pid if child is not None else None

    def close(self) -> None:
        """End the child and refuse further jobs."""
        with self._lock:
            self._closed = True
            for job_id in self._waiting:
                self._requests.pop(job_id, None)
                self._update(job_id, status="stopped")
            self._waiting.clear()
            self._lock.notify_all()
            self._drop_child()

    # --- the worker thread

    def _work(self) -> None:
        while True:
            with self._lock:
                ready = self._lock.wait_for(self._has_work, timeout=self._idle_seconds)
                if self._closed:
                    return
                if not ready:
                    self._drop_child()
                    self._warm_wanted = False
                    continue
                self._warm_wanted = False
                job_id = self._waiting.pop(0) if self._waiting else None
                if job_id:
                    self._update(job_id, status="starting")
                child = self._ready_child()
            if job_id and child:
                self._run(job_id, child)
            elif job_id:
                self._fail(job_id, "The training process cannot be started; try again later.")

    def _has_work(self) -> bool:
        return bool(self._closed or self._waiting or (self._warm_wanted and self._child is None))

    def _busy(self) -> int:
        return any(job.status in ("starting", "running") for job in self._jobs.values())

    def _ready_child(self) -> "Worker | None":
        """The child, a new one if there is none or it died; None if the system refuses one."""
        if self._child is not None and self._child.process.poll() is not None:
            self._drop_child()
        if self._child is None:
            try:
                self._child = Worker()
            except OSError:
                _log.exception("the trainer process cannot be started")
        return self._child

    def _run(self, job_id: str, child: "Worker") -> None:
        child.send(("train", job_id, self._requests.pop(job_id)))
        while self._jobs[job_id].active:
            message = child.receive(timeout=0.1)
            with self._lock:
                if message is not None:
                    self._take(job_id, message)
                elif self._overdue(job_id):
                    self._drop_child()
                    self._update(job_id, status="stopped")
        self._stopping.pop(job_id, None)

    def _fail(self, job_id: str, message: str) -> None:
        with self._lock:
            self._requests.pop(job_id, None)
            self._update(job_id, status="failed", message=message)

    def _overdue(self, job_id: str) -> bool:
        return time.monotonic() > self._stopping.get(job_id, float("inf"))

    def _take(self, job_id: str, message: tuple) -> None:
        kind, *rest = message
        if kind == "event":
            event = rest[0]
            self._update(job_id, status="running", events=(*self._jobs[job_id].events, event))
        elif kind == "running":
            self._update(job_id, status="running")
        elif kind == "done":
            training = rest[0]
            status = "stopped" if training.stopped else "done"
            self._update(job_id, status=status, training=training)
        elif kind == "failed":
            self._update(job_id, status="failed", message=rest[0])
        elif kind == "died":
            self._drop_child()
            if self._closed or job_id in self._stopping:
                self._update(job_id, status="stopped")
                return
            text = "The training process ended unexpectedly; press Retrain to start it again."
            self._update(job_id, status="failed", message=text)

    def _update(self, job_id: str, **changes: Any) -> None:
        self._jobs[job_id] = replace(self._jobs[job_id], **changes)

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _forget_old(self) -> None:
        ended = [job.id for job in self._jobs.values() if not job.active]
        for job_id in ended[: max(0, len(self._jobs) - _KEPT_JOBS)]:
            del self._jobs[job_id]
