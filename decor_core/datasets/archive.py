"""A data set as a zip to take along: pictures in class folders, a table, a report."""

import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from decor_core.data.export import class_folder_names, files_beside, safe_part
from decor_core.data.tables.columns import Columns
from decor_core.data.tables.csv_escape import escape_cell
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.storage import read_aside
from decor_core.errors import DecorError
from decor_core.io import unique_name


def write_zip(dataset: Dataset, to: Path | IO[bytes]) -> None:
    """Write a data set so that it can be brought in again with the same labels.

    Pictures are as they came. pictures.csv has every label as it is, whatever a folder may be
    called, and is safe to open in a spreadsheet.
    """
    files = list(dataset.table["file"])
    names = class_folder_names(files, dataset.table[dataset.level])
    columns = Columns("file", *dataset.levels, type="type")
    beside = files_beside(
        dataset.table.assign(file=names)[["file", *dataset.levels, "type"]],
        columns,
        dataset.open_report,
        title=dataset.title,
        version=dataset.version,
        taxonomy=dataset.level,
    )
    with zipfile.ZipFile(to, "w") as archive:
        for name, content in beside.items():
            archive.writestr(name, content)
        for file, name in zip(files, names, strict=True):
            archive.writestr(name, dataset.catalog.read(file))


def write_hugging_face(dataset: Dataset, to: Path | IO[bytes]) -> None:
    """Write a data set as a zip for “imagefolder” of Hugging Face's datasets.

    metadata.csv tells the label of each picture, and coarser ones; folders are not asked.
    """
    files = list(dataset.table["file"])
    names = class_folder_names(files, dataset.table[dataset.level])
    labels = dataset.table[list(dataset.levels)].rename(columns={dataset.level: "label"})
    table = labels.map(escape_cell)
    table.insert(0, "file_name", names)
    with zipfile.ZipFile(to, "w") as archive:
        archive.writestr("metadata.csv", table.to_csv(index=False, lineterminator="\n"))
        for file, name in zip(files, names, strict=True):
            archive.writestr(name, dataset.catalog.read(file))


def write_aside(dataset: Dataset, to: Path | IO[bytes]) -> None:
    """Write the files that were set aside and kept, and why they were."""
    taken: set[str] = set()
    reasons = []
    with zipfile.ZipFile(to, "w") as archive:
        for file, reason in dataset.catalog.report.set_aside.items():
            path = PurePosixPath(*map(safe_part, PurePosixPath(file).parts))
            name = unique_name(str(path.with_suffix("")), taken, path.suffix)
            reasons.append(f"{name}: {reason}")
            try:
                archive.writestr(name, read_aside(dataset.folder, file))
            except DecorError:
                continue  # not kept, as those that are there a second time
        archive.writestr("reasons.txt", "\n".join(reasons) + "\n")
