"""A folder or a zip → named bytes; nothing is ever unpacked to disk."""

import os
import unicodedata
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from .errors import DataError, PictureError
from .images import LIMITS

_MOST_MEMBERS = 20_000
_MOST_BYTES = 2 * 2**30
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}
_BAD_MEMBER = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800


class Source(ABC):
    """Files by name: relative, with forward slashes, in Unicode's composed form (NFC).

    ``names`` are sorted and leave out hidden files and what operating systems scatter about.
    """

    def __init__(self, path: Path, files: Mapping[str, object]) -> None:
        self.path = path
        self._files = {
            name: file
            for name, file in sorted((normal(name), file) for name, file in files.items())
            if not _is_clutter(name)
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    @abstractmethod
    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        """The bytes of one file, at most one more than ``limit``; PictureError if it cannot be."""


class _Folder(Source):
    def __init__(self, path: Path) -> None:
        found = (Path(folder) / file for folder, _, files in os.walk(path) for file in files)
        super().__init__(path, {file.relative_to(path).as_posix(): file for file in found})

    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        try:
            with self._files[name].open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            reason = error.strerror or "unknown reason"
            raise PictureError(f"The file cannot be read ({reason}).") from error


class _Zip(Source):
    def __init__(self, path: Path, file: BinaryIO | None = None) -> None:
        try:
            self._zip = zipfile.ZipFile(file or path)
        except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
            raise DataError(
                f"“{path.name}” is no zip file, or is damaged; please make or download it again."
            ) from error
        members = [info for info in self._zip.infolist() if not info.is_dir()]
        _check_members(path.name, members)
        super().__init__(path, {_member_name(info): info for info in members})

    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        try:
            with self._zip.open(self._files[name]) as member:
                return member.read(limit + 1)
        except _BAD_MEMBER as error:
            raise PictureError("The file is damaged in the zip; please zip it again.") from error


def open_source(path: Path) -> Source:
    """The folder or zip at ``path``; DataError if it is neither, is encrypted or too large."""
    if path.is_dir():
        return _Folder(path)
    if not path.exists():
        raise DataError(f"There is no folder or zip “{path}”; please check the path.")
    return _Zip(path)


def open_zip(name: str, file: BinaryIO) -> Source:
    """An open zip ``file`` that came under ``name``; DataError as for ``open_source``."""
    return _Zip(Path(name), file)


def normal(text: str) -> str:
    """Text as it is compared here: composed letters (NFC), no blanks around it."""
    return unicodedata.normalize("NFC", text).strip()


def _is_clutter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in parts)


def _member_name(info: zipfile.ZipInfo) -> str:
    """The member's name with its letters: many tools write UTF-8 without saying so."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAME:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    # Nothing is unpacked, so “..” and absolute names do no harm; without them names are tidier.
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".."))


def _check_members(name: str, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MOST_MEMBERS:
        raise DataError(
            f"“{name}” holds {len(members)} files; at most {_MOST_MEMBERS} are allowed. "
            "Unpack it and give the folder instead."
        )
    if any(info.flag_bits & _ENCRYPTED for info in members):
        raise DataError(f"“{name}” is protected by a password; please zip the files without one.")
    total = sum(info.file_size for info in members)
    if total > _MOST_BYTES:
        raise DataError(
            f"“{name}” unpacks to {total / 2**30:.1f} GiB; at most {_MOST_BYTES / 2**30:.0f} GiB "
            "are allowed. Unpack it and give the folder instead."
        )
