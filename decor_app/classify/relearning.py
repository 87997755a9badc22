"""A model that learns from corrections, and its new answers beside the old."""

import html
import time
from dataclasses import replace

import numpy as np
import streamlit as st

from decor_app import session_keys as keys
from decor_app.classify.corrections import Corrected, corrections, standing
from decor_app.classify.lessons import (
    Lesson,
    is_learned,
    lesson_in_use,
    show_taken_back,
    standing_in,
)
from decor_app.components.progress import progress_words, watch_judging
from decor_app.format import between, escape_markdown, percent, percent_exact, thumb_uri
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import TrainOnAllTask, TrainTask
from decor_app.page import RETRAIN
from decor_app.state.datasets import find_dataset, store, toast_error, zipped
from decor_app.state.jobs import CROSS_VALIDATE, LEARN, job_for, run_of, stop, submit_on
from decor_app.state.models import in_use, predictor
from decor_app.state.pictures import network_key
from decor_app.state.runs import run_entries
from decor_app.state.workspace import workspace
from decor_core.datasets.dataset import Dataset
from decor_core.errors import DecorError
from decor_core.model.classifier import Judge
from decor_core.model.evaluation import Evaluation
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run, run_of_bundle

_SHOWN = 12


def show_bar() -> None:
    """How many corrections there are, and what can be done with them."""
    now, job = corrections(), job_for(LEARN)
    if job is None or not job.active:
        show_taken_back()
    if now is None:
        return
    with st.container(border=True, key="corrections", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{_counted(now)}**", width="content")
            _buttons(now, job)
        if job and job.active:
            _watch()
        elif job and job.status == "failed":
            st.error(escape_markdown(job.message), icon=":material/error:")
        elif is_learned(now):
            _show_learned(job)
        elif _can_learn(now) is None:
            _show_without_base(now)


def _counted(now: Dataset) -> str:
    return f"{len(now.table)} correction{'s' * (len(now.table) > 1)}"


def _buttons(now: Dataset, job: Job | None) -> None:
    learned = is_learned(now)
    running = job is not None and job.active
    if _can_learn(now):
        st.button(
            "Learned" if learned else "Learn from them",
            type="secondary" if learned else "primary",
            icon=":material/check:" if learned else ":material/school:",
            disabled=running or learned,
            on_click=_learn,
            help="Trains the model that answers anew: what it learned from, and these pictures.",
        )
    st.button(
        "Undo", icon=":material/undo:", on_click=_undo, disabled=running, key=keys.UNDO_CORRECTION
    )
    st.download_button(
        "Download as a data set",
        lambda: zipped(now),
        "corrections.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        key=keys.DOWNLOAD_CORRECTIONS,
    )


def _undo() -> None:
    """Take the last correction back."""
    now = corrections()
    try:
        if now and now.can_undo:
            now.undo()
        elif now:
            store().discard(now.id)
    except DecorError as error:
        toast_error(error)


# Learning


def _can_learn(now: Dataset) -> TrainingData | None:
    """What a model would learn from that knows better; None without what this one learned from."""
    training_data = TrainingData.of(predictor().bundle)
    if training_data is None:
        return None
    base = find_dataset(training_data.set_id)
    if training_data.set_id and base is None:
        return None
    if base:
        training_data = replace(training_data, title=base.title, version=base.version)
    if training_data.set_id == now.id:
        return training_data
    return replace(training_data, corrections=now.id, taught=len(now.table))


def _learn() -> None:
    now = corrections()
    if now:
        _train_on(_can_learn(now), now, predictor())


def _learn_alone() -> None:
    """From the corrections and nothing else."""
    now = corrections()
    if now:
        spec = predictor().bundle.embedding
        _train_on(TrainingData(now.id, now.title, now.version, spec), now, predictor())


def _train_on(training_data: TrainingData, now: Dataset, model: Judge) -> None:
    bundle = model.bundle
    level, config = bundle.taxonomy.name, run_of_bundle(bundle).config
    # A model that was judged by cross-validation had all pictures to learn from; so has the next.
    kind = TrainTask if bundle.evaluation and training_data.corrections else TrainOnAllTask
    title = f"{bundle.title.partition(' · ')[0]} · {_counted(now)}"
    submit_on(
        LEARN,
        training_data,
        level,
        lambda vectors: kind(vectors, config, level, title, training_data),
    )
    judged = bundle.evaluation or bundle.cross_validation.get(level) or _judged_since(level)
    session = workspace()
    before, taught = session.model and session.model.bundle, standing_in(now.id)
    lesson = Lesson(now.version, bundle.title, judged, now.id, taught, before, lesson_in_use())
    session.correction_trainings[""] = session.correction_trainings[now.id] = lesson


def _judged_since(level: str) -> Evaluation | None:
    """How the model in use was judged after it had been taken into use."""
    run = next((entry.run for entry in run_entries() if in_use(entry.run)), None)
    return run and run.cross_validation.get(level)


@st.fragment(run_every=0.4)
def _watch() -> None:
    job = job_for(LEARN)
    if job is None or not job.active:
        st.rerun()
    st.progress(job.progress(time.monotonic()), text=progress_words(job))
    st.button("Stop", key=keys.STOP.of(LEARN), icon=":material/stop:", on_click=stop, args=(LEARN,))


def _show_without_base(now: Dataset) -> None:
    st.caption(
        "The pictures that this model learned from are not here, so it cannot go on from where it "
        "stands."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if len(now.counts) > 1:
            st.button("Train on the corrections alone", on_click=_learn_alone)
        else:
            st.caption("A second class among the corrections would do to train on them alone, or:")
        st.page_link(RETRAIN, label="Retrain", icon=":material/model_training:")


# What came of it


def _show_learned(job: Job | None) -> None:
    """The new answers beside the old ones, and whether the test went otherwise."""
    valid = [one for one in standing() if one.network == network_key()]
    if valid:
        vectors = np.stack([one.vector for one in valid])
        answers = [answer.scores[0] for answer in predictor().predict(vectors)]
        items = [
            _item(one, best.label, best.probability)
            for one, best in zip(valid, answers, strict=True)
        ]
        st.html(f'<ul class="decor-corrected">{"".join(items[-_SHOWN:])}</ul>')
    run, now = job and run_of(job), corrections()
    run = run if run and in_use(run) else None
    lesson = workspace().correction_trainings.get(now.id) if now else None
    judging = run and job_for(CROSS_VALIDATE, run.id)
    if judging and judging.active:
        st.caption("Now it is tested: each picture is asked of a model that has not seen it.")
        watch_judging(run.id)
    elif run and lesson:
        st.caption(_judgement(run, lesson))


def _item(one: Corrected, label: str, probability: float) -> str:
    right = "right" if label == one.label else "wrong"
    before = f"before: {html.escape(one.before[0])} {percent(one.before[1])}"
    now = f"now: <b>{html.escape(label)}</b> {percent(probability)}"
    name = html.escape(one.name)
    return (
        f'<li><img src="{thumb_uri(one.thumb)}" alt="{name}"><span>{name}<br>'
        f'<small>{before}</small> → <span class="decor-{right}">{now}</span></span></li>'
    )


def _judgement(run: Run, lesson: Lesson) -> str:
    """Whether the model is better or worse on pictures that it has not seen."""
    new = run.evaluation or run.cross_validation.get(run.level)
    if new is None:
        return "This model has not been tested."
    way = "Test accuracy" if run.evaluation else "Cross-validated accuracy"
    asked = f"{new.n} pictures were asked; corrections only teach."
    old, now = lesson.judged, percent_exact(new.accuracy)
    if old is None:
        return f"{way}: {now}, likely between {between(new.ci95)}. {asked}"
    before = percent_exact(old.accuracy)
    if before == now:
        return f"{way}: {now}, as before. {asked}"
    low, high = old.ci95
    chance = ", which may well be chance" if low <= new.accuracy <= high else ""
    return f"{way}: {before} before, {now} now{chance}. {asked}"
