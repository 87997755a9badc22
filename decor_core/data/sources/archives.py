"""What archives may hold, how they are read, and what their names mean."""

import bz2
import gzip
import io
import lzma
import os
import re
import threading
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from decor_core.data.findings import Finding
from decor_core.data.sources.archive_kinds import BZIP2, GZIP, XZ
from decor_core.errors import DataError
from decor_core.text import format_bytes

_RATIO_COUNTS_FROM = 64 * 2**20  # bytes; a small archive may shrink as much as it likes
_DRIVE = re.compile(r"^[A-Za-z]:$")
_EXAMPLES = 3
THE_NAMES = "the names"  # the file of a finding about all names of an archive or folder

_UNPACKING = {GZIP: gzip.open, BZIP2: bz2.open, XZ: lzma.open}
# What damaged or hostile archives make the standard library raise, on opening and on reading.
DAMAGED = (
    OSError, ValueError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile
)  # fmt: skip


@dataclass(frozen=True)
class SourceLimits:
    """What a folder or archive may hold.

    ``max_files`` of a folder, and of all archives in it together; ``max_members`` of one archive;
    ``max_bytes`` that archives unpack to together, ``max_inner_bytes`` of an archive inside of an
    archive, and ``max_ratio`` of what an archive unpacks to and its size: pictures hardly shrink.
    """

    max_files: int = 50_000
    max_members: int = 50_000
    max_bytes: int = 2 * 2**30
    max_inner_bytes: int = 2**30
    max_ratio: int = 100


class Member(Protocol):
    """A file in an archive."""

    def open(self, mode: str) -> IO[bytes]: ...


@dataclass
class Contents:
    """What an archive or folder holds: by their names; notes on what was left out."""

    files: list[tuple[str, Path | Member]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    unpacked_bytes: int = 0


class FileSlice(io.RawIOBase):
    """Some bytes of an open file, as a file; several may be read at once on several threads."""

    def __init__(self, file: IO[bytes], lock: threading.Lock, start: int, size: int) -> None:
        self._file, self._lock, self._start, self._size, self._at = file, lock, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        with self._lock:
            self._file.seek(self._start + self._at)
            data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """What a file compressed with gzip, bzip2 or xz holds."""
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    return next(open_(file) for start, open_ in _UNPACKING.items() if head.startswith(start))


def check_limits(
    name: str, count: int, sizes: Iterable[int], packed: int, limits: SourceLimits
) -> int:
    """How many bytes an archive unpacks to; DataError where it is beyond the ``limits``."""
    if count > limits.max_members:
        raise DataError(
            f"“{name}” holds {count} files; at most {limits.max_members} are allowed. "
            "Unpack it and give the folder instead."
        )
    total = sum(sizes)
    if total > limits.max_bytes:
        raise DataError(
            f"“{name}” unpacks to {format_bytes(total)}; at most "
            f"{format_bytes(limits.max_bytes)} are allowed. Leave some pictures out, or make them "
            "smaller."
        )
    if total > most_for_ratio(packed, limits):
        raise DataError(
            f"“{name}” unpacks to {total / max(packed, 1):,.0f} times its size, which no archive "
            "of pictures does; please pack the pictures again."
        )
    return total


def most_for_ratio(packed: int, limits: SourceLimits) -> int:
    """How many bytes an archive of a size may unpack to."""
    return max(_RATIO_COUNTS_FROM, limits.max_ratio * packed)


def readable_names(
    names: Sequence[str | bytes], *, in_zip: bool = False
) -> tuple[list[str], list[Finding]]:
    """Relative names; those given as bytes with the letters they most likely mean, and a note on
    that.

    Only reading goes by a name, so “..”, drives and absolute paths do no harm; without them names
    are tidier.
    """
    # Imported here: to label a picture, which takes a quarter of a second, has no use for it.
    from decor_core.data.sources.encodings import decode_names

    decoded, encoding = decode_names(names, in_zip=in_zip)
    relative = [
        "/".join(
            part for part in name.replace("\\", "/").split("/")
            if part not in ("", ".", "..") and not _DRIVE.match(part)
        )
        for name in decoded
    ]  # fmt: skip
    if not encoding:
        return relative, []
    guessed = [text for text, name in zip(relative, names, strict=True) if isinstance(name, bytes)]
    parts = [part for text in guessed for part in text.split("/")[:-1]]
    parts += [text.split("/")[-1] for text in guessed]  # folders first: they may be classes
    shown = [f"“{part}”" for part in dict.fromkeys(parts) if not part.isascii()]
    more = f" and {len(shown) - _EXAMPLES} more" if len(shown) > _EXAMPLES else ""
    message = (
        f"They are not in UTF-8; they were read as {encoding}: {', '.join(shown[:_EXAMPLES])}"
        f"{more}. If the letters are wrong, pack the files with a program that writes UTF-8."
    )
    return relative, [Finding("assumed", THE_NAMES, message)]


def size_of(file: Path | IO[bytes]) -> int:
    """How many bytes a file has."""
    return file.stat().st_size if isinstance(file, Path) else file.seek(0, os.SEEK_END)
