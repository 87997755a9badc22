"""The jobs of one trainer: who waits, whose turn it is, how far each is, which are remembered."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from decor_app.hosting.logging import log_event
from decor_app.hosting.metrics import METRICS
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import Task
from decor_core.errors import TrainingError
from decor_core.features.embeddings import Embeddings

_KEPT_JOBS = 60
_KEPT_OF_ONE = 20
_KEPT_EXPORTS = 3  # of tens of megabytes each


@dataclass(frozen=True)
class QueueLimits:
    """How many jobs may wait, of one owner and in all, and how long one may run."""

    waiting_of_one: int = 10
    waiting: int = 200
    seconds: float = 3_600.0


class JobQueue:
    """All jobs that are known, and the queue; whoever calls holds the trainer's lock.

    Owners take turns: who has many jobs waits between his own for one of everybody else's.
    """

    def __init__(self, limits: QueueLimits) -> None:
        self.limits = limits
        self.waiting: list[str] = []
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._served: dict[str, int] = {}
        self._tails: dict[tuple, float] = {}

    def add(self, job: Job) -> None:
        """Queue a job; TrainingError where too many are waiting already."""
        self._check_queue(job.owner)
        self._jobs[job.id] = job
        self.waiting.append(job.id)
        self._forget_old()

    def _check_queue(self, owner: str) -> None:
        most = self.limits.waiting_of_one
        if sum(self._jobs[i].owner == owner for i in self.waiting) >= most:
            METRICS.count("refused: jobs waiting of one")
            raise TrainingError(
                f"{most} of your jobs are waiting already; stop one of them, or wait for it."
            )
        if len(self.waiting) >= self.limits.waiting:
            METRICS.count("refused: queue full")
            raise TrainingError(
                f"{len(self.waiting)} jobs are waiting, as many as this server takes; please try "
                "again in a few minutes."
            )

    def get(self, job_id: str) -> Job | None:
        """The job, or None if it is not known (any more)."""
        return self._jobs.get(job_id)

    def snapshot(self, job_id: str) -> Job:
        """The job with its place in the queue; TrainingError if it is not known (any more)."""
        job = self._jobs.get(job_id)
        if job is None:
            raise TrainingError("That training is not known any more; start it again.")
        if job.status == "queued":
            return replace(job, place=self._in_turn().index(job_id) + bool(self.at_work))
        return job

    def of(self, owner: str) -> list[Job]:
        """All jobs of ``owner``, oldest first."""
        return [self.snapshot(job.id) for job in self._jobs.values() if job.owner == owner]

    @property
    def owners(self) -> set[str]:
        return {job.owner for job in self._jobs.values()}

    @property
    def at_work(self) -> list[Job]:
        """The jobs that have left the queue and not ended."""
        return [job for job in self._jobs.values() if job.status in ("starting", "running")]

    # --- turns

    def _in_turn(self) -> list[str]:
        """The waiting jobs as they will run: one of each owner, who was served last comes last."""
        before: Counter[str] = Counter()
        turns = {}
        for job_id in self.waiting:
            owner = self._jobs[job_id].owner
            turns[job_id] = before[owner], self._served.get(owner, 0)
            before[owner] += 1
        return sorted(self.waiting, key=turns.__getitem__)

    def next(self, wanted: Callable[[Job], bool] = lambda job: True) -> str | None:
        """Take the first of those ``wanted`` out of the queue, in the order of turns."""
        job_id = next((one for one in self._in_turn() if wanted(self._jobs[one])), None)
        if job_id is None:
            return None
        self.waiting.remove(job_id)
        self._served[self._jobs[job_id].owner] = max(self._served.values(), default=0) + 1
        self.update(job_id, status="starting")
        return job_id

    def forget_turns(self) -> None:
        """Nobody has been served: the queue has been empty for long."""
        self._served.clear()

    # --- what becomes of them

    def update(self, job_id: str, **changes: Any) -> None:
        """Note changes of a job; one that has ended is counted and loses what takes the memory."""
        job = replace(self._jobs[job_id], **changes)
        if not job.active:
            job = replace(job, ended=time.monotonic(), task=_light(job.task))
            _count(job)
        self._jobs[job_id] = job

    def take(self, kind: str, job_id: str, told: tuple, stopping: bool) -> None:
        """Note what the child says of a job; ``stopping`` is one that was asked to stop."""
        now, job = time.monotonic(), self._jobs[job_id]
        match kind, *told:
            case ("running",):
                tail = self._tails.get(_alike(job.task), _usual_tail(job.task))
                self.update(job_id, status="running", started=now, tail=tail)
            case "event", event:
                first = job.first_event or now
                self.update(job_id, events=(*job.events, event), first_event=first, last_event=now)
            case "done", result:
                cut_short = stopping and job.fraction_done < 1
                stopped = result is None or getattr(result, "stopped", cut_short)
                if len(job.events) > 1 and not stopped:
                    before = max(job.last_event - job.first_event, 1e-3)
                    self._tails[_alike(job.task)] = (now - job.last_event) / before
                self.update(job_id, status="stopped" if stopped else "done", result=result)
            case "failed", text:
                self.update(job_id, status="failed", message=text)

    def let_go(self, job_id: str) -> None:
        """Keep that the job is done, without its result, which somebody has."""
        if job_id in self._jobs:
            self._jobs[job_id] = replace(self._jobs[job_id], result=None)

    def forget(self, owner: str) -> None:
        """Let go of the jobs of ``owner`` that have ended."""
        for job in [job for job in self._jobs.values() if job.owner == owner and not job.active]:
            del self._jobs[job.id]
        self._served.pop(owner, None)

    def _forget_old(self) -> None:
        """Let the oldest ended jobs go: exports, of one owner who has many, of all together."""
        ended = [job for job in self._jobs.values() if not job.active]
        for job in [job for job in ended if job.task.kind == "export"][:-_KEPT_EXPORTS]:
            del self._jobs[job.id]
            ended.remove(job)
        owners = Counter(job.owner for job in ended)
        total = len(ended)
        for job in ended:
            if owners[job.owner] > _KEPT_OF_ONE or total > _KEPT_JOBS:
                del self._jobs[job.id]
                owners[job.owner] -= 1
                total -= 1


def _count(job: Job) -> None:
    seconds = job.seconds and round(job.seconds, 2)
    log_event("job ended", kind=job.task.kind, status=job.status, seconds=seconds)
    METRICS.count(f"job {job.task.kind}: {job.status}")
    if job.seconds is not None:
        METRICS.observe(f"job {job.task.kind}", job.seconds)


def _light(task: Task) -> Task:
    """A task that has been done, without the vectors of its pictures: jobs are remembered."""
    if isinstance(task.data, Embeddings):
        return replace(task, data=task.data.without_vectors())
    return task


def _alike(task: Task) -> tuple:
    """What jobs have in common whose parts take time in the same proportion."""
    config = getattr(task, "config", None)
    return task.kind, config and config.head


def _usual_tail(task: Task) -> float:
    config = getattr(task, "config", None)
    return getattr(task, "usual_tail", 0.0) if config and config.head == "softmax" else 0.0
