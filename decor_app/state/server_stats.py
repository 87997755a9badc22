"""Memory, disk and load of the server and its processes now: gauges of /metrics."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import Gauge

from decor_app.hosting.admission import ADMISSION
from decor_app.hosting.metrics import METRICS, STARTED
from decor_app.hosting.streamlit_internals import uploaded_bytes
from decor_app.jobs.tasks import QueueName
from decor_app.state.processes import inference_pool, job_queues

_QUEUES: dict[QueueName, str] = {
    "training": "trains",
    "evaluation": "cross-validates and searches",
    "dataset": "reads data sets",
    "tensorflow": "exports and fine-tunes with TensorFlow",
}
_GAUGES: dict[str, tuple[str, Callable[[], float]]] = {
    "visitors": ("People who are here", ADMISSION.count),
    "upload_bytes": ("Uploads that are held", uploaded_bytes),
    "jobs_waiting": ("Jobs that wait", lambda: _jobs(0)),
    "jobs_running": ("Jobs at work", lambda: _jobs(1)),
    "uptime_seconds": ("Since the start", lambda: time.monotonic() - STARTED),
    "server_bytes": ("Memory of the server", lambda: resident_bytes("self")),
    "inference_bytes": (
        "Memory of the processes that analyze pictures",
        lambda: sum(map(resident_bytes, inference_pool().process_ids)),
    ),
    **{
        f"{name}_bytes": (
            f"Memory of the process that {does}",
            lambda name=name: resident_bytes(job_queues()[name].process_id),
        )
        for name, does in _QUEUES.items()
    },
    "disk_free_bytes": ("Free on the disk", lambda: shutil.disk_usage(tempfile.gettempdir()).free),
}


def register_gauges() -> None:
    """Let /metrics give out all of them; once for a server."""
    for name, (words, ask) in _GAUGES.items():
        Gauge(f"decor_{name}", words, registry=METRICS.registry).set_function(ask)


def server_stats() -> dict[str, float]:
    """All of them as they are now, by name."""
    return {name: ask() for name, (_, ask) in _GAUGES.items()}


def _jobs(place: int) -> float:
    return sum(queue.load()[place] for queue in job_queues().values())


def resident_bytes(process: int | str | None) -> float:
    """Memory of a process by its id, or “self”; 0 where there is no /proc, or it is gone."""
    try:
        lines = Path("/proc", str(process), "status").read_text().splitlines()
    except OSError:
        return 0
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmRSS:")), 0)
    return int(kilobytes) * 1024
