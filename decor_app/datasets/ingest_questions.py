"""Questions before an upload is read: the folders or columns that are the classes."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.datasets.class_folders import (
    ONE_CLASS,
    UNLABELED,
    choose_outline,
    describe_outline,
    show_tree,
)
from decor_app.format import escape_markdown
from decor_app.jobs.ingest_tasks import DatasetPreview
from decor_app.state.datasets import toast_error
from decor_core.data.folders.layout import named
from decor_core.data.folders.outline import FolderOutline
from decor_core.data.tables.columns import Columns
from decor_core.datasets.editing import checked_label
from decor_core.errors import DataError
from decor_core.text import pluralize

_NONE = "–"
_COLUMN_HELP = {
    "File names": "The names of the picture files, as they are in the folder or zip.",
    "Classes": "What the model is to tell apart.",
    "Coarser classes": "What the classes belong to, such as a country for each style: answers can "
    "then be had by either.",
    "Types": "Kinds of pictures, such as products and patterns, of which you may take some only.",
}


@dataclass(frozen=True)
class IngestOptions:
    """How an upload is to be read: those fields of an IngestTask."""

    columns: Columns | None = None
    types: tuple[str, ...] | None = None
    label: str = ""
    classes_from: str = ""
    unlabeled: bool = False


def has_questions(preview: DatasetPreview) -> bool:
    """Whether only people know how this is meant."""
    layout = preview.layout
    if layout.kind in ("table", "loose", "empty", "annotations"):
        return True
    if layout.kind == "folders" and layout.guessed:
        guess = preview.outlines[0]
        return bool(guess.question or guess.assumed) or len(guess.counts) < 2
    if layout.kind != "csv" or not layout.guessed:
        return False
    assert layout.columns is not None  # they come with the kind “csv”
    return not _is_well_known(layout.columns) or len(_types(preview, layout.columns)) > 1


def ask(
    found: DatasetPreview, ingest: Callable[[IngestOptions], None], cancel: Callable[[], None]
) -> None:
    """The questions; a button calls ``ingest`` with the answers, another ``cancel``."""
    if found.layout.kind in ("loose", "folders"):
        _ask_folders(found, ingest, cancel)
    elif found.layout.kind != "empty" and found.head is not None:
        _ask_columns(found, ingest, cancel)
    else:
        if found.layout.kind == "annotations":
            st.error(escape_markdown(found.layout.read_as), icon=":material/error:")
        if found.layout.kind == "empty":
            st.error(
                "There are no pictures in it. A table needs its pictures along: drop both "
                "together.",
                icon=":material/error:",
            )
        st.button("Start again", icon=":material/undo:", on_click=cancel)


def _is_well_known(columns: Columns) -> bool:
    names = tuple(name.lower() for name in (columns.file, *columns.labels))
    return columns.is_decor or names == ("file", "class")


def _types(preview: DatasetPreview, columns: Columns | None) -> dict[str, int]:
    """How many pictures there are of each type."""
    return dict(preview.values.get(columns.type, {})) if columns and columns.type else {}


def _ask_folders(
    found: DatasetPreview, ingest: Callable[[IngestOptions], None], cancel: Callable[[], None]
) -> None:
    """Ask for the folders that are classes, or for the one class of loose pictures."""
    guess, loose = found.outlines[0], found.layout.kind == "loose"
    if loose:
        st.markdown(f"{found.pictures} pictures, in no class folders. {_in_parts(guess)}")
    elif guess.question:
        st.markdown(escape_markdown(guess.question))
    elif len(guess.counts) < 2:
        st.markdown(f"{pluralize(found.pictures, 'picture')}, all in one folder.")
    chosen = choose_outline(found.outlines, loose=loose)
    if chosen == ONE_CLASS:
        st.text_input("Class", key=keys.INGEST_CLASS, placeholder="e.g. Gzhel", max_chars=100)
        st.caption("What do they show? Pictures of other classes can be added afterwards.")
    elif isinstance(chosen, str):
        st.caption(
            "You name the classes as you go, with a key for each. After a few pictures the model "
            "proposes the rest."
        )
    else:
        st.markdown(describe_outline(chosen))

    def read() -> None:
        try:
            label = checked_label(keys.INGEST_CLASS.value) if chosen == ONE_CLASS else ""
        except DataError as error:
            toast_error(error)
            return
        classes_from = "" if isinstance(chosen, str) else chosen.classes_from
        unlabeled = chosen == UNLABELED
        ingest(IngestOptions(label=label, classes_from=classes_from, unlabeled=unlabeled))

    _buttons(read, cancel)
    if not isinstance(chosen, str):
        show_tree(chosen)


def _in_parts(guess: FolderOutline) -> str:
    """Show the folders that are no classes, where there are some."""
    parts = {line.name for line in guess.lines if line.name}
    if not parts:
        return ""
    return (
        f"The folders, {named(map(escape_markdown, parts))}, are called like parts of a data set, "
        "or like any folder of pictures."
    )


def _ask_columns(
    found: DatasetPreview, ingest: Callable[[IngestOptions], None], cancel: Callable[[], None]
) -> None:
    """Ask for the meaning of a table's columns, and for the types of pictures."""
    layout, columns = found.layout, found.layout.columns
    known = layout.kind == "csv" and columns is not None and _is_well_known(columns)
    tables = ", ".join(map(escape_markdown, layout.tables))
    came = f"A table, {tables}, comes" if len(layout.tables) == 1 else f"Tables, {tables}, come"
    asked = "" if known else " Which of its columns are meant?"
    if layout.rivals:
        rivals = ", ".join(map(escape_markdown, layout.rivals))
        asked = f" Several of its columns may hold the classes: {rivals}. Which one is meant?"
    st.markdown(f"{came} with {found.pictures} pictures.{asked}")
    st.dataframe(found.head, hide_index=True, alt="The first rows of the table")
    if not known:
        assert found.head is not None  # else nothing is asked
        columns = _column_widgets(found.head, columns or Columns(), bool(layout.rivals))
    counts, types = _types(found, columns), ()
    if len(counts) > 1:
        types = st.pills(
            "Which pictures?",
            list(counts),
            default=["product"] if "product" in counts else list(counts),
            selection_mode="multi",
            format_func=lambda name: f"{escape_markdown(name)} ({counts[name]})",
            key=keys.INGEST_TYPES,
        )
    ready = columns is not None and (len(counts) < 2 or bool(types))
    _buttons(lambda: ingest(IngestOptions(columns, tuple(types) or None)), cancel, ready)


def _column_widgets(head: pd.DataFrame, guess: Columns, is_open: bool) -> Columns | None:
    """The columns that are chosen; None where one is chosen twice, or none for files or classes.

    The column of the classes must be chosen where it ``is_open`` which one it is.
    """
    names = list(head.columns)
    preset = guess.file, "" if is_open else guess.label, guess.coarser, guess.type
    chosen = []
    with st.container(horizontal=True, gap="small"):
        for i, (label, help) in enumerate(_COLUMN_HELP.items()):
            options = names if i < 2 else [_NONE, *names]
            index = options.index(preset[i]) if preset[i] else None if i < 2 else 0
            chosen.append(
                st.selectbox(
                    label,
                    options,
                    index=index,
                    key=keys.INGEST_COLUMN.of(label),
                    help=help,
                    placeholder="Choose a column",
                )
            )
    used = [name for name in chosen if name and name != _NONE]
    if len(set(used)) < len(used):
        st.warning("Choose another column for each purpose.", icon=":material/warning:")
        return None
    file, label, coarser, kind = ("" if name in (None, _NONE) else name for name in chosen)
    return Columns(file, label, coarser, kind) if file and label else None


def _buttons(read: Callable[[], None], cancel: Callable[[], None], ready: bool = True) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Read the pictures",
            type="primary",
            icon=":material/play_arrow:",
            on_click=read,
            disabled=not ready,
        )
        st.button("Cancel", on_click=cancel)
