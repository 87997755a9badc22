"""CSV + pictures, class folders or zip → validated table + report of what was repaired."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from .duplicates import fingerprint, near_duplicates
from .errors import DataError, PictureError
from .images import PICTURE_ENDINGS, content_hash, load_picture, picture_format
from .listing import Listing, Row, list_class_folders, list_csv
from .report import Entry, Report
from .sources import Source, open_source
from .taxonomy import DECOR, Taxonomy

Progress = Callable[[int, int], None]

_THREADS = 4  # Pillow decodes outside Python's lock
_UNTYPED = "product"


@dataclass(frozen=True)
class Catalog:
    """The usable pictures of a data set, one row each, and how to read them.

    Columns of ``table``: file (its name in the source), key (SHA-256 of the content), width and
    height (upright, pixels), type, one for each level of ``taxonomy``, and group (the smallest
    key among its near duplicates, its own if it has none).
    """

    table: pd.DataFrame
    taxonomy: Taxonomy
    report: Report
    source: Source

    def read(self, file: str) -> bytes:
        """The bytes of the picture in column ``file``, from the folder or the zip."""
        return self.source.read(file)


@dataclass(frozen=True)
class _Seen:
    """What a look at one picture's content gave; ``problem`` if it cannot be used."""

    key: str = ""
    size: tuple[int, int] = (0, 0)
    format: str = ""
    print: np.ndarray | None = None
    problem: str = ""


def read_catalog(
    *,
    image_dir: Path | None = None,
    csv: Path | None = None,
    images: Path | None = None,
    types: Sequence[str] = ("product",),
    progress: Progress | None = None,
) -> Catalog:
    """The data set in class folders (``image_dir``), or in ``images`` as listed by ``csv``.

    ``image_dir`` and ``images`` may be folders or zips; without ``csv``, the only CSV inside
    ``images`` is taken. ``types`` are the types of picture to take where the CSV tells them.
    What can be repaired is, the rest is left out; the report names each case. ``progress`` hears
    of pictures looked at and their number. DataError if nothing usable is there.
    """
    source, listing = _list(image_dir, csv, images)
    rows, left_out = _of_types(listing.rows, types)
    seen = _look_at_all(source, rows, progress)
    kept, entries = _usable(rows, seen)
    if not kept:
        raise DataError("None of the pictures can be read; the first: " + _first(entries))
    pairs = near_duplicates([seen[i].print for i in kept])
    entries += [_near_entry(rows[kept[i]], rows[kept[j]]) for i, j in pairs]
    table = _table([rows[i] for i in kept], [seen[i] for i in kept], listing.levels, pairs)
    taxonomy = _taxonomy(table, listing.levels)
    counts = table[taxonomy.name].value_counts()
    report = Report(
        entries=(*listing.entries, *entries),
        counts={label: int(counts[label]) for label in taxonomy.labels},
        left_out=left_out,
    )
    return Catalog(table, taxonomy, report, source)


def _list(image_dir: Path | None, csv: Path | None, images: Path | None) -> tuple[Source, Listing]:
    if (image_dir is None) == (images is None):
        raise DataError(
            "Expected either a folder of class folders, or a CSV with the pictures it names."
        )
    if image_dir is not None:
        if csv is not None:
            raise DataError("A CSV goes with the pictures it names, not with class folders.")
        source = open_source(image_dir)
        return source, list_class_folders(source.names)
    source = open_source(images)
    listing = list_csv(_csv_bytes(csv, source), source.names)
    if not listing.rows:
        raise DataError("None of the pictures that the CSV names is there; please check both.")
    return source, listing


def _csv_bytes(csv: Path | None, source: Source) -> bytes:
    if csv is not None:
        try:
            return csv.read_bytes()
        except OSError as error:
            raise DataError(f"The CSV “{csv}” cannot be read: {error.strerror}.") from error
    inside = [name for name in source.names if name.lower().endswith(".csv")]
    if len(inside) != 1:
        raise DataError(
            f"Expected one CSV among the pictures, found {len(inside)}; please name the CSV."
        )
    return source.read(inside[0])


def _of_types(rows: Sequence[Row], types: Sequence[str]) -> tuple[list[Row], dict[str, int]]:
    """Rows of the wanted types, and how many others there are of each type."""
    known = Counter(row.type for row in rows if row.type)
    if not known:
        return list(rows), {}
    unknown = [kind for kind in types if kind not in known]
    if unknown or not types:
        raise DataError(
            f"There are no pictures of type “{', '.join(unknown)}” here; "
            f"choose from: {', '.join(sorted(known))}."
        )
    kept = [row for row in rows if not row.type or row.type in types]
    return kept, {kind: n for kind, n in sorted(known.items()) if kind not in types}


def _look_at_all(source: Source, rows: Sequence[Row], progress: Progress | None) -> list[_Seen]:
    seen = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for one in pool.map(lambda row: _look_at(source, row.file), rows):
            seen.append(one)
            if progress:
                progress(len(seen), len(rows))
    return seen


def _look_at(source: Source, file: str) -> _Seen:
    try:
        data = source.read(file)
        picture = load_picture(data)
        return _Seen(content_hash(data), picture.size, picture_format(data), fingerprint(picture))
    except PictureError as error:
        return _Seen(problem=str(error))


def _usable(rows: Sequence[Row], seen: Sequence[_Seen]) -> tuple[list[int], list[Entry]]:
    """Positions of readable pictures, each content once, and notes on all that is odd."""
    first: dict[str, int] = {}
    entries = []
    for i, (row, one) in enumerate(zip(rows, seen, strict=True)):
        if one.problem:
            entries.append(Entry("unreadable", row.file, one.problem))
            continue
        claimed = PICTURE_ENDINGS.get(PurePosixPath(row.file).suffix.lower(), one.format)
        if claimed != one.format:
            message = f"The content is {one.format}, the name says {claimed}; read as {one.format}."
            entries.append(Entry("misnamed", row.file, message))
        if one.key in first:
            entries.append(_duplicate_entry(row, rows[first[one.key]]))
        else:
            first[one.key] = i
    return list(first.values()), entries


def _duplicate_entry(row: Row, kept: Row) -> Entry:
    if row.labels == kept.labels:
        return Entry("duplicate", row.file, f"The same picture as {kept.file}, which is kept.")
    return Entry(
        "label conflict",
        row.file,
        f"“{row.labels[0]}” here, but “{kept.labels[0]}” as {kept.file}, which is kept.",
    )


def _near_entry(row: Row, other: Row) -> Entry:
    differing = "" if row.labels == other.labels else f", which is “{other.labels[0]}”"
    return Entry("near duplicate", row.file, f"Nearly the same as {other.file}{differing}.")


def _first(entries: Sequence[Entry]) -> str:
    return f"{entries[0].file}: {entries[0].message}"


def _table(
    rows: Sequence[Row],
    seen: Sequence[_Seen],
    levels: tuple[str, ...],
    pairs: Sequence[tuple[int, int]],
) -> pd.DataFrame:
    columns = {
        "file": [row.file for row in rows],
        "key": [one.key for one in seen],
        "width": [one.size[0] for one in seen],
        "height": [one.size[1] for one in seen],
        "type": [row.type or _UNTYPED for row in rows],
        **{level: [row.labels[i] for row in rows] for i, level in enumerate(levels)},
        "group": _groups([one.key for one in seen], pairs),
    }
    return pd.DataFrame(columns)


def _groups(keys: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """For each key the smallest key that a chain of pairs leads to."""
    groups = list(keys)
    changed = True
    while changed:
        changed = False
        for i, j in pairs:
            if groups[i] != groups[j]:
                groups[i] = groups[j] = min(groups[i], groups[j])
                changed = True
    return groups


def _taxonomy(table: pd.DataFrame, levels: tuple[str, ...]) -> Taxonomy:
    """The labels in the table, in the order of the decor styles if they are such, else sorted."""
    labels = sorted(set(table[levels[0]]))
    if levels == ("country",):
        return Taxonomy("country", tuple(c for c in DECOR.coarser.labels if c in labels))
    if levels == ("class",):
        return Taxonomy("class", tuple(labels))
    country_of = dict(zip(table["style"], table["country"], strict=True))
    decor = {style: DECOR.parent_of(style) for style in DECOR.labels if style in country_of}
    if decor == country_of:
        return Taxonomy.from_pairs("style", "country", decor)
    return Taxonomy.from_pairs("style", "country", {s: country_of[s] for s in labels})
