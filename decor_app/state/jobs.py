"""Background jobs of a session, one at a time for each purpose."""

from collections.abc import Callable

import streamlit as st

from decor_app import session_keys as keys
from decor_app.jobs.job import Job
from decor_app.jobs.tasks import Task
from decor_app.jobs.tensorflow_tasks import NetworkTask
from decor_app.state.errors import attempt
from decor_app.state.session_job import SessionJob, Steps, single
from decor_app.state.toasts import toast
from decor_app.state.training_vectors import TrainingVectors, cached_vectors, is_available
from decor_app.state.workspace import workspace
from decor_core.features.backbones import is_at_hand
from decor_core.features.embeddings import Embeddings
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run

# What a job is for; a session has one for each at a time.
TRAIN, SEARCH, CROSS_VALIDATE, CURVE = "train", "search", "cross-validate", "curve"
EXPORT, TENSORBOARD, EMBED, NETWORK = "export", "tensorboard", "embed", "network"
TRAIN_ON_CORRECTIONS = "train on corrections"
FIRST_MODEL = "first model"  # by itself, of a data set that was brought in
ESTIMATE, FINE_TUNE = "estimate", "fine-tune"
PREVIEW, INGEST, CHECK, MAP, ANSWER = "preview", "ingest", "check", "map", "answer"
_STOPS_WITHIN = 0.5  # seconds


def submit(
    purpose: str, task: Task, about: str = "", then: Callable[[Job], None] | None = None
) -> None:
    """Queue ``task`` as the session's job for ``purpose``; ``about`` names a run or a data set.

    When it is done ``then`` gets it, on the thread of its queue.
    """
    _start(purpose, single(task), about, then)


def submit_on(
    purpose: str,
    training_data: TrainingData,
    level: str,
    make: Callable[[Embeddings], Task] | None = None,
    about: str = "",
) -> None:
    """Queue the task that ``make`` gives for the vectors of the training data, once all are there.

    Without ``make`` the vectors are all that is wanted.
    """

    def steps() -> Steps:
        vectors = TrainingVectors(training_data, level)
        architecture = training_data.spec.architecture
        if vectors.missing() and not is_at_hand(architecture):
            yield NetworkTask(architecture)
        while task := vectors.missing():
            vectors.add(task, (yield task))
        if make:
            yield make(vectors.joined())

    _start(purpose, steps(), about)


def _start(
    purpose: str, steps: Steps, about: str, then: Callable[[Job], None] | None = None
) -> None:
    """Begin what was asked for; not again while it runs: a click may come twice, or from two tabs.

    Both clicks come before the page is drawn with its button disabled. A second job would take the
    place of the first, which nobody could watch or stop any more.
    """
    session = workspace()
    with session.lock:
        if (present := latest_job(purpose, about)) and present.active:
            toast("This is running already.", icon=":material/info:")
            return
        job = SessionJob(session.owner, steps, about, then)
        if attempt(job.advance):
            session.jobs[purpose] = job


def job_for(purpose: str, about: str = "") -> Job | None:
    """The session's latest job for ``purpose`` as it stands now, if it is about that.

    Reruns the page where the job has ended since ``collect``: it was drawn with older results.
    """
    job = latest_job(purpose, about)
    if job and not job.active and job.id not in keys.ENDED_JOBS.value:
        st.rerun()
    return job


def latest_job(purpose: str, about: str = "") -> Job | None:
    """As ``job_for``, for a callback, after which the page is drawn anyway."""
    session = workspace()
    job = session.jobs.get(purpose)
    if job is None or job.about != about:
        return None
    snapshot = job.snapshot()
    if snapshot is None:
        forget(purpose)
    return snapshot


def stop(purpose: str) -> None:
    """Stop the session's job for ``purpose``; most have ended when the page is drawn next."""
    if job := workspace().jobs.get(purpose):
        job.stop()
        job.wait(_STOPS_WITHIN)


def wait(purpose: str, seconds: float) -> None:
    """Wait until the session's job for ``purpose`` has ended, for so long at most."""
    if job := workspace().jobs.get(purpose):
        job.wait(seconds)


def forget(purpose: str) -> None:
    """Let go of the session's job for ``purpose``: it has been dealt with."""
    workspace().jobs.pop(purpose, None)


def can_train_further(run: Run) -> bool:
    """Whether further jobs can be done about a run: only on the data that are here.

    A network that has learned from the pictures cannot be cross-validated on them.
    """
    is_open = not (run.read_only or run.bundle.is_fine_tuned)
    return is_open and is_available(TrainingData.of(run.bundle))


def ask_about(purpose: str, run: Run, kind: Callable[..., Task]) -> None:
    """Queue a job of that ``kind`` about a run, on what it learned from."""
    training_data = TrainingData.of(run.bundle)
    assert training_data is not None  # only where can_train_further
    submit_on(
        purpose,
        training_data,
        run.level,
        lambda vectors: kind(vectors, run.config, run.level),
        run.id,
    )


def vectors_for(training_data: TrainingData, level: str) -> Embeddings | None:
    """The vectors of what is learned from, if at hand; else they are fetched for the next time."""
    vectors = cached_vectors(training_data, level)
    if vectors is None and job_for(EMBED) is None and is_available(training_data):
        submit_on(EMBED, training_data, level)
    return vectors
