"""Train deeper: the fine-tuning of a network, from an estimate of its time to the verdict."""

from dataclasses import replace

import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.curves import training_curves
from decor_app.components.progress import watch_job
from decor_app.evaluation.summary import use_button
from decor_app.format import between, escape_markdown, percent_exact
from decor_app.hosting.config import server_config
from decor_app.jobs.fine_tuning_tasks import EstimateTask, FineTuneTask
from decor_app.jobs.job import Job
from decor_app.page import RUNS
from decor_app.state.datasets import find_dataset
from decor_app.state.finished_jobs import run_of, save_fine_tuned
from decor_app.state.jobs import ESTIMATE, FINE_TUNE, can_train_further, job_for, submit_on
from decor_app.state.runs import run_entries
from decor_app.state.workspace import workspace
from decor_app.training.setting_widget import SETTINGS, setting_widget
from decor_core.errors import DecorError, require_package
from decor_core.features.embeddings import Embeddings
from decor_core.model.evaluation import Evaluation
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run
from decor_core.text import pluralize
from decor_core.training.fine_tuning import FineTuning
from decor_core.training.time_estimate import TimeEstimate

_NAMES = [name for name in SETTINGS if name.startswith("fine_tune")]
_MAX_STAGES = 5
_ABOUT = (
    "So far the network that looks at the pictures stays as it is, and only a linear model of what "
    "it sees learns. **Train deeper** lets the last stages of the network learn from your "
    "pictures, too (fine-tuning). It takes minutes.\n\n"
    "The new model is kept if it is better on the test pictures by more than chance; otherwise the "
    "linear model stays. With some hundreds of pictures it was no better wherever we measured it; "
    "thousands have not been measured."
)
# Wrong answers that another model must put right, and spoil none, to be better at p < 0.05.
_MIN_WRONG = 6


def show_fine_tuning() -> None:
    """The panel; open while there is something in it to see."""
    job = job_for(FINE_TUNE)
    with st.expander("Train deeper", expanded=job is not None, icon=":material/layers:"):
        if job and job.active:
            watch_job(FINE_TUNE, draw=_draw_curves)
            return
        # What there is to see goes first, on a phone: the model that came of it, or what it is.
        first, second = st.columns([7, 5], gap="large")
        with first:
            if job:
                _show_ended(job)
            else:
                st.markdown(_ABOUT)
        with second:
            _show_start()


# Before it


def _show_start() -> None:
    """Say what is missing; else show settings, and a button for the estimate or for the start."""
    run = _linear_run()
    if reason := _missing() or (
        "It needs pictures of your own: of the photos that ship only the vectors are here."
        if not keys.TRAINING_SET.value
        else _blocker(run)
    ):
        st.info(escape_markdown(reason), icon=":material/info:")
        return
    assert run is not None and run.evaluation is not None  # else there is a blocker
    st.markdown(
        f"Training deeper begins with **{escape_markdown(run.title)}**, which has "
        f"{percent_exact(run.evaluation.accuracy)} of "
        f"{pluralize(run.evaluation.n, 'test picture')} right."
    )
    if words := _hopeless(run.evaluation):
        st.warning(words, icon=":material/warning:")
    with st.popover("Settings", icon=":material/tune:"):
        _settings()
    config = replace(run.config, **{name: keys.SETTING.of(name).value for name in _NAMES})
    about = " ".join([run.id, *(f"{getattr(config, name):g}" for name in _NAMES)])
    job = job_for(ESTIMATE, about)
    if job and job.active:
        watch_job(ESTIMATE, about)
        return
    if job and job.status == "done":
        st.markdown(_describe_time(job.result))
        st.button(
            "Train deeper",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_submit,
            args=(FINE_TUNE, run, config, "", job.result),
            width="stretch",
        )
        return
    if job and job.message:
        st.error(escape_markdown(job.message), icon=":material/error:")
    st.button(
        "How long will it take?",
        icon=":material/timer:",
        on_click=_submit,
        args=(ESTIMATE, run, config, about),
        width="stretch",
        help="It is measured on this machine with a few of the pictures: half a minute, more where "
        "the machine is busy. Nothing is trained before you say so.",
    )


def _linear_run() -> Run | None:
    """The best linear model of the data set as it is now, in this session or kept."""
    set_id, level = keys.TRAINING_SET.value, keys.TRAIN_TAXONOMY.value
    found = [
        entry.run
        for entry in run_entries()
        if (data := TrainingData.of(entry.run.bundle)) and data.set_id == set_id
        if entry.run.level == level and can_train_further(entry.run)
    ]
    return max(
        found, key=lambda run: run.evaluation.accuracy if run.evaluation else 0.0, default=None
    )


def _missing() -> str:
    """Why nobody can do it here; "" where it can be done."""
    if not server_config().fine_tune_minutes:
        return (
            "This server does not train deeper: it takes two gigabytes of memory, and its "
            "processor for minutes. Decor on your own computer does."
        )
    try:
        require_package("Training deeper", "tensorflow", "train")
    except DecorError as error:
        return str(error)
    return ""


def _blocker(run: Run | None) -> str:
    """Why it cannot begin with ``run``; "" where it can."""
    if run is None:
        return (
            "It begins with a linear model of these pictures, and has to beat it: press Retrain "
            "first."
        )
    if not run.config.validation_percentage:
        return (
            "It needs validation pictures, which tell when to end: set the validation share above "
            "0 %, and press Retrain."
        )
    if run.evaluation is None:
        return (
            "It needs test pictures, which tell whether it is better: set the test share above "
            "0 %, and press Retrain."
        )
    return ""


def _hopeless(evaluation: Evaluation) -> str:
    """Why no model could be better by more than chance; "" where one could."""
    wrong = round((1 - evaluation.accuracy) * evaluation.n)
    if wrong >= _MIN_WRONG:
        return ""
    missed = f"all but {wrong}" if wrong else "all"
    return (
        f"The linear model has {missed} of {pluralize(evaluation.n, 'test picture')} right. No "
        f"model can beat that by more than chance: it takes {_MIN_WRONG} wrong answers or more. "
        "More pictures, or a larger test share, can tell."
    )


def _settings() -> None:
    most = SETTINGS["fine_tune_minutes"].metadata["slider"][1]
    most = min(most, server_config().fine_tune_minutes)
    minutes = keys.SETTING.of("fine_tune_minutes")
    if minutes.value > most:
        minutes.value = most
    setting_widget("fine_tune", slider=(1, _MAX_STAGES, 1))
    setting_widget("fine_tune_epochs")
    setting_widget("fine_tune_rate")
    if most > 1:
        setting_widget("fine_tune_minutes", slider=(1, most, 1))


def _describe_time(estimate: TimeEstimate) -> str:
    words = str(estimate)
    return (
        f"**{words[0].upper()}{words[1:]}**, on this machine if it stays as busy as it was just "
        "now. You can stop at any moment and keep the best until then, and use Decor meanwhile."
    )


def _submit(
    purpose: str,
    run: Run,
    config: TrainingConfig,
    about: str = "",
    estimate: TimeEstimate | None = None,
) -> None:
    data = TrainingData.of(run.bundle)
    dataset = find_dataset(data.set_id) if data else None
    if data is None or dataset is None:
        return  # it was deleted meanwhile, in another tab
    state = dataset.folder, dataset.number, dataset.version

    def task(vectors: Embeddings) -> EstimateTask:
        if purpose == ESTIMATE:
            return EstimateTask(vectors, config, run.level, *state)
        return FineTuneTask(
            vectors, config, run.level, *state, linear=run, training_data=data, estimate=estimate
        )

    submit_on(purpose, data, run.level, task, about)


# While it runs, and after it


def _draw_curves(job: Job) -> None:
    if job.task.kind == "fine-tune" and job.partial_results:
        classes = len(job.task.linear.bundle.taxonomy.labels)
        training_curves(job.partial_results, job.task.config, classes)


def _show_ended(job: Job) -> None:
    found = workspace().fine_tunings.get(job.id)
    if job.status == "failed":
        st.error(escape_markdown(job.message), icon=":material/error:")
    elif found is None:
        words = "Stopped before the first epoch: the linear model stays."
        st.info(f"{words} {escape_markdown(job.message)}".strip(), icon=":material/stop_circle:")
    else:
        _show_verdict(job, found)
    _draw_curves(job)
    if found and found.fine_tuned:
        st.caption(
            f"Epoch {found.best_epoch} of {len(found.events)} was best on the validation pictures, "
            "and is what was tested."
        )


def _show_verdict(job: Job, found: FineTuning) -> None:
    """Both models side by side, which of them is better, and what can be done."""
    show, icon = (st.success, "check_circle") if found.is_better else (st.info, "balance")
    show(f"{escape_markdown(found.verdict)} {escape_markdown(job.message)}".strip(),
         icon=f":material/{icon}:")  # fmt: skip
    if found.fine_tuned is None:
        return
    pair = ("Linear model", found.linear), ("Trained deeper", found.fine_tuned)
    for place, (label, training) in zip(st.columns(2, gap="medium"), pair, strict=True):
        evaluation = training.bundle.evaluation
        assert evaluation is not None  # without test pictures nothing begins
        with place, st.container(gap="xsmall"):
            st.metric(label, percent_exact(evaluation.accuracy))
            st.caption(
                f"{evaluation.accuracy * evaluation.n:g} of {evaluation.n} test pictures; the true "
                f"rate is likely between {between(evaluation.ci95)}."
            )
    if run := run_of(job):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            use_button(run)
            st.page_link(RUNS, label="Compare, keep, download", icon=":material/compare_arrows:")
    elif workspace().collected.get(job.id):
        st.caption("Its run has been deleted.")
    else:
        st.button(
            "Keep it all the same",
            icon=":material/add:",
            on_click=save_fine_tuned,
            args=(job,),
            help="As a run, to try it on Classify or to compare it on pictures of your own.",
        )
