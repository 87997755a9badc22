"""A zip → named bytes; nothing is unpacked to disk, and its limits are kept before it is read."""

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from decor_core.config import max_dataset_bytes
from decor_core.data.encodings import ZIP_NAMES, likeliest
from decor_core.data.findings import Finding
from decor_core.data.source import Source
from decor_core.errors import DataError, PictureError
from decor_core.images.decode import LIMITS

_MOST_BYTES = 2 * 2**30
BAD_MEMBER = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
_MOST_MEMBERS = 20_000
_MOST_RATIO = 100  # of a zip as a whole; pictures hardly shrink
_RATIO_COUNTS_FROM = 64 * 2**20
_BAD_ZIP = (OSError, ValueError, zipfile.BadZipFile, NotImplementedError)
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_DRIVE = re.compile(r"^[A-Za-z]:$")


class Zip(Source):
    """The members of a zip; ``total`` is how many bytes they unpack to.

    DataError where it is none, is encrypted or holds too much.
    """

    def __init__(self, path: Path, file: BinaryIO | None = None) -> None:
        try:
            self._zip = zipfile.ZipFile(file or path)
        except _BAD_ZIP as error:
            raise DataError(
                f"“{path.name}” is no zip file, or is damaged; please make or download it again."
            ) from error
        everything = self._zip.infolist()
        members = [info for info in everything if not _is_folder(info)]
        names = _member_names(everything)
        self.total = _check_members(path.name, members, _size(file, path))
        links = [info for info in members if stat.S_ISLNK(info.external_attr >> 16)]
        message = "It is a link; links in a zip are not followed."
        notes = [Finding("ignored", names[i], message, set_aside=True) for i in links]
        files = [(names[info], info) for info in members if info not in set(links)]
        super().__init__(path, files, [names[i] for i in everything if _is_folder(i)], notes)

    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        try:
            with self.open(name) as member:
                return member.read(limit + 1)
        except BAD_MEMBER as error:
            raise PictureError("The file is damaged in the zip; please zip it again.") from error

    def open(self, name: str) -> BinaryIO:
        return self._zip.open(self._files[name])


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # not is_dir(): Python 3.11's wants a name to be there


def _size(file: BinaryIO | None, path: Path) -> int:
    if file is None:
        return path.stat().st_size
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(place)
    return file.tell() if size is None else size


def _member_names(members: Sequence[zipfile.ZipInfo]) -> dict[zipfile.ZipInfo, str]:
    """Members' names with their letters: many tools write UTF-8, or a system's own letters,
    without saying so. One zip was made by one tool, so its names are judged together."""
    raw = {info: _raw_name(info) for info in members}
    odd = [name for name in raw.values() if isinstance(name, bytes)]
    encoding = likeliest(odd, ZIP_NAMES) if odd else "utf-8"
    return {
        info: _tidy(name if isinstance(name, str) else name.decode(encoding, "replace"))
        for info, name in raw.items()
    }


def _raw_name(info: zipfile.ZipInfo) -> str | bytes:
    """The name where its letters are known, else its bytes."""
    if info.flag_bits & _UTF8_NAME or info.filename.isascii():
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeError:
        return info.filename
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _tidy(name: str) -> str:
    """A relative name: only reading goes by it, so “..”, drives and absolute paths do no harm;
    without them names are tidier."""
    parts = name.replace("\\", "/").split("/")
    return "/".join(p for p in parts if p not in ("", ".", "..") and not _DRIVE.match(p))


def _check_members(name: str, members: Sequence[zipfile.ZipInfo], size: int) -> int:
    """How much the members unpack to; DataError where that is too much."""
    if len(members) > _MOST_MEMBERS:
        raise DataError(
            f"“{name}” holds {len(members)} files; at most {_MOST_MEMBERS} are allowed. "
            "Unpack it and give the folder instead."
        )
    if any(info.flag_bits & _ENCRYPTED for info in members):
        raise DataError(f"“{name}” is protected by a password; please zip the files without one.")
    total = sum(info.file_size for info in members)
    if total > most_bytes():
        raise DataError(
            f"“{name}” unpacks to {in_words(total)}; at most {in_words(most_bytes())} are "
            "allowed. Leave some pictures out, or make them smaller."
        )
    if total > max(_RATIO_COUNTS_FROM, _MOST_RATIO * size):
        raise DataError(
            f"“{name}” unpacks to {total / max(size, 1):,.0f} times its size, which no zip of "
            "pictures does; please zip the pictures again."
        )
    return total


def most_bytes() -> int:
    """What a zip may unpack to: less where a server for strangers says so."""
    return min(_MOST_BYTES, max_dataset_bytes())


def in_words(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
