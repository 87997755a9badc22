"""Tasks that train models on vectors. They need no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from decor_app.jobs.tasks import Progress, QueueName, Report, Task
from decor_core.errors import Stopped
from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import Bundle
from decor_core.model.evaluation import Evaluation
from decor_core.model.events import ShouldStop, TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.training.search import (
    CurvePoint,
    SearchCandidate,
    SearchResult,
    learning_curve,
    search,
)
from decor_core.training.train import Training, cross_validate, train, train_on_all

# Measured: the folds that calibrate a model are trained in four times the time of its own steps.
_STEPS_SHARE = 0.2


@dataclass(frozen=True)
class _VectorsTask(Task):
    """A task on vectors: settings, and the level of the taxonomy to tell apart."""

    data: Embeddings
    config: TrainingConfig
    level: str


@dataclass(frozen=True)
class _TrainingTask(_VectorsTask):
    """One that gives a model, which is called ``title``."""

    queue: ClassVar[QueueName] = "training"

    title: str = "My model"
    training_data: TrainingData = field(default_factory=TrainingData)


@dataclass(frozen=True)
class TrainTask(_TrainingTask):
    """Train and test a model; gives a Training, reports TrainEvents."""

    kind: ClassVar[str] = "train"

    def run(self, report: Report, should_stop: ShouldStop) -> Training:
        return train(
            self.data,
            self.config,
            self.level,
            title=self.title,
            on_event=report,
            should_stop=should_stop,
        )

    def fraction_done(self, events: Sequence[TrainEvent]) -> float:
        return _STEPS_SHARE * events[-1].step / self.config.steps if events else 0.0


@dataclass(frozen=True)
class FirstModelTask(TrainTask):
    """The same as one of the steps by which a data set gets its models."""

    kind: ClassVar[str] = "first model"
    prepares: ClassVar[bool] = True


@dataclass(frozen=True)
class TrainOnAllTask(_TrainingTask):
    """Train on every picture; gives a Bundle without evaluation, reports nothing."""

    kind: ClassVar[str] = "train on all"

    def run(self, report: Report, should_stop: ShouldStop) -> Bundle:
        made = train_on_all(self.data, self.config, self.level, title=self.title, repeats=0)
        if should_stop():
            raise Stopped
        return made


@dataclass(frozen=True)
class WarmUpTask(Task):
    """Train one step on what ships, so that the first job finds prepared what trainings share."""

    kind: ClassVar[str] = "warm up"
    queue: ClassVar[QueueName] = "training"

    data: None = None

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        vectors = load_shipped_vectors()
        train(vectors, TrainingConfig("softmax", steps=1), vectors.taxonomy.name)


def load_shipped_vectors() -> Embeddings:
    """The vectors of the product pictures that ship; BundleError where they are missing."""
    return Embeddings.load().of_types("product")


class _ModelProgress:
    """Reports on a task that trains ``total`` models; some give a result on the way."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last = 0, 1

    def count(self, done: int, total: int) -> None:
        self._last = done, total
        self._report(Progress(done, total, done / total))

    def add(self, result: Any) -> None:
        done, total = self._last
        self._report(Progress(done, total, done / total, result=result))


@dataclass(frozen=True)
class CrossValidateTask(_VectorsTask):
    """Evaluate settings by cross-validation; gives an Evaluation for each level."""

    kind: ClassVar[str] = "cross-validate"
    queue: ClassVar[QueueName] = "evaluation"

    repeats: int = 1

    def run(self, report: Report, should_stop: ShouldStop) -> dict[str, Evaluation]:
        found = cross_validate(
            self.data,
            self.config,
            self.level,
            repeats=self.repeats,
            progress=_ModelProgress(report).count,
            should_stop=should_stop,
        )
        if not found:
            raise Stopped
        return found


@dataclass(frozen=True)
class SearchTask(_VectorsTask):
    """Try ``candidates`` beside the other settings of ``config``; gives a SearchResult for each."""

    kind: ClassVar[str] = "search"
    queue: ClassVar[QueueName] = "evaluation"

    candidates: tuple[SearchCandidate, ...]

    def run(self, report: Report, should_stop: ShouldStop) -> list[SearchResult]:
        progress = _ModelProgress(report)
        return search(
            self.data,
            self.candidates,
            self.level,
            base=self.config,
            on_result=progress.add,
            progress=progress.count,
            should_stop=should_stop,
        )


@dataclass(frozen=True)
class LearningCurveTask(_VectorsTask):
    """Whether more pictures would help; gives the CurvePoints of a learning curve."""

    kind: ClassVar[str] = "learning curve"
    queue: ClassVar[QueueName] = "evaluation"

    def run(self, report: Report, should_stop: ShouldStop) -> list[CurvePoint]:
        progress = _ModelProgress(report)
        return learning_curve(
            self.data,
            self.config,
            self.level,
            on_point=progress.add,
            progress=progress.count,
            should_stop=should_stop,
        )
