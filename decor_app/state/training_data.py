"""What can be learned from: the photos whose vectors ship, and data sets of one's own."""

import io
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd
import streamlit as st

from decor_app.format import pluralize, thumb_uri
from decor_app.jobs.dataset_tasks import EmbedTask
from decor_app.state.datasets import store, summaries
from decor_app.state.models import shipped_vectors, shipped_vectors_or_stop
from decor_app.state.workspace import Workspace, workspace
from decor_core.datasets.corrections import with_corrections
from decor_core.datasets.dataset import Dataset, load_dataset
from decor_core.datasets.storage import read_thumb
from decor_core.errors import DataError, DecorError, PictureError
from decor_core.features.embeddings import Embeddings
from decor_core.images.decode import load_picture
from decor_core.model.training_data import TrainingData
from decor_core.taxonomy import Taxonomy

SHIPPED = ""  # in place of the id of a data set
_KEPT_VECTORS = 2  # a data set and corrections to it; of a thousand pictures, 54 MB
_THUMB_SIDE = 128


@dataclass(frozen=True)
class Lesson:
    """What some pictures teach: labels, and how many pictures there are of each, level by level.

    ``table`` has a row for each picture.
    """

    title: str
    taxonomy: Taxonomy
    counts: Mapping[str, Mapping[str, int]]
    table: pd.DataFrame


def choices() -> dict[str, str]:
    """All that can be learned from, in words, by the id of the data set."""
    shipped = _shipped()
    size = f"{len(shipped.table)} pictures" if shipped else "missing"
    found = {SHIPPED: f"Decor photos · {size}"}
    for one in summaries():
        sizes = f"{pluralize(one.pictures, 'picture')} · {pluralize(one.labels, 'class')}"
        found[one.id] = f"{one.title} · {sizes}"
    return found


def lesson(set_id: str) -> Lesson | None:
    """What a data set, or what ships, teaches; None if it is not there (any more)."""
    if set_id == SHIPPED:
        data = shipped_vectors_or_stop()
        return Lesson("photos of decorated products", data.taxonomy, _counts(data), data.table)
    pictures = picture_set(set_id)
    if pictures is None:
        return None
    catalog = pictures.catalog
    title = f"pictures of “{pictures.title}”"
    return Lesson(title, catalog.taxonomy, _counts(catalog), catalog.table)


def _counts(data: object) -> dict[str, dict[str, int]]:
    table: pd.DataFrame = data.table
    found = {}
    for level in data.taxonomy.levels:
        counts = table[level.name].value_counts()
        found[level.name] = {n: int(counts[n]) for n in level.labels if n in counts}
    return found


def picture_set(set_id: str) -> Dataset | None:
    """The data set as it stands, read again only where it has changed; None if it is not there."""
    try:
        return _read(store().root, store().stamp(set_id)) if set_id else None
    except DataError:
        return None


@st.cache_resource(show_spinner=False, max_entries=40)
def _read(root: Path, stamp: tuple) -> Dataset:
    return load_dataset(root / stamp[0])


def _shipped() -> Embeddings | None:
    """The shipped vectors; None where they are missing or damaged."""
    with suppress(DecorError):
        return shipped_vectors(copies=False)
    return None


def is_at_hand(training_data: TrainingData | None) -> bool:
    """Whether what it names can be learned from here, as it was."""
    if training_data is None:
        return False
    sets = [training_data.set_id] if training_data.set_id else []
    sets += [training_data.corrections] if training_data.corrections else []
    found = [picture_set(set_id) for set_id in sets]
    if not all(found):
        return False
    return (
        found[0].version == training_data.version
        if training_data.set_id
        else _shipped() is not None
    )


# Vectors


@dataclass(frozen=True)
class Part:
    """A data set that vectors are wanted of; ``key`` differs where the vectors would."""

    key: tuple
    task: EmbedTask


def parts_of(training_data: TrainingData) -> tuple[Part, ...]:
    """The data sets that a material is made of; DataError where one is not there (any more)."""
    ids = [set_id for set_id in (training_data.set_id, training_data.corrections) if set_id]
    return tuple(_part(store().get(set_id), training_data) for set_id in ids)


def _part(pictures: Dataset, training_data: TrainingData) -> Part:
    seen_as = training_data.spec, training_data.augmentation
    title, number, version = pictures.title, pictures.number, pictures.version
    key = pictures.folder, version, *seen_as
    return Part(key, EmbedTask(pictures.folder, *seen_as, title, number, version))


def recall(session: Workspace, part: Part) -> Embeddings | None:
    """The vectors of a part, if this visitor has used them lately."""
    kept = session.vectors  # which may become another meanwhile
    vectors = kept.get(part.key)
    if vectors is not None:
        kept.move_to_end(part.key)
    return vectors


def remember(session: Workspace, part: Part, vectors: Embeddings) -> None:
    """Keep the vectors of a part for a while."""
    kept = session.vectors
    kept[part.key] = vectors
    while len(kept) > _KEPT_VECTORS:
        kept.popitem(last=False)


def joiner(
    training_data: TrainingData, level: str, copies: bool = True
) -> Callable[[list[Embeddings]], Embeddings]:
    """How the vectors of the parts become what is learned from; DecorError where they cannot.

    What is returned may be called on any thread. With corrections only the labels of ``level``
    count: they have no others. Without ``copies`` those of what ships may be left out.
    """
    needed = copies or bool(training_data.corrections)
    worn = needed and training_data.augmentation is not None
    shipped = None if training_data.set_id else shipped_vectors(worn)

    def join(found: list[Embeddings]) -> Embeddings:
        base = found[0] if training_data.set_id else shipped
        if not training_data.corrections:
            return base
        return with_corrections(base.at_level(level), found[-1])

    return join


def vectors_at_hand(training_data: TrainingData, level: str) -> Embeddings | None:
    """The pictures that are learned from, if none need be looked at for it; None else."""
    try:
        found = [recall(workspace(), part) for part in parts_of(training_data)]
        if any(vectors is None for vectors in found):
            return None
        return joiner(training_data, level, copies=False)(found)
    except DecorError:
        return None


# Pictures to show


def thumbnails(training_data: TrainingData | None) -> Callable[[str, str], str]:
    """What gives a small picture as a data URI for a file and its content hash, "" for none."""
    sets = [] if training_data is None else [training_data.set_id, training_data.corrections]
    folders = [pictures.folder for pictures in map(picture_set, sets) if pictures]

    def find(file: str, key: str) -> str:
        kept = (thumb_uri(_kept(folder, key)) for folder in folders)
        return next(filter(None, kept), "") or shipped_thumbnail(file)

    return find


@lru_cache(maxsize=512)
def _kept(folder: Path, key: str) -> bytes:
    return read_thumb(folder, key)


@lru_cache(maxsize=512)
def shipped_thumbnail(file: str) -> str:
    """A picture behind the shipped vectors, where $DECOR_PICTURES holds them."""
    folder = os.environ.get("DECOR_PICTURES")
    if not folder:
        return ""
    try:
        picture = load_picture(Path(folder) / file, max_side=_THUMB_SIDE)
    except PictureError:
        return ""
    packed = io.BytesIO()
    picture.save(packed, "WEBP", quality=75)
    return thumb_uri(packed.getvalue())
