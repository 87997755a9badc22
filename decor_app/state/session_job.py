"""The jobs of background processes that follow one click, one after the other."""

import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from decor_app.jobs.background_queue import BackgroundQueue
from decor_app.jobs.job import Job
from decor_app.jobs.tasks import Task
from decor_app.jobs.worker import OWN_FAULT
from decor_app.state.processes import job_queues
from decor_core.errors import DecorError

# The tasks of a SessionJob in order: each task is answered with the result of its job.
Steps = Generator[Task, Any, None]


class SessionJob:
    """The work that follows one click: one job, or several one after the other.

    The next one is queued when the one before is done, on the thread of that queue, whichever page
    is open and whether any is. It is over when its last job has ended, when one was stopped or
    failed, or when the next could not be queued (``error`` says why). ``then`` gets the last one
    when it is done, on the thread of its queue.
    """

    def __init__(
        self,
        owner: str,
        steps: Steps,
        about: str = "",
        then: Callable[[Job], None] | None = None,
    ) -> None:
        self.about, self.error = about, ""
        self._owner, self._steps, self._then = owner, steps, then
        self._queues = job_queues()  # whose threads know nothing of sessions
        self._present: tuple[BackgroundQueue, str] | None = None  # queue and id of a job
        self._is_stopped = False
        self._lock = threading.Lock()

    @property
    def job_id(self) -> str:
        """The id of the present job; "" where there is none."""
        with self._lock:  # a job may be over before its queue has told us its id
            return self._present[1] if self._present else ""

    def advance(self, result: Any = None) -> None:
        """Queue the next task; DecorError where that is refused."""
        with self._lock:
            try:
                task = self._steps.send(result)
            except StopIteration:
                if not self._is_stopped:  # else the one before is the last
                    self._present = None
                return
            queue, then = self._queues[task.queue], self._follow if task.prepares else None
            if self._then and not then:
                then = self._finish
            self._present = queue, queue.submit(task, self._owner, self.about, then)

    def snapshot(self) -> Job | None:
        """The present job; None once it is not known any more, or there are no more steps.

        A preparing job counts as running until its successor starts, the last one until ``then``
        is done.
        """
        queue, job_id = self._present or (None, "")
        job = queue.snapshot(job_id) if queue else None
        if job is None or job.status != "done" or not (job.task.prepares or self._then):
            return job
        if self.error:
            return replace(job, status="failed", message=self.error)
        if self._is_stopped and job.task.prepares:
            return replace(job, status="stopped")
        return replace(job, status="running", ended=None)

    def stop(self) -> None:
        """Stop the present job, and let none follow."""
        with self._lock:
            self._steps.close()
            self._is_stopped = True
            if self._present:
                queue, job_id = self._present
                queue.stop(job_id)

    def wait(self, seconds: float) -> None:
        """Wait until the present job has ended, for so long at most."""
        if self._present:
            queue, job_id = self._present
            queue.wait(job_id, seconds)

    def _finish(self, job: Job) -> None:
        try:
            if self._then:
                self._then(job)
        finally:
            self._then = None

    def _follow(self, job: Job) -> None:
        try:
            self.advance(job.result)
        except DecorError as error:
            self.error = str(error)
        except Exception:
            self.error = OWN_FAULT
            raise  # into the log


def single(task: Task) -> Steps:
    """The steps of a job that is one task."""
    yield task
