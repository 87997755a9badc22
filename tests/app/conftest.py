"""A visitor whose jobs need no processes."""

from typing import get_args

import pytest
from driven_jobs import Visit

from decor_app.jobs.queue import JobQueue
from decor_app.jobs.tasks import QueueName
from decor_app.state import jobs, processes
from decor_app.state.workspace import Workspace


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Visit:
    queues = {name: JobQueue() for name in get_args(QueueName)}
    for module in (jobs, processes):
        monkeypatch.setattr(module, "job_queues", lambda: queues)
    return Visit(Workspace("me"), queues)
