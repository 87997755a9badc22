"""Files, folders, archives and URLs → pictures in order, of any number, and the bytes of each."""

import io
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from decor_core.bulk.places import (
    fetch,
    is_folder,
    joined,
    list_folder,
    local_or_url,
    name_of,
    read_remote,
    scheme_of,
)
from decor_core.data.sources.archive_kinds import archive_kind, is_archive_name
from decor_core.errors import DataError, PictureError
from decor_core.images.formats import HEAD_BYTES, has_picture_ending
from decor_core.images.limits import LIMITS, read_within, too_many_bytes
from decor_core.text import printable

if TYPE_CHECKING:
    from decor_core.data.sources.source import Source

# What reads folders and archives is imported where there is one: it would be a tenth of the time
# that labeling a picture takes.
_OPEN = 2  # archives at once: the one that is read and the one that ends
_NAMED = 5  # files for each reason


class Picture(NamedTuple):
    """Where a picture is: plain texts, that another process can be given.

    ``file`` is what answers call it; ``place`` a path or URL, of the archive if it is in one, where
    ``member`` is its name. ``size`` in bytes where a listing told that it is too large.
    """

    file: str
    place: str
    member: str = ""
    size: int = 0


class SkippedFiles:
    """What was to be said of files: each reason once, with how many there are and the first."""

    def __init__(self) -> None:
        self.files: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, file: str, reason: str) -> None:
        files = self.files.setdefault(reason, [])
        if len(files) < _NAMED:
            files.append(file)
        self._counts[reason] = self._counts.get(reason, 0) + 1

    @property
    def count(self) -> int:
        return sum(self._counts.values())

    def lines(self) -> Iterator[str]:
        """A line for each reason."""
        for reason, files in self.files.items():
            others = self._counts[reason] - len(files)
            more = f" and {others} more" if others else ""
            yield f"{', '.join(map(printable, files))}{more}: {printable(reason)}"


class PictureIndex:
    """All pictures of some places, in order; they wait in a temporary file, not in memory.

    ``left_out`` tells what in folders and archives is no picture. ``found`` is called with how
    many there are as they are found.
    """

    def __init__(
        self, places: Sequence[str], found: Callable[[int], object] = lambda count: None
    ) -> None:
        self.left_out = SkippedFiles()
        self.count = 0
        self._file = tempfile.TemporaryFile("w+b")  # noqa: SIM115 (lives as long as the listing)
        for picture in find_pictures(places, self.left_out):
            self._file.write(json.dumps(picture).encode() + b"\n")
            self.count += 1
            found(self.count)

    def __iter__(self) -> Iterator[Picture]:
        self._file.seek(0)
        for line in self._file:
            yield Picture(*json.loads(line))


def find_pictures(places: Sequence[str], left_out: SkippedFiles) -> Iterator[Picture]:
    """Files as given; a folder or archive stands for all pictures in it, in sorted order.

    Archives in a folder come after its other pictures. DecorError where a place cannot be read.
    """
    for place in map(local_or_url, places):
        if _is_archive(place):
            yield from _in_archive(place, left_out)
        elif (scheme_of(place) and has_picture_ending(name_of(place))) or not is_folder(place):
            yield _picture(place)  # one that is not there shows when it is read
        else:
            archives: list[str] = []
            yield from _in_folder(place, "", archives, left_out)
            for archive in archives:
                try:
                    yield from _in_archive(archive, left_out)
                except (DataError, PictureError) as error:
                    left_out.add(archive, str(error))


def _picture(place: str, member: str = "", size: int = 0) -> Picture:
    file = joined(place, member) if member else place
    # Bytes of a name that are no UTF-8 are written out: no table can hold them.
    file = os.fsencode(file).decode("utf-8", "backslashreplace")
    return Picture(file, place, member, size if size > LIMITS.max_bytes else 0)


def _in_folder(
    folder: str, prefix: str, archives: list[str], left_out: SkippedFiles
) -> Iterator[Picture]:
    """Pictures below a folder, which lies at ``prefix`` of the one given, in the order of names.

    Only the names of one folder at each depth are in memory.
    """
    from decor_core.data.picture_files import why_no_picture
    from decor_core.data.sources.clutter import is_clutter
    from decor_core.text import normal

    try:
        names, sizes = list_folder(folder)
    except OSError as error:
        if not prefix:
            raise
        left_out.add(folder, f"The folder cannot be read ({error.strerror}).")
        return
    # With the slash at the end of folders, the order is that of whole paths.
    names.sort(key=normal)
    for name in names:
        place = joined(folder, name.rstrip("/"))
        if name.endswith("/"):
            if not is_clutter(name, is_folder=True):
                yield from _in_folder(place, prefix + name, archives, left_out)
        elif (
            name.startswith(".")
            or is_clutter(name)
            or not (scheme_of(place) or os.path.isfile(place))
        ):
            continue
        elif _is_archive(place):
            archives.append(place)
        elif reason := why_no_picture(name, partial(_head, place)):
            left_out.add(place, reason)
        else:
            yield _picture(place, size=sizes.get(name, 0))


def _head(place: str, limit: int) -> bytes:
    if scheme_of(place):
        return read_remote(place, limit + 1)
    try:
        with open(place, "rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise PictureError(str(error)) from error


def _is_archive(place: str) -> bool:
    if not is_archive_name(name_of(place)):
        return False
    if not scheme_of(place):
        if not os.path.isfile(place):
            return False
        with open(place, "rb") as file:  # “face.001” may be a picture
            return bool(archive_kind(file))
    return not is_folder(place) and bool(archive_kind(io.BytesIO(_head(place, HEAD_BYTES))))


def _in_archive(place: str, left_out: SkippedFiles) -> Iterator[Picture]:
    from decor_core.data.picture_files import split_pictures

    pictures, others = split_pictures(_ARCHIVES.source(place))
    for name, reason in others.items():
        left_out.add(joined(place, name), reason)
    for name in pictures:
        yield _picture(place, name)


class _Archives:
    """Archives that are open, the last few, each with the folder that it was fetched to."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Source, tempfile.TemporaryDirectory | None]] = {}
        self._lock = threading.Lock()

    def source(self, place: str) -> "Source":
        with self._lock:
            opened = self._open.pop(place, None) or _open_archive(place)
            self._open[place] = opened  # last, as the one that was wanted last
            while len(self._open) > _OPEN:
                del self._open[next(iter(self._open))]  # closed when no thread reads it any more
            return opened[0]


_ARCHIVES = _Archives()


def _open_archive(place: str) -> tuple["Source", tempfile.TemporaryDirectory | None]:
    """An archive; one in an object store is fetched as a whole, as it is read to and fro."""
    from decor_core.data.sources.source import DEFAULT_LIMITS, open_source

    if not scheme_of(place):
        return open_source(Path(place)), None
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    fetched = Path(folder.name, name_of(place))
    fetch(place, fetched, DEFAULT_LIMITS.max_bytes)
    return open_source(fetched), folder


def read_picture(picture: Picture) -> bytes:
    """The bytes of a picture; PictureError where it cannot be had. Safe to call from threads.

    DecorError where no other could be had, either, as without a network.
    """
    if picture.size:
        raise too_many_bytes(picture.size, LIMITS)
    if picture.member:
        return _ARCHIVES.source(picture.place).read(picture.member)
    if scheme_of(picture.place):
        return read_remote(picture.place)
    return read_within(Path(picture.place), LIMITS)
