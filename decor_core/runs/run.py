"""One training worth coming back to: what it was and gave, and its folder on disk."""

import math
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from decor_core.errors import DamagedFile, RunError, check_kind, damaged_file
from decor_core.io import Arrays, json_as, read_arrays, read_json, write_arrays, write_json
from decor_core.model.bundle import Bundle, load_bundle, write_bundle
from decor_core.model.evaluation import Evaluation
from decor_core.model.events import TrainEvent
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.training.train import Training

MAX_LETTERS = 200  # of a title, and of each label

RUN_FILE, MODEL_FOLDER = "run.json", "model"
PREDICTION_COLUMNS = ("key", "file", "truth", "answer", "probability")

_FORMAT, _EVENTS_FILE = "decor-run/1", "events.npz"


@dataclass(frozen=True, eq=False)
class Run:
    """One training: the model it gave, how it was trained, on what, and how it went.

    ``data`` names the pictures, ``seconds`` is what the training took (None: not known), and
    ``predictions`` has a row for each test picture: PREDICTION_COLUMNS, where ``key`` is the
    SHA-256 of its content and the probability is 0–1. Models that ship or were imported have no
    events and no predictions; those that ship are ``read_only``.
    """

    id: str
    bundle: Bundle
    config: TrainingConfig
    data: str
    predictions: pd.DataFrame
    events: tuple[TrainEvent, ...] = ()
    seconds: float | None = None
    note: str = ""
    read_only: bool = False

    @property
    def title(self) -> str:
        return self.bundle.title

    @property
    def created(self) -> str:
        """Time in UTC, ISO 8601."""
        return self.bundle.created

    @property
    def level(self) -> str:
        """Name of the taxonomy that was learned."""
        return self.bundle.taxonomy.name

    @property
    def evaluation(self) -> Evaluation | None:
        """On the test pictures; None where none were kept for testing."""
        return self.bundle.evaluation

    @property
    def cross_validation(self) -> Mapping[str, Evaluation]:
        """Cross-validated figures by taxonomy; empty where it was not asked for."""
        return self.bundle.cross_validation

    @property
    def stopped(self) -> bool:
        """Whether it ended before its last step."""
        if tuned := self.bundle.training.get("fine_tuned"):
            return bool(tuned.get("stopped"))
        return bool(self.events) and self.events[-1].step < self.config.steps

    @property
    def settings(self) -> dict[str, Any]:
        """All that could make its result differ from another run's, by name.

        What has no effect on its head, as steps in closed form, is None.
        """
        config, embedding = self.config, self.bundle.embedding
        settings = {
            one.name: getattr(config, one.name) if config.head in one.metadata["heads"] else None
            for one in fields(config)
            if one.name != "eval_interval"  # changes no result
        }
        if not config.fine_tune:
            settings |= dict.fromkeys(name for name in settings if name.startswith("fine_tune_"))
        return {
            "data": self.data,
            "taxonomy": self.level,
            "pictures": self.bundle.training.get("pictures"),
            **settings,
            "architecture": embedding.architecture,  # the settings of older runs lack it
            "views": embedding.views,
            "region": embedding.region,
        }

    def titled(self, title: str) -> "Run":
        """The same run under another title; RunError if it is empty."""
        check_kind(title, str, "a title", RunError)
        if not title.strip():
            raise RunError("A run needs a name; type at least one letter.")
        return replace(self, bundle=self.bundle.titled(title.strip()))

    def with_cross_validation(self, found: Mapping[str, Evaluation]) -> "Run":
        """The same run with the figures of ``training.train.cross_validate`` beside it."""
        return replace(self, bundle=replace(self.bundle, cross_validation=dict(found)))


def check_title(title: str) -> str:
    """The title that somebody gives a run, without space around it; RunError where it is none.

    One that is longer, or not one line, could not be imported again.
    """
    check_kind(title, str, "a title", RunError)
    title = title.strip()
    if not title:
        raise RunError("A run needs a name; type at least one letter.")
    if len(title) > MAX_LETTERS or not title.isprintable():
        raise RunError(
            f"The name of a run is one line of at most {MAX_LETTERS} letters; expected one, but "
            f"got {title[:40]!r}, of {len(title)} letters."
        )
    return title


def run_of_training(
    training: Training | Bundle, data: TrainingData | str, seconds: float | None = None
) -> Run:
    """What to keep of a training on ``data``, or on the pictures called so."""
    check_kind(training, Training | Bundle, "a Training or a Bundle", RunError)
    check_kind(data, TrainingData | str, "the name of the pictures, or TrainingData", RunError)
    check_kind(seconds, float | int | None, "seconds", RunError)
    bundle = training if isinstance(training, Bundle) else training.bundle
    about = {"data": data}
    if isinstance(data, TrainingData):
        about = {"data": data.name, "material": data.to_json()}
    run = run_of_bundle(replace(bundle, training=bundle.training | about))
    if isinstance(training, Training):
        predictions = training.predictions[list(PREDICTION_COLUMNS)]
        run = replace(run, predictions=predictions, events=training.events)
    return replace(run, seconds=seconds)


def run_of_bundle(bundle: Bundle, *, id: str = "", read_only: bool = False) -> Run:
    """A run that is known by its model only, as one that ships or was imported.

    TrainingError, or DamagedFile, where what the model says of its training makes no sense.
    """
    training_data = TrainingData.of(bundle)
    return Run(
        id or secrets.token_hex(4),
        bundle,
        json_as(bundle.training, TrainingConfig),
        data=training_data.name if training_data else str(bundle.training.get("data", "")),
        predictions=pd.DataFrame(columns=list(PREDICTION_COLUMNS)),
        read_only=read_only,
    )


@dataclass(frozen=True)
class _Predictions:
    """The columns of ``Run.predictions``."""

    key: list[str]
    file: list[str]
    truth: list[str]
    answer: list[str]
    probability: list[float]

    def __post_init__(self) -> None:
        if len({len(column) for column in vars(self).values()}) != 1:
            raise DamagedFile("the columns of its answers are not of the same length")


@dataclass(frozen=True)
class _RunFile:
    """What ``run.json`` holds."""

    format: str
    note: str
    data: str
    seconds: float | None
    config: TrainingConfig
    answers: _Predictions  # as stored


def write_run(run: Run, folder: Path) -> None:
    """Write ``run`` into ``folder``: ``model/``, ``events.npz`` and, last, ``run.json``.

    Each file in one move: who reads meanwhile, maybe on another server, finds all of them. OSError
    where the disk refuses.
    """
    write_bundle(run.bundle, folder / MODEL_FOLDER)
    names = [field.name for field in fields(TrainEvent)]
    columns = {name: np.array([getattr(e, name) for e in run.events], float) for name in names}
    write_arrays(folder / _EVENTS_FILE, **columns)
    predictions = _Predictions(*(run.predictions[name].tolist() for name in PREDICTION_COLUMNS))
    about = _RunFile(_FORMAT, run.note, run.data, run.seconds, run.config, predictions)
    write_json(folder / RUN_FILE, about)


def load_run(folder: Path) -> Run:
    """What ``write_run`` wrote into ``folder``, whose name is the id; DecorError if damaged.

    The network that its model may carry is read when it is wanted: there are many runs.
    """
    with damaged_run(folder):
        about = read_json(folder / RUN_FILE, dict[str, Any])
        if about.get("format") != _FORMAT:
            raise DamagedFile(f"its format is {about.get('format')!r}, not {_FORMAT!r}")
        about = json_as(about, _RunFile)
        events = _events(read_arrays(folder / _EVENTS_FILE))
    return Run(
        id=folder.name,
        bundle=load_bundle(folder / MODEL_FOLDER, network_in_file=True),
        config=about.config,
        data=about.data,
        predictions=pd.DataFrame(asdict(about.answers)),
        events=events,
        seconds=about.seconds,
        note=about.note,
    )


def _events(columns: Arrays) -> tuple[TrainEvent, ...]:
    names = [field.name for field in fields(TrainEvent)]
    arrays = [columns[name] for name in names]
    if any(one.dtype.kind != "f" or one.shape != (len(arrays[0]),) for one in arrays):
        raise DamagedFile("its curves are not columns of numbers")
    if not np.isfinite(columns["step"]).all():
        raise DamagedFile("its steps are no numbers")
    events = []
    for row in zip(*(one.tolist() for one in arrays), strict=True):
        event = dict(zip(names, row, strict=True))
        for name in ("validation_accuracy", "validation_cross_entropy"):
            event[name] = None if math.isnan(event[name]) else event[name]  # no validation
        events.append(TrainEvent(**event | {"step": int(event["step"])}))
    return tuple(events)


def damaged_run(folder: Path) -> AbstractContextManager[None]:
    """What cannot be read in the block is told as a damaged run."""
    return damaged_file(RunError, f"The run in “{folder}” is damaged", "delete it")
