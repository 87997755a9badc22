"""The search for better settings: what to try, a heat map that fills, the one to take."""

import time

import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.heatmaps import search_heatmap
from decor_app.components.progress import progress_words
from decor_app.format import STEPWISE, escape_markdown, head_name, percent_exact
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import SearchTask
from decor_app.state.jobs import BEFOREHAND, SEARCH, job_for, stop, submit_on
from decor_app.training.settings import RATES, Choice, choose, chosen
from decor_core.model.training_config import HEADS
from decor_core.training.search import Candidate, Result, best, grid, random_candidates

_STEPS = (50, 100, 200, 500, 1000, 2000, 4000)
_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_GRID, _RANDOM = "Grid", "Random"
_MOST = 60


def show_search() -> None:
    """The panel; open while there is something in it to see."""
    job = job_for(SEARCH)
    with st.expander(
        "Try other settings: a search", expanded=job is not None, icon=":material/grid_on:"
    ):
        st.markdown(
            "Every combination is cross-validated on the same folds, five if there are pictures "
            "enough. The pictures kept for testing take no part, so that a model trained with what "
            "is found is still tested fairly."
        )
        left, right = st.columns([5, 7], gap="large")
        with left:
            candidates = _what_to_try()
            _buttons(candidates, running=job is not None and job.active)
        with right:
            if job is None:
                st.caption("The map of what was tried fills here, cell by cell.")
            elif job.active:
                _watch()
            else:
                _show_ended(job)


def _what_to_try() -> list[Candidate]:
    way = st.segmented_control(
        "Way",
        [_GRID, _RANDOM],
        default=_GRID,
        required=True,
        key=keys.SEARCH_WAY,
        help="A grid tries all combinations; a random search draws some between the extremes, "
        "which finds more where one setting matters more than the other.",
        persist_state="session",
    )
    heads = st.pills(
        "Heads",
        HEADS,
        selection_mode="multi",
        wrap=True,
        default=[STEPWISE],
        format_func=head_name,
        key=keys.SEARCH_HEADS,
        persist_state="session",
    )
    if way == _RANDOM:
        count = st.slider("How many", 2, 40, 12, key=keys.SEARCH_COUNT, persist_state="session")
        st.caption(
            f"Steps from {_STEPS[0]} to {_STEPS[-1]}, learning rates from {RATES[0]:g} to "
            f"{RATES[-1]:g}."
        )
        seed = keys.SEED.value
        return random_candidates(count, _STEPS, RATES, heads, seed=seed) if heads else []
    steps = st.pills(
        "Training steps",
        _STEPS,
        selection_mode="multi",
        wrap=True,
        default=[100, 500, 2000],
        key=keys.SEARCH_STEPS,
        persist_state="session",
    )
    rates = st.pills(
        "Learning rates",
        _RATES,
        selection_mode="multi",
        wrap=True,
        default=[0.01, 0.03, 0.1],
        format_func=lambda rate: f"{rate:g}",
        key=keys.SEARCH_RATES,
        persist_state="session",
    )
    return grid(sorted(steps), sorted(rates), heads)


def _buttons(candidates: list[Candidate], running: bool) -> None:
    if len(candidates) > _MOST:
        st.warning(f"{len(candidates)} are too many at once; choose at most {_MOST}.")
    elif not candidates:
        st.caption("Choose at least one of each.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Try {len(candidates)}" if candidates else "Try",
            icon=":material/search:",
            disabled=running or not 0 < len(candidates) <= _MOST,
            on_click=_start,
            args=(tuple(candidates),),
            width="stretch",
            key=keys.SEARCH,
        )
        st.button(
            "Stop",
            icon=":material/stop:",
            disabled=not running,
            on_click=stop,
            args=(SEARCH,),
            key=keys.STOP.of(SEARCH),
            help="What is done is kept.",
        )


def _start(candidates: tuple[Candidate, ...]) -> None:
    choice: Choice = chosen()
    submit_on(
        SEARCH,
        choice.training_data,
        choice.level,
        lambda vectors: SearchTask(vectors, choice.config, choice.level, candidates),
    )


@st.fragment(run_every=0.4)
def _watch() -> None:
    job = job_for(SEARCH)
    if job is None or not job.active:
        st.rerun()
    st.progress(job.progress(time.monotonic()), text=progress_words(job))
    if job.task.kind not in BEFOREHAND:
        _show_results(job.task.news(job.events))


def _show_ended(job: Job) -> None:
    if job.status == "failed":
        st.error(escape_markdown(job.message), icon=":material/error:")
    if job.task.kind in BEFOREHAND:
        return
    results = job.task.news(job.events)
    if job.status == "stopped":
        total = len(job.task.candidates)
        st.caption(
            f"Stopped: {len(results)} of {total} were tried. {escape_markdown(job.message)}".strip()
        )
    _show_results(results)
    winner = best(results)
    if winner:
        _show_winner(winner, results)
    elif results:
        st.info("Every one of them diverged; try smaller learning rates.")


def _show_results(results: list[Result]) -> None:
    winner = best(results)
    if any(result.candidate.steps for result in results):
        search_heatmap(results, winner)
    for result in results:
        if not result.candidate.steps:
            mark = " · best" if result is winner else ""
            st.markdown(
                f"**{head_name(result.candidate.head)}**: {percent_exact(result.accuracy)} "
                f"± {result.standard_error * 100:.1f}{mark}"
            )


def _show_winner(winner: Result, results: list[Result]) -> None:
    top = max((r for r in results if not r.diverged), key=lambda result: result.accuracy)
    candidate = winner.candidate
    st.markdown(
        f"**Take {_words(candidate)}**: {percent_exact(winner.accuracy)}, standard error "
        f"{winner.standard_error * 100:.1f} points."
    )
    if winner is not top:
        st.caption(
            f"{_words(top.candidate).capitalize()} reached {percent_exact(top.accuracy)}, but that "
            "lead is within one standard error: of all that are as good, the simplest is taken, "
            "with the fewest steps."
        )
    st.button(
        "Set the controls to it",
        icon=":material/tune:",
        on_click=choose,
        args=(candidate.steps, candidate.learning_rate, candidate.head),
        key=keys.TAKE_WINNER,
    )


def _words(candidate: Candidate) -> str:
    if candidate.steps is None:
        return head_name(candidate.head)
    return f"{candidate.steps} steps at {candidate.learning_rate:g}"
