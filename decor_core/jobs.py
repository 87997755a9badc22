"""What the training process can be asked for: requests that know how to run themselves.

A request is data that can be pickled; ``run`` is called in the child. What it reports on the way
are events of one kind; ``share`` tells from them how much is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from .evaluation import Evaluation
from .features import Embeddings
from .fitting import ShouldStop, never
from .heads import TrainConfig, TrainEvent
from .workflow import Training, cross_validate, train

Report = Callable[[Any], None]


class Request(Protocol):
    """A piece of work for the training process.

    ``run`` returns its result, or what there is of it when ``should_stop`` says so; it may raise
    ``Stopped`` where half of it is nothing. ``share`` is 0–1.
    """

    kind: ClassVar[str]
    data: Embeddings
    title: str

    def run(self, report: Report, should_stop: ShouldStop) -> Any: ...

    def share(self, events: Sequence[Any]) -> float: ...


class Stopped(Exception):
    """Raised by a request that was stopped and has nothing to show for it."""


@dataclass(frozen=True)
class TrainRequest:
    """Train a head for ``level`` of the data's taxonomy; gives a Training, reports TrainEvents."""

    kind: ClassVar[str] = "train"

    data: Embeddings
    config: TrainConfig
    level: str
    title: str = "My model"

    def run(self, report: Report, should_stop: ShouldStop) -> Training:
        return train(
            self.data,
            self.config,
            self.level,
            title=self.title,
            on_event=report,
            should_stop=should_stop,
        )

    def share(self, events: Sequence[TrainEvent]) -> float:
        """Of the steps; calibration and test come after them."""
        return events[-1].step / self.config.steps if events else 0.0


@dataclass(frozen=True)
class Folds:
    """How many of the ``total`` models of a cross-validation have been trained."""

    done: int
    total: int


@dataclass(frozen=True)
class CrossValidateRequest:
    """Judge the settings by cross-validation; gives an Evaluation for each level, reports Folds."""

    kind: ClassVar[str] = "cross-validate"

    data: Embeddings
    config: TrainConfig
    level: str
    title: str = ""
    repeats: int = 2

    def run(self, report: Report, should_stop: ShouldStop) -> dict[str, Evaluation]:
        def progress(done: int, total: int) -> None:
            report(Folds(done, total))
            if should_stop() and done < total:
                raise Stopped

        return cross_validate(
            self.data, self.config, self.level, repeats=self.repeats, progress=progress
        )

    def share(self, events: Sequence[Folds]) -> float:
        return events[-1].done / events[-1].total if events else 0.0


def warm_up(data: Embeddings) -> None:
    """Train for a moment on a few of ``data``, so that the first real job finds all prepared.

    TensorFlow traces its functions on first use, which costs a job most of a second.
    """
    level = data.taxonomy.name
    classes = data.target(level)[1]
    few = np.concatenate([np.flatnonzero(classes == c)[:4] for c in np.unique(classes)])
    TrainRequest(data.rows(few), TrainConfig(steps=2), level).run(lambda event: None, never)
