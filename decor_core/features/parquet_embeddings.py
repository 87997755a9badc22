"""Parquet files of vectors and what tells their labels → embeddings to train on."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from decor_core.data.catalog import DEFAULT_TYPES, UNTYPED, list_table, of_types, report_on
from decor_core.data.findings import NO_ROW, DatasetReport, Finding
from decor_core.data.folders.class_folders import list_class_folders
from decor_core.data.folders.tree import folder_of
from decor_core.data.listing import Listing
from decor_core.data.scan import ImageInfo, Progress, usable_images
from decor_core.data.tables.columns import Columns
from decor_core.errors import DataError
from decor_core.features.embeddings import Embeddings, in_memory
from decor_core.features.parquet_vectors import NAMES, SIZES, ParquetVectors
from decor_core.images.formats import claimed_format
from decor_core.text import normal

_NO_PIXELS = (
    "Near duplicates were told by equal vectors, as there are no pixels to compare: a copy in "
    "another size or quality may be tested on while its double was trained on, which flatters."
)


def read_parquet(
    place: Path,
    *,
    csv: Path | None = None,
    columns: Columns | None = None,
    types: Sequence[str] | None = DEFAULT_TYPES,
    classes_from: str = "",
    progress: Progress | None = None,
) -> tuple[Embeddings, DatasetReport]:
    """The vectors in a Parquet file, or all those in a folder, with labels, and what was found.

    Labels are those of a table (``csv``; it and the rest as in ``catalog.open_dataset``), else of
    the folders that the pictures lay in. Pictures without a label, or that could not be read, are
    left out; each content is there once. ``progress`` is called with (rows seen, their number).
    DataError where a file is no Parquet, lacks a column, was made otherwise than the others, or
    holds what is no number; BackboneError where this version of Decor makes no such vectors.
    """
    parquet = ParquetVectors(place)
    pictures, again = _each_once(parquet.pictures(), keep_folders=csv is not None)
    listing = _list_pictures(pictures["name"].tolist(), csv, columns, classes_from)
    rows, left_out = of_types(listing.rows, types)
    row_of = dict(zip(pictures["name"], pictures.index, strict=True))
    rows = sorted(rows, key=lambda row: row_of[row.file])
    pictures = pictures.loc[[row_of[row.file] for row in rows]]
    usable, findings = usable_images(rows, _image_infos(pictures))
    if not usable:
        first = f"{findings[0].file}: {findings[0].message}"
        raise DataError(f"None of the pictures has a vector; the first: {first}")
    rows, pictures = [rows[i] for i in usable], pictures.iloc[usable]
    vectors, same = parquet.vectors(pictures.index.to_numpy(), progress)
    table = pictures[[*NAMES, *SIZES]].reset_index(drop=True)
    table["type"] = [row.type or UNTYPED for row in rows]
    table[list(listing.levels)] = [row.labels for row in rows]
    table["group"] = table["key"].groupby(same).transform("min")
    pairs = [(first, i) for i, first in enumerate(same.tolist()) if first != i]
    findings = [*again, *listing.findings, *findings, Finding("assumed", "the vectors", _NO_PIXELS)]
    taxonomy, report = report_on(table, listing, findings, pairs, left_out)
    made = parquet.embedder.spec, parquet.embedder.digest, parquet.embedder.blocks
    copies = np.empty((len(table), 0, vectors.shape[1]), np.float16)
    return Embeddings(*made, taxonomy, table, *in_memory(vectors, copies)), report


def _each_once(pictures: pd.DataFrame, *, keep_folders: bool) -> tuple[pd.DataFrame, list[Finding]]:
    """Each file once, with the ``name`` by which its label is found, and findings on the others.

    Where there are several vectors of a file, the first counts that could be made.
    """
    names = [normal(file).replace("\\", "/") for file in pictures["file"]]
    pictures["name"] = names if keep_folders else _without_common_folders(names)
    pictures = pictures.sort_values("error", key=lambda error: error != "", kind="stable")
    twice = pictures["name"].duplicated()
    message = "There are several vectors of this file; the first counts."
    again = [Finding("duplicate row", name, message) for name in pictures.loc[twice, "name"]]
    return pictures[~twice], again


def _without_common_folders(names: Sequence[str]) -> list[str]:
    """Names as they are below the folder that all lie in; that stays if it is all there is."""
    folders = list(map(folder_of, names))
    common = os.path.commonprefix(folders)
    if all(len(folder) == len(common) for folder in folders):
        common = common[:-1]
    return [name.split("/", len(common))[-1] for name in names]


def _image_infos(pictures: pd.DataFrame) -> list[ImageInfo]:
    """Columns on the content of pictures, without it."""
    columns = (pictures[name].tolist() for name in ("key", *SIZES, "name", "error"))
    return [
        ImageInfo(key, (width, height), claimed_format(name), problem=error)
        for key, width, height, name, error in zip(*columns, strict=True)
    ]


def _list_pictures(
    names: Sequence[str], csv: Path | None, columns: Columns | None, classes_from: str
) -> Listing:
    """The rows that a table or the folders make of the names of the pictures."""
    if csv:
        listing = list_table(csv, names, columns)
        listed = {row.file for row in listing.rows} | {found.file for found in listing.findings}
        # All are pictures here, whatever they are called.
        rest = (name for name in names if name not in listed)
        unlisted = [Finding("unlisted", name, NO_ROW, set_aside=True) for name in rest]
        return replace(listing, findings=(*listing.findings, *unlisted))
    try:
        return list_class_folders(names, (), classes_from)
    except DataError as error:
        raise DataError(f"{error} Or name a table of files and labels (--labels).") from error
