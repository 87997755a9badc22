"""Automatic training on a new data set: a first model at once, then a better one.

``FirstModel.steps`` lists the steps. Each is a job of a background process, and the next is queued
when it is done, whichever page is open and whether any is.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from decor_app.format import escape_markdown
from decor_app.hosting.config import server_config
from decor_app.jobs.dataset_tasks import CheckTask, EmbedTask
from decor_app.jobs.ingest_tasks import IngestTask
from decor_app.jobs.train_tasks import FirstModelTask
from decor_app.state.errors import undo_if_interrupted
from decor_app.state.jobs import CHECK, FIRST_MODEL, INGEST, stop, submit
from decor_app.state.models import in_use, use_model
from decor_app.state.runs import IN_SESSION, find_run, save_run
from decor_app.state.session_job import SessionJob, Steps, single
from decor_app.state.toasts import toast
from decor_app.state.training_vectors import keep_vectors
from decor_app.state.workspace import Workspace, workspace
from decor_core.data.split import different_pictures, needed
from decor_core.datasets.dataset import Dataset, load_dataset
from decor_core.errors import DecorError
from decor_core.images.augment import Augmentation
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run, run_of_training
from decor_core.training.improvement import Improvement, improvement
from decor_core.training.train import Training


@dataclass(frozen=True)
class TrainedModel:
    """A model that a data set has got: what it learned from, how many seconds after it came."""

    training: Training
    training_data: TrainingData
    seconds: float


@dataclass(eq=False)
class FirstModel:
    """The model that a data set gets when it is brought in, and the better one that follows.

    ``first`` and ``better`` are there as soon as they are trained. ``gain`` tells how much better
    the second is, ``choices`` what was chosen for it and why.
    ``version`` is that of the pictures, ``run_id`` that of the run of whichever is the latest.
    """

    folder: Path
    came: float = field(default_factory=time.monotonic)
    version: str = ""
    first: TrainedModel | None = None
    better: TrainedModel | None = None
    gain: Improvement | None = None
    choices: tuple[str, ...] = ()
    run_id: str = ""
    _collected: TrainedModel | None = None

    @property
    def latest(self) -> TrainedModel | None:
        """The best that has been trained, whether or not it has a run yet."""
        return self.better or self.first

    @property
    def is_collected(self) -> bool:
        """Whether what has been trained has a run."""
        return self.latest is self._collected

    def steps(self, session: Workspace) -> Steps:
        """The tasks in order; none where there are too few pictures to learn from."""
        dataset, config = load_dataset(self.folder), TrainingConfig()
        self.version = dataset.version
        need = needed(config.testing_percentage, config.validation_percentage)
        different = different_pictures(dataset.table, dataset.level, need)
        if len(different) < 2 or min(different.values()) < need:
            return  # the report says why
        data = TrainingData(dataset.id, dataset.title, dataset.version, config.spec, None)

        def embed(config: TrainingConfig, copies: Augmentation | None = None) -> EmbedTask:
            state = dataset.number, dataset.version
            only_worthwhile = copies is not None and config.copies_by_data
            return EmbedTask(dataset.folder, config.spec, copies, *state, only_worthwhile)

        quick = replace(config, quick=True)
        seen = yield (task := embed(quick))
        keep_vectors(session, task, seen)
        first = yield FirstModelTask(seen, quick, dataset.level, dataset.title, data)
        self.first = TrainedModel(first, data, time.monotonic() - self.came)

        copies = config.augmentation(len(dataset.table))
        vectors = yield (task := embed(config, copies if copies.copies else None))
        keep_vectors(session, task, vectors)
        self.choices = tuple(
            choice.reason
            for choice in (vectors.region_choice, vectors.copies_choice)
            if choice is not None
        )
        data = replace(data, augmentation=copies).with_copies(vectors.copies.shape[1])
        better = yield FirstModelTask(vectors, config, dataset.level, dataset.title, data)
        self.gain = improvement(first, seen, better, vectors)
        self.better = TrainedModel(better, data, time.monotonic() - self.came)

    def collect(self) -> None:
        """Make a run of the latest model; it answers on Classify where the one before did."""
        latest = self.latest
        if latest is None or latest is self._collected:
            return
        before = self._collected
        with undo_if_interrupted(lambda: setattr(self, "_collected", before)):
            self._collected = latest
            self._keep(latest, before)

    def _keep(self, latest: TrainedModel, before: TrainedModel | None) -> None:
        run = run_of_training(latest.training, latest.training_data)
        entry = find_run(self.run_id)
        if before and entry is None:
            return  # it has been deleted
        if entry and entry.where == IN_SESSION:
            run = replace(run, id=entry.run.id, note=entry.run.note).titled(entry.run.title)
        answers = entry is not None and in_use(entry.run)
        if answers:
            use_model(run.bundle)
        save_run(run)
        self.run_id = run.id
        if answers:
            words = f"The better model of “{escape_markdown(run.title)}” answers from now on."
            toast(words, icon=":material/check:")

    @property
    def run(self) -> Run | None:
        """The run of the latest model, if it is still there."""
        entry = find_run(self.run_id)
        return entry and entry.run


def submit_ingest(task: IngestTask) -> None:
    """Queue the ingestion of pictures; the first model and a search for label issues follow.

    No model on a server that is set to make none by itself; neither of pictures without classes.
    """
    if task.unlabeled:
        submit(INGEST, task)
        return
    begin = _prepare_first_model(task.into)
    submit(INGEST, task, then=lambda _: begin())


def train_first_model(dataset: Dataset) -> None:
    """Queue the first model of a data set, and a search for label issues, anew where it has one."""
    stop(first_model_purpose(dataset.id))
    _prepare_first_model(dataset.folder)()


def _prepare_first_model(folder: Path) -> Callable[[], None]:
    """A callable that queues the first model of the set in that folder, on whichever thread."""
    session, set_id = workspace(), folder.name
    made = FirstModel(folder)
    # Made here, as the thread that runs jobs knows nothing of sessions.
    steps = {first_model_purpose(set_id): made.steps(session), CHECK: single(CheckTask(folder))}
    if not server_config().first_model:
        del steps[first_model_purpose(set_id)]
    following = {name: SessionJob(session.owner, one, set_id) for name, one in steps.items()}

    def begin() -> None:
        session.first_models[set_id] = made
        for purpose, job in following.items():
            with suppress(DecorError):  # too many jobs wait: it can be asked for later
                job.advance()
                # Not before: a page that is drawn meanwhile forgets a job that has not begun.
                session.jobs[purpose] = job

    return begin


def first_model_purpose(set_id: str) -> str:
    """The purpose of the jobs by which a data set gets its models."""
    return f"{FIRST_MODEL} {set_id}"
