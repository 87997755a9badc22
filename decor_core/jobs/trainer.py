"""The background TensorFlow process: a fair queue of jobs, their progress, a stop that stops.

TensorFlow lives in one child process, started when first wanted and given back when idle, so
that the process that serves pages stays small.
"""

import logging
import threading
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import TrainingError
from ..operations.counters import COUNTERS
from ..operations.journal import note
from ..vision.features import Embeddings
from .job import Job
from .requests import Request, lets_in
from .worker import Worker

STOP_GRACE = 0.8
IDLE_SECONDS = 600.0
_KEPT_JOBS = 60
_KEPT_OF_ONE = 20
_KEPT_EXPORTS = 3  # of tens of megabytes each

_AT_WORK = ("starting", "running")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueLimits:
    """How many jobs may wait, of one owner and in all, and how long one may run."""

    waiting_of_one: int = 10
    waiting: int = 200
    seconds: float = 3_600.0


class Trainer:
    """One queue and one child process; every method may be called from any thread.

    Owners take turns: who has many jobs waits between his own for one of everybody else's. A
    search lets trainings in between two of its models.
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
        self._limits = limits or QueueLimits()
        self._lock = threading.Condition()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._waiting: list[str] = []
        self._served: dict[str, int] = {}
        self._stopping: dict[str, float] = {}
        self._then: dict[str, Callable[[Job], None]] = {}
        self._tails: dict[tuple, float] = {}
        self._warm_data: Embeddings | None = None
        self._wanted = time.monotonic()
        self._closed = False
        self._child: Worker | None = None
        threading.Thread(target=self._work, name="decor-trainer", daemon=True).start()

    def submit(
        self, request: Request, owner: str, then: Callable[[Job], None] | None = None
    ) -> str:
        """Queue ``request`` for ``owner`` (a session) and return the job's id.

        ``then`` is called with the job when it is done, on a thread of the trainer; not when it was
        stopped or failed. TrainingError where too many are waiting already, of the owner or in
        all.
        """
        job = Job(uuid.uuid4().hex, owner, request)
        with self._lock:
            if self._closed:
                raise TrainingError("The trainer has been shut down; restart the app.")
            self._check_queue(owner)
            self._jobs[job.id] = job
            if then:
                self._then[job.id] = then
            self._waiting.append(job.id)
            self._forget_old()
            self._lock.notify_all()
        return job.id

    def _check_queue(self, owner: str) -> None:
        most = self._limits.waiting_of_one
        if sum(self._jobs[i].owner == owner for i in self._waiting) >= most:
            COUNTERS.count("refused: jobs waiting of one")
            raise TrainingError(
                f"{most} of your jobs are waiting already; stop one of them, or wait for it."
            )
        if len(self._waiting) >= self._limits.waiting:
            COUNTERS.count("refused: queue full")
            raise TrainingError(
                f"{len(self._waiting)} jobs are waiting, as many as this server takes; please try "
                "again in a few minutes."
            )

    def snapshot(self, job_id: str) -> Job:
        """How the job stands now; TrainingError if it is not known (any more)."""
        with self._lock:
            return self._snapshot(job_id)

    def jobs(self, owner: str) -> list[Job]:
        """All jobs of ``owner`` that are still known, oldest first."""
        with self._lock:
            return [self._snapshot(job.id) for job in self._jobs.values() if job.owner == owner]

    def wait(self, job_id: str, timeout: float) -> Job:
        """The job as soon as it has ended, or as it is after ``timeout`` seconds."""
        with self._lock:
            self._lock.wait_for(lambda: not self._snapshot(job_id).active, timeout)
            return self._snapshot(job_id)

    def stop(self, job_id: str) -> None:
        """Stop a job, queued or running; a running one ends within a second."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or not job.active:
                return
            if job.status == "queued":
                self._waiting.remove(job_id)
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
            return {job.owner for job in self._jobs.values()}

    def forget(self, owners: Iterable[str]) -> None:
        """Stop all jobs of these owners, who are gone, and let go of what came of them."""
        gone = set(owners)
        for job_id in [job.id for owner in gone for job in self.jobs(owner) if job.active]:
            self.stop(job_id)
        with self._lock:
            for job in list(self._jobs.values()):
                if job.owner in gone and not job.active:
                    del self._jobs[job.id]
            for owner in gone:
                self._served.pop(owner, None)

    def load(self) -> tuple[int, int]:
        """How many jobs wait, and how many are being done."""
        with self._lock:
            return len(self._waiting), int(self._busy())

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
            for job_id in self._waiting:
                self._update(job_id, status="stopped")
            self._waiting.clear()
            self._drop_child()
            self._lock.notify_all()

    # --- the queue

    def _snapshot(self, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise TrainingError("That training is not known any more; start it again.")
        if job.status == "queued":
            return replace(job, place=self._in_turn().index(job_id) + self._busy())
        return job

    def _in_turn(self) -> list[str]:
        """The waiting jobs as they will run: one of each owner, who was served last comes last."""
        before: Counter[str] = Counter()
        turns = {}
        for job_id in self._waiting:
            owner = self._jobs[job_id].owner
            turns[job_id] = before[owner], self._served.get(owner, 0)
            before[owner] += 1
        return sorted(self._waiting, key=turns.__getitem__)

    def _busy(self) -> int:
        return any(job.status in _AT_WORK for job in self._jobs.values())

    def _next(self, wanted: Callable[[Job], bool] = lambda job: True) -> str | None:
        """Take the first of those ``wanted`` out of the queue, in the order of turns."""
        job_id = next((one for one in self._in_turn() if wanted(self._jobs[one])), None)
        if job_id is None:
            return None
        self._waiting.remove(job_id)
        self._served[self._jobs[job_id].owner] = max(self._served.values(), default=0) + 1
        self._update(job_id, status="starting")
        return job_id

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
                job_id = self._next()
                child = self._ready_child()
                if child and data is not None:
                    child.warm(data)
            if job_id and child:
                self._run(job_id, child)
            elif job_id:
                self._fail(job_id, "The training process cannot be started; try again later.")

    def _has_work(self) -> bool:
        return bool(self._closed or self._waiting or self._warm_data is not None)

    def _patience(self) -> float:
        return max(self._wanted + self._idle_seconds - time.monotonic(), 0.05)

    def _give_back_if_idle(self) -> None:
        if time.monotonic() >= self._wanted + self._idle_seconds:
            self._drop_child()
            self._served.clear()
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
        child.start(job_id, self._jobs[job_id].request)
        begun = time.monotonic()
        while self._is_active(job_id):
            message, guest = child.receive(timeout=0.1), None
            with self._lock:
                if message is not None:
                    self._take(message)
                    guest = self._guest(job_id) if message[0] == "event" else None
                self._watch_time(job_id, begun)
                if message is None and self._overdue(job_id):
                    self._drop_child()
                    data = self._jobs[job_id].request.data
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
                _log.exception("what follows on %s failed", job.request.kind)
            with self._lock:  # who wanted the result has it
                if job_id in self._jobs:
                    self._jobs[job_id] = replace(job, result=None)

    def _guest(self, job_id: str) -> str | None:
        """Take a job out of the queue that may run in the middle of this one."""
        running = self._jobs[job_id]
        if not running.active or job_id in self._stopping:
            return None
        return self._next(lambda job: lets_in(running.request, job.request))

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
        job, most = self._jobs[job_id], self._limits.seconds
        late = job.active and time.monotonic() - (job.started or begun) > most
        if late and job_id not in self._stopping:
            COUNTERS.count("refused: job over its time")
            text = f"Stopped after {most:g} seconds, the longest that one job may take here."
            self._update(job_id, message=text)
            self._ask_to_stop(job_id)

    def _overdue(self, job_id: str) -> bool:
        return time.monotonic() > self._stopping.get(job_id, float("inf"))

    def _take(self, message: tuple) -> None:
        if message == ("died",):
            self._take_death()
            return
        now = time.monotonic()
        kind, job_id, *rest = message
        job = self._jobs[job_id]
        match kind, *rest:
            case ("running",):
                tail = self._tails.get(_alike(job.request), _usual_tail(job.request))
                self._update(job_id, status="running", started=now, tail=tail)
            case "event", event:
                first = job.first_event or now
                events = (*job.events, event)
                self._update(job_id, events=events, first_event=first, last_event=now)
            case "done", result:
                cut_short = job_id in self._stopping and job.share < 1
                stopped = result is None or getattr(result, "stopped", cut_short)
                if len(job.events) > 1 and not stopped:
                    before = max(job.last_event - job.first_event, 1e-3)
                    self._tails[_alike(job.request)] = (now - job.last_event) / before
                self._update(job_id, status="stopped" if stopped else "done", result=result)
            case "failed", text:
                self._update(job_id, status="failed", message=text)

    def _take_death(self) -> None:
        self._drop_child()
        text = (
            "The training process ended unexpectedly, perhaps for want of memory; "
            "press the button to start it again."
        )
        for job in [job for job in self._jobs.values() if job.status in _AT_WORK]:
            if self._closed or job.id in self._stopping:
                self._update(job.id, status="stopped")
            else:
                self._update(job.id, status="failed", message=text)

    def _update(self, job_id: str, **changes: Any) -> None:
        job = replace(self._jobs[job_id], **changes)
        if not job.active:
            job = replace(job, ended=time.monotonic(), request=_light(job.request))
            _count(job)
        self._jobs[job_id] = job
        self._lock.notify_all()

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _forget_old(self) -> None:
        """Let the oldest ended jobs go: exports, of one owner who has many, of all together."""
        ended = [job for job in self._jobs.values() if not job.active]
        for job in [job for job in ended if job.request.kind == "export"][:-_KEPT_EXPORTS]:
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
    note("job ended", kind=job.request.kind, status=job.status, seconds=seconds)
    COUNTERS.count(f"job {job.request.kind}: {job.status}")
    if job.seconds is not None:
        COUNTERS.observe(f"job {job.request.kind}", job.seconds)


def _light(request: Request) -> Request:
    """A request that has been done, without the vectors of its pictures: jobs are remembered."""
    if isinstance(request.data, Embeddings):
        return replace(request, data=request.data.without_vectors())
    return request


def _alike(request: Request) -> tuple:
    """What jobs have in common whose parts take time in the same proportion."""
    config = getattr(request, "config", None)
    return request.kind, config and config.head


def _usual_tail(request: Request) -> float:
    config = getattr(request, "config", None)
    return getattr(request, "usual_tail", 0.0) if config and config.head == "softmax" else 0.0
