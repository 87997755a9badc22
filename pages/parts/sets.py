"""The data sets that a session sees, which of them is open, and edits of it that can be undone."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from decor_core.errors import DataError
from decor_core.picture_set import PictureSet
from decor_core.picture_sets import PictureSets, Summary, sets_directory
from decor_core.trainer import Trainer

from .picks import pick
from .shelf import may_keep
from .text import plain
from .workspace import workspace


@st.cache_resource(show_spinner=False)
def reader() -> Trainer:
    """The process of this server that reads and embeds what people bring, without TensorFlow."""
    return Trainer(tensorflow=False)


def store() -> PictureSets:
    """Where this session's data sets are: kept on the disk, or with it until it goes."""
    root = sets_directory() if may_keep() else workspace().folder / "datasets"
    return _store(root)


@st.cache_resource(show_spinner=False, max_entries=200)
def _store(root: Path) -> PictureSets:
    return PictureSets(root)


def where_kept() -> str:
    """In Markdown, where data sets are and for how long."""
    if may_keep():
        return f"Kept on this computer, in {plain(str(store().root))}."
    return "Kept until you leave; download what you want to have for longer."


def summaries() -> list[Summary]:
    """All data sets of this session, the one that was changed last first."""
    return store().list()


def opened() -> PictureSet | None:
    """The data set that is open, as it stands; None if there is none (any more)."""
    set_id = workspace().data_set
    if not set_id:
        return None
    try:
        return _load(set_id)
    except DataError as error:
        tell(error)
        workspace().data_set = ""
        return None


def open_set(set_id: str) -> None:
    """Open a data set, or none."""
    workspace().data_set = set_id
    pick(())


def edit(change: Callable[[PictureSet], PictureSet]) -> PictureSet | None:
    """Change the open data set and say so; None where that is refused, with the reason."""
    now = opened()
    if now is None:
        return None
    try:
        changed = change(now)
    except DataError as error:
        tell(error)
        return None
    pick(())
    _say_what_was_done(now, changed)
    return changed


def undo() -> None:
    """Take the last edit back."""
    edit(lambda pictures: pictures.undo())


def _say_what_was_done(before: PictureSet, after: PictureSet) -> None:
    if after.number > before.number:
        st.toast(f"{plain(after.step)}. “Undo” takes it back.", icon=":material/check:")
    elif after.number < before.number:
        st.toast(f"Taken back: {plain(before.step)}.", icon=":material/undo:")


def tell(error: Exception) -> None:
    """Say what went wrong."""
    st.toast(plain(str(error)), icon=":material/error:", duration="long")


# Sets as a whole


def rename(set_id: str, key: str) -> None:
    """Give a set the title that the control ``key`` holds."""
    try:
        store().get(set_id).titled(st.session_state[key])
    except DataError as error:
        tell(error)


def delete(set_id: str) -> None:
    """Remove a set; ``restore`` brings it back."""
    try:
        title = store().get(set_id).title
        store().delete(set_id)
    except DataError as error:
        tell(error)
        return
    if workspace().data_set == set_id:
        open_set("")
    st.session_state.deleted_set = set_id, title


def deleted() -> str:
    """The title of the set that was deleted last and can be brought back; "" if there is none."""
    return st.session_state.get("deleted_set", ("", ""))[1]


def restore() -> None:
    """Bring back the set that was deleted last."""
    set_id, _ = st.session_state.pop("deleted_set")
    try:
        open_set(store().restore(set_id).id)
    except DataError as error:
        tell(error)


def _load(set_id: str) -> PictureSet:
    return store().get(set_id)
