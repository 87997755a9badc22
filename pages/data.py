"""Data: pictures of one's own brought in, checked, put right, kept."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.datasets.browse import show_pictures
from decor_app.datasets.ingest import show_arrival
from decor_app.datasets.map import show_map
from decor_app.datasets.report import collect_check, show_report
from decor_app.datasets.upload import show_additions, show_empty_state, show_ways_in
from decor_app.format import ago, escape_markdown, pluralize
from decor_app.page import RETRAIN, open_page
from decor_app.state import datasets as sets
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.store import DatasetSummary

_FIRST = 5
_VIEWS = {
    "Report": show_report,
    "Pictures": show_pictures,
    "Map": show_map,
    "Add pictures": show_additions,
}


def main() -> None:
    open_page(
        "Your pictures",
        "From a folder on your desk to a classifier of your own: bring pictures in, see what is "
        "wrong with them, put it right with a click.",
    )
    arriving = show_arrival()
    _show_deleted()
    pictures = sets.opened()
    if pictures:
        collect_check(pictures)
        pictures = sets.opened()
    if pictures is None:
        found = sets.summaries()
        _show_list(found)
        if arriving:
            return
        if found:
            st.header("Bring pictures in", anchor=False)
        left, right = st.columns([7, 5], gap="large")
        with left:
            show_ways_in()
        with right:
            show_empty_state()
    else:
        st.button(
            "All data sets, and new ones",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=sets.open_set,
            args=("",),
        )
        _show_set(pictures)


def _show_deleted() -> None:
    title = sets.deleted()
    if title:
        with st.container(horizontal=True, vertical_alignment="center", key="deleted_set_bar"):
            st.markdown(f"Deleted: **{escape_markdown(title)}**", width="content")
            st.button("Undo", icon=":material/undo:", on_click=sets.restore, key=keys.RESTORE_SET)


def _show_list(found: list[DatasetSummary]) -> None:
    """The data sets to open, each in a line."""
    if not found:
        return
    st.header("Your data sets", anchor=False)
    with st.container(key="sets", gap="xsmall"):
        for one in found if keys.ALL_SETS.value else found[:_FIRST]:
            with st.container(
                horizontal=True, vertical_alignment="center", gap="small", wrap=False
            ):
                st.button(
                    escape_markdown(one.title),
                    key=keys.OPEN_SET.of(one.id),
                    icon=":material/folder_open:",
                    on_click=sets.open_set,
                    args=(one.id,),
                )
                st.caption(
                    f"{pluralize(one.pictures, 'picture')} · {pluralize(one.labels, 'class')} · "
                    f"changed {ago(one.changed)}"
                )
        if len(found) > _FIRST and not keys.ALL_SETS.value:
            st.button(
                f"Show all {len(found)}",
                type="tertiary",
                icon=":material/expand_more:",
                on_click=lambda: keys.ALL_SETS.set(True),
            )


def _show_set(pictures: Dataset) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="set"
    ):
        st.header(escape_markdown(pictures.title), anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.button(
                "Undo",
                icon=":material/undo:",
                on_click=sets.undo,
                disabled=not pictures.can_undo,
                help=f"Last: {pictures.step}" if pictures.step else None,
            )
            _show_more(pictures)
            if st.button("Train on it", type="primary", icon=":material/model_training:"):
                st.switch_page(RETRAIN)
    tabs = st.tabs(list(_VIEWS), key=keys.DATA_VIEW, on_change="rerun")
    for tab, show in zip(tabs, _VIEWS.values(), strict=True):
        if tab.open:
            with tab:
                show(pictures)


def _show_more(pictures: Dataset) -> None:
    with st.popover("Rename, take along", icon=":material/more_horiz:"):
        st.text_input(
            "Name",
            pictures.title,
            key=keys.TITLE.of(pictures.id),
            max_chars=80,
            on_change=sets.rename,
            args=(pictures.id,),
        )
        st.download_button(
            "Download as zip",
            lambda: sets.zipped(pictures),
            f"{pictures.id}.zip",
            "application/zip",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
            help="Pictures in class folders, a table, a report. It can be brought in again.",
        )
        st.button(
            "Delete",
            icon=":material/delete:",
            on_click=sets.delete,
            args=(pictures.id,),
            width="stretch",
        )
        st.caption(sets.where_kept())
        st.caption(f"Version {pictures.version}: another one as soon as a picture or label is.")


main()
