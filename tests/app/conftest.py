"""What all pages share in one run of the tests, and a visitor whose jobs need no processes."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from app_pages import end_processes
from driven_jobs import Visit
from streamlit.components.v2 import manifest_scanner

from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_app.jobs.queue import JobQueue
from decor_app.jobs.tasks import QueueName
from decor_app.state import finished_jobs, processes, session_job
from decor_app.state.workspace import Workspace
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.store import DatasetStore
from decor_core.model.events import never_stop


@pytest.fixture(scope="session", autouse=True)
def scan_packages_once() -> Iterator[None]:
    """Streamlit looks for components in all installed packages, for each AppTest: 0.2 s."""
    with pytest.MonkeyPatch.context() as patch:
        scan = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(scope="session", autouse=True)
def share_processes() -> Iterator[None]:
    """What pages have started serves all files: each start takes a second."""
    yield
    end_processes()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where data sets are kept."""
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    return tmp_path / "datasets"


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Visit:
    queues = {name: JobQueue() for name in get_args(QueueName)}
    for module in (finished_jobs, processes, session_job):
        monkeypatch.setattr(module, "job_queues", lambda: queues)
    return Visit(Workspace("me"), queues)


@pytest.fixture
def dataset(visit: Visit, painted: Path) -> Dataset:
    """The painted pictures as a data set of the visitor."""
    into = DatasetStore(visit.session.folder / "datasets").begin("Shop")
    made = ingest(IngestTask(painted, into, "Shop"), lambda event: None, never_stop)
    visit.session.data_set = made.id
    return made
