"""A queue whose jobs run in a child process of its own: started when wanted, ended when idle."""

import logging
import threading
import time

from decor_app.hosting.metrics import METRICS
from decor_app.jobs.job import Job
from decor_app.jobs.queue import JobQueue, QueueLimits
from decor_app.jobs.tasks import Task
from decor_app.jobs.worker import OWN_FAULT, Worker, WorkerDied, WorkerFault

IDLE_SECONDS = 600.0
_POLL_SECONDS = 0.05
_DIED = (
    "The process that did this ended unexpectedly, perhaps for want of memory; "
    "press the button to start it again."
)
_CANNOT_START = "The process for this cannot be started; try again later."
_log = logging.getLogger(__name__)


class BackgroundQueue(JobQueue):
    """Runs its jobs one after the other, in a process that ends after ``idle_seconds`` without."""

    def __init__(
        self, limits: QueueLimits | None = None, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        super().__init__(limits)
        self._idle_seconds = idle_seconds
        self._worker: Worker | None = None
        self._warm_worker: Worker | None = None  # the one that has done the last warm-up
        self._last_warm_up: Task | None = None
        self._thread = threading.Thread(target=self._work, name="decor-jobs", daemon=True)
        self._thread.start()

    @property
    def process_id(self) -> int | None:
        """The child's process id, None while there is none."""
        worker = self._worker
        return worker.process.pid if worker and worker.is_alive else None

    def warm(self, task: Task) -> None:
        """Have ``task`` run for nobody, unless the present process has done it already."""
        self._last_warm_up, worker = task, self._worker
        if worker is None or not worker.is_ready or worker is not self._warm_worker:
            super().warm(task)

    def close(self) -> None:
        """End the process and refuse further jobs."""
        super().close()
        if worker := self._worker:
            worker.kill()
        self._thread.join()

    def _work(self) -> None:
        while job := self.take():
            try:
                self._run(job)
            except Exception:  # a bug; this thread works for everybody
                _log.exception("%s failed in the server", job.task.kind)
                self._end_after_bug(job)
        if self._worker:
            self._worker.kill()

    def _end_after_bug(self, job: Job) -> None:
        """Fail a job of which nobody knows how far it is, and end its process."""
        worker, self._worker = self._worker, None
        try:
            self.fail(job.id, OWN_FAULT)
        except Exception:
            _log.exception("the end of %s cannot be told", job.task.kind)
        if worker:
            worker.kill()

    def _run(self, job: Job) -> None:
        if self._worker is None or not self._worker.is_ready:
            try:
                self._worker = Worker(self._idle_seconds)
            except OSError:
                _log.exception("the process of a queue cannot be started")
                self.fail(job.id, _CANNOT_START)
                return
        worker = self._worker
        if job.task is self._last_warm_up:
            self._warm_worker = worker
        begun, asked = time.monotonic(), None
        worker.start(job.task)
        while True:
            try:
                message = worker.receive(_POLL_SECONDS)
            except WorkerDied as error:
                self.fail(job.id, OWN_FAULT if isinstance(error, WorkerFault) else _DIED)
                return
            match message:
                case "running", _:
                    self.begin(job.id)
                case "event", event:
                    self.add_event(job.id, event)
                case "done", result:
                    self._follow(self.finish(job.id, result))
                    return
                case "failed", text:
                    self.fail(job.id, text)
                    return
            seconds = self.limits.seconds
            if time.monotonic() - begun > seconds and not self.is_stopping(job.id):
                METRICS.count("refused: job over its time")  # what it has done until then is kept
                self.stop(
                    job.id,
                    f"Stopped after {seconds:g} seconds, the longest that one job may take here.",
                )
            if asked is None and self.is_stopping(job.id):
                asked = time.monotonic()
                worker.stop()
            if asked is not None and time.monotonic() > asked + self._stop_grace(job.id):
                worker.kill()
                if self._last_warm_up:
                    super().warm(self._last_warm_up)  # a process for the next job

    def _stop_grace(self, job_id: str) -> float:
        """Seconds for a job that was asked to stop; none for one that nobody waits for any more."""
        job = self.snapshot(job_id)
        return job.task.stop_grace(job.events) if job else 0.0

    def _follow(self, job: Job | None) -> None:
        """Call the job’s ``then``, if it is done, and let its result go."""
        if job is None or job.then is None or job.status != "done":
            return
        try:
            job.then(job)
        except Exception:
            _log.exception("what follows on %s failed", job.task.kind)
        self.drop_result(job.id)
