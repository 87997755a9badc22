"""A tar, compressed or not → its files by name, within limits; links and devices are left out."""

import tarfile
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from decor_core.data.findings import Finding
from decor_core.data.sources.archive_kinds import is_tar
from decor_core.data.sources.archives import (
    DAMAGED,
    Contents,
    FileSlice,
    SourceLimits,
    check_limits,
    most_for_ratio,
    readable_names,
    size_of,
    unpacked,
)
from decor_core.errors import DataError
from decor_core.text import format_bytes

_PIECE = 2**20
_PER_MEMBER = 4 * 512  # bytes of a tar for each file beside its content: headers, filling up


@dataclass(frozen=True)
class TarMember:
    """A file in a tar, which is kept uncompressed: where it lies there."""

    tar: IO[bytes]
    lock: threading.Lock
    start: int
    size: int

    def open(self, mode: str) -> IO[bytes]:
        return FileSlice(self.tar, self.lock, self.start, self.size)  # type: ignore[return-value]


def read_tar(file: Path | IO[bytes], name: str, limits: SourceLimits) -> Contents:
    """The files of a tar that is not compressed, called ``name`` in messages.

    DataError where it is damaged or beyond the ``limits``.
    """
    stream = file.open("rb") if isinstance(file, Path) else file
    return _read(stream, name, size_of(file), limits)


def read_compressed(file: Path | IO[bytes], name: str, limits: SourceLimits) -> Contents:
    """The files of a tar compressed with gzip, bzip2 or xz, of which a temporary file is made: only
    so can any of its files be read. DataError as of ``read_tar``, or where it holds no tar."""
    packed = size_of(file)
    most = limits.max_bytes + limits.max_members * _PER_MEMBER
    allowed = min(most, most_for_ratio(packed, limits))
    tar = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as its members)
    stream = file.open("rb") if isinstance(file, Path) else file
    try:
        with unpacked(stream) as content:
            for piece in iter(lambda: content.read(_PIECE), b""):
                if not tar.tell() and not is_tar(piece[:512]):
                    raise DataError(
                        f"“{name}” is one compressed file, not an archive of several; unpack it, "
                        "and give the folder or a zip or tar.gz of it."
                    )
                tar.write(piece)
                if tar.tell() > allowed:
                    raise _too_much(name, allowed == most, limits)
    except DAMAGED as error:
        raise _damaged(name) from error
    finally:
        if stream is not file:
            stream.close()
    return _read(tar, name, packed, limits)


def _read(tar: IO[bytes], name: str, packed: int, limits: SourceLimits) -> Contents:
    tar.seek(0)
    members: list[tarfile.TarInfo] = []
    try:
        # Bytes that are not UTF-8 stay as they are.
        with tarfile.open(fileobj=tar, mode="r:", encoding="utf-8", errors="surrogateescape") as t:
            for member in t:
                members.append(member)
                if len(members) > 2 * limits.max_members:  # folders, too: enough is enough
                    break
            else:
                tar.seek(t.offset)
                if any(tar.read(512)):  # no end, but half of a member: tarfile passes that over
                    raise _damaged(name)
    except (*DAMAGED, tarfile.TarError) as error:
        raise _damaged(name) from error
    return _contents(tar, members, name, packed, limits)


def _contents(
    tar: IO[bytes], members: list[tarfile.TarInfo], name: str, packed: int, limits: SourceLimits
) -> Contents:
    names, notes = readable_names([_name_or_bytes(member.name) for member in members])
    found, lock = Contents(notes=notes), threading.Lock()
    for info, member in zip(members, names, strict=True):
        if info.isdir():
            found.folders.append(member)
        elif reason := _why_left_out(info):
            found.notes.append(Finding("ignored", member, reason, set_aside=True))
        else:
            found.files.append((member, TarMember(tar, lock, info.offset_data, info.size)))
    sizes = [member.size for member in members if member.isreg() and not member.issparse()]
    count = sum(not member.isdir() for member in members)
    found.unpacked_bytes = check_limits(name, count, sizes, packed, limits)
    return found


def _why_left_out(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return "It is a link; links in an archive are not followed."
    if member.issparse():
        return "It is a file with holes (sparse), which is not read from an archive."
    return "" if member.isreg() else "It is a device or a pipe, not a file."


def _name_or_bytes(name: str) -> str | bytes:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape")
    return name


def _too_much(name: str, is_limit: bool, limits: SourceLimits) -> DataError:
    if is_limit:
        return DataError(
            f"“{name}” unpacks to more than {format_bytes(limits.max_bytes)}, the most that is "
            "allowed. Leave some pictures out, or make them smaller."
        )
    return DataError(
        f"“{name}” unpacks to more than {limits.max_ratio} times its size, which no archive of "
        "pictures does; please pack the pictures again."
    )


def _damaged(name: str) -> DataError:
    return DataError(f"“{name}” is damaged or cut short; please make or download it again.")
