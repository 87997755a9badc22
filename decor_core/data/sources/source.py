"""A folder or an archive → files by name, within limits."""

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO

from decor_core.data.findings import Finding
from decor_core.data.sources.archive_kinds import (
    archive_kind,
    is_archive_name,
    refuse_unreadable,
    without_ending,
)
from decor_core.data.sources.archives import (
    DAMAGED,
    THE_NAMES,
    FileSlice,
    Member,
    SourceLimits,
)
from decor_core.data.sources.clutter import is_clutter
from decor_core.data.sources.folder import read_folder
from decor_core.data.sources.tars import read_compressed, read_tar
from decor_core.data.sources.zips import read_zip
from decor_core.errors import DataError, DecorError, PictureError
from decor_core.images.formats import HEAD_BYTES, sniff
from decor_core.images.limits import LIMITS
from decor_core.io import unique_name
from decor_core.text import format_bytes, normal

DEFAULT_LIMITS = SourceLimits()
File = Path | Member
_DAMAGED_INSIDE = "The file is damaged in the zip or tar; please pack it again."


class Source:
    """Files by name: relative, with forward slashes, in Unicode's composed form (NFC).

    ``files`` are sorted by name and leave out hidden ones and what operating systems scatter about.
    ``folders`` are those without any file; ``notes`` tell what could not be taken as it was;
    ``unpacked_bytes`` is what an archive unpacks to.
    """

    def __init__(
        self,
        path: Path,
        files: Iterable[tuple[str, File]],
        folders: Iterable[str] = (),
        notes: Iterable[Finding] = (),
        unpacked_bytes: int = 0,
    ) -> None:
        self.path, self.unpacked_bytes = path, unpacked_bytes
        found: dict[str, File] = {}
        twice = []
        for name, file in sorted(((normal(n), f) for n, f in files), key=lambda one: one[0]):
            if not name or is_clutter(name):
                continue
            if name in found:
                twice.append((name, file))
            else:
                found[name] = file
        self.notes, taken = tuple(notes), set(found)
        for name, file in twice:
            ending = PurePosixPath(name).suffix
            stem = name.removesuffix(ending)
            other = unique_name(stem, taken, ending, number=" ({})", match_case=True)
            message = f"Two files are called “{name}”; this is the second of them."
            self.notes += (Finding("assumed", other, message, other=name),)
            found[other] = file
        self.files = dict(sorted(found.items(), key=lambda one: one[0]))
        full = {str(parent) for name in found for parent in PurePosixPath(name).parents}
        empty = {normal(folder) for folder in folders} - full - {""}
        self.folders = tuple(sorted(folder for folder in empty if not is_clutter(folder, True)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.files)

    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        """The bytes of one file, at most one more than ``limit``; PictureError if it cannot be."""
        file = self.files[name]
        try:
            if isinstance(file, Path):  # room is made for as much as may be read
                limit = min(limit, file.stat().st_size)
            with file.open("rb") as stream:
                return stream.read(limit + 1)
        except DAMAGED as error:
            if isinstance(file, Path):
                reason = getattr(error, "strerror", None) or "unknown reason"
                raise PictureError(f"The file cannot be read ({reason}).") from error
            raise PictureError(_DAMAGED_INSIDE) from error


def open_source(source: Path | Source, limits: SourceLimits = DEFAULT_LIMITS) -> Source:
    """The folder or archive at a path, with archives inside of it as folders of the same name.

    One level deep: what is an archive inside of an archive inside is left as it is. A Source is
    given back as it is. DataError where it is neither, is encrypted, or beyond the ``limits``.
    """
    if isinstance(source, Source):
        return source
    if not source.exists():
        raise DataError(f"There is no folder or zip “{source}”; please check the path.")
    if not source.is_dir() and not source.is_file():
        raise DataError(f"“{source}” is neither a folder nor an archive such as a zip.")
    if source.is_dir():
        found = read_folder(source, source.name, limits)
        outer = Source(source, found.files, found.folders, found.notes)
    else:
        outer = open_archive(source, source.name, limits)
    inside = [name for name in outer.names if is_archive_name(name)]
    if not inside:
        return outer
    files, notes = dict(outer.files), list(outer.notes)
    unpacked: list[tuple[str, File]] = []
    count, total = len(outer.files), outer.unpacked_bytes
    spool = _Spool(limits)
    for name in inside:
        try:
            with spool.file_of(files[name]) as file:
                inner = open_archive(file, PurePosixPath(name).name, limits)
        except DecorError as error:
            if not _is_picture(outer, name):
                notes.append(Finding("unreadable", name, str(error), set_aside=True))
            continue
        del files[name]
        folder = without_ending(name)
        unpacked += [(f"{folder}/{member}", file) for member, file in inner.files.items()]
        for note in inner.notes:  # as one on the whole source
            names = f"{THE_NAMES} in {folder}"
            file = names if note.file == THE_NAMES else f"{folder}/{note.file}"
            notes.append(replace(note, file=file))
        count, total = count + len(inner.files), total + inner.unpacked_bytes
        if total > limits.max_bytes or count > limits.max_files:
            raise DataError(
                f"The archives in “{source.name}” hold too much: together at most "
                f"{limits.max_files:,} files of {format_bytes(limits.max_bytes)} are allowed."
            )
    return Source(source, [*files.items(), *unpacked], outer.folders, notes)


def _is_picture(source: Source, name: str) -> bool:
    """Whether a file that is called like a part of an archive, as “face.001”, is a picture."""
    try:
        return sniff(source.read(name, HEAD_BYTES)) is None
    except PictureError:
        return False


def open_archive(
    file: Path | IO[bytes], name: str, limits: SourceLimits = DEFAULT_LIMITS
) -> Source:
    """The zip or tar in ``file``, called ``name`` in messages; archives inside stay what they are.

    What it is, its content tells. DataError where it is neither, is encrypted, compressed by a
    method that is not known, or beyond the ``limits``.
    """
    try:
        if isinstance(file, Path):
            with file.open("rb") as stream:
                kind = archive_kind(stream)
        else:
            kind = archive_kind(file)
    except OSError as error:
        raise DataError(f"“{name}” cannot be read ({error.strerror or error}).") from error
    refuse_unreadable(name, kind)
    read = {"tar": read_tar, "compressed": read_compressed}.get(kind, read_zip)
    found = read(file, name, limits)
    return Source(Path(name), found.files, found.folders, found.notes, found.unpacked_bytes)


class _Spool:
    """Archives inside of an archive, one after the other in one temporary file: they are read to
    and fro, which only a file allows."""

    def __init__(self, limits: SourceLimits) -> None:
        self._most, self._lock, self._file = limits.max_inner_bytes, threading.Lock(), None

    @contextmanager
    def file_of(self, file: File) -> Iterator[Path | IO[bytes]]:
        """An archive that lies in another, copied where it can be read to and fro; DataError where
        it is too large, PictureError where it is damaged."""
        if isinstance(file, Path):
            yield file
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as its members)
        start = size = self._file.seek(0, os.SEEK_END)
        try:
            with file.open("rb") as packed:
                for piece in iter(lambda: packed.read(2**20), b""):
                    size += self._file.write(piece)
                    if size - start > self._most:
                        raise DataError(
                            f"The archive inside of the archive has more than "
                            f"{format_bytes(self._most)}; please unpack the outer one."
                        )
        except DAMAGED as error:
            raise DataError(_DAMAGED_INSIDE) from error
        yield BufferedReader(FileSlice(self._file, self._lock, start, size - start))
