"""What the content of pictures gives: their identity and size, what is there twice or nearly so."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from decor_core.data.findings import Finding
from decor_core.data.records import Row
from decor_core.data.source import Source
from decor_core.errors import PictureError, Stopped
from decor_core.images.decode import PICTURE_ENDINGS, content_hash, open_picture
from decor_core.images.duplicates import fingerprint

Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]
OnPicture = Callable[[bytes, Image.Image], object]

_THREADS = 4  # Pillow decodes outside Python's lock
_ENOUGH = 1024  # pixels to tell near duplicates by


@dataclass(frozen=True)
class ImageInfo:
    """What a look at one picture's content gave; ``problem`` if it cannot be used."""

    key: str = ""
    size: tuple[int, int] = (0, 0)
    format: str = ""
    print: np.ndarray | None = None
    problem: str = ""


def scan_images(
    source: Source,
    rows: Sequence[Row],
    progress: Progress | None,
    should_stop: ShouldStop | None,
    on_picture: OnPicture | None,
) -> list[ImageInfo]:
    """What each row's picture gave, in their order; Stopped if ``should_stop`` said so."""
    seen: list[ImageInfo] = []
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for one in pool.map(lambda row: _look_at(source, row.file, on_picture), rows):
            seen.append(one)
            if progress:
                progress(len(seen), len(rows))
            if should_stop and should_stop():
                raise Stopped("Reading the pictures was stopped.")
    finally:
        pool.shutdown(cancel_futures=True)
    return seen


def _look_at(source: Source, file: str, on_picture: OnPicture | None) -> ImageInfo:
    try:
        data = source.read(file)
        opened = open_picture(data, max_side=_ENOUGH)
        if on_picture:
            on_picture(data, opened.picture)
        print_ = fingerprint(opened.picture)
        return ImageInfo(content_hash(data), opened.size, opened.format, print_)
    except PictureError as error:
        return ImageInfo(problem=str(error))


def usable(rows: Sequence[Row], seen: Sequence[ImageInfo]) -> tuple[list[int], list[Finding]]:
    """Positions of readable pictures, each content once, and notes on all that is odd."""
    first: dict[str, int] = {}
    entries = []
    for i, (row, one) in enumerate(zip(rows, seen, strict=True)):
        if one.problem:
            entries.append(Finding("unreadable", row.file, one.problem, set_aside=True))
            continue
        claimed = PICTURE_ENDINGS.get(PurePosixPath(row.file).suffix.lower(), one.format)
        if claimed != one.format:
            message = f"The content is {one.format}, the name says {claimed}; read as {one.format}."
            entries.append(Finding("misnamed", row.file, message))
        if one.key in first:
            entries.append(_duplicate_entry(row, rows[first[one.key]]))
        else:
            first[one.key] = i
    return list(first.values()), entries


def _duplicate_entry(row: Row, kept: Row) -> Finding:
    if row.labels == kept.labels:
        message = f"The same picture as {kept.file}, which is kept."
        return Finding("duplicate", row.file, message, kept.file, set_aside=True)
    message = f"“{row.labels[0]}” here, but “{kept.labels[0]}” as {kept.file}, which is kept."
    return Finding("label conflict", row.file, message, kept.file, kept.labels[0], set_aside=True)


def near_duplicate_findings(
    rows: Sequence[tuple[str, str]], pairs: Sequence[tuple[int, int]]
) -> list[Finding]:
    """One for each first picture of the pairs, rather with one under another label.

    ``rows`` are files with their labels.
    """
    other: dict[int, int] = {}
    for i, j in pairs:
        known = other.setdefault(i, j)
        if rows[known][1] == rows[i][1] != rows[j][1]:
            other[i] = j
    return [_near_entry(rows[i], rows[j]) for i, j in other.items()]


def _near_entry(row: tuple[str, str], other: tuple[str, str]) -> Finding:
    (file, label), (other_file, other_label) = row, other
    if label == other_label:
        return Finding("near duplicate", file, f"Nearly the same as {other_file}.", other_file)
    message = f"Nearly the same as {other_file}, which is “{other_label}”."
    return Finding("near conflict", file, message, other_file, other_label)
