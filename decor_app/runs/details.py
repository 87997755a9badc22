"""One run: its figures, name and note, what can be done with it, curves."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.curves import training_curves
from decor_app.evaluation.details import show_details
from decor_app.evaluation.summary import (
    describe_accuracy,
    show_corrections_note,
    show_fine_tuning_note,
    show_same_scene_note,
    use_button,
)
from decor_app.format import escape_markdown, percent_exact
from decor_app.runs.transfer import show_downloads
from decor_app.state.jobs import can_train_further
from decor_app.state.models import in_use, use_shipped_model, uses_own_model
from decor_app.state.runs import (
    IN_SESSION,
    SHIPPED,
    RunEntry,
    delete_run,
    keep_run,
    may_keep,
    rename_run,
    restore_run,
    save_note,
)


def show_deleted() -> None:
    """Offer to bring back the run that was deleted last."""
    entry = keys.DELETED_RUN.value
    if entry is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="undo_bar"):
        st.markdown(f"Deleted: **{escape_markdown(entry.run.title)}**")
        st.button("Undo", icon=":material/undo:", on_click=restore_run)
        if in_use(entry.run):
            st.caption("It still answers on Classify.", width="content")
            st.button("Back to the shipped model", on_click=use_shipped_model, type="tertiary")


def show_run(entry: RunEntry) -> None:
    """All there is to see of a run, and to do with it."""
    run, shipped = entry.run, entry.where == SHIPPED
    with st.container(border=True, key="run"):
        st.header(escape_markdown(run.title), anchor=False)
        if run.evaluation:
            accuracy = percent_exact(run.evaluation.accuracy)
            st.markdown(f"**{accuracy}**: {describe_accuracy(run.evaluation)}")
        show_same_scene_note(run)
        show_corrections_note(run)
        show_fine_tuning_note(run)
        if not shipped:
            _name_and_note(entry)
        with st.container(horizontal=True, gap="small", key="run_buttons"):
            if not shipped:
                use_button(run)
            elif uses_own_model():
                label = "Back to the shipped model"
                st.button(label, icon=":material/check:", on_click=use_shipped_model)
            else:
                st.markdown(":green[:material/check: Classify answers with this model.]")
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
            if not shipped:
                st.button("Delete", icon=":material/delete:", on_click=delete_run, args=(entry,))
        if run.events:
            training_curves(run.events, run.config, len(run.bundle.taxonomy.labels))
    show_details(run, ask=can_train_further(run))


def _name_and_note(entry: RunEntry) -> None:
    run, left_right = entry.run, st.columns([5, 7], gap="medium")
    title, note = keys.TITLE.of(run.id), keys.NOTE.of(run.id)
    left_right[0].text_input(
        "Name", run.title, key=title, max_chars=80, on_change=rename_run, args=(entry,)
    )
    left_right[1].text_input(
        "Note",
        run.note,
        key=note,
        max_chars=500,
        placeholder="What you want to remember of it",
        on_change=save_note,
        args=(entry,),
    )
