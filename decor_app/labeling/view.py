"""The pictures that are being labeled: their bar, the labeler, what can be taken along."""

from functools import partial

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.labeler import labeler
from decor_app.format import escape_markdown
from decor_app.hosting.config import server_config
from decor_app.hosting.uploads import held_files
from decor_app.session_keys import SessionKey
from decor_app.state.datasets import delete, reimport_advice, where_kept
from decor_app.state.downloads import Download
from decor_app.state.errors import attempt, toast_error
from decor_app.state.first_model import train_first_model
from decor_app.state.labeling import (
    add_to_unlabeled_set,
    close_labeling,
    finish,
    hugging_face,
    rename_unlabeled_set,
    table_csv,
    zipped,
)
from decor_app.state.labeling_routes import PATH
from decor_app.state.labeling_session import Labeling
from decor_app.state.toasts import toast
from decor_core.datasets.unlabeled_set import left_out

_DOWNLOADS = (
    ("Class folders (zip)", zipped, "zip", "application/zip"),
    ("Table (CSV)", table_csv, "csv", "text/csv"),
    ("For Hugging Face (zip)", hugging_face, "hugging-face.zip", "application/zip"),
)


def show_labeling(labeling: Labeling) -> None:
    """The way back, title and menu of an unlabeled set, then the labeler."""
    st.button(
        "All data sets, and new ones",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=close_labeling,
    )
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="heap"
    ):
        st.header(escape_markdown(labeling.title), anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            _additions(labeling)
            _menu(labeling)
    labeler(
        labeling.id,
        f"{PATH.lstrip('/')}/{labeling.address}",  # from this page, below whatever path a proxy has
        labeling.pictures,
        lambda: _finish(labeling),
    )


def _finish(labeling: Labeling) -> None:
    """Make a data set of what has a class, and say what has none."""
    words = left_out(labeling.unlabeled, labeling.log)  # while the unlabeled set is there
    made = finish(labeling)
    if made is None:
        return
    train_first_model(made)
    if words:
        toast(escape_markdown(words), icon=":material/info:")


def _additions(labeling: Labeling) -> None:
    key = keys.ADD_FILES.of(keys.ADDITIONS.value)
    with st.popover("Add pictures", icon=":material/add_photo_alternate:"):
        st.file_uploader(
            "Pictures, or a zip of them, to label as well",
            accept_multiple_files=True,
            key=key,
            max_upload_size=server_config().upload_mb,
        )
        # Not before they have arrived: what is on its way would not be added.
        st.button(
            "Add", type="primary", on_click=_add, args=(labeling, key), disabled=not key.value
        )
        st.caption("Labels stay as they are; pictures that are here already are not taken twice.")


def _add(labeling: Labeling, key: SessionKey[list]) -> None:
    files, gone = held_files(key.value)
    if gone:
        toast_error(f"{gone} Nothing was added.")
    else:
        attempt(lambda: add_to_unlabeled_set(labeling, [(file.name, file) for file in files]))
    keys.ADDITIONS.value += 1  # an empty drop zone


def _menu(labeling: Labeling) -> None:
    with st.popover("Rename, take along", icon=":material/more_horiz:"):
        st.text_input(
            "Name",
            labeling.title,
            key=keys.TITLE.of(labeling.id),
            max_chars=80,
            on_change=rename_unlabeled_set,
            args=(labeling.id,),
        )
        for label, made, ending, kind in _DOWNLOADS:
            download = Download(partial(made, labeling), f"{labeling.id}.{ending}", kind)
            st.download_button(
                label,
                download,
                download.name,
                download.kind,
                icon=":material/download:",
                on_click="ignore",
                width="stretch",
            )
        if words := reimport_advice(labeling.id, labeling.unlabeled.catalog):
            st.caption(words)
        st.button(
            "Delete",
            icon=":material/delete:",
            on_click=delete,
            args=(labeling.id,),
            width="stretch",
        )
        st.caption(where_kept())
