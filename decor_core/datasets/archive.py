"""A data set as a zip to take along: pictures in class folders, a table, a report."""

import json
import re
import zipfile
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import IO

from decor_core.data.csv_escape import safe_cell
from decor_core.data.findings import DatasetReport
from decor_core.data.layout import PREPARED
from decor_core.data.source import is_clutter
from decor_core.data.tables import Columns
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.storage import read_aside
from decor_core.errors import DecorError

_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)


def write_zip(pictures: Dataset, to: Path | IO[bytes]) -> None:
    """Write ``pictures`` so that they can be brought in again with the same labels.

    Pictures are as they came. pictures.csv has every label as it is, whatever a folder may be
    called, and is safe to open in a spreadsheet.
    """
    names = _names(pictures)
    with zipfile.ZipFile(to, "w") as archive:
        archive.writestr("pictures.csv", _listing(pictures, names))
        archive.writestr("report.txt", current_report(pictures).to_text())
        archive.writestr("report.json", json.dumps(_marker(pictures), ensure_ascii=False, indent=1))
        for file, name in names.items():
            archive.writestr(name, pictures.catalog.read(file))


def write_aside(pictures: Dataset, to: Path | IO[bytes]) -> None:
    """Write the files that were set aside and kept, and why they were."""
    taken: set[str] = set()
    reasons = []
    with zipfile.ZipFile(to, "w") as archive:
        for file, reason in pictures.catalog.report.set_aside.items():
            try:
                data = read_aside(pictures.folder, file)
            except DecorError:
                data = None  # as those that are there a second time
            path = PurePosixPath(file)
            name = _free([_safe(part) for part in path.parts], taken)
            reasons.append(f"{name}: {reason}")
            if data is not None:
                archive.writestr(name, data)
        archive.writestr("reasons.txt", "\n".join(reasons) + "\n")


def current_report(pictures: Dataset) -> DatasetReport:
    """The report without what was mended or let stand since."""
    return replace(pictures.catalog.report, findings=pictures.open_findings)


def _names(pictures: Dataset) -> dict[str, str]:
    """For each file its name in the zip: class folder and name, safe on every system."""
    taken: set[str] = set()
    rows = zip(pictures.table["file"], pictures.table[pictures.level], strict=True)
    return {file: _free([_safe(label), _safe(PurePosixPath(file).name)], taken)
            for file, label in rows}  # fmt: skip


def _safe(part: str) -> str:
    """A name that every system takes for a file or folder."""
    part = _RESERVED.sub(r"_\1", _UNSAFE.sub("_", part)).strip(" .")
    return f"_{part}" if not part or is_clutter(part) else part


def _free(parts: list[str], taken: set[str]) -> str:
    """The path, numbered where another has it already, also but for case."""
    path = PurePosixPath(*parts)
    name, number = str(path), 1
    while name.casefold() in taken:
        number += 1
        name = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    taken.add(name.casefold())
    return name


def _listing(pictures: Dataset, names: dict[str, str]) -> bytes:
    levels = [level.name for level in pictures.catalog.taxonomy.levels]
    table = pictures.table[["file", *levels, "type"]].copy()
    table["file"] = table["file"].map(names)
    safe = table.map(safe_cell).rename(columns=safe_cell)
    return safe.to_csv(index=False).encode("utf-8")


def _marker(pictures: Dataset) -> dict:
    levels = [level.name for level in pictures.catalog.taxonomy.levels]
    columns = Columns("file", *levels[:2], type="type")
    return {
        "format": PREPARED,
        "title": pictures.title,
        "version": pictures.version,
        "taxonomy": levels[0],
        "columns": asdict(columns),
        **current_report(pictures).to_json(),
    }
