"""Results of jobs that have ended: runs of trainings, evaluations of runs."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

from decor_app import session_keys as keys
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import CrossValidateTask
from decor_app.state.errors import undo_if_interrupted
from decor_app.state.jobs import CROSS_VALIDATE, TRAIN_ON_CORRECTIONS, ask_about
from decor_app.state.models import use_model
from decor_app.state.processes import job_queues
from decor_app.state.runs import find_run, save_cross_validation, save_run
from decor_app.state.training_vectors import TrainingVectors
from decor_app.state.workspace import workspace
from decor_core.errors import DecorError
from decor_core.runs.run import Run, run_of_training
from decor_core.text import pluralize
from decor_core.training.train import Training


def collect() -> None:
    """Make runs of all trainings that have ended, wherever their visitor was when they did.

    A page begins with it: all jobs that the page asks for later have not ended, or are collected.
    Streamlit ends it in the middle where the visitor goes to another page, which then repeats it:
    a run has the id of its job, so that it is the same run.
    """
    session = workspace()
    latest = [job.snapshot() for job in list(session.jobs.values())]
    keys.ENDED_JOBS.value = frozenset(job.id for job in latest if job and not job.active)
    with session.lock:  # another tab of the same browser waits until all of it is done
        for first_model in list(session.first_models.values()):
            first_model.collect()
        for name in ("training", "evaluation", "tensorflow"):
            for job in job_queues()[name].jobs(session.owner):
                if not (job.active or job.result is None or job.id in session.collected):
                    with undo_if_interrupted(partial(session.collected.pop, job.id)):
                        session.collected[job.id] = job.about
                        _keep(job)


def run_of(job: Job) -> Run | None:
    """The run that came of a training; None while there is none, or once it is deleted."""
    entry = find_run(workspace().collected.get(job.id, ""))
    return entry and entry.run


def save_fine_tuned(job: Job) -> None:
    """Make a run of the model of a fine-tuning that has ended, be it better or not."""
    session, data = workspace(), job.task.training_data
    training = session.fine_tunings[job.id].fine_tuned
    assert training is not None  # else there is nothing to ask for
    run = _run_of(job, training)
    run = run.titled(f"{data.title} (fine-tuned, {pluralize(run.config.fine_tune, 'stage')})")
    session.collected[job.id] = run.id
    save_run(run)


def _run_of(job: Job, training: Training) -> Run:
    run = run_of_training(training, job.task.training_data, job.seconds)
    return replace(run, id=job.id[:8])


def _keep(job: Job) -> None:
    session = workspace()
    if job.task.kind in ("train", "train on all"):
        run = _run_of(job, job.result)
        session.collected[job.id] = run.id
        save_run(run)
        correction_job = session.jobs.get(TRAIN_ON_CORRECTIONS)
        if correction_job and correction_job.job_id == job.id:
            use_model(run.bundle)
            if run.evaluation is None:  # its answers first, then how good they are
                ask_about(CROSS_VALIDATE, run, CrossValidateTask)
    elif job.task.kind == "fine-tune":
        _keep_fine_tuning(job)
    elif job.task.kind == "cross-validate":
        save_cross_validation(job.about, job.result)
    elif job.task.kind == "learning curve" and job.status == "done":
        session.learning_curves[job.about] = job.result


def _keep_fine_tuning(job: Job) -> None:
    session, found = workspace(), job.result
    session.fine_tunings = {job.id: replace(found, embeddings=None)}  # the latest alone
    if found.is_better:
        save_fine_tuned(job)
        with suppress(DecorError):  # the data set is gone: so are its vectors
            data = replace(job.task.training_data, spec=found.embeddings.spec)
            vectors = TrainingVectors(data, job.task.level)
            if task := vectors.missing():
                vectors.add(task, found.embeddings)
    job_queues()[job.task.queue].drop_result(job.id)  # vectors of all pictures
