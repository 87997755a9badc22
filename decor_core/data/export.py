"""A data set as class folders with a table and a report beside them, as ``find_layout`` knows it.

``prepare`` writes them to the disk, with clean JPEG files; datasets.archive to a zip, as they came.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import pandas as pd

from decor_core.data.catalog import Catalog
from decor_core.data.findings import DatasetReport
from decor_core.data.layout import PREPARED, PreparedReport
from decor_core.data.listing import LABEL_COLUMNS
from decor_core.data.scan import Progress
from decor_core.data.sources.clutter import is_clutter
from decor_core.data.tables.columns import Columns
from decor_core.data.tables.csv_escape import escape_cell
from decor_core.errors import DamagedFile, DataError, unwritable
from decor_core.images.decode import load_picture
from decor_core.io import read_json, replacing, unique_name

_THREADS = 4
_LONGEST_FOLDER = 200  # bytes; file systems take 255
_LONGEST_NAME = 60  # characters of up to four bytes
# What Windows refuses in names. That pathvalidate knows as much is no reason for a dependency.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def prepare(
    catalog: Catalog, out: Path, taxonomy: str | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Write the catalog's pictures as ``out/<label>/<name>.jpg``, upright, sRGB, on white; how many
    of each label.

    Beside the class folders lie report.txt, report.json, and pictures.csv, which keeps every
    label. ``taxonomy`` names the level to sort by, by default the finest. An earlier prepared
    set in ``out`` is replaced in one move; DataError if ``out`` holds anything else, a label
    cannot name a folder, or the disk refuses.
    """
    level = catalog.taxonomy.level(taxonomy or catalog.taxonomy.name)
    _check_folder_names(level.labels)
    check_replaceable(out)
    table = catalog.table
    names = class_folder_names(table["file"], table[level.name], ending=".jpg")
    levels = catalog.taxonomy.level_names
    columns = dict(zip(levels, LABEL_COLUMNS.get(levels, levels), strict=True))
    listed = table.rename(columns=columns).assign(file=names, source=table["file"])
    listed = listed[["file", *columns.values(), "type", "source"]]
    # Sorted by a coarser level, the folders tell what was wanted, not the table.
    named = Columns("file", *columns.values(), type="type") if level.name == levels[0] else None
    lists = files_beside(listed, named, catalog.report, taxonomy=level.name)
    with unwritable(DataError, out), replacing(out) as folder:
        _write_pictures(catalog, folder, names, progress)
        for name, content in lists.items():
            (folder / name).write_bytes(content)
    counts = Counter(table[level.name])
    return {label: counts[label] for label in level.labels}


def class_folder_names(
    files: Iterable[str], labels: Iterable[str], ending: str | None = None
) -> list[str]:
    """``label/name`` for each file, safe on every system; equal ones, also but for case, numbered.

    ``ending`` takes the place of each file's own.
    """
    taken: set[str] = set()
    names = []
    for file, label in zip(files, labels, strict=True):
        path = PurePosixPath(safe_part(PurePosixPath(file).name))
        own_ending = path.suffix if ending is None else ending
        stem = path.stem[:_LONGEST_NAME].rstrip(" .")
        names.append(unique_name(f"{safe_part(label)}/{stem}", taken, own_ending))
    return names


def safe_part(name: str) -> str:
    """A name that every system takes for a file or folder, and this one not for clutter."""
    name = _UNSAFE.sub("_", name).strip().rstrip(" .")
    unsafe = not name or is_clutter(name, is_folder=True) or _RESERVED.match(name)
    return f"_{name}" if unsafe else name


def files_beside(
    table: pd.DataFrame, columns: Columns | None, report: DatasetReport, **more: Any
) -> dict[str, bytes]:
    """What lies beside class folders, by name: pictures.csv, report.txt and report.json.

    ``table`` becomes pictures.csv, safe to open in a spreadsheet; ``columns`` of it hold the
    labels, None where the folders do. ``more`` goes into report.json.
    """
    safe = table.map(escape_cell).rename(columns=escape_cell)
    marker = {"format": PREPARED, "columns": columns and asdict(columns), **more}
    text = msgspec.json.format(msgspec.json.encode(marker | report.to_json()), indent=1)
    return {
        "pictures.csv": safe.to_csv(index=False).encode(),
        "report.txt": report.to_text().encode(),
        "report.json": text + b"\n",
    }


def _check_folder_names(labels: Sequence[str]) -> None:
    long = [label for label in labels if len(label.encode()) > _LONGEST_FOLDER]
    if long:
        raise DataError(
            f"“{long[0][:40]}…” is too long to name a folder; please rename the label to something "
            "shorter."
        )
    unsafe = [f"“{label}”" for label in labels if safe_part(label) != label]
    if unsafe:
        raise DataError(
            f"No folder can be called {', '.join(unsafe)} on every system; please rename the "
            "label, without slashes, colons, quotation marks or a dot at its ends."
        )
    spelled = defaultdict(list)
    for label in labels:
        spelled[unicodedata.normalize("NFC", label).casefold()].append(f"“{label}”")
    alike = next((" and ".join(names) for names in spelled.values() if len(names) > 1), None)
    if alike:
        raise DataError(
            f"{alike} would be one folder on Windows and macOS, which do not tell capitals from "
            "small letters; please rename one of the labels, or make them one class."
        )


def check_replaceable(out: Path) -> None:
    """DataError where ``out`` is neither free, nor an empty folder, nor an earlier prepared set."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        known = read_json(out / "report.json", PreparedReport).format == PREPARED
    except (OSError, DamagedFile):
        known = False
    if not known:
        raise DataError(
            f"“{out}” holds something other than a prepared set; please choose an empty folder."
        )


def _write_pictures(
    catalog: Catalog, folder: Path, names: Sequence[str], progress: Progress | None
) -> None:
    for label in {PurePosixPath(name).parent for name in names}:
        (folder / label).mkdir(parents=True)

    def convert(source: str, target: str) -> None:
        picture = load_picture(catalog.read(source))
        picture.save(folder / target, "JPEG", quality=95, subsampling=0)

    with ThreadPoolExecutor(_THREADS) as pool:
        for done, _ in enumerate(pool.map(convert, catalog.table["file"], names), start=1):
            if progress:
                progress(done, len(names))
