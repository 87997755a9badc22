"""A queue of jobs without a process: turns, places, limits, what is remembered, many threads."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from decor_app.jobs import queue as queues
from decor_app.jobs.job import Job
from decor_app.jobs.queue import JobQueue, QueueLimits
from decor_app.jobs.tasks import Progress, Task
from decor_app.jobs.train_tasks import TrainTask
from decor_core.errors import TrainingError
from decor_core.model.training_config import TrainingConfig


@dataclass(frozen=True)
class Work(Task):
    kind: ClassVar[str] = "work"

    data: Any = None


@dataclass(frozen=True)
class Export(Task):
    kind: ClassVar[str] = "export"

    data: Any = None


@pytest.fixture
def queue():
    return JobQueue()


def run_next(queue: JobQueue, result: Any = "made") -> Job | None:
    """Does what a process would do with the next job."""
    job = queue.take()
    queue.begin(job.id)
    return queue.finish(job.id, result)


def states(queue: JobQueue, *job_ids: str) -> list[tuple[str, int]]:
    return [(job.status, job.place) for job in map(queue.snapshot, job_ids)]


def test_a_job_goes_through_its_states(queue):
    job_id = queue.submit(Work("data"), "me", "a run")
    assert states(queue, job_id) == [("queued", 0)]
    assert queue.take().id == job_id and states(queue, job_id) == [("starting", 0)]
    queue.begin(job_id)
    assert queue.load() == (0, 1)
    queue.add_event(job_id, Progress(1, 4, 0.25, result="first"))
    job = queue.snapshot(job_id)
    assert (job.status, job.fraction_done, job.partial_results) == ("running", 0.25, ["first"])
    queue.finish(job_id, "made")
    job = queue.snapshot(job_id)
    assert (job.status, job.result, job.about, job.owner) == ("done", "made", "a run", "me")
    assert job.seconds >= 0 and not job.active and queue.load() == (0, 0)


def test_order_and_place_and_who_is_stopped_leaves(queue):
    running, first, second, third = (queue.submit(Work(), name) for name in "mabc")
    queue.take()
    assert states(queue, first, second, third) == [("queued", 1), ("queued", 2), ("queued", 3)]
    queue.stop(first)
    assert states(queue, first, second, third) == [("stopped", 0), ("queued", 1), ("queued", 2)]
    queue.finish(running, "made")
    assert [run_next(queue).id for _ in range(2)] == [second, third]
    assert queue.snapshot(first).result is None


def test_owners_take_turns(queue):
    queue.submit(Work(), "me")
    queue.take()  # “me” is being served already
    mine = [queue.submit(Work(), "me") for _ in range(3)]
    yours = [queue.submit(Work(), "you") for _ in range(2)]
    assert [queue.snapshot(job_id).place for job_id in (*yours, *mine)] == [1, 3, 2, 4, 5]
    assert [run_next(queue).owner for _ in range(5)] == ["you", "me", "you", "me", "me"]


def test_one_owner_cannot_fill_the_queue(queue):
    for _ in range(10):
        queue.submit(Work(), "me")
    with pytest.raises(TrainingError, match="10 of your jobs are waiting already"):
        queue.submit(Work(), "me")
    assert queue.snapshot(queue.submit(Work(), "you")).place == 1


def test_the_queue_as_a_whole_has_an_end():
    queue = JobQueue(QueueLimits(waiting=2))
    for name in "ab":
        queue.submit(Work(), name)
    with pytest.raises(TrainingError, match="2 jobs are waiting, as many as this server takes"):
        queue.submit(Work(), "c")


def test_a_warm_up_runs_when_there_is_no_job(queue):
    queue.warm(Work("warm"))
    job_id = queue.submit(Work("job"), "me")
    assert queue.take().id == job_id
    warm_up = queue.take()
    assert warm_up.task.data == "warm" and queue.owners() == {"me"}
    queue.begin(warm_up.id)
    queue.add_event(warm_up.id, "event")
    assert queue.finish(warm_up.id, None) is None, "nobody asks for it"


def test_a_running_job_is_asked_to_stop_and_keeps_what_it_has(queue):
    job_id = queue.submit(Work(), "me")
    queue.take()
    queue.begin(job_id)
    assert not queue.is_stopping(job_id)
    queue.stop(job_id, "Too long.")
    queue.stop(job_id)  # impatience does no harm
    assert queue.is_stopping(job_id) and queue.snapshot(job_id).active
    job = queue.finish(job_id, "half of it")
    assert (job.status, job.result, job.message) == ("stopped", "half of it", "Too long.")


def test_what_was_stopped_and_then_died_has_not_failed(queue):
    job_id = queue.submit(Work(), "me")
    queue.take()
    queue.stop(job_id)
    queue.fail(job_id, "It died.")
    assert (queue.snapshot(job_id).status, queue.snapshot(job_id).message) == ("stopped", "")


def test_unknown_jobs_are_none_and_stopping_them_is_no_error(queue):
    assert queue.snapshot("nobody") is None and queue.wait("nobody", 60) is None
    queue.stop("nobody")


def test_who_is_gone_is_forgotten(queue):
    running, waiting, stays = (queue.submit(Work(), name) for name in ("me", "gone", "here"))
    queue.take()
    queue.forget(["gone", "me"])
    assert queue.snapshot(waiting) is None and queue.owners() == {"me", "here"}
    assert queue.is_stopping(running), "what runs is stopped first"
    queue.finish(running, None)
    queue.forget(["me"])
    assert queue.owners() == {"here"} and queue.jobs("here")
    queue.add_event(running, "late news")
    assert queue.finish(running, "late") is None
    assert run_next(queue).id == stays


def test_everybody_sees_only_their_own_jobs(queue):
    job_id = queue.submit(Work(), "somebody")
    assert [job.id for job in queue.jobs("somebody")] == [job_id]
    assert queue.jobs("somebody else") == []


def test_only_the_latest_jobs_are_remembered(queue, monkeypatch):
    monkeypatch.setattr(queues, "_KEPT_OF_ONE", 2)
    monkeypatch.setattr(queues, "_KEPT_EXPORTS", 1)
    jobs = []
    for _ in range(4):
        jobs.append(queue.submit(Work(), "busy"))
        run_next(queue)
    assert [job.id for job in queue.jobs("busy")] == jobs[1:]  # the last was not yet ended
    for _ in range(3):
        queue.submit(Export(), "packer")
        last = run_next(queue).id
    queue.submit(Work(), "packer")
    assert [job.id for job in queue.jobs("packer") if job.task.kind == "export"] == [last]


def test_vectors_are_let_go_when_a_job_has_ended(queue, embeddings):
    queue.submit(TrainTask(embeddings, TrainingConfig(), "style"), "me")
    job = run_next(queue)
    assert not len(job.task.data.vectors)
    assert job.task.data.target("style")[0] == embeddings.target("style")[0]


def test_waiting_ends_with_the_job_or_in_time(queue):
    job_id = queue.submit(Work(), "me")
    assert queue.wait(job_id, 0.01).status == "queued"
    threading.Timer(0.05, run_next, [queue]).start()
    assert queue.wait(job_id, 60).status == "done"


def test_a_closed_queue_takes_nothing_and_gives_nothing(queue):
    waiting = queue.submit(Work(), "me")
    queue.close()
    assert queue.snapshot(waiting).status == "stopped" and queue.take() is None
    with pytest.raises(TrainingError, match="shut down; restart the app"):
        queue.submit(Work(), "me")


class Guarded(dict):
    """Jobs that may only be touched by who holds the lock of their queue."""

    def __init__(self, lock: threading.Condition) -> None:
        super().__init__()
        self._lock = lock

    def __getattribute__(self, name: str) -> Any:
        if name != "_lock":
            assert self._lock._is_owned(), f"jobs.{name} without the lock"
        return super().__getattribute__(name)

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __getitem__(self, key: str) -> Job:
        return self.get(key)

    def __setitem__(self, key: str, job: Job) -> None:
        self.update({key: job})

    def __delitem__(self, key: str) -> None:
        self.pop(key)


def guard(queue: JobQueue) -> JobQueue:
    queue._jobs = Guarded(queue._changed)
    return queue


def test_nothing_touches_the_jobs_without_the_lock():
    queue = guard(JobQueue())
    first, second, third = (queue.submit(Work(), name) for name in "abc")
    queue.stop(second)
    queue.take()
    queue.begin(first)
    queue.add_event(first, Progress(1, 2, 0.5))
    queue.is_stopping(first)
    queue.finish(first, "made")
    queue.drop_result(first)
    queue.take()
    queue.fail(third, "It broke.")
    queue.wait(third, 0)
    assert [queue.snapshot(job_id).status for job_id in (first, second, third)] == [
        "done", "stopped", "failed"
    ]  # fmt: skip
    queue.jobs("a"), queue.owners(), queue.load()
    queue.forget(["a"])
    queue.close()


def test_visitors_and_a_runner_on_threads_of_their_own(queue):
    finished = []

    def runner() -> None:
        while job := queue.take():
            queue.begin(job.id)
            queue.finish(job.id, None if queue.is_stopping(job.id) else "made")

    def visitor(name: str) -> None:
        for number in range(40):
            job_id = queue.submit(Work(), name)
            if number % 3 == 0:
                queue.stop(job_id)
            job = queue.wait(job_id, 60)
            assert job is None or not job.active
            if number % 10 == 0:
                queue.forget([name])
        finished.append(name)

    running = threading.Thread(target=runner)
    running.start()
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(visitor, "abcde"))
    queue.close()
    running.join()
    assert sorted(finished) == list("abcde")
