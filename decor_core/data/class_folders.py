"""Folders that pictures lie in → one row per picture, labelled by its folder."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from decor_core.data.findings import Finding
from decor_core.data.records import Listing, Row, label_text, named
from decor_core.data.tables import TABLE_ENDINGS
from decor_core.errors import DataError
from decor_core.images.decode import is_picture_name
from decor_core.taxonomy import DECOR

# What “prepare” and a downloaded data set have beside their class folders.
PREPARED_FILES = {"report.json", "pictures.csv"}
_PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}


def list_class_folders(names: Sequence[str], folders: Sequence[str] = ()) -> Listing:
    """Pictures labelled by the folder they lie in, at any depth; loose pictures are reported.

    ``folders`` are those without any file. Folders around the classes do not count: a single one
    around all, or such as train and test.
    """
    paths = {name: PurePosixPath(name).parts for name in names}
    empty = [PurePosixPath(name).parts for name in folders]
    paths, empty, entries = _unwrapped(paths, empty)
    own = PREPARED_FILES if set(names) >= PREPARED_FILES else ()
    rows = []
    for name, parts in paths.items():
        if len(parts) > 1 and is_picture_name(name):
            rows.append(Row(name, "", (label_text(parts[0]),)))
        elif len(parts) > 1:
            message = "Its ending is not that of a picture."
            entries.append(Finding("ignored", name, message, set_aside=True))
        elif is_picture_name(name) and PurePosixPath(name).suffix:
            entries.append(Finding("unlisted", name, "It lies in no class folder.", set_aside=True))
        elif name.lower().endswith(TABLE_ENDINGS) and name not in own:
            message = "The folders tell the classes; this table was not read."
            entries.append(Finding("ignored", name, message, set_aside=True))
    rows, refused = named(rows)
    if not rows:
        raise DataError(
            "There are no pictures in class folders here; expected one folder for each class, "
            "named like the class, with its pictures in it."
        )
    full = {row.labels[0] for row in rows}
    tops = [label_text(parts[0]) for parts in (*paths.values(), *empty) if len(parts) > 1]
    tops += [label_text(parts[0]) for parts in empty if len(parts) == 1]
    for label in sorted(set(tops) - full - {""}):
        entries.append(Finding("empty class", label, "There is no picture in this folder."))
    return _with_known_levels(rows, entries + refused)


def _unwrapped(
    paths: dict[str, tuple[str, ...]], empty: list[tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, ...]], list[Finding]]:
    """Without folders around all class folders: a single one, or such as train and test."""
    entries: list[Finding] = []
    while True:
        tops = {parts[0] for parts in paths.values()}
        inside = [parts for name, parts in paths.items() if is_picture_name(name)]
        deep = bool(inside) and all(len(parts) > 2 for parts in inside)
        split = not entries and len(tops) > 1 and {top.lower() for top in tops} <= _PARTS
        if not deep or not (len(tops) == 1 or split):
            return paths, empty, entries
        if split:
            names = ", ".join(f"“{top}”" for top in sorted(tops))
            message = f"Taken for parts of the data set, not for classes: {names}."
            entries.append(Finding("assumed", "the folders", message))
        paths = {name: parts[1:] for name, parts in paths.items() if len(parts) > 1}
        empty = [parts[1:] for parts in empty if len(parts) > 1 and parts[0] in tops]


def _with_known_levels(rows: list[Row], entries: list[Finding]) -> Listing:
    labels = {row.labels[0] for row in rows}
    levels = ("class",)
    if labels <= set(DECOR.labels):
        levels = ("style", "country")
        rows = [Row(r.file, r.type, (r.labels[0], DECOR.parent_of(r.labels[0]))) for r in rows]
    elif labels <= set(DECOR.coarser.labels):
        levels = ("country",)
    return Listing(levels, tuple(rows), tuple(entries))
