"""What the training process can be asked for: tasks that know how to run themselves.

A task is data that can be pickled; ``run`` is called in the child. What it reports on the way
are events of one kind; ``share`` tells from them how much is done.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Protocol

from decor_core.errors import Stopped, TrainingError
from decor_core.export.formats import export_model
from decor_core.features.backbones import load_backbone
from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import Bundle
from decor_core.model.calibration import ShouldStop, never_stop
from decor_core.model.evaluation import Evaluation
from decor_core.model.heads import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.tensorboard import write_summaries
from decor_core.training.search import Candidate, CurvePoint, Result, learning_curve, search
from decor_core.training.train import Training, cross_validate, train, train_on_all

ReportProgress = Callable[[Any], None]


class Task(Protocol):
    """A piece of work for the training process.

    ``run`` returns its result, or what there is of it when ``should_stop`` says so; it may raise
    errors.Stopped where half of it is nothing. ``data`` is sent to the child once, however many
    tasks have it. ``share`` is 0–1.
    """

    kind: ClassVar[str]
    data: Any
    title: str

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> Any: ...

    def fraction_done(self, events: Sequence[Any]) -> float: ...


@dataclass(frozen=True)
class TrainTask:
    """Train a head for ``level`` of the data's taxonomy; gives a Training, reports TrainEvents."""

    kind: ClassVar[str] = "train"
    # Measured: the folds that calibrate it are trained in so many times the time of the steps.
    usual_tail: ClassVar[float] = 3.0

    data: Embeddings
    config: TrainingConfig
    level: str
    title: str = "My model"
    training_data: TrainingData = field(default_factory=TrainingData)

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> Training:
        return train(
            self.data,
            self.config,
            self.level,
            title=self.title,
            on_event=report,
            should_stop=should_stop,
        )

    def fraction_done(self, events: Sequence[TrainEvent]) -> float:
        """Of the steps; calibration and test come after them."""
        return events[-1].step / self.config.steps if events else 0.0


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` models are trained; ``news`` is a result that came with the last."""

    done: int
    total: int
    news: Any = None


def can_preempt(running: Task, waiting: Task) -> bool:
    """Whether what runs takes so long that, between two of its models, a training may run."""
    return isinstance(running, _Counted) and isinstance(waiting, TrainTask | TrainOnAllTask)


class Silent:
    """What the tasks have in common that report nothing."""

    def fraction_done(self, events: Sequence[Any]) -> float:
        """Not known before the end."""
        return 0.0


class _Counted:
    """What the tasks have in common that train many models."""

    def fraction_done(self, events: Sequence[Progress]) -> float:
        """Of the models."""
        return events[-1].done / events[-1].total if events else 0.0

    def news(self, events: Sequence[Progress]) -> list[Any]:
        """The results so far."""
        return [event.news for event in events if event.news is not None]


@dataclass(frozen=True)
class CrossValidateTask(_Counted):
    """Judge settings by cross-validation; gives an Evaluation for each level."""

    kind: ClassVar[str] = "cross-validate"

    data: Embeddings
    config: TrainingConfig
    level: str
    title: str = ""
    repeats: int = 1

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> dict[str, Evaluation]:
        found = cross_validate(
            self.data,
            self.config,
            self.level,
            repeats=self.repeats,
            progress=lambda done, total: report(Progress(done, total)),
            should_stop=should_stop,
        )
        if not found:
            raise Stopped
        return found


@dataclass(frozen=True)
class TrainOnAllTask(Silent):
    """Train on every picture; gives a Bundle that nothing has judged, reports nothing."""

    kind: ClassVar[str] = "train on all"

    data: Embeddings
    config: TrainingConfig
    level: str
    title: str = "My model"
    training_data: TrainingData = field(default_factory=TrainingData)

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> Bundle:
        made = train_on_all(self.data, self.config, self.level, title=self.title, repeats=0)
        if should_stop():
            raise Stopped
        return made


@dataclass(frozen=True)
class SearchTask(_Counted):
    """Try ``candidates`` beside the other settings of ``config``; gives a Result for each."""

    kind: ClassVar[str] = "search"

    data: Embeddings
    config: TrainingConfig
    level: str
    candidates: tuple[Candidate, ...]
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> list[Result]:
        reporter = _Reporter(report)
        return search(
            self.data,
            self.candidates,
            self.level,
            base=self.config,
            on_result=reporter.tell,
            progress=reporter.count,
            should_stop=should_stop,
        )


@dataclass(frozen=True)
class LearningCurveTask(_Counted):
    """Whether more pictures would help; gives the CurvePoints of a learning curve."""

    kind: ClassVar[str] = "learning curve"

    data: Embeddings
    config: TrainingConfig
    level: str
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> list[CurvePoint]:
        reporter = _Reporter(report)
        return learning_curve(
            self.data,
            self.config,
            self.level,
            on_point=reporter.tell,
            progress=reporter.count,
            should_stop=should_stop,
        )


@dataclass(frozen=True)
class NetworkTask(Silent):
    """Fetch and convert the network called ``data``; gives its file, reports nothing."""

    kind: ClassVar[str] = "network"

    data: str
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> Path:
        spec = load_backbone(self.data).spec
        return spec.path


@dataclass(frozen=True)
class ExportTask(Silent):
    """Write a model as a zip of one of export.FORMATS; gives its bytes, reports nothing."""

    kind: ClassVar[str] = "export"

    data: Bundle
    format: str
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> bytes:
        with tempfile.TemporaryDirectory(prefix="decor-export-") as folder:
            return export_model(self.data, self.format, Path(folder, "model.zip")).read_bytes()


@dataclass(frozen=True)
class SummariesTask(Silent):
    """Write curves for TensorBoard, a folder for each name; gives them as a zip, or as ``folder``.

    ``data`` are the events by name. Without ``folder`` the bytes of a zip are the result.
    """

    kind: ClassVar[str] = "summaries"

    data: tuple[tuple[str, tuple[TrainEvent, ...]], ...]
    folder: Path | None = None
    title: str = ""

    def run(self, report: ReportProgress, should_stop: ShouldStop) -> Path | bytes:
        with tempfile.TemporaryDirectory(prefix="decor-summaries-") as place:
            folder = self.folder or Path(place, "curves")
            for name, events in self.data:
                self._write(events, folder / name)
            if self.folder:
                return self.folder
            return Path(shutil.make_archive(str(folder), "zip", folder)).read_bytes()

    def _write(self, events: Sequence[TrainEvent], folder: Path) -> None:
        if find_spec("tensorboard") is None:
            raise TrainingError(
                "TensorBoard is not installed where Decor runs; “pip install tensorboard” there."
            )
        shutil.rmtree(folder, ignore_errors=True)  # or every curve would be drawn twice
        write_summaries(events, folder)


class _Reporter:
    """Joins what is counted and what is found into one line of events."""

    def __init__(self, report: ReportProgress) -> None:
        self._report = report
        self._last = Progress(0, 1)

    def count(self, done: int, total: int) -> None:
        self._last = Progress(done, total)
        self._report(self._last)

    def tell(self, news: Any) -> None:
        self._report(Progress(self._last.done, self._last.total, news))


def warm_up(data: Embeddings) -> None:
    """Train a step on ``data``, so that the first real job finds prepared what it needs.

    TensorFlow traces its functions on first use, and what trainings share is kept.
    """
    TrainTask(data, TrainingConfig("softmax", steps=1), data.taxonomy.name).run(
        lambda event: None, never_stop
    )
