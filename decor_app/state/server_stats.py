"""What the server and its other processes take of the machine just now."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from decor_app.hosting.admission import connected, uploaded_bytes
from decor_app.hosting.metrics import STARTED
from decor_app.state.dataset_jobs import dataset_queue
from decor_app.state.inference import inference_pool
from decor_app.state.models import training_queue


@dataclass(frozen=True)
class Vitals:
    """A snapshot; memory in megabytes is None where the system does not tell."""

    visitors: int
    upload_mb: float
    running: int
    waiting: int
    uptime: float
    server_mb: float | None
    looker_mb: float | None
    trainer_mb: float | None
    reader_mb: float | None
    free_disk_mb: float


def now() -> Vitals:
    """How things stand."""
    loads = [one.load() for one in (training_queue(), dataset_queue())]
    return Vitals(
        visitors=len(connected()),
        upload_mb=uploaded_bytes() / 2**20,
        waiting=sum(waiting for waiting, _ in loads),
        running=sum(running for _, running in loads),
        uptime=time.monotonic() - STARTED,
        server_mb=resident_mb("self"),
        looker_mb=_process_mb(inference_pool().process_id),
        trainer_mb=_process_mb(training_queue().process_id),
        reader_mb=_process_mb(dataset_queue().process_id),
        free_disk_mb=shutil.disk_usage(tempfile.gettempdir()).free / 2**20,
    )


def _process_mb(process: int | None) -> float | None:
    return resident_mb(str(process)) if process else None


def resident_mb(process: str) -> float | None:
    """Memory of a process by its id, or “self”; None where there is no /proc, or it is gone."""
    try:
        lines = Path("/proc", process, "status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmRSS:")), None)
    return int(kilobytes) / 1024 if kilobytes else None
