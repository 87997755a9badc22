"""Data: pictures of one's own brought in, checked, put right, kept."""

import streamlit as st

from decor_core.picture_set import PictureSet
from decor_core.picture_sets import Summary
from pages.parts import sets
from pages.parts.arrivals import show_arrival
from pages.parts.bringing import show_additions, show_empty_state, show_ways_in
from pages.parts.browsing import show_pictures
from pages.parts.findings import collect_check, show_report
from pages.parts.frame import RETRAIN, open_page
from pages.parts.plan import show_map
from pages.parts.text import plain

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
    show_arrival()
    _show_deleted()
    pictures = sets.opened()
    if pictures:
        collect_check(pictures)
        pictures = sets.opened()
    _show_sets(sets.summaries(), pictures)
    if pictures is None:
        show_ways_in()
        show_empty_state()
    else:
        _show_set(pictures)


def _show_deleted() -> None:
    title = sets.deleted()
    if title:
        with st.container(horizontal=True, vertical_alignment="center", key="deleted_set_bar"):
            st.markdown(f"Deleted: **{plain(title)}**", width="content")
            st.button("Undo", icon=":material/undo:", on_click=sets.restore, key="restore_set")


def _show_sets(found: list[Summary], pictures: PictureSet | None) -> None:
    """The data sets to choose from, where there are any."""
    if not found:
        return
    titles = {one.id: f"{one.title} · {one.pictures:,} pictures · {one.labels} classes"
              for one in found}  # fmt: skip
    ids = list(titles)
    with st.container(horizontal=True, vertical_alignment="bottom", key="sets_bar"):
        # Named after what it shows: another set may have been opened since it was drawn.
        key = f"set-{pictures.id if pictures else ''}"
        st.selectbox(
            "Data set",
            ids,
            index=ids.index(pictures.id) if pictures and pictures.id in ids else None,
            format_func=titles.get,
            placeholder="Open one of yours",
            key=key,
            on_change=lambda: sets.open_set(st.session_state[key] or ""),
        )
        if pictures:
            st.button("Bring more in", icon=":material/add:", on_click=sets.open_set, args=("",))


def _show_set(pictures: PictureSet) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="set"
    ):
        st.header(plain(pictures.title), anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.button(
                "Undo",
                icon=":material/undo:",
                on_click=sets.undo,
                disabled=not pictures.can_undo,
                help=f"Last: {pictures.step}" if pictures.step else None,
            )
            _show_more(pictures)
            st.page_link(RETRAIN, label="Train on it", icon=":material/model_training:")
    tabs = st.tabs(list(_VIEWS), key="data_view", on_change="rerun")
    for tab, show in zip(tabs, _VIEWS.values(), strict=True):
        if tab.open:
            with tab:
                show(pictures)


def _show_more(pictures: PictureSet) -> None:
    with st.popover("Keep, rename, delete", icon=":material/more_horiz:"):
        key = f"title-{pictures.id}"
        st.text_input(
            "Name",
            pictures.title,
            key=key,
            max_chars=80,
            on_change=sets.rename,
            args=(pictures.id, key),
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
