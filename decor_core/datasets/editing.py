"""Edits of the table of a data set: labels given, pictures appended; what was done, in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from decor_core.data.catalog import UNTYPED
from decor_core.data.findings import Finding
from decor_core.data.groups import group_pictures
from decor_core.data.listing import label_text
from decor_core.data.quality_checks import quality_columns
from decor_core.data.scan import near_duplicate_findings
from decor_core.data.split import alike_classes
from decor_core.datasets.storage import fingerprints, keep_picture
from decor_core.errors import DataError, PictureError
from decor_core.images.decode import open_picture
from decor_core.images.formats import PICTURE_ENDINGS, is_picture_name
from decor_core.images.quality import ImageQuality, measure_quality
from decor_core.io import unique_name
from decor_core.taxonomy import Taxonomy
from decor_core.text import normal, pluralize

_LONGEST_LABEL = 100


def checked_label(label: str) -> str:
    """The label as it is kept; DataError if nothing of it is to be seen or it is a whole text."""
    label = label_text(label)
    if not label:
        raise DataError("A class needs a name; type at least one letter.")
    if len(label) > _LONGEST_LABEL:
        raise DataError(
            f"The name of a class has at most {_LONGEST_LABEL} letters; this one has {len(label)}."
        )
    return label


def labels_by_level(
    taxonomy: Taxonomy, label: str, parent: str, rows: pd.DataFrame
) -> dict[str, str]:
    """The label at each level, finest first, of pictures that get ``label``.

    A new one belongs to ``parent``, or else to what most of ``rows``, of those that get it,
    belonged to. DataError if neither tells.
    """
    label, (finest, *coarser) = checked_label(label), taxonomy.levels
    labels = {finest.name: label}
    for level in coarser:
        if label in finest.labels:
            labels[level.name] = finest.parent_of(label)
        elif not (parent.strip() or len(rows)):
            raise DataError(f"Say also which {level.name} “{label}” belongs to.")
        else:
            usual = parent if parent.strip() else rows[level.name].mode()[0]
            labels[level.name] = checked_label(usual)
    return labels


def with_labels(table: pd.DataFrame, chosen: pd.Series, labels: Mapping[str, str]) -> pd.DataFrame:
    """The table with ``labels``, by level, for the rows of the mask ``chosen``."""
    return table.assign(**{name: table[name].mask(chosen, label) for name, label in labels.items()})


class NewImage(NamedTuple):
    """A picture that was put into the folder of a data set: content hash, name, (width, height),
    what was measured of it, and when it was taken, as in DecodedPicture."""

    key: str
    name: str
    size: tuple[int, int]
    quality: ImageQuality
    taken: str = ""


def store_images(
    folder: Path, pictures: Sequence[tuple[str, bytes]]
) -> tuple[list[NewImage], tuple[Finding, ...]]:
    """Keep pictures, name and content, and say which ones cannot be read; DataError if none can."""
    stored: dict[str, NewImage] = {}
    refused = []
    for name, data in pictures:
        try:
            opened = open_picture(data)
        except PictureError as error:
            refused.append(Finding("unreadable", name, str(error)))
            continue
        if not is_picture_name(name):  # or it would be passed over where it is read again
            name += next(e for e, known in PICTURE_ENDINGS.items() if known == opened.format)
        key = keep_picture(folder, data, opened.picture)
        quality = measure_quality(opened.picture)
        stored[key] = NewImage(key, name, opened.size, quality, opened.taken)
    if not stored:
        raise DataError(f"None of the pictures can be read. {refused[0].message}")
    return list(stored.values()), tuple(refused)


def append_images(
    folder: Path, table: pd.DataFrame, images: Sequence[NewImage], labels: Mapping[str, str]
) -> tuple[pd.DataFrame, list[Finding]]:
    """The table with rows for further pictures, and which of them are nearly the same as others.

    ``labels`` holds the label of all of them at each level, the finest first. They make a batch of
    their own.
    """
    if not images:
        return table, []
    level, label = next(iter(labels.items()))
    class_folder = label.replace("/", "_").lstrip(".")
    taken = {file.casefold() for file in table["file"]}
    batch = 0 if table.empty else int(table["batch"].max()) + 1
    rows = []
    for key, name, (width, height), _, taken_at in images:
        path = PurePosixPath(normal(name).replace("\\", "/").lstrip("."))
        stem = path.stem.lstrip(".") or "picture"
        file = unique_name(f"{class_folder}/{stem}", taken, path.suffix)
        row = {"file": file, "key": key, "width": width, "height": height, "taken": taken_at}
        rows.append({**row, "type": UNTYPED, **labels, "group": key, "batch": batch})
    measured = quality_columns([image.quality for image in images])
    first_new, new = len(table), pd.DataFrame(rows).assign(**measured)
    table = pd.concat([table, new], ignore_index=True) if first_new else new
    table = table.assign(taken=table["taken"].fillna(""))  # of what came before it was kept
    keys, files, known = list(table["key"]), list(table["file"]), list(table[level])
    groups, pairs = group_pictures(
        keys, fingerprints(folder, keys), known, files, list(table["taken"]), list(table["batch"])
    )
    table = table.assign(group=groups)
    from_new = [(max(pair), min(pair)) for pair in pairs if max(pair) >= first_new]
    near = near_duplicate_findings(files, known, from_new, alike_classes(table, level))
    return table, list(near)


def describe_change(new: int, label: str, again: Mapping[str, int]) -> str:
    """What adding has done; ``again`` is how many were there already, by their class until now."""
    said = [f"{pluralize(new, 'picture')} added to “{label}”"] if new else []
    for other, count in again.items():
        number = count if said else pluralize(count, "picture")
        if other == label:
            said.append(f"{number} already there")
        else:
            said.append(f"{number} moved from “{other}”{'' if new else f' to “{label}”'}")
    return ", ".join(said)
