"""The background TensorFlow process: a fair queue of jobs, their progress, a stop that stops.

TensorFlow lives in one child process, started when first wanted and given back when idle, so
that the process that serves pages stays small.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from decor_app.hosting.metrics import METRICS
from decor_app.jobs.job import Job
from decor_app.jobs.queue import JobQueue, QueueLimits
from decor_app.jobs.train_tasks import Task, can_preempt
from decor_app.jobs.worker import Worker
from decor_core.errors import TrainingError
from decor_core.features.embeddings import Embeddings

STOP_GRACE = 0.8
IDLE_SECONDS = 600.0
_log = logging.getLogger(__name__)


class Trainer:
    """One queue and one child process; every method may be called from any thread.

    Owners take turns (see Register), and a search lets trainings in between two of its models.
    Without ``tensorflow`` its child is small: good for reading and embedding pictures.
    """

    def __init__(
        self,
        idle_seconds: float = IDLE_SECONDS,
        limits: QueueLimits | None = None,
        tensorflow: bool = True,
    ) -> None:
        self._tensorflow = tensorflow
        self._idle_seconds = idle_seconds
        self._lock = threading.Condition()
        self._jobs = JobQueue(limits or QueueLimits())
        self._stopping: dict[str, float] = {}
        self._then: dict[str, Callable[[Job], None]] = {}
        self._warm_data: Embeddings | None = None
        self._wanted = time.monotonic()
        self._closed = False
        self._child: Worker | None = None
        threading.Thread(target=self._work, name="decor-trainer", daemon=True).start()

    def submit(self, task: Task, owner: str, then: Callable[[Job], None] | None = None) -> str:
        """Queue ``task`` for ``owner`` (a session) and return the job's id.

        ``then`` is called with the job when it is done, on a thread of the trainer; not when it was
        stopped or failed. TrainingError where too many are waiting already, of the owner or in
        all.
        """
        job = Job(uuid.uuid4().hex, owner, task)
        with self._lock:
            if self._closed:
                raise TrainingError("The trainer has been shut down; restart the app.")
            self._jobs.add(job)
            if then:
                self._then[job.id] = then
            self._lock.notify_all()
        return job.id

    def snapshot(self, job_id: str) -> Job:
        """How the job stands now; TrainingError if it is not known (any more)."""
        with self._lock:
            return self._jobs.snapshot(job_id)

    def jobs(self, owner: str) -> list[Job]:
        """All jobs of ``owner`` that are still known, oldest first."""
        with self._lock:
            return self._jobs.of(owner)

    def wait(self, job_id: str, timeout: float) -> Job:
        """The job as soon as it has ended, or as it is after ``timeout`` seconds."""
        with self._lock:
            self._lock.wait_for(lambda: not self._jobs.snapshot(job_id).active, timeout)
            return self._jobs.snapshot(job_id)

    def stop(self, job_id: str) -> None:
        """Stop a job, queued or running; a running one ends within a second."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or not job.active:
                return
            if job.status == "queued":
                self._jobs.waiting.remove(job_id)
                self._then.pop(job_id, None)
                self._update(job_id, status="stopped")
                return
            self._ask_to_stop(job_id)

    def _ask_to_stop(self, job_id: str) -> None:
        self._stopping.setdefault(job_id, time.monotonic() + STOP_GRACE)
        if self._child is not None:
            self._child.stop(job_id)

    def owners(self) -> set[str]:
        """Whoever has a job that is still known."""
        with self._lock:
            return self._jobs.owners

    def forget(self, owners: Iterable[str]) -> None:
        """Stop all jobs of these owners, who are gone, and let go of what came of them."""
        gone = set(owners)
        for job_id in [job.id for owner in gone for job in self.jobs(owner) if job.active]:
            self.stop(job_id)
        with self._lock:
            for owner in gone:
                self._jobs.forget(owner)

    def load(self) -> tuple[int, int]:
        """How many jobs wait, and how many are being done."""
        with self._lock:
            return len(self._jobs.waiting), int(bool(self._jobs.at_work))

    def warm(self, data: Embeddings) -> None:
        """Start TensorFlow now and get ready for ``data``, so that the next job need not wait."""
        with self._lock:
            self._warm_data = data
            self._wanted = time.monotonic()
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
            for job_id in self._jobs.waiting:
                self._update(job_id, status="stopped")
            self._jobs.waiting.clear()
            self._drop_child()
            self._lock.notify_all()

    # --- the worker thread

    def _work(self) -> None:
        while True:
            with self._lock:
                ready = self._lock.wait_for(self._has_work, timeout=self._patience())
                if self._closed:
                    return
                if not ready:
                    self._give_back_if_idle()
                    continue
                data, self._warm_data = self._warm_data, None
                job_id = self._jobs.next()
                child = self._ready_child()
                if child and data is not None:
                    child.warm(data)
            if job_id and child:
                self._run(job_id, child)
            elif job_id:
                self._fail(job_id, "The training process cannot be started; try again later.")

    def _has_work(self) -> bool:
        return bool(self._closed or self._jobs.waiting or self._warm_data is not None)

    def _patience(self) -> float:
        return max(self._wanted + self._idle_seconds - time.monotonic(), 0.05)

    def _give_back_if_idle(self) -> None:
        if time.monotonic() >= self._wanted + self._idle_seconds:
            self._drop_child()
            self._jobs.forget_turns()
            self._wanted = time.monotonic()

    def _ready_child(self) -> Worker | None:
        """The child, a new one if there is none or it died; None if the system refuses one."""
        if self._child is not None and self._child.process.poll() is not None:
            self._drop_child()
        if self._child is None:
            try:
                self._child = Worker(self._tensorflow)
            except OSError:
                _log.exception("the trainer process cannot be started")
        return self._child

    def _run(self, job_id: str, child: Worker) -> None:
        child.start(job_id, self._jobs.get(job_id).task)
        begun = time.monotonic()
        while self._is_active(job_id):
            message, guest = child.receive(timeout=0.1), None
            with self._lock:
                if message is not None:
                    self._take(message)
                    guest = self._preempting_job(job_id) if message[0] == "event" else None
                self._watch_time(job_id, begun)
                if message is None and self._overdue(job_id):
                    self._drop_child()
                    data = self._jobs.get(job_id).task.data
                    if isinstance(data, Embeddings):
                        self._warm_data = data  # ready for the next
                    self._update(job_id, status="stopped")
            if guest:
                self._run(guest, child)
                self._be_patient(job_id)
        self._stopping.pop(job_id, None)
        self._wanted = time.monotonic()
        self._go_on(job_id)

    def _go_on(self, job_id: str) -> None:
        """Do what is to follow on the job, if it is done."""
        then, job = self._then.pop(job_id, None), self._jobs.get(job_id)
        if then and job and job.status == "done":
            try:
                then(job)
            except Exception:  # this thread works for everybody
                _log.exception("what follows on %s failed", job.task.kind)
            with self._lock:  # who wanted the result has it
                self._jobs.let_go(job_id)

    def _preempting_job(self, job_id: str) -> str | None:
        """Take a job out of the queue that may run in the middle of this one."""
        running = self._jobs.get(job_id)
        if not running.active or job_id in self._stopping:
            return None
        return self._jobs.next(lambda job: can_preempt(running.task, job.task))

    def _be_patient(self, job_id: str) -> None:
        """What was to stop while another ran in its middle has its time from now on."""
        with self._lock:
            if job_id in self._stopping:
                self._stopping[job_id] = time.monotonic() + STOP_GRACE

    def _fail(self, job_id: str, message: str) -> None:
        with self._lock:
            self._update(job_id, status="failed", message=message)

    def _is_active(self, job_id: str) -> bool:
        job = self._jobs.get(job_id)  # None: ended, and its owner is gone
        return job is not None and job.active

    def _watch_time(self, job_id: str, begun: float) -> None:
        """Stop a job that has had its time; what it has done until then is kept."""
        job, most = self._jobs.get(job_id), self._jobs.limits.seconds
        late = job.active and time.monotonic() - (job.started or begun) > most
        if late and job_id not in self._stopping:
            METRICS.count("refused: job over its time")
            text = f"Stopped after {most:g} seconds, the longest that one job may take here."
            self._update(job_id, message=text)
            self._ask_to_stop(job_id)

    def _overdue(self, job_id: str) -> bool:
        return time.monotonic() > self._stopping.get(job_id, float("inf"))

    def _take(self, message: tuple) -> None:
        if message == ("died",):
            self._take_death()
            return
        kind, job_id, *told = message
        self._jobs.take(kind, job_id, tuple(told), job_id in self._stopping)
        self._lock.notify_all()

    def _take_death(self) -> None:
        self._drop_child()
        text = (
            "The training process ended unexpectedly, perhaps for want of memory; "
            "press the button to start it again."
        )
        for job in self._jobs.at_work:
            if self._closed or job.id in self._stopping:
                self._update(job.id, status="stopped")
            else:
                self._update(job.id, status="failed", message=text)

    def _update(self, job_id: str, **changes: Any) -> None:
        self._jobs.update(job_id, **changes)
        self._lock.notify_all()

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None
