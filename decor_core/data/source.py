"""What a folder and a zip have in common: named bytes."""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from decor_core.data.findings import Finding
from decor_core.images.decode import LIMITS

_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}


class Source(ABC):
    """Files by name: relative, with forward slashes, in Unicode's composed form (NFC).

    ``names`` are sorted and leave out hidden files and what operating systems scatter about.
    ``folders`` are those without any file; ``notes`` tell what could not be taken as it was.
    """

    def __init__(
        self,
        path: Path,
        files: Sequence[tuple[str, object]],
        folders: Sequence[str] = (),
        notes: Sequence[Finding] = (),
    ) -> None:
        self.path = path
        self._files: dict[str, object] = {}
        self.notes = tuple(notes)
        twice = []
        for name, file in sorted(((normal(name), file) for name, file in files), key=_name):
            if is_clutter(name) or not name:
                continue
            if name in self._files:
                twice.append((name, file))
            else:
                self._files[name] = file
        for name, file in twice:
            self._add_numbered(name, file)
        if twice:
            self._files = dict(sorted(self._files.items(), key=_name))
        full = {str(parent) for name in self._files for parent in PurePosixPath(name).parents}
        normed = {normal(folder) for folder in folders}
        self.folders = tuple(sorted(f for f in normed - full if f and not is_clutter(f)))

    def _add_numbered(self, name: str, file: object) -> None:
        path, number = PurePosixPath(name), 2
        while (other := str(path.with_name(f"{path.stem} ({number}){path.suffix}"))) in self._files:
            number += 1
        self._files[other] = file
        message = f"Two files are called “{name}”; this is the second of them."
        self.notes = (*self.notes, Finding("assumed", other, message, other=name))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    @abstractmethod
    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        """The bytes of one file, at most one more than ``limit``; PictureError if it cannot be."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """One file, to be read piece by piece; OSError and the like if it cannot be."""


def normal(text: str) -> str:
    """Text as it is compared here: composed letters (NFC), no blanks around it."""
    return unicodedata.normalize("NFC", text).strip()


def is_clutter(name: str) -> bool:
    """Whether a path is hidden, or what operating systems scatter about."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in parts)


def _name(item: tuple[str, object]) -> str:
    return item[0]
