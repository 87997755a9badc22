"""From an upload to a data set: a look into it, questions where there are some, the reading."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import escape_markdown
from decor_app.jobs.dataset_tasks import DatasetPreview, IntakeTask, PreviewTask
from decor_app.jobs.job import Job
from decor_app.state.dataset_jobs import INTAKE, PEEK, forget, read, reading, stop_reading, watch
from decor_app.state.datasets import open_set, store, toast_error
from decor_core.data.tables import Columns
from decor_core.datasets.editing import checked_label
from decor_core.errors import DataError

UPLOAD = "upload.zip"  # what comes over the network has no say in what files are called
_NONE = "–"


def begin(zip_path: Path, into: Path, title: str) -> None:
    """Look into what was uploaded."""
    forget(INTAKE)
    read(PEEK, PreviewTask(zip_path, into, title))


def show_arrival() -> bool:
    """How far what is on its way in is, and what it wants to know; whether there is such."""
    _advance()
    intake, peek = reading(INTAKE), reading(PEEK)
    if not intake and not peek:
        return False
    with st.container(border=True, key="arrival"):
        st.header(escape_markdown((intake or peek).task.title), anchor=False)
        _show_state(intake, peek)
    return True


def _show_state(intake: Job | None, peek: Job | None) -> None:
    for purpose, job in ((INTAKE, intake), (PEEK, peek)):
        if job and job.active:
            watch(purpose)
            return
        if job and job.status != "done":
            named = job.message.replace(UPLOAD, job.task.title)
            st.error(escape_markdown(named or "This was broken off."), icon=":material/error:")
    if peek and peek.status == "done":
        _ask(peek)
    else:
        st.button("Start again", icon=":material/undo:", on_click=_give_up)


def _advance() -> None:
    """Take the next step where nothing needs to be asked."""
    peek = reading(PEEK)
    if peek and peek.status == "done" and reading(INTAKE) is None and not _questions(peek.result):
        _take_in(peek, peek.result.layout.columns if peek.result.layout.guessed else None)
    intake = reading(INTAKE)
    if intake and not intake.active:
        _finish(intake)


def _finish(job: Job) -> None:
    """Open what came of a reading, also of one that was stopped half way."""
    try:
        made = store().get(job.task.into.name)
    except DataError:
        if job.status == "stopped":
            _give_up()
        return
    if job.status == "failed":  # it was read, but no model could look at it
        st.toast(escape_markdown(job.message), icon=":material/error:", duration="long")
    forget(INTAKE)
    forget(PEEK)
    open_set(made.id)


def _give_up() -> None:
    for purpose in (INTAKE, PEEK):
        job = reading(purpose)
        if job:
            stop_reading(purpose)
            store().discard(job.task.into.name)
            forget(purpose)


def _take_in(
    peek: Job, columns: Columns | None, types: tuple[str, ...] | None = None, label: str = ""
) -> None:
    asked = peek.task
    read(INTAKE, IntakeTask(asked.data, asked.into, asked.title, columns, types, label))


# Questions


def _questions(peek: DatasetPreview) -> bool:
    """Whether only people know how this is meant."""
    layout = peek.layout
    if layout.kind in ("table", "loose", "empty"):
        return True
    if layout.kind != "csv" or not layout.guessed:
        return False
    return not _well_known(layout.columns) or len(_types(peek, layout.columns)) > 1


def _well_known(columns: Columns) -> bool:
    names = tuple(name.lower() for name in (columns.file, *columns.labels))
    return columns.is_decor or names == ("file", "class")


def _types(peek: DatasetPreview, columns: Columns) -> dict[str, int]:
    return dict(peek.values.get(columns.type, {})) if columns.type else {}


def _ask(peek: Job) -> None:
    found: DatasetPreview = peek.result
    if found.layout.kind == "loose":
        _ask_class(peek)
    elif found.layout.kind == "empty":
        st.error(
            "There are no pictures in it. A table needs its pictures along: drop both together.",
            icon=":material/error:",
        )
        st.button("Start again", icon=":material/undo:", on_click=_give_up)
    elif found.head is not None:
        _ask_columns(peek)
    else:
        st.button("Start again", icon=":material/undo:", on_click=_give_up)


def _ask_class(peek: Job) -> None:
    found: DatasetPreview = peek.result
    st.markdown(
        f"{found.pictures} pictures, in no class folders. What do they show? Pictures of other "
        "classes can be added afterwards."
    )
    st.text_input("Class", key=keys.ARRIVAL_CLASS, placeholder="e.g. Gzhel", max_chars=100)
    _buttons(lambda: _take_in_class(peek))


def _take_in_class(peek: Job) -> None:
    try:
        _take_in(peek, None, label=checked_label(keys.ARRIVAL_CLASS.value))
    except DataError as error:
        toast_error(error)


def _ask_columns(peek: Job) -> None:
    found: DatasetPreview = peek.result
    guess = found.layout.columns
    known = guess is not None and _well_known(guess)
    st.markdown(
        f"A table, {escape_markdown(found.layout.csv)}, comes with {found.pictures} pictures."
        + ("" if known else " Which of its columns are meant?")
    )
    st.dataframe(found.head, hide_index=True, alt="The first rows of the table")
    columns = guess if known else _choose_columns(found.head, guess)
    counts = _types(peek=found, columns=columns) if columns else {}
    types = _choose_types(counts) if len(counts) > 1 else ()
    ready = columns is not None and (len(counts) < 2 or bool(types))
    _buttons(lambda: _take_in(peek, columns, types or None), ready)


def _choose_columns(head: pd.DataFrame, guess: Columns | None) -> Columns | None:
    names = list(head.columns)
    guess = guess or Columns(names[0], names[min(1, len(names) - 1)])
    with st.container(horizontal=True, gap="small"):
        file = _column("File names", names, guess.file)
        label = _column("Classes", names, guess.label)
        coarser = _column("Coarser classes", [_NONE, *names], guess.coarser or _NONE)
        kind = _column("Types", [_NONE, *names], guess.type or _NONE)
    chosen = [name for name in (file, label, coarser, kind) if name != _NONE]
    if len(set(chosen)) < len(chosen):
        st.warning("Choose another column for each purpose.", icon=":material/warning:")
        return None
    columns = Columns(file, label)
    coarser, kind = ("" if name == _NONE else name for name in (coarser, kind))
    return replace(columns, coarser=coarser, type=kind)


def _column(label: str, names: list[str], chosen: str) -> str:
    return st.selectbox(
        label,
        names,
        index=names.index(chosen),
        key=keys.ARRIVAL_COLUMN.of(label),
        help=_HELP[label],
    )


_HELP = {
    "File names": "The names of the picture files, as they are in the folder or zip.",
    "Classes": "What the model is to tell apart.",
    "Coarser classes": "What the classes belong to, such as a country for each style: answers can "
    "then be had by either.",
    "Types": "Kinds of pictures, such as products and patterns, of which you may take some only.",
}


def _choose_types(counts: dict[str, int]) -> tuple[str, ...]:
    usual = ["product"] if "product" in counts else list(counts)
    chosen = st.pills(
        "Which pictures?",
        list(counts),
        default=usual,
        selection_mode="multi",
        format_func=lambda name: f"{escape_markdown(name)} ({counts[name]})",
        key=keys.ARRIVAL_TYPES,
    )
    return tuple(chosen)


def _buttons(take: Callable[[], None], ready: bool = True) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Read the pictures",
            type="primary",
            icon=":material/play_arrow:",
            on_click=take,
            disabled=not ready,
        )
        st.button("Cancel", on_click=_give_up)
