"""From an upload to a data set: a preview, questions where there are some, the reading."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.progress import watch_job
from decor_app.datasets.class_folders import (
    ONE_CLASS,
    UNLABELED,
    choose_outline,
    outline_words,
    show_tree,
)
from decor_app.format import escape_markdown, pluralize
from decor_app.jobs.intake_tasks import DatasetPreview, IntakeTask, PreviewTask
from decor_app.jobs.job import Job
from decor_app.state.datasets import open_set, store, toast_error
from decor_app.state.first_model import submit_intake
from decor_app.state.jobs import INTAKE, PEEK, forget, job_for, latest_job, stop, submit
from decor_app.state.labeling import open_labeling
from decor_app.state.workspace import workspace
from decor_core.data.folders.layout import named
from decor_core.data.folders.outline import FolderOutline
from decor_core.data.tables.columns import Columns
from decor_core.datasets.editing import checked_label
from decor_core.datasets.storage import HEAD, HEAP
from decor_core.errors import DataError

UPLOAD = "upload.zip"  # what comes over the network has no say in what files are called
_NONE = "–"
_COLUMN_HELP = {
    "File names": "The names of the picture files, as they are in the folder or zip.",
    "Classes": "What the model is to tell apart.",
    "Coarser classes": "What the classes belong to, such as a country for each style: answers can "
    "then be had by either.",
    "Types": "Kinds of pictures, such as products and patterns, of which you may take some only.",
}


def begin_ingest(
    zip_path: Path, into: Path, title: str, label: str = "", *, unlabeled: bool = False
) -> None:
    """Look into what was uploaded.

    If all of it is of the class ``label``, or ``unlabeled``, it is read at once.
    """
    forget(INTAKE)
    forget(PEEK)
    keys.ARRIVAL_CHANGE.value = False
    if label or unlabeled:
        submit_intake(IntakeTask(zip_path, into, title, label=label, unlabeled=unlabeled))
        return
    submit(PEEK, PreviewTask(zip_path, into, title))


def show_ingest() -> bool:
    """How far what is on its way in is, and what has to be asked; whether there is such."""
    with workspace().lock:  # another tab of the same browser must not read the same pictures
        _advance()
    intake, preview = job_for(INTAKE), job_for(PEEK)
    first = intake or preview
    if not first:
        return False
    with st.container(border=True, key="arrival"):
        st.header(escape_markdown(first.task.title), anchor=False)
        for purpose, job in ((INTAKE, intake), (PEEK, preview)):
            if job and job.active:
                watch_job(purpose)
                if preview and job is intake:
                    _show_guess(preview)
                return True
            if job and job.status != "done":
                message = job.message.replace(UPLOAD, job.task.title) or "This was broken off."
                st.error(escape_markdown(message), icon=":material/error:")
        if preview and preview.status == "done":
            _ask(preview)
        else:
            _start_again_button()
    return True


def _advance() -> None:
    """Take the next step where nothing needs to be asked; open what has been read."""
    preview = job_for(PEEK)
    if preview and preview.status == "done" and not job_for(INTAKE):
        layout = preview.result.layout
        if not (_has_questions(preview.result) or keys.ARRIVAL_CHANGE.value):
            _ingest(preview, layout.columns if layout.guessed else None)
    intake = job_for(INTAKE)
    if intake is None or intake.active:
        return
    made = intake.task.into.name
    is_heap = intake.task.unlabeled and (intake.task.into / HEAP).exists()
    try:
        if not is_heap:
            store().get(made)  # also one that was stopped half way
    except DataError:
        if intake.status == "stopped":
            _give_up()
        return
    if intake.status == "failed":  # it was read, but no model could look at it
        toast_error(intake.message)
    intake.task.data.unlink(missing_ok=True)  # what was to be added, but was not
    forget(PEEK)
    forget(INTAKE)
    (open_labeling if is_heap else open_set)(made)


def _ingest(
    preview: Job,
    columns: Columns | None,
    types: tuple[str, ...] | None = None,
    label: str = "",
    classes_from: str = "",
    unlabeled: bool = False,
) -> None:
    task = preview.task
    how = columns, types, label, classes_from, unlabeled
    submit_intake(IntakeTask(task.data, task.into, task.title, *how))


def _show_guess(preview: Job) -> None:
    """What the folders were taken for, while they are read; to say it otherwise."""
    outlines = preview.result.outlines
    if not outlines:
        return
    with st.expander("How the folders are read", icon=":material/account_tree:"):
        st.markdown(outline_words(outlines[0]))
        show_tree(outlines[0])
        if len(outlines) > 1:
            st.button("Change", icon=":material/edit:", on_click=_change)


def _change() -> None:
    """Stop reading, and ask which folders are the classes."""
    job = latest_job(INTAKE)
    stop(INTAKE)
    if job and not job.task.data.exists():  # read already, merely looked at
        st.toast("The pictures have been read; bring them again.", icon=":material/info:")
        return
    forget(INTAKE)
    keys.ARRIVAL_CHANGE.value = True


def _give_up() -> None:
    for purpose in (INTAKE, PEEK):
        job = latest_job(purpose)
        if job:
            stop(purpose)
            if not any((job.task.into / name).exists() for name in (HEAD, HEAP)):
                store().discard(job.task.into.name)
            forget(purpose)


# Questions


def _has_questions(preview: DatasetPreview) -> bool:
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


def _is_well_known(columns: Columns) -> bool:
    names = tuple(name.lower() for name in (columns.file, *columns.labels))
    return columns.is_decor or names == ("file", "class")


def _types(preview: DatasetPreview, columns: Columns | None) -> dict[str, int]:
    """How many pictures there are of each type."""
    return dict(preview.values.get(columns.type, {})) if columns and columns.type else {}


def _ask(preview: Job) -> None:
    found: DatasetPreview = preview.result
    if found.layout.kind in ("loose", "folders"):
        _ask_folders(preview)
    elif found.layout.kind != "empty" and found.head is not None:
        _ask_columns(preview)
    else:
        if found.layout.kind == "annotations":
            st.error(escape_markdown(found.layout.read_as), icon=":material/error:")
        if found.layout.kind == "empty":
            st.error(
                "There are no pictures in it. A table needs its pictures along: drop both "
                "together.",
                icon=":material/error:",
            )
        _start_again_button()


def _start_again_button() -> None:
    st.button("Start again", icon=":material/undo:", on_click=_give_up)


def _ask_folders(preview: Job) -> None:
    """Which folders are the classes, or the one class of pictures that lie in no class folders."""
    guess, loose = preview.result.outlines[0], preview.result.layout.kind == "loose"
    if loose:
        st.markdown(f"{preview.result.pictures} pictures, in no class folders. {_in_parts(guess)}")
    elif guess.question:
        st.markdown(escape_markdown(guess.question))
    elif len(guess.counts) < 2:
        st.markdown(f"{pluralize(preview.result.pictures, 'picture')}, all in one folder.")
    chosen = choose_outline(preview.result.outlines, loose=loose)
    if chosen == ONE_CLASS:
        st.text_input("Class", key=keys.ARRIVAL_CLASS, placeholder="e.g. Gzhel", max_chars=100)
        st.caption("What do they show? Pictures of other classes can be added afterwards.")
    elif isinstance(chosen, str):
        st.caption(
            "You name the classes as you go, with a key for each. After a few pictures the model "
            "proposes the rest."
        )
    else:
        st.markdown(outline_words(chosen))

    def ingest() -> None:
        try:
            label = checked_label(keys.ARRIVAL_CLASS.value) if chosen == ONE_CLASS else ""
        except DataError as error:
            toast_error(error)
            return
        classes_from = "" if isinstance(chosen, str) else chosen.classes_from
        unlabeled = chosen == UNLABELED
        _ingest(preview, None, label=label, classes_from=classes_from, unlabeled=unlabeled)

    _buttons(ingest)
    if not isinstance(chosen, str):
        show_tree(chosen)


def _in_parts(guess: FolderOutline) -> str:
    """Which folders are no classes, where there are some."""
    parts = {line.name for line in guess.lines if line.name}
    if not parts:
        return ""
    return (
        f"The folders, {named(map(escape_markdown, parts))}, are called like parts of a data set, "
        "or like any folder of pictures."
    )


def _ask_columns(preview: Job) -> None:
    """What the columns of a table mean, and which types of pictures are wanted."""
    found: DatasetPreview = preview.result
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
            key=keys.ARRIVAL_TYPES,
        )
    ready = columns is not None and (len(counts) < 2 or bool(types))
    _buttons(lambda: _ingest(preview, columns, tuple(types) or None), ready)


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
                    key=keys.ARRIVAL_COLUMN.of(label),
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


def _buttons(ingest: Callable[[], None], ready: bool = True) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Read the pictures",
            type="primary",
            icon=":material/play_arrow:",
            on_click=ingest,
            disabled=not ready,
        )
        st.button("Cancel", on_click=_give_up)
