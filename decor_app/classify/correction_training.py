"""Training the model with corrections: the new predictions beside the old, and the way back."""

import html
from dataclasses import replace

import numpy as np
import streamlit as st

from decor_app import session_keys as keys
from decor_app.classify.corrections import active_corrections, corrections_dataset
from decor_app.components.progress import watch_job
from decor_app.format import between, escape_markdown, percent, percent_exact, thumb_uri
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import TrainOnAllTask, TrainTask
from decor_app.page import RETRAIN
from decor_app.state.corrections import CorrectionTraining
from decor_app.state.datasets import find_dataset, store, toast_error
from decor_app.state.downloads import Download
from decor_app.state.finished_jobs import run_of
from decor_app.state.images import network_key
from decor_app.state.jobs import CROSS_VALIDATE, TRAIN_ON_CORRECTIONS, job_for, submit_on
from decor_app.state.models import in_use, predictor, use_model, use_shipped_model
from decor_app.state.runs import run_entries
from decor_app.state.workspace import workspace
from decor_core.datasets.archive import zip_pieces
from decor_core.datasets.dataset import Dataset
from decor_core.errors import DecorError
from decor_core.model.evaluation import Evaluation
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run, run_of_bundle
from decor_core.text import pluralize

_MAX_SHOWN = 12


def show_corrections_bar(dataset: Dataset | None) -> None:
    """How many corrections there are, and what can be done with them."""
    job = job_for(TRAIN_ON_CORRECTIONS)
    running = job is not None and job.active
    if not running:
        _show_undone_corrections()
    if dataset is None:
        return
    data, training = _training_data(dataset), training_in_use()
    trained = training if training and training.version == dataset.version else None
    with st.container(border=True, key="corrections", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{pluralize(len(dataset.table), 'correction')}**", width="content")
            if data:
                st.button(
                    "Trained" if trained else "Train with them",
                    type="secondary" if trained else "primary",
                    icon=":material/check:" if trained else ":material/school:",
                    disabled=running or trained is not None,
                    on_click=_train,
                    help="Trains the model in use anew: on what it learned from, and these "
                    "corrections.",
                )
            st.button(
                "Undo",
                icon=":material/undo:",
                on_click=_undo,
                disabled=running,
                key=keys.UNDO_CORRECTION,
            )
            download = Download(lambda: zip_pieces(dataset), "corrections.zip")
            st.download_button(
                "Download as a data set",
                download,
                download.name,
                download.kind,
                icon=":material/download:",
                on_click="ignore",
                key=keys.DOWNLOAD_CORRECTIONS,
            )
        if running:
            watch_job(TRAIN_ON_CORRECTIONS)
        elif job and job.status == "failed":
            st.error(escape_markdown(job.message), icon=":material/error:")
        elif trained:
            _show_effect(job, trained, dataset)
        elif data is None:
            _show_without_data(dataset)


def _undo() -> None:
    """Take the last correction back."""
    dataset = corrections_dataset()
    try:
        if dataset and dataset.can_undo:
            dataset.undo()
        elif dataset:
            store().discard(dataset.id)
    except DecorError as error:
        toast_error(error)


# Training


def _training_data(dataset: Dataset) -> TrainingData | None:
    """The training data of the model in use, and the corrections; None where they are not here.

    None, too, where its network learned from the pictures: a head on what that says of them would
    be far too sure of itself.
    """
    bundle = predictor().bundle
    data = TrainingData.of(bundle)
    if data is None or bundle.is_fine_tuned:
        return None
    base = find_dataset(data.set_id)
    if data.set_id and base is None:
        return None
    if base:
        data = replace(data, title=base.title, version=base.version)
    if data.set_id == dataset.id:
        return data
    return replace(data, corrections=dataset.id, taught=len(dataset.table))


def _train() -> None:
    dataset = corrections_dataset()
    if dataset and (data := _training_data(dataset)):
        _submit(data, dataset)


def _train_on_corrections_alone() -> None:
    if dataset := corrections_dataset():
        spec = predictor().bundle.embedding
        _submit(TrainingData(dataset.id, dataset.title, dataset.version, spec), dataset)


def _submit(data: TrainingData, dataset: Dataset) -> None:
    session, bundle = workspace(), predictor().bundle
    level, config = bundle.taxonomy.name, replace(run_of_bundle(bundle).config, fine_tune=0)
    # Without a test part the model learned from all pictures; so does the next one.
    task = TrainTask if bundle.evaluation and data.corrections else TrainOnAllTask
    title = f"{bundle.title.partition(' · ')[0]} · {pluralize(len(dataset.table), 'correction')}"
    run = next((entry.run for entry in run_entries() if in_use(entry.run)), None)
    training = CorrectionTraining(
        dataset.id,
        dataset.version,
        _corrections_in(dataset.id),
        session.model and session.model.bundle,
        bundle.evaluation
        or bundle.cross_validation.get(level)
        or (run and run.cross_validation.get(level)),  # done after it had been taken into use
        training_in_use(),
    )
    submit_on(
        TRAIN_ON_CORRECTIONS, data, level, lambda vectors: task(vectors, config, level, title, data)
    )
    session.correction_training = training


def _show_without_data(dataset: Dataset) -> None:
    st.caption(
        "The network of this model learned from its pictures, too. To learn from corrections as "
        "well, add them to the data set, and train it deeper again."
        if predictor().bundle.is_fine_tuned
        else "The pictures that this model learned from are not here, so it cannot be trained "
        "further."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if len(dataset.counts) > 1:
            st.button("Train on the corrections alone", on_click=_train_on_corrections_alone)
        else:
            st.caption("With corrections of two classes a model could learn from them alone, or:")
        st.page_link(RETRAIN, label="Retrain", icon=":material/model_training:")


# What came of it


def _show_effect(job: Job | None, training: CorrectionTraining, dataset: Dataset) -> None:
    """The new predictions beside the old ones, and whether accuracy changed."""
    active = active_corrections(dataset)
    shown = [one for one in active if one.network == network_key()][-_MAX_SHOWN:]
    if shown:
        items = []
        for one, prediction in zip(
            shown, predictor().predict(np.stack([one.vector for one in shown])), strict=True
        ):
            best, name = prediction.scores[0], html.escape(one.name)
            right = "right" if best.label == one.label else "wrong"
            items.append(
                f'<li><img src="{thumb_uri(one.thumb)}" alt="{name}"><span>{name}<br>'
                f"<small>before: {html.escape(one.before[0])} {percent(one.before[1])}</small> → "
                f'<span class="decor-{right}">now: <b>{html.escape(best.label)}</b> '
                f"{percent(best.probability)}</span></span></li>"
            )
        st.html(f'<ul class="decor-corrected">{"".join(items)}</ul>')
    run = job and run_of(job)
    if not run or not in_use(run):
        return
    validation = job_for(CROSS_VALIDATE, run.id)
    if validation and validation.active:
        st.caption("Cross-validating: each picture is predicted by a model that has not seen it.")
        watch_job(CROSS_VALIDATE, run.id)
    else:
        st.caption(_describe_accuracy(run, training.evaluation_before))


def _describe_accuracy(run: Run, before: Evaluation | None) -> str:
    """Whether the model is better or worse on pictures that it has not seen."""
    now = run.evaluation or run.cross_validation.get(run.level)
    if now is None:
        return "This model has not been evaluated."
    name = "Test accuracy" if run.evaluation else "Cross-validated accuracy"
    share = percent_exact(now.accuracy)
    how = f"On {now.n} pictures; corrections are only trained on."
    if before is None:
        return f"{name}: {share}, likely between {between(now.ci95)}. {how}"
    if percent_exact(before.accuracy) == share:
        return f"{name}: {share}, as before. {how}"
    low, high = before.ci95
    chance = ", which may well be chance" if low <= now.accuracy <= high else ""
    return f"{name}: {percent_exact(before.accuracy)} before, {share} now{chance}. {how}"


# The way back


def training_in_use() -> CorrectionTraining | None:
    """The training with corrections that made the model in use, if it was in this session."""
    session = workspace()
    bundle, training = session.model and session.model.bundle, session.correction_training
    data = bundle and TrainingData.of(bundle)
    while data and training:
        uses_these_corrections = training.dataset_id in (data.corrections, data.set_id)
        if (
            uses_these_corrections
            and training.before is not bundle
            and data.taught in (0, len(training.corrections))
        ):
            return training
        training = training.earlier
    return None


def _corrections_in(dataset_id: str) -> frozenset[tuple[str, str]]:
    """The corrections of a data set as they are now, each a picture's key and label."""
    found = find_dataset(dataset_id)
    if found is None:
        return frozenset()
    return frozenset(zip(found.table["key"], found.table[found.level], strict=True))


def _show_undone_corrections() -> None:
    """Say where the model in use was trained with corrections that were undone; a way back."""
    training = training_in_use()
    count = len(training.corrections - _corrections_in(training.dataset_id)) if training else 0
    if count == 0:
        return
    with st.container(border=True, key="undone", gap="small"):
        st.warning(
            f"The model in use was trained with {pluralize(count, 'correction')} that you have "
            "undone or changed since.",
            icon=":material/history:",
        )
        st.button("Back to the model before", icon=":material/undo:", on_click=_go_back)


def _go_back() -> None:
    """Use the latest model that was trained with no correction but those that are left."""
    training = training_in_use()
    if training is None:
        return
    left = _corrections_in(training.dataset_id)
    while training.earlier and not training.earlier.corrections <= left:
        training = training.earlier
    workspace().correction_training = training.earlier
    if training.before:
        use_model(training.before)
    else:
        use_shipped_model()
