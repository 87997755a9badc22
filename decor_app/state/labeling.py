"""The unlabeled set that a session labels: opened, finished, gone on with, taken along."""

import io
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress

import streamlit as st

from decor_app import session_keys as keys
from decor_app.jobs.ingest_tasks import IngestTask
from decor_app.state.datasets import open_set, store
from decor_app.state.disk_quota import check_disk_quota
from decor_app.state.errors import attempt, toast_error
from decor_app.state.first_model import submit_ingest
from decor_app.state.jobs import INGEST, forget, job_for
from decor_app.state.labeling_session import Labeling, labeling_of
from decor_app.state.workspace import workspace
from decor_core.data.tables.csv_escape import escape_cell
from decor_core.datasets.archive import hugging_face_pieces, zip_pieces
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.storage import read_aside
from decor_core.datasets.store import DatasetSummary
from decor_core.datasets.unlabeled_set import (
    UnlabeledSet,
    label_table,
    labeled_dataset,
    take_over_edits,
    unlabeled_set_of,
)
from decor_core.datasets.unlabeled_set import finish as finish_unlabeled_set
from decor_core.datasets.upload import pack_upload
from decor_core.errors import DataError
from decor_core.images.decode import content_hash

_ADDRESS = "label"  # of the page, with the id of what is being labeled


def unlabeled_sets() -> list[DatasetSummary]:
    """Pictures of this session that are being labeled and are no data set yet."""
    return store().unlabeled_sets()


def opened() -> Labeling | None:
    """The open labeling; None, with the reason, if it is not there."""
    session = workspace()
    is_new = not keys.LABELING_SEEN.value  # the server may have been started anew meanwhile
    keys.LABELING_SEEN.value = True
    linked = st.query_params.get(_ADDRESS, "") if is_new and not session.data_set else ""
    set_id = session.labeling = session.labeling or linked
    if not set_id:
        st.query_params.pop(_ADDRESS, None)
        return None
    st.query_params[_ADDRESS] = set_id
    try:
        found = labeling_of(store().folder(set_id), session.owner)
        found.refresh()
    except DataError as error:
        toast_error(error)
        close_labeling()
        return None
    session.labelings = {**session.labelings, set_id: found}  # as long as the visitor is here
    return found


def open_labeling(set_id: str) -> None:
    """Label the unlabeled set of that id."""
    open_set("")
    workspace().labeling = set_id


def close_labeling() -> None:
    """Leave the labeling; all that was given is kept."""
    workspace().labeling = ""


def finish(labeling: Labeling) -> Dataset | None:
    """Make a data set of what has a class, and open it; None where that is refused, with why."""
    try:
        made = finish_unlabeled_set(labeling.unlabeled, labeling.log)
    except DataError as error:
        toast_error(error)
        return None
    close_labeling()
    open_set(made.id)
    return made


def can_label_more(dataset: Dataset) -> bool:
    """Whether more pictures of a data set can be labeled: not where classes have coarser ones."""
    return len(dataset.levels) == 1


def label_more(dataset: Dataset) -> None:
    """Label more pictures of a data set, beginning with its labels as they are now.

    Those that were set aside as they have no class are added first.
    """

    def open_unlabeled_set() -> None:
        unlabeled_set_of(dataset)
        found = labeling_of(dataset.folder, workspace().owner)
        found.refresh()
        take_over_edits(found.unlabeled, found.log, dataset)
        open_labeling(dataset.id)
        if aside := _set_aside(dataset, found.unlabeled):
            add_to_unlabeled_set(found, aside)

    attempt(open_unlabeled_set)


def _set_aside(dataset: Dataset, unlabeled: UnlabeledSet) -> list[tuple[str, io.BytesIO]]:
    """Name and content of the pictures without a class that are not in the unlabeled set yet."""
    known, found = set(unlabeled.catalog.table["key"]), []
    for file in dataset.unclassed:
        with suppress(DataError):  # an older data set has not kept it
            data = read_aside(dataset.folder, file)
            if content_hash(data) not in known:
                found.append((file, io.BytesIO(data)))
    return found


def add_to_unlabeled_set(labeling: Labeling, files: Sequence[tuple[str, io.BytesIO]]) -> None:
    """Queue the ingestion of more pictures, name and content; DataError if refused."""
    folder, latest = labeling.unlabeled.folder, job_for(INGEST)
    if latest and latest.active:
        raise DataError("Other pictures are still being read; add these when they are.")
    check_disk_quota(sum(len(file.getbuffer()) for _, file in files), store().root)
    packed = folder / f"more-{secrets.token_hex(3)}.zip"
    pack_upload(files, packed)
    forget(INGEST)
    submit_ingest(IngestTask(packed, folder, labeling.title, unlabeled=True))


def rename_unlabeled_set(set_id: str) -> None:
    """Give an unlabeled set the title that its control holds."""

    def rename() -> None:
        labeling_of(store().folder(set_id), workspace().owner).rename(keys.TITLE.of(set_id).value)

    attempt(rename)


# To take along, as it stands


def zipped(labeling: Labeling) -> Iterator[bytes]:
    """The labeled pictures as a zip of class folders, with a table and a report."""
    return zip_pieces(labeled_dataset(labeling.unlabeled, labeling.log))


def hugging_face(labeling: Labeling) -> Iterator[bytes]:
    """The labeled pictures as a zip with metadata.csv, for Hugging Face's datasets."""
    return hugging_face_pieces(labeled_dataset(labeling.unlabeled, labeling.log))


def table_csv(labeling: Labeling) -> Iterator[bytes]:
    """All pictures with their labels, safe to open in a spreadsheet."""
    table = label_table(labeling.unlabeled, labeling.log).map(escape_cell)
    yield table.to_csv(index=False, lineterminator="\n").encode()
