"""Runs: every training to come back to, compare, keep, take along or use."""

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.curves import training_curves
from decor_app.evaluation.details import show_details
from decor_app.evaluation.summary import accuracy_words, show_corrections_note, use_button
from decor_app.format import STEPWISE, duration, escape_markdown, head_name, percent_exact
from decor_app.page import RETRAIN, open_page
from decor_app.runs.comparison import run_titles, show_comparison
from decor_app.runs.transfer import show_curves, show_downloads, show_import
from decor_app.state.jobs import can_train_further, collect
from decor_app.state.models import in_use, shipped_bundle, use_shipped_model, uses_own_model
from decor_app.state.runs import (
    IN_SESSION,
    SHIPPED,
    RunEntry,
    delete_run,
    deleted_run,
    keep_run,
    may_keep,
    rename_run,
    restore_run,
    run_entries,
    save_note,
)
from decor_core.model.evaluation import Evaluation

# Pixels: together they fit into a window of 1280. Notes come last, and may stand beyond its edge.
_RATE = 152
_WIDTHS = {
    "Name": 148,
    "Where": 112,
    "Data": 94,
    "Taxonomy": 76,
    "Head": 68,
    "Steps": 50,
    "Rate": 50,
    "Took": 50,
}


def main() -> None:
    open_page(
        "Runs",
        "Every model that you have trained, beside those that ship: pick one to look closer or "
        "take it with you, pick several to compare them.",
    )
    collect()
    _show_undo()
    found = run_entries()
    chosen = _table(found) if found else []
    if len(chosen) > 1:
        show_comparison([entry.run for entry in chosen])
    elif chosen:
        _show_one(chosen[0])
    elif all(entry.where == SHIPPED for entry in found):
        st.info("Nothing of yours here yet.", icon=":material/info:")
        st.page_link(RETRAIN, label="Train a model", icon=":material/arrow_forward:")
    else:
        st.caption("Tick a row to look closer, several to compare.")
    if not may_keep() and any(entry.where == IN_SESSION for entry in found):
        st.caption(
            "Runs are here until you leave; download those that you want to have for longer, and "
            "bring them back below."
        )
    st.divider()
    show_curves([entry.run for entry in chosen or found])
    show_import()
    if not any(entry.where == SHIPPED for entry in found):
        shipped_bundle()  # says why it is not there


def _show_undo() -> None:
    entry = deleted_run()
    if entry:
        with st.container(horizontal=True, vertical_alignment="center", key="undo_bar"):
            st.markdown(f"Deleted: **{escape_markdown(entry.run.title)}**")
            st.button("Undo", icon=":material/undo:", on_click=restore_run)
            if in_use(entry.run):
                st.caption("It still answers on Classify.", width="content")
                st.button("Back to the shipped model", on_click=use_shipped_model, type="tertiary")


def _table(found: list[RunEntry]) -> list[RunEntry]:
    """Draw the table and return what is ticked in it."""
    titles = run_titles([entry.run for entry in found])
    rows = pd.DataFrame([_row(*pair) for pair in zip(found, titles, strict=True)])
    if not rows["Note"].any():
        rows = rows.drop(columns="Note")
    # Named after the ids in it: another row moves the others, and ticks go by place.
    key = keys.RUNS.of("-".join(entry.run.id[:6] for entry in found))
    state = st.dataframe(
        rows,
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            **{name: st.column_config.Column(width=width) for name, width in _WIDTHS.items()},
            "Test accuracy": st.column_config.TextColumn(
                width=_RATE,
                help="Share of right answers on the pictures kept back as a test, with its "
                "95\u00a0% interval and the number of pictures.",
            ),
            "Cross-validated": st.column_config.TextColumn(
                width=_RATE, help="Every picture tested once, by a model that has not seen it."
            ),
            "Trained": st.column_config.DatetimeColumn(format="D MMM, HH:mm", width=100),
        },
        alt="Runs with their settings and accuracies",
    )
    return [found[place] for place in state.selection.rows if place < len(found)]


def _row(entry: RunEntry, title: str) -> dict[str, object]:
    run, config = entry.run, entry.run.config
    stepwise = config.head == STEPWISE
    return {
        "Name": ("● " if in_use(run) else "") + title,
        "Where": entry.where,
        "Data": run.data or "–",
        "Taxonomy": run.level,
        "Head": head_name(config.head),
        "Steps": str(config.steps) if stepwise else "–",
        "Rate": f"{config.learning_rate:g}" if stepwise else "–",
        "Test accuracy": _rate(run.evaluation),
        "Cross-validated": _rate(run.cross_validation.get(run.level)),
        "Took": "–" if run.seconds is None else duration(run.seconds),
        "Trained": pd.Timestamp(run.created),
        "Note": run.note,
    }


def _rate(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "–"
    low, high = (f"{bound * 100:.0f}" for bound in evaluation.ci95)
    return f"{percent_exact(evaluation.accuracy)} ({low}–{high}), N={evaluation.n}"


def _show_one(entry: RunEntry) -> None:
    run = entry.run
    with st.container(border=True, key="run"):
        st.subheader(escape_markdown(run.title), anchor=False)
        if run.evaluation:
            st.markdown(
                f"**{percent_exact(run.evaluation.accuracy)}**: {accuracy_words(run.evaluation)}"
            )
        show_corrections_note(run)
        if entry.where != SHIPPED:
            _show_names(entry)
        with st.container(horizontal=True, gap="small", key="run_buttons"):
            _show_use(entry)
            show_downloads(run)
            if entry.where == IN_SESSION and may_keep():
                st.button(
                    "Keep",
                    icon=":material/bookmark_add:",
                    on_click=keep_run,
                    args=(entry,),
                    help="Write it to this computer's disk. Until then it is gone when the "
                    "session ends.",
                )
            if entry.where != SHIPPED:
                st.button("Delete", icon=":material/delete:", on_click=delete_run, args=(entry,))
        if run.events:
            classes = len(run.bundle.taxonomy.labels)
            training_curves(run.events, run.config, classes)
    show_details(run, ask=can_train_further(run))


def _show_use(entry: RunEntry) -> None:
    if entry.where != SHIPPED:
        use_button(entry.run)
    elif uses_own_model():
        st.button("Back to the shipped model", icon=":material/check:", on_click=use_shipped_model)
    else:
        st.markdown(":green[:material/check: Classify answers with this model.]")


def _show_names(entry: RunEntry) -> None:
    left, right = st.columns([5, 7], gap="medium")
    run = entry.run
    with left:
        st.text_input(
            "Name",
            run.title,
            key=keys.TITLE.of(run.id),
            max_chars=80,
            on_change=rename_run,
            args=(entry,),
        )
    with right:
        st.text_input(
            "Note",
            run.note,
            key=keys.NOTE.of(run.id),
            max_chars=500,
            placeholder="What you want to remember of it",
            on_change=save_note,
            args=(entry,),
        )


main()
