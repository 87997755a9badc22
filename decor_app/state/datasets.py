"""The data sets that a session sees, which of them is open, and edits of it that can be undone."""

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import escape_markdown
from decor_app.hosting.uploads import file_limit
from decor_app.state.errors import attempt, toast_error
from decor_app.state.runs import may_keep
from decor_app.state.selection import pick
from decor_app.state.toasts import toast
from decor_app.state.workspace import workspace
from decor_core.data.catalog import Catalog
from decor_core.data.split import split
from decor_core.datasets.dataset import Dataset, edited, load_dataset
from decor_core.datasets.store import DatasetStore, DatasetSummary, datasets_directory
from decor_core.errors import DataError
from decor_core.model.training_config import TrainingConfig

PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}  # of a split


def store() -> DatasetStore:
    """The data sets of this session: kept on the disk, or with it until it goes."""
    root = datasets_directory() if may_keep() else workspace().folder / "datasets"
    return _store(root)


@lru_cache(maxsize=200)  # Streamlit's cache takes 2 ms to hash a path, four times a page
def _store(root: Path) -> DatasetStore:
    return DatasetStore(root)


def where_kept() -> str:
    """In Markdown, where data sets are and for how long."""
    if may_keep():
        return f"Kept on this computer, in {escape_markdown(str(store().root))}."
    return "Kept until you leave; download what you want to have for longer."


def summaries() -> list[DatasetSummary]:
    """All data sets of this session, the one that was changed last first."""
    return store().list()


def opened() -> Dataset | None:
    """The data set that is open, as it stands; None, with the reason, if it is not there."""
    set_id = workspace().data_set
    try:
        return _load(store().root, store().stamp(set_id)) if set_id else None
    except DataError as error:
        toast_error(error)
        workspace().data_set = ""
        return None


def find_dataset(set_id: str) -> Dataset | None:
    """The data set of that id as it stands; None if there is none (any more)."""
    try:
        return _load(store().root, store().stamp(set_id)) if set_id else None
    except DataError:
        return None


@st.cache_resource(show_spinner=False, max_entries=10, scope="session")
def _load(root: Path, stamp: tuple) -> Dataset:
    """Read again only where the set has changed: its table may be long."""
    return load_dataset(root / stamp[0])


def open_set(set_id: str) -> None:
    """Open a data set, or none."""
    workspace().data_set, workspace().labeling = set_id, ""
    for key in keys.FILTERS:
        key.clear()
    pick(())


def edit(change: Callable[[Dataset], Dataset]) -> Dataset | None:
    """Change the open data set and say so; None where that is refused, with the reason."""
    now = opened()
    if now is None:
        return None
    try:
        changed = edited(now, change)
    except DataError as error:
        toast_error(error)
        return None
    pick(())
    if changed.number > now.number:
        step = escape_markdown(changed.step)
        toast(f"{step}. “Undo” takes it back.", icon=":material/check:")
    elif changed.number < now.number:
        toast(f"Taken back: {escape_markdown(now.step)}.", icon=":material/undo:")
    return changed


def undo() -> None:
    """Take the last edit back."""
    edit(lambda dataset: dataset.undo())


@st.cache_data(
    show_spinner=False,
    max_entries=10,
    scope="session",
    hash_funcs={Dataset: lambda dataset: (dataset.id, dataset.version)},
)
def parts_of(dataset: Dataset) -> dict[str, str]:
    """For each picture, by content, the part it falls to by default: train, validation, test.

    Empty where there are too few pictures to divide them.
    """
    table, config = dataset.table, TrainingConfig()
    try:
        found = split(
            table,
            dataset.level,
            testing_percentage=config.testing_percentage,
            validation_percentage=config.validation_percentage,
            seed=config.seed,
        )
    except DataError:
        return {}
    keys = table["key"].to_numpy()
    return {key: name for name, rows in asdict(found).items() for key in keys[rows]}


# Sets as a whole


def reimport_advice(set_id: str, catalog: Catalog) -> str:
    """How a zip of these pictures is brought in again; "" where it may be uploaded as it is."""
    limit = file_limit()
    if _bytes_of(set_id, len(catalog.table), catalog) <= limit:
        return ""
    return (
        f"A zip of all pictures has more than the {limit // 10**6} MB that one file may have. To "
        "bring it in again, unpack it and choose the folder: folders are sent in parts."
    )


@st.cache_data(show_spinner=False, max_entries=10, scope="session")
def _bytes_of(set_id: str, count: int, _catalog: Catalog) -> int:
    """Bytes of so many pictures of a kept set; looked at once for each number."""
    files = [_catalog.source.files[file] for file in _catalog.table["file"]]
    return sum(file.stat().st_size for file in files if isinstance(file, Path) and file.exists())


def rename(set_id: str) -> None:
    """Give a set the title that its control holds."""
    attempt(lambda: store().get(set_id).retitled(keys.TITLE.of(set_id).value))


def delete(set_id: str) -> None:
    """Remove a set, or an unlabeled set with its labels; ``restore`` brings it back."""
    try:
        kept = (
            store().unlabeled_set(set_id)
            if store().is_unlabeled_set(set_id)
            else store().get(set_id)
        )
        store().delete(set_id)
    except DataError as error:
        toast_error(error)
        return
    if set_id in (workspace().data_set, workspace().labeling):
        open_set("")
    keys.DELETED_SET.value = set_id, kept.title


def restore() -> None:
    """Bring back the set that was deleted last."""
    set_id, _ = keys.DELETED_SET.value
    keys.DELETED_SET.clear()

    def open_again() -> None:
        if isinstance(store().restore(set_id), Dataset):
            open_set(set_id)
        else:
            workspace().labeling = set_id

    attempt(open_again)
