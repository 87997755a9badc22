"""Data sets as a whole: the list of them, the bar above the open one, the one deleted last."""

from collections.abc import Sequence

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import ago, escape_markdown
from decor_app.page import RETRAIN
from decor_app.state import datasets, labeling
from decor_app.state.downloads import Download
from decor_core.datasets.archive import zip_pieces
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.store import DatasetSummary
from decor_core.text import pluralize

_LISTED = 5


def show_deleted() -> None:
    """The data set deleted last, to bring it back."""
    if title := keys.DELETED_SET.value[1]:
        with st.container(horizontal=True, vertical_alignment="center", key="deleted_set_bar"):
            st.markdown(f"Deleted: **{escape_markdown(title)}**", width="content")
            st.button(
                "Undo", icon=":material/undo:", on_click=datasets.restore, key=keys.RESTORE_SET
            )


def show_list(sets: Sequence[DatasetSummary], unlabeled_sets: Sequence[DatasetSummary]) -> None:
    """The data sets to open, and the ``unlabeled_sets`` to label, each in a line."""
    lines = sorted([*sets, *unlabeled_sets], key=lambda one: one.changed, reverse=True)
    if not lines:
        return
    st.header("Your data sets", anchor=False)
    with st.container(key="sets", gap="xsmall"):
        for one in lines if keys.ALL_SETS.value else lines[:_LISTED]:
            _show_line(one, is_unlabeled_set=one in unlabeled_sets)
        if len(lines) > _LISTED and not keys.ALL_SETS.value:
            st.button(
                f"Show all {len(lines)}",
                type="tertiary",
                icon=":material/expand_more:",
                on_click=keys.ALL_SETS.set,
                args=(True,),
            )


def _show_line(one: DatasetSummary, *, is_unlabeled_set: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.button(
            escape_markdown(one.title),
            key=keys.OPEN_SET.of(one.id),
            icon=":material/label:" if is_unlabeled_set else ":material/folder_open:",
            on_click=labeling.open_labeling if is_unlabeled_set else datasets.open_set,
            args=(one.id,),
        )
        pictures = pluralize(one.pictures, "picture")
        what = (
            f"{one.labels:,} of {pictures} labeled"
            if is_unlabeled_set
            else f"{pictures} · {pluralize(one.labels, 'class')}"
        )
        st.caption(f"{what} · changed {ago(one.changed)}")


def show_header(dataset: Dataset) -> None:
    """The name of the open data set, and what can be done with the whole of it."""
    st.button(
        "All data sets, and new ones",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=datasets.open_set,
        args=("",),
    )
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="set"
    ):
        st.header(escape_markdown(dataset.title), anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.button(
                "Undo",
                icon=":material/undo:",
                on_click=datasets.undo,
                disabled=not dataset.can_undo,
                help=f"Last: {dataset.step}" if dataset.step else None,
            )
            if labeling.can_label_more(dataset):
                st.button(
                    "Label more",
                    icon=":material/label:",
                    on_click=labeling.label_more,
                    args=(dataset,),
                    help="Add pictures without a class and label them by keys: the model proposes.",
                )
            _menu(dataset)
            st.button(
                "Train on it",
                type="primary",
                icon=":material/model_training:",
                on_click=st.switch_page,  # a click that the script reads is lost where a job ends
                args=(RETRAIN,),
            )


def _menu(dataset: Dataset) -> None:
    with st.popover("Rename, take along", icon=":material/more_horiz:"):
        st.text_input(
            "Name",
            dataset.title,
            key=keys.TITLE.of(dataset.id),
            max_chars=80,
            on_change=datasets.rename,
            args=(dataset.id,),
        )
        download = Download(lambda: zip_pieces(dataset), f"{dataset.id}.zip")
        st.download_button(
            "Download as zip",
            download,
            download.name,
            download.kind,
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
            help="Pictures in class folders, a table, a report. It can be brought in again.",
        )
        if words := datasets.reimport_advice(dataset.id, dataset.catalog):
            st.caption(words)
        st.button(
            "Delete",
            icon=":material/delete:",
            on_click=datasets.delete,
            args=(dataset.id,),
            width="stretch",
        )
        st.caption(datasets.where_kept())
        st.caption(f"Version {dataset.version}: another one as soon as a picture or label is.")
