"""Retrain: settings, a training to watch, its result, and the model to use."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from decor_core.heads import TrainConfig
from decor_core.jobs import TrainRequest
from decor_core.trainer import Job
from pages.parts import results
from pages.parts.charts import count_bars
from pages.parts.frame import open_page
from pages.parts.resources import (
    current_job,
    owner,
    trainer,
    training_data,
)
from pages.parts.text import plain

RATES = (
    *(0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.003, 0.005),
    *(0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
)
PRESETS = {"Model 1": (500, 0.01), "Model 2": (500, 0.03)}
HEADS = {
    "softmax": (
        "Softmax",
        "Learns step by step by gradient descent: steps and learning rate are yours to choose.",
    ),
    "lda": (
        "LDA",
        "Linear discriminant analysis computes the best boundaries in one go, so there are no "
        "steps and no learning rate to set.",
    ),
}


def main() -> None:
    open_page(
        "Train it yourself",
        "Choose how the model learns, watch it learn, and let it answer on the Classify page.",
    )
    trainer().warm()
    job = current_job()
    running = job is not None and job.active
    left, right = st.columns([5, 7], gap="large")
    with left:
        level = _settings()
        _buttons(running)
        # By the buttons, where it is in sight on a phone; a fragment may fill only a container
        # that has been written to.
        status = st.container(height=72, border=False)
        status.empty()
    with right:
        if job is None:
            _before(level)
        elif job.active:
            _watch(status)
        else:
            _show(job, status)


def _settings() -> str:
    """Ask what to tell apart, which is returned, and how to learn it."""
    levels = [level.name for level in training_data().taxonomy.levels]
    with st.container(horizontal=True, gap="medium"):
        level = st.segmented_control(
            "Taxonomy",
            levels,
            default=levels[0],
            format_func=str.capitalize,
            required=True,
            key="train_taxonomy",
            persist_state="session",
        )
        head = st.segmented_control(
            "Head",
            list(HEADS),
            default="softmax",
            format_func=lambda name: HEADS[name][0],
            required=True,
            key="train_head",
            persist_state="session",
        )
    st.caption(f"{_level_note(level)}  \n{HEADS[head][1]}")
    _presets(disabled=head == "lda")
    st.slider(
        "Training steps",
        10,
        4000,
        500,
        step=10,
        key="steps",
        disabled=head == "lda",
        help="How many times the model corrects itself. Few: it stays behind its powers; "
        "many: it learns the training pictures by heart.",
        persist_state="session",
    )
    st.select_slider(
        "Learning rate",
        RATES,
        0.01,
        format_func=lambda rate: f"{rate:g}",
        key="rate",
        disabled=head == "lda",
        help="How far each correction goes. Small: slow and steady; large: fast, until it "
        "overshoots.",
        persist_state="session",
    )
    return level


def _level_note(level: str) -> str:
    taxonomy = training_data().taxonomy.level(level)
    note = f"{len(taxonomy.labels)} classes."
    if taxonomy.coarser:
        return f"{note} The answers by {plain(taxonomy.coarser.name)} follow from them."
    return f"{note} Such a model answers by {plain(level)} alone."


def _presets(disabled: bool) -> None:
    st.markdown(":small[Start from]")
    with st.container(horizontal=True, gap="small"):
        for name, (steps, rate) in PRESETS.items():
            st.button(
                f"{name}: {steps} steps, {rate:g}",
                key=name,
                on_click=_preset,
                args=(steps, rate),
                disabled=disabled,
            )


def _preset(steps: int, rate: float) -> None:
    st.session_state.steps = steps
    st.session_state.rate = rate


def _buttons(running: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Retrain",
            type="primary",
            icon=":material/play_arrow:",
            disabled=running,
            on_click=_start,
            width="stretch",
        )
        st.button("Stop", icon=":material/stop:", disabled=not running, on_click=_stop)


def _start() -> None:
    # Read here and not handed over: who clicks fast means what the sliders show now, not what
    # they showed when the page was last drawn.
    chosen = st.session_state
    config = TrainConfig(head=chosen.train_head, steps=chosen.steps, learning_rate=chosen.rate)
    name = "LDA" if config.head == "lda" else f"{config.steps} steps, {config.learning_rate:g}"
    request = TrainRequest(
        training_data(), config, chosen.train_taxonomy, title=f"your model ({name})"
    )
    st.session_state.job = trainer().submit(request, owner())


def _stop() -> None:
    trainer().stop(st.session_state.job)


def _before(level: str) -> None:
    """What there is to learn from, while nothing has been trained."""
    taxonomy, classes = training_data().target(level)
    with st.container(border=True):
        st.subheader("What it learns from", anchor=False)
        st.markdown(
            f"{len(classes)} photos of decorated products. Eight in ten teach the model, one in "
            "ten watches over its progress, and one in ten is kept back as a test."
        )
        counts = {label: int((classes == i).sum()) for i, label in enumerate(taxonomy.labels)}
        count_bars(counts)


@st.fragment(run_every=0.5)
def _watch(status: DeltaGenerator) -> None:
    """Draw an active training again and again; its end is for the whole page to draw.

    A button drawn here at the end would go with the fragment, and a quick click with it.
    """
    job = current_job()
    if job is None or not job.active:
        st.rerun()
    _show(job, status)


def _show(job: Job, status: DeltaGenerator) -> None:
    with status:
        results.show_status(job)
    results.show_job(job)


main()
