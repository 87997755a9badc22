"""A data set as a zip to take along, in pieces: pictures in class folders, a table, a report."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from decor_core.data.export import class_folder_names, files_beside, safe_part
from decor_core.data.tables.columns import Columns
from decor_core.data.tables.csv_escape import escape_cell
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.storage import read_aside
from decor_core.errors import DecorError
from decor_core.io import unique_name

Members = Iterator[tuple[str, bytes | str]]  # names and contents


def zip_pieces(dataset: Dataset) -> Iterator[bytes]:
    """A data set as a zip that can be brought in again with the same labels.

    Pictures are as they came. pictures.csv has every label as it is, whatever a folder may be
    called, and is safe to open in a spreadsheet.
    """
    return _zipped(_class_folders(dataset))


def hugging_face_pieces(dataset: Dataset) -> Iterator[bytes]:
    """A data set as a zip for “imagefolder” of Hugging Face's datasets.

    metadata.csv tells the label of each picture, and coarser ones; folders are not asked.
    """
    return _zipped(_image_folder(dataset))


def aside_pieces(dataset: Dataset) -> Iterator[bytes]:
    """The files that were set aside and kept, and why they were, as a zip."""
    return _zipped(_set_aside(dataset))


def _zipped(members: Iterable[tuple[str, bytes | str]]) -> Iterator[bytes]:
    """A zip of ``members``, not compressed, of which no more than one is held."""
    written = _Pieces()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
            yield written.take()
    yield written.take()


class _Pieces(io.BytesIO):
    """A file of which the beginning is taken away while the rest is written.

    ``zipfile`` goes back in it no further than to the start of the present member.
    """

    _taken = 0  # bytes

    def take(self) -> bytes:
        """What was written since the last time."""
        piece = self.getvalue()
        self._taken += len(piece)
        super().seek(0)
        self.truncate()
        return piece

    def tell(self) -> int:
        return self._taken + super().tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            offset -= self._taken
        return self._taken + super().seek(offset, whence)


def _class_folders(dataset: Dataset) -> Members:
    files = list(dataset.table["file"])
    names = class_folder_names(files, dataset.table[dataset.level])
    columns = Columns("file", *dataset.levels, type="type")
    yield from files_beside(
        dataset.table.assign(file=names)[["file", *dataset.levels, "type"]],
        columns,
        dataset.open_report,
        title=dataset.title,
        version=dataset.version,
        taxonomy=dataset.level,
    ).items()
    for file, name in zip(files, names, strict=True):
        yield name, dataset.catalog.read(file)


def _image_folder(dataset: Dataset) -> Members:
    files = list(dataset.table["file"])
    names = class_folder_names(files, dataset.table[dataset.level])
    labels = dataset.table[list(dataset.levels)].rename(columns={dataset.level: "label"})
    table = labels.map(escape_cell)
    table.insert(0, "file_name", names)
    yield "metadata.csv", table.to_csv(index=False, lineterminator="\n")
    for file, name in zip(files, names, strict=True):
        yield name, dataset.catalog.read(file)


def _set_aside(dataset: Dataset) -> Members:
    taken: set[str] = set()
    reasons = []
    for file, reason in dataset.catalog.report.set_aside.items():
        path = PurePosixPath(*map(safe_part, PurePosixPath(file).parts))
        name = unique_name(str(path.with_suffix("")), taken, path.suffix)
        reasons.append(f"{name}: {reason}")
        try:
            yield name, read_aside(dataset.folder, file)
        except DecorError:
            continue  # not kept, as those that are there a second time
    yield "reasons.txt", "\n".join(reasons) + "\n"
