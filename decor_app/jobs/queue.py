"""A queue of jobs: who waits, whose turn it is, how far each job is, which are remembered."""

import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from decor_app.hosting.logging import log_event
from decor_app.hosting.metrics import METRICS
from decor_app.jobs.job import Job
from decor_app.jobs.tasks import Task
from decor_core.errors import TrainingError
from decor_core.features.embeddings import Embeddings

_KEPT_JOBS = 60
_KEPT_OF_ONE = 20
_KEPT_EXPORTS = 3  # of tens of megabytes each
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueLimits:
    """How many jobs may wait, of one owner and in all, and how long one may run."""

    waiting_of_one: int = 10
    waiting: int = 200
    seconds: float = 3_600.0


class JobQueue:
    """Jobs of all owners, to be run one at a time. Each method may be called from any thread.

    Round-robin by owner. Sessions submit, read and stop jobs; the thread that runs them takes them
    and records how they go (a job that was forgotten meanwhile, or is nobody's, is no error there).
    """

    def __init__(self, limits: QueueLimits | None = None) -> None:
        self.limits = limits or QueueLimits()
        self._changed = threading.Condition()  # the lock of all that follows
        self._closed = False
        self._jobs: dict[str, Job] = {}  # oldest first
        self._served: dict[str, int] = {}  # number of the latest turn, by owner
        self._warm_up: Task | None = None

    # --- for sessions

    def submit(
        self,
        task: Task,
        owner: str,
        about: str = "",
        then: Callable[[Job], None] | None = None,
    ) -> str:
        """Queue ``task`` for ``owner`` (a session) and return the job's id.

        ``about`` is the owner's to read. When the job is done ``then`` gets it, on the thread that
        runs jobs, and its result is not kept after that. TrainingError where too many are waiting
        already, of the owner or in all.
        """
        with self._changed:
            if self._closed:
                raise TrainingError("The queue has been shut down; restart the app.")
            waiting = [job.owner for job in self._jobs.values() if job.status == "queued"]
            if waiting.count(owner) >= self.limits.waiting_of_one:
                METRICS.count("refused: jobs waiting of one")
                raise TrainingError(
                    f"{self.limits.waiting_of_one} of your jobs are waiting already; stop one of "
                    "them, or wait for it."
                )
            if len(waiting) >= self.limits.waiting:
                METRICS.count("refused: queue full")
                raise TrainingError(
                    f"{len(waiting)} jobs are waiting, as many as this server takes; please try "
                    "again in a few minutes."
                )
            job = Job(uuid.uuid4().hex, owner, task, about, then)
            self._jobs[job.id] = job
            self._forget_old()
            self._changed.notify_all()
        return job.id

    def warm(self, task: Task) -> None:
        """Have ``task`` run for nobody when there is no job, so that the next one is quick."""
        with self._changed:
            self._warm_up = task
            self._changed.notify_all()

    def snapshot(self, job_id: str) -> Job | None:
        """The job as it stands now; None if it is not known (any more)."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or job.status != "queued":
                return job
            one_runs = any(one.active for one in self._jobs.values() if one.status != "queued")
            before = int(one_runs)  # the queue runs one job at a time
            return replace(job, place=before + self._in_turn().index(job))

    def jobs(self, owner: str) -> list[Job]:
        """All jobs of ``owner`` that are still known, oldest first."""
        with self._changed:
            mine = [job.id for job in self._jobs.values() if job.owner == owner]
            return [job for job in map(self.snapshot, mine) if job]

    def wait(self, job_id: str, timeout: float) -> Job | None:
        """The job as soon as it has ended, or as it is after ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(
                lambda: job_id not in self._jobs or not self._jobs[job_id].active, timeout
            )
            return self.snapshot(job_id)

    def stop(self, job_id: str, message: str = "") -> None:
        """Stop a job, queued or running; ``message`` tells its owner why, who did not ask."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or not job.active or job.stopping:
                return
            if job.status == "queued":
                self._update(job_id, status="stopped", message=message)
            else:
                self._update(job_id, stopping=True, message=message)

    def owners(self) -> set[str]:
        """Whoever has a job that is still known."""
        with self._changed:
            return {job.owner for job in self._jobs.values()}

    def forget(self, owners: Iterable[str]) -> None:
        """Stop all jobs of these owners, who are gone, and let go of those that have ended."""
        with self._changed:
            for owner in set(owners):
                for job in self.jobs(owner):
                    self.stop(job.id)
                    if not self._jobs[job.id].active:
                        del self._jobs[job.id]
                self._served.pop(owner, None)

    def load(self) -> tuple[int, int]:
        """How many jobs wait, and how many are being done."""
        with self._changed:
            states = [job.status for job in self._jobs.values() if job.active]
            return states.count("queued"), len(states) - states.count("queued")

    def close(self) -> None:
        """Stop all jobs and refuse further ones."""
        with self._changed:
            self._closed = True
            for job_id in self._jobs:
                self.stop(job_id)
            self._changed.notify_all()

    # --- for whoever runs the jobs

    def take(self) -> Job | None:
        """The next job in turn, as soon as there is one; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._in_turn() or self._warm_up)
            if self._closed:
                return None
            if not self._in_turn():
                task, self._warm_up = self._warm_up, None
                return Job("", "", task)
            job = self._in_turn()[0]
            self._served[job.owner] = max(self._served.values(), default=0) + 1
            return self._update(job.id, status="starting")

    def is_stopping(self, job_id: str) -> bool:
        """Whether a job that runs was asked to stop."""
        with self._changed:
            return self._closed or job_id in self._jobs and self._jobs[job_id].stopping

    def begin(self, job_id: str) -> None:
        """Record that a job runs."""
        self._update(job_id, status="running", started=time.monotonic())

    def add_event(self, job_id: str, event: Any) -> None:
        """Record a report of a job on its progress."""
        with self._changed:
            if job := self._jobs.get(job_id):
                now = time.monotonic()
                first = job.first_event or now
                events = (*job.events, event)
                self._update(job_id, events=events, first_event=first, last_event=now)

    def finish(self, job_id: str, result: Any) -> Job | None:
        """Record the result of a job, None if it was stopped before it had one."""
        with self._changed:
            job = self._jobs.get(job_id)
            cut_short = job is not None and job.stopping and job.fraction_done < 1
            stopped = result is None or getattr(result, "stopped", cut_short)
            return self._update(job_id, status="stopped" if stopped else "done", result=result)

    def fail(self, job_id: str, message: str) -> None:
        """Record why a job failed; one that was to stop is stopped."""
        with self._changed:
            if self.is_stopping(job_id):
                self._update(job_id, status="stopped")
            else:
                self._update(job_id, status="failed", message=message)

    def drop_result(self, job_id: str) -> None:
        """Keep that a job is done without its result: somebody else has it."""
        self._update(job_id, result=None)

    # --- inside (the lock is reentrant)

    def _update(self, job_id: str, **changes: Any) -> Job | None:
        """Change a job and wake who waits for it; None where it is not known."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None:
                return None
            ends = job.active
            job = replace(job, **changes)
            if ends and not job.active:
                job = replace(job, ended=time.monotonic())
                try:
                    job = _record_end(job)
                except Exception:  # a bug; who waits for the job is told that it has ended
                    _log.exception("the end of %s cannot be counted", job.task.kind)
            self._jobs[job_id] = job
            self._changed.notify_all()
            return job

    def _in_turn(self) -> list[Job]:
        """The waiting jobs as they will run: round by round, one job of each owner in each.

        In a round, whoever was served longest ago comes first.
        """
        rounds: Counter[str] = Counter()
        turns = []
        for job in self._jobs.values():
            if job.status == "queued":
                turns.append((rounds[job.owner], self._served.get(job.owner, 0), job))
                rounds[job.owner] += 1
        return [job for *_, job in sorted(turns, key=lambda turn: turn[:2])]

    def _forget_old(self) -> None:
        """Let the oldest ended jobs go: exports, of one owner who has many, of all together."""
        ended = [job for job in self._jobs.values() if not job.active]
        exports = [job for job in ended if job.task.kind == "export"][:-_KEPT_EXPORTS]
        owners, kept = Counter(job.owner for job in ended), len(ended)
        for job in ended:
            if job in exports or owners[job.owner] > _KEPT_OF_ONE or kept > _KEPT_JOBS:
                del self._jobs[job.id]
                owners[job.owner] -= 1
                kept -= 1


def _record_end(job: Job) -> Job:
    """A job that has ended, which is counted, without the vectors of its pictures."""
    kind, seconds, data = job.task.kind, job.seconds, job.task.data
    log_event("job ended", kind=kind, status=job.status, seconds=seconds and round(seconds, 2))
    METRICS.count(f"job {kind}: {job.status}")
    if seconds is not None:
        METRICS.observe(f"job {kind}", seconds)
    if isinstance(data, Embeddings):
        return replace(job, task=replace(job.task, data=data.without_vectors()))
    return job
