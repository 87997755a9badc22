"""Jobs without processes: each ends when the test says so, between two readings of a page."""

from dataclasses import dataclass
from typing import Any

from decor_app.jobs.queue import JobQueue
from decor_app.jobs.tasks import QueueName, Task
from decor_app.state.session_job import SessionJob, Steps, single
from decor_app.state.workspace import Workspace


@dataclass(frozen=True)
class Visit:
    """A visitor, and the queues whose jobs the test ends."""

    session: Workspace
    queues: dict[QueueName, JobQueue]

    def begin(self, purpose: str, steps: Task | Steps, about: str = "") -> SessionJob:
        steps = single(steps) if isinstance(steps, Task) else steps
        job = SessionJob(self.session.owner, steps, about)
        job.advance()
        self.session.jobs[purpose] = job
        return job

    def end(self, purpose: str, result: Any) -> None:
        """End the visitor's job for ``purpose``, as the thread of its queue does."""
        now = self.session.jobs[purpose].snapshot()
        queue = self.queues[now.task.queue]
        while queue.snapshot(now.id).status == "queued":
            queue.take()
        done = queue.finish(now.id, result)
        if now.then:
            now.then(done)
            queue.drop_result(now.id)
