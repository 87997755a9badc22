"""Hyperparameter search: what to try, a heat map that fills, the best to take over."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.heatmaps import search_heatmap
from decor_app.components.progress import watch_job
from decor_app.format import escape_markdown, head_name, percent_exact
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import SearchTask
from decor_app.state.jobs import SEARCH, job_for, stop, submit_on
from decor_app.training.setting_widget import SETTINGS
from decor_app.training.settings import chosen_training, set_widgets
from decor_core.model.training_config import STEPWISE
from decor_core.training.search import (
    SearchCandidate,
    SearchResult,
    best_result,
    grid,
    random_candidates,
)

_STEPS = (50, 100, 200, 500, 1000, 2000, 4000)
_GRID_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_RATES = SETTINGS["learning_rate"].metadata["options"]
_HEADS = SETTINGS["head"].metadata["choices"]
_GRID, _RANDOM = "Grid", "Random"
_MAX_CANDIDATES = 60


def show_search() -> None:
    """The panel; open while there is something in it to see."""
    job = job_for(SEARCH)
    with st.expander("Hyperparameter search", expanded=job is not None, icon=":material/grid_on:"):
        st.markdown(
            "Tries other settings. Every combination is cross-validated on the same folds, five if "
            "there are pictures enough. The pictures kept for testing take no part, so that a "
            "model trained with what is found is still tested fairly."
        )
        left, right = st.columns([5, 7], gap="large")
        with left:
            candidates = _candidates_widgets()
            _buttons(candidates, running=job is not None and job.active)
        with right:
            if job is None:
                st.caption("The map of what was tried fills here, cell by cell.")
            elif job.active:
                watch_job(SEARCH, draw=_show_results, stop_button=False)
            else:
                _show_ended(job)


def _candidates_widgets() -> list[SearchCandidate]:
    """Draw what can be tried; the combinations that are chosen."""
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
    many = {"selection_mode": "multi", "wrap": True, "persist_state": "session"}
    heads = st.pills(
        "Heads",
        _HEADS,
        default=[STEPWISE],
        format_func=head_name,
        key=keys.SEARCH_HEADS,
        **many,
    )
    if way == _RANDOM:
        count = st.slider("How many", 2, 40, 12, key=keys.SEARCH_COUNT, persist_state="session")
        st.caption(
            f"Steps from {_STEPS[0]} to {_STEPS[-1]}, learning rates from {_RATES[0]:g} to "
            f"{_RATES[-1]:g}."
        )
        seed = keys.SETTING.of("seed").value
        return random_candidates(count, _STEPS, _RATES, heads, seed=seed) if heads else []
    steps = st.pills(
        "Training steps", _STEPS, default=[100, 500, 2000], key=keys.SEARCH_STEPS, **many
    )
    rates = st.pills(
        "Learning rates",
        _GRID_RATES,
        default=[0.01, 0.03, 0.1],
        format_func="{:g}".format,
        key=keys.SEARCH_RATES,
        **many,
    )
    return grid(sorted(steps), sorted(rates), heads)


def _buttons(candidates: list[SearchCandidate], running: bool) -> None:
    if len(candidates) > _MAX_CANDIDATES:
        st.warning(f"{len(candidates)} are too many at once; choose at most {_MAX_CANDIDATES}.")
    elif not candidates:
        st.caption("Choose at least one of each.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Try {len(candidates)}" if candidates else "Try",
            icon=":material/search:",
            disabled=running or not 0 < len(candidates) <= _MAX_CANDIDATES,
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


def _start(candidates: tuple[SearchCandidate, ...]) -> None:
    chosen = chosen_training()
    submit_on(
        SEARCH,
        chosen.training_data,
        chosen.level,
        lambda vectors: SearchTask(vectors, chosen.config, chosen.level, candidates),
    )


def _show_ended(job: Job) -> None:
    if job.status == "failed":
        st.error(escape_markdown(job.message), icon=":material/error:")
    if job.task.prepares:
        return
    results = job.partial_results
    if job.status == "stopped":
        done = f"Stopped: {len(results)} of {len(job.task.candidates)} were tried."
        st.caption(f"{done} {escape_markdown(job.message)}".strip())
    _show_results(job)
    winner = best_result(results)
    if winner:
        _show_winner(winner, results)
    elif results:
        st.info("Every one of them diverged; try smaller learning rates.")


def _show_results(job: Job) -> None:
    """A heat map of those with steps, a line for each of the others."""
    results = [] if job.task.prepares else job.partial_results
    winner = best_result(results)
    if any(result.candidate.steps for result in results):
        search_heatmap(results, winner)
    for result in results:
        if not result.candidate.steps:
            mark = " · best" if result is winner else ""
            st.markdown(
                f"**{head_name(result.candidate.head)}**: {percent_exact(result.accuracy)} "
                f"± {result.standard_error * 100:.1f}{mark}"
            )


def _show_winner(winner: SearchResult, results: list[SearchResult]) -> None:
    candidate = winner.candidate
    st.markdown(
        f"**Take {_in_words(candidate)}**: {percent_exact(winner.accuracy)}, standard error "
        f"{winner.standard_error * 100:.1f} points."
    )
    highest = max((r for r in results if not r.diverged), key=lambda result: result.accuracy)
    if winner is not highest:
        st.caption(
            f"{_in_words(highest.candidate).capitalize()} reached "
            f"{percent_exact(highest.accuracy)}, but that lead is within one standard error: of "
            "all that are as good, the simplest is taken, with the fewest steps."
        )
    st.button(
        "Set the controls to it",
        icon=":material/tune:",
        on_click=set_widgets,
        args=(candidate.steps, candidate.learning_rate, candidate.head),
        key=keys.TAKE_WINNER,
    )


def _in_words(candidate: SearchCandidate) -> str:
    if candidate.steps is None:
        return head_name(candidate.head)
    return f"{candidate.steps} steps at {candidate.learning_rate:g}"
