"""What the content of pictures gives: identity, size, quality, what is twice or nearly so."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from decor_core.data.findings import Finding
from decor_core.data.listing import Row
from decor_core.data.sources.source import Source
from decor_core.errors import NotAPicture, PictureError, Stopped
from decor_core.images.decode import content_hash, open_picture
from decor_core.images.duplicates import fingerprint
from decor_core.images.formats import HEAD_BYTES, claimed_format, has_picture_ending, sniff
from decor_core.images.quality import ImageQuality, measure_quality
from decor_core.text import pluralize

Progress = Callable[[int, int], object]  # called with how many are done, and of how many
ShouldStop = Callable[[], bool]
OnPicture = Callable[[bytes, Image.Image], object]

_THREADS = 4  # Pillow decodes outside Python's lock
_COMPARED_SIDE = 1024  # pixels to tell near duplicates by


@dataclass(frozen=True)
class ImageInfo:
    """What the content of one file gave; only ``problem`` where it cannot be used.

    ``key`` is its SHA-256, ``fingerprint`` as in images.duplicates, ``quality`` None where it
    cannot be used, the rest as in DecodedPicture. ``is_picture`` is False for what neither
    is a picture nor called like one.
    """

    key: str = ""
    size: tuple[int, int] = (0, 0)
    format: str = ""
    taken: str = ""
    fingerprint: np.ndarray = field(default_factory=lambda: np.empty(0))
    pages: int = 1
    left_out: str = ""
    assumed: tuple[str, ...] = ()
    quality: ImageQuality | None = None
    problem: str = ""
    is_picture: bool = True


def scan_images(
    source: Source,
    files: Sequence[str],
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    on_picture: OnPicture | None = None,
) -> list[ImageInfo]:
    """What each of the ``files`` gave, in their order; Stopped if ``should_stop`` said so.

    ``on_picture`` is given content and decoded picture, on several threads.
    """

    def scan(file: str) -> ImageInfo:
        named = has_picture_ending(file)
        try:
            # Of what has an unknown ending no more is read than tells what it is.
            if not named and (problem := sniff(source.read(file, HEAD_BYTES - 1))):
                raise problem
            data = source.read(file)
            opened = open_picture(data, max_side=_COMPARED_SIDE)
        except PictureError as error:
            is_picture = named or not isinstance(error, NotAPicture)
            return ImageInfo(problem=str(error), is_picture=is_picture)
        if on_picture:
            on_picture(data, opened.picture)
        return ImageInfo(
            content_hash(data),
            opened.size,
            opened.format,
            opened.taken,
            fingerprint(opened.picture),
            opened.pages,
            opened.left_out,
            opened.assumed,
            measure_quality(opened.picture),
        )

    images: list[ImageInfo] = []
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for image in pool.map(scan, files):
            images.append(image)
            if progress:
                progress(len(images), len(files))
            if should_stop and should_stop():
                raise Stopped("Reading the pictures was stopped.")
    finally:
        pool.shutdown(cancel_futures=True)
    return images


def usable_images(
    rows: Sequence[Row], images: Sequence[ImageInfo]
) -> tuple[list[int], list[Finding]]:
    """Indices of readable pictures, each content once, and findings on all that is odd."""
    first: dict[str, int] = {}
    findings = []
    for i, (row, image) in enumerate(zip(rows, images, strict=True)):
        if image.problem:
            kind = "unreadable" if image.is_picture else "ignored"
            findings.append(Finding(kind, row.file, image.problem, set_aside=True))
            continue
        findings += _findings_on_file(row.file, image)
        kept = rows[first.setdefault(image.key, i)]
        if kept is not row:
            findings.append(_duplicate(row, kept))
    return list(first.values()), [*findings, *_left_out_pages(images)]


def _findings_on_file(file: str, image: ImageInfo) -> Iterator[Finding]:
    format_, claimed = image.format, claimed_format(file)
    if claimed not in ("", format_):
        message = f"The content is {format_}, the name says {claimed}; read as {format_}."
        yield Finding("misnamed", file, message)
    if image.left_out:
        yield Finding("pages", file, image.left_out)
    for message in image.assumed:
        yield Finding("assumed", file, message)


def _left_out_pages(images: Sequence[ImageInfo]) -> Iterator[Finding]:
    """How many pages are left out in all: they may be most of what was brought."""
    files = [image for image in images if image.pages > 1]
    if files:
        left_out = sum(image.pages - 1 for image in files)
        message = (
            f"{pluralize(left_out, 'page')} left out: of {pluralize(len(files), 'file')} with "
            "several pages the first was taken. To use the others, save each page as a picture."
        )
        yield Finding("assumed", "the pages", message)


def _duplicate(row: Row, kept: Row) -> Finding:
    if row.labels == kept.labels:
        message = f"The same picture as {kept.file}, which is kept."
        return Finding("duplicate", row.file, message, kept.file, set_aside=True)
    message = f"“{row.labels[0]}” here, but “{kept.labels[0]}” as {kept.file}, which is kept."
    return Finding("label conflict", row.file, message, kept.file, kept.labels[0], set_aside=True)


def near_duplicate_findings(
    files: Sequence[str],
    labels: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    alike: Collection[str] = (),
) -> Iterator[Finding]:
    """A finding on the first picture of each of the ``pairs``; of several pairs of one picture on
    the first, but rather on one under another label.

    None within and between the labels ``alike``: of pictures that are all nearly the same, one
    finding says it.
    """
    other: dict[int, int] = {}
    for i, j in pairs:
        if labels[i] in alike and labels[j] in alike:
            continue
        known = other.setdefault(i, j)
        if labels[known] == labels[i] != labels[j]:
            other[i] = j
    for i, j in other.items():
        message = f"Nearly the same as {files[j]}"
        if labels[i] == labels[j]:
            yield Finding("near duplicate", files[i], f"{message}.", files[j])
        else:
            message += f", which is “{labels[j]}”."
            yield Finding("near conflict", files[i], message, files[j], labels[j])
