"""Class folders → one row for each picture."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from decor_core.data.columns import PARTS
from decor_core.data.findings import Finding
from decor_core.data.listing import Listing, Row, label_text, with_valid_labels
from decor_core.data.tables import TABLE_ENDINGS
from decor_core.errors import DataError
from decor_core.images.decode import has_picture_ending, is_picture_name
from decor_core.taxonomy import DECOR

# Files that “prepare” and a downloaded data set have beside their class folders.
PREPARED_FILES = {"report.json", "pictures.csv"}


def list_class_folders(names: Sequence[str], folders: Sequence[str] = ()) -> Listing:
    """Pictures labeled by the folder they lie in, at any depth; loose pictures are reported.

    ``folders`` are those without any file. Folders around the classes do not count: a single one
    around all, or such as train and test. DataError if there are no pictures in folders.
    """
    paths = {name: PurePosixPath(name).parts for name in names}
    empty = [PurePosixPath(name).parts for name in folders]
    paths, empty, findings = _without_outer_folders(paths, empty)
    own = PREPARED_FILES if set(names) >= PREPARED_FILES else ()
    rows = []
    for name, parts in paths.items():
        message, kind = "", "ignored"
        if len(parts) > 1 and is_picture_name(name):
            rows.append(Row(name, "", (label_text(parts[0]),)))
        elif len(parts) > 1:
            message = "Its ending is not that of a picture."
        elif has_picture_ending(name):
            message, kind = "It lies in no class folder.", "unlisted"
        elif name.lower().endswith(TABLE_ENDINGS) and name not in own:
            message = "The folders tell the classes; this table was not read."
        if message:
            findings.append(Finding(kind, name, message, set_aside=True))
    rows, refused = with_valid_labels(rows)
    if not rows:
        raise DataError(
            "There are no pictures in class folders here; expected one folder for each class, "
            "named like the class, with its pictures in it."
        )
    labels = {row.labels[0] for row in rows}
    tops = {label_text(parts[0]) for parts in paths.values() if len(parts) > 1}
    tops |= {label_text(parts[0]) for parts in empty if parts}
    for label in sorted(tops - labels - {""}):
        findings.append(Finding("empty class", label, "There is no picture in this folder."))
    levels: tuple[str, ...] = ("class",)
    if labels <= set(DECOR.labels):
        levels = ("style", "country")
        rows = [replace(r, labels=(r.labels[0], DECOR.parent_of(r.labels[0]))) for r in rows]
    elif labels <= set(DECOR.level("country").labels):
        levels = ("country",)
    return Listing(levels, tuple(rows), (*findings, *refused))


def _without_outer_folders(
    paths: dict[str, tuple[str, ...]], empty: list[tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, ...]], list[Finding]]:
    """Without folders around all class folders: a single one, or such as train and test."""
    findings: list[Finding] = []
    while True:
        tops = {parts[0] for parts in paths.values()}
        depths = [len(parts) for name, parts in paths.items() if is_picture_name(name)]
        are_parts = not findings and len(tops) > 1 and {top.lower() for top in tops} <= PARTS
        if min(depths, default=0) < 3 or not (len(tops) == 1 or are_parts):
            return paths, empty, findings
        if are_parts:
            names = ", ".join(f"“{top}”" for top in sorted(tops))
            message = f"Taken for parts of the data set, not for classes: {names}."
            findings.append(Finding("assumed", "the folders", message))
        paths = {name: parts[1:] for name, parts in paths.items() if len(parts) > 1}
        empty = [parts[1:] for parts in empty if len(parts) > 1 and parts[0] in tops]
