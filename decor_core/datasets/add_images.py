"""Pictures that come into a data set later: kept, named like nothing else, near duplicates told."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from decor_core.data.findings import Finding
from decor_core.data.scan import near_duplicate_findings
from decor_core.data.sources import normal
from decor_core.datasets.storage import fingerprints, keep_picture
from decor_core.errors import DataError, PictureError
from decor_core.images.decode import PICTURE_ENDINGS, is_picture_name, open_picture
from decor_core.images.duplicates import group_duplicates, near_duplicates

Came = Mapping[str, tuple[str, tuple[int, int]]]  # by content hash: name, (width, height)


def keep_all(
    folder: Path, pictures: Sequence[tuple[str, bytes]]
) -> tuple[Came, tuple[Finding, ...]]:
    """Keep pictures, name and content, and say which ones cannot be read; DataError if none can."""
    came, refused = {}, []
    for name, data in pictures:
        try:
            opened = open_picture(data)
        except PictureError as error:
            refused.append(Finding("unreadable", name, str(error)))
        else:
            key = keep_picture(folder, data, opened.picture)
            came[key] = _named_as_picture(name, opened.format), opened.size
    if not came:
        raise DataError(f"None of the pictures can be read. {refused[0].message}")
    return came, tuple(refused)


def append_images(
    folder: Path, table: pd.DataFrame, new: Came, labels: Mapping[str, str]
) -> tuple[pd.DataFrame, list[Finding]]:
    """The table with rows for pictures that are not in it, and which of them are nearly the same.

    ``labels`` holds the label of all of them at each level, the finest first.
    """
    if not new:
        return table, []
    level = next(iter(labels))
    taken, rows = {file.casefold() for file in table["file"]}, []
    for key, (name, size) in new.items():
        file = _free_name(name, labels[level], taken)
        row = {"file": file, "key": key, "group": key}
        row |= {"width": size[0], "height": size[1], "type": "product"}
        row |= {"batch": int(table["batch"].max()) + 1}
        rows.append(row | dict(labels))
    before = len(table)
    table = pd.concat([table, pd.DataFrame(rows)], ignore_index=True)
    pairs = near_duplicates(fingerprints(folder, table["key"].tolist()))
    later = [(max(pair), min(pair)) for pair in pairs if max(pair) >= before]
    near = list(near_duplicate_findings(list(table["file"]), list(table[level]), later))
    groups = group_duplicates(table["key"].tolist(), pairs, table["batch"])
    return table.assign(group=groups), near


def describe_change(new: int, label: str, again: Mapping[str, int]) -> str:
    """What adding has done; ``again`` is how many were there already, by their class until now."""
    said = [f"{pluralize(new)} added to “{label}”"] if new else []
    for other, count in again.items():
        number = count if said else pluralize(count)
        if other == label:
            said.append(f"{number} already there")
        else:
            said.append(f"{number} moved from “{other}”{'' if new else f' to “{label}”'}")
    return ", ".join(said)


def pluralize(count: int) -> str:
    """“1 picture”, “2 pictures” …"""
    return "1 picture" if count == 1 else f"{count} pictures"


def _named_as_picture(name: str, kind: str) -> str:
    """The name, with an ending by which the picture is known for one, wherever it is read again."""
    if is_picture_name(name):
        return name
    return name + next(ending for ending, known in PICTURE_ENDINGS.items() if known == kind)


def _free_name(name: str, label: str, taken: set[str]) -> str:
    """A name in the set that no other picture has, and that is then taken."""
    path = PurePosixPath(normal(name).replace("\\", "/").lstrip("."))
    folder = label.replace("/", "_").lstrip(".")
    stem, suffix, number = path.stem.lstrip(".") or "picture", path.suffix, 1
    file = f"{folder}/{stem}{suffix}"
    while file.casefold() in taken:
        number += 1
        file = f"{folder}/{stem}-{number}{suffix}"
    taken.add(file.casefold())
    return file
