"""Tasks that load TensorFlow: networks to convert, models to export, curves for TensorBoard."""

import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from decor_app.jobs.tasks import Progress, QueueName, Report, Task
from decor_core.errors import TrainingError
from decor_core.export.formats import export_bytes
from decor_core.features.backbones import load_backbone, provide_network
from decor_core.model.bundle import Bundle
from decor_core.model.events import ShouldStop, TrainEvent
from decor_core.runs.tensorboard import write_summaries

_DOWNLOADING = 0.7  # of the time that a network takes; the rest is its conversion


@dataclass(frozen=True)
class NetworkTask(Task):
    """Fetch and convert the network called ``data``; gives its file, reports bytes that came."""

    kind: ClassVar[str] = "network"
    queue: ClassVar[QueueName] = "tensorflow"
    prepares: ClassVar[bool] = True

    data: str

    def run(self, report: Report, should_stop: ShouldStop) -> Path:
        def show(done: int, total: int | None) -> None:
            if total:
                report(Progress(done, total, _DOWNLOADING * done / total))

        provide_network(self.data, show)
        return load_backbone(self.data).spec.path


@dataclass(frozen=True)
class ExportTask(Task):
    """Write a model as a zip of one of export.FORMATS; gives its bytes, reports nothing."""

    kind: ClassVar[str] = "export"
    queue: ClassVar[QueueName] = "tensorflow"

    data: Bundle
    format: str

    def run(self, report: Report, should_stop: ShouldStop) -> bytes:
        return export_bytes(self.data, self.format)


@dataclass(frozen=True)
class SummariesTask(Task):
    """Write curves for TensorBoard, a folder for each name; gives them as a zip, or as ``folder``.

    ``data`` are the events by name. Without ``folder`` the bytes of a zip are the result.
    """

    kind: ClassVar[str] = "summaries"
    queue: ClassVar[QueueName] = "tensorflow"

    data: tuple[tuple[str, tuple[TrainEvent, ...]], ...]
    folder: Path | None = None

    def run(self, report: Report, should_stop: ShouldStop) -> Path | bytes:
        if find_spec("tensorboard") is None:
            raise TrainingError(
                "TensorBoard is not installed where Decor runs; “pip install tensorboard” there."
            )
        with tempfile.TemporaryDirectory(prefix="decor-summaries-") as temporary:
            folder = self.folder or Path(temporary, "curves")
            for name, events in self.data:
                shutil.rmtree(folder / name, ignore_errors=True)  # or each curve is drawn twice
                write_summaries(events, folder / name)
            if self.folder:
                return self.folder
            return Path(shutil.make_archive(str(folder), "zip", folder)).read_bytes()
