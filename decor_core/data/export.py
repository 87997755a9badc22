"""Catalog → class folders of clean JPEG files, with a table and a report beside them."""

import json
import re
import shutil
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from decor_core.data.catalog import Catalog
from decor_core.data.csv_escape import safe_cell
from decor_core.data.csv_listing import LABEL_COLUMNS
from decor_core.data.findings import DatasetReport
from decor_core.data.layout import PREPARED
from decor_core.data.scan import Progress
from decor_core.data.tables import Columns
from decor_core.errors import DataError
from decor_core.images.decode import load_picture

_THREADS = 4
_LONGEST_NAME = 200  # bytes; file systems take 255
_LONGEST_STEM = 60  # characters of up to four bytes
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_UNSAFE_FOLDER = re.compile(
    _UNSAFE.pattern + r"|^[.\s]|[.\s]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE
)


@dataclass(frozen=True)
class PreparedSet:
    """The folder written, its pictures per class folder, and what was found in the source."""

    folder: Path
    counts: Mapping[str, int]
    report: DatasetReport


def prepare(
    catalog: Catalog, out: Path, taxonomy: str | None = None, progress: Progress | None = None
) -> PreparedSet:
    """Writes the catalog's pictures as ``out/<label>/<name>.jpg``, upright, sRGB, on white.

    Beside the class folders lie report.txt, report.json, and pictures.csv, which keeps every
    label. ``taxonomy`` names the level to sort by, by default the finest. An earlier prepared
    set in ``out`` is replaced in one move; DataError if ``out`` holds anything else, a label
    cannot name a folder, or the disk refuses.
    """
    level = catalog.taxonomy.level(taxonomy or catalog.taxonomy.name)
    _check_folder_names(level.labels)
    _check_replaceable(out)
    files = _file_names(catalog.table, level.name)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".prepare-") as beside:
            new = Path(beside, "new")
            _write_pictures(catalog, new, files, progress)
            _write_lists(catalog, new, files, level.name)
            if out.exists():
                out.rename(Path(beside, "old"))
            shutil.move(new, out)
    except OSError as error:
        raise DataError(f"“{out}” cannot be written: {error.strerror or error}.") from error
    counts = Counter(catalog.table[level.name])
    in_order = {label: counts[label] for label in level.labels}
    return PreparedSet(out, in_order, catalog.report)


def _check_folder_names(labels: Sequence[str]) -> None:
    long = [label for label in labels if len(label.encode()) > _LONGEST_NAME]
    if long:
        raise DataError(
            f"“{long[0][:40]}…” is too long to name a folder; please rename the label to something "
            "shorter."
        )
    unsafe = [f"“{label}”" for label in labels if _UNSAFE_FOLDER.search(label)]
    if unsafe:
        raise DataError(
            f"No folder can be called {', '.join(unsafe)} on every system; please rename the "
            "label, without slashes, colons, quotation marks or a dot at its ends."
        )
    spelt = defaultdict(list)
    for label in labels:
        spelt[unicodedata.normalize("NFC", label).casefold()].append(f"“{label}”")
    alike = next((" and ".join(names) for names in spelt.values() if len(names) > 1), None)
    if alike:
        raise DataError(
            f"{alike} would be one folder on Windows and macOS, which do not tell capitals from "
            "small letters; please rename one of the labels, or make them one class."
        )


def _check_replaceable(out: Path) -> None:
    """Strangers' files are never touched: only an empty folder or an earlier set is."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        marker = json.loads((out / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        marker = None
    if not isinstance(marker, dict) or marker.get("format") != PREPARED:
        raise DataError(
            f"“{out}” holds something other than a prepared set; please choose an empty folder."
        )


def _file_names(table: pd.DataFrame, level: str) -> list[str]:
    """``label/stem.jpg`` for each row; equal names, also but for case, are numbered."""
    taken: set[str] = set()
    names = []
    for file, label in zip(table["file"], table[level], strict=True):
        stem = _UNSAFE.sub("_", PurePosixPath(file).stem)[:_LONGEST_STEM]
        name, number = f"{label}/{stem}.jpg", 1
        while name.casefold() in taken:
            number += 1
            name = f"{label}/{stem}-{number}.jpg"
        taken.add(name.casefold())
        names.append(name)
    return names


def _write_pictures(
    catalog: Catalog, folder: Path, files: Sequence[str], progress: Progress | None
) -> None:
    for name in {PurePosixPath(file).parent for file in files}:
        (folder / name).mkdir(parents=True)

    def convert(source: str, target: str) -> None:
        picture = load_picture(catalog.read(source))
        picture.save(folder / target, "JPEG", quality=95, subsampling=0)

    with ThreadPoolExecutor(_THREADS) as pool:
        for done, _ in enumerate(pool.map(convert, catalog.table["file"], files), start=1):
            if progress:
                progress(done, len(files))


def _write_lists(catalog: Catalog, folder: Path, files: Sequence[str], level: str) -> None:
    levels = tuple(level.name for level in catalog.taxonomy.levels)
    names = LABEL_COLUMNS.get(levels, levels)
    listed = catalog.table[[*levels, "type"]].rename(columns=dict(zip(levels, names, strict=True)))
    listed = listed.assign(file=list(files), source=catalog.table["file"])
    safe = listed.map(safe_cell).rename(columns=safe_cell)
    safe.to_csv(folder / "pictures.csv", index=False, encoding="utf-8")
    report = {"format": PREPARED, "taxonomy": level, **catalog.report.to_json()}
    if level == levels[0]:  # else the folders tell what was wanted
        report["columns"] = asdict(Columns("file", *names[:2], type="type"))
    text = json.dumps(report, ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.txt").write_text(catalog.report.to_text(), encoding="utf-8")
