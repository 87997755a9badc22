"""Fine-tuning of a network on a data set: how long it would take, and the training itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from decor_app.jobs.dataset_tasks import load_state
from decor_app.jobs.tasks import STOP_GRACE, Progress, QueueName, Report, Task
from decor_core.features.embeddings import Embeddings
from decor_core.model.events import ShouldStop, TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run
from decor_core.training.fine_tuner import FineTuner
from decor_core.training.fine_tuning import FineTuning, fine_tune
from decor_core.training.labeled_vectors import LabeledVectors
from decor_core.training.time_estimate import PHASES, PICTURES, TimeEstimate
from decor_core.training.train import Training

_FINISHING = 900.0  # seconds for the network and vectors of the best epoch, on a slow machine


@dataclass(frozen=True)
class EstimateTask(Task):
    """Measure how long the FineTuneTask of the same fields would take; gives a TimeEstimate."""

    kind: ClassVar[str] = "estimate"
    queue: ClassVar[QueueName] = "tensorflow"

    data: Embeddings
    config: TrainingConfig
    level: str
    folder: Path
    number: int | None = None
    version: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> TimeEstimate:
        return FineTuner(self.data, self._read(), self.config, self.level).estimate()

    def _read(self) -> Callable[[str], bytes]:
        return load_state(self.folder, self.number, self.version).catalog.read


@dataclass(frozen=True)
class FineTuneTask(EstimateTask):
    """Fine-tune the network of the ``linear`` run; gives a FineTuning.

    ``data`` are the vectors that the run learned from, ``folder``, ``number`` and ``version`` tell
    the state of the data set. It reports Progress, whose result is a TrainEvent after each epoch.
    ``estimate`` is what the EstimateTask gave. Stopped after an epoch, it finishes the best one.
    """

    kind: ClassVar[str] = "fine-tune"

    linear: Run = field(kw_only=True)
    training_data: TrainingData = field(kw_only=True)
    estimate: TimeEstimate | None = field(default=None, kw_only=True)

    def run(self, report: Report, should_stop: ShouldStop) -> FineTuning:
        parts = LabeledVectors.of(self.data, self.level, self.config).split()
        linear = Training(self.linear.bundle, parts, self.linear.predictions, self.linear.events)
        progress = _TimedProgress(report)
        return fine_tune(
            self.data,
            self._read(),
            self.config,
            self.level,
            linear=linear,
            estimate=self.estimate,
            on_estimate=progress.begin,
            on_event=progress.add,
            progress=progress.count,
            should_stop=should_stop,
        )

    def stop_grace(self, events: Sequence[Progress]) -> float:
        has_epoch = any(event.result for event in events)
        return _FINISHING if has_epoch else STOP_GRACE


class _TimedProgress:
    """Reports how much of a fine-tuning is done, by the time that its phases should take."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seconds: dict[str, float] = {}
        self._event: TrainEvent | None = None

    def begin(self, estimate: TimeEstimate) -> None:
        self._seconds = dict(estimate.phases)
        self._report(Progress(0, 1, 0.0, PICTURES))

    def add(self, event: TrainEvent) -> None:
        """Have it reported with the next count."""
        self._event = event

    def count(self, phase: str, done: int, total: int) -> None:
        event, self._event = self._event, None
        before = sum(self._seconds[one] for one in PHASES[: PHASES.index(phase)])
        over = before + self._seconds[phase] * done / total
        fraction = over / sum(self._seconds.values())
        self._report(Progress(done, total, fraction, phase, event))
