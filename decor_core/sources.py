"""A folder or a zip → named bytes; only a zip inside of another goes to a temporary file."""

import os
import re
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from .errors import DataError, PictureError
from .hosting import hosting
from .images import LIMITS
from .letters import ZIP_NAMES, likeliest
from .report import Entry

_MOST_MEMBERS = 20_000
_MOST_FILES = 50_000
_MOST_BYTES = 2 * 2**30
_MOST_INNER_BYTES = 1 * 2**30
_IN_MEMORY = 16 * 2**20
_MOST_RATIO = 100  # of a zip as a whole; pictures hardly shrink
_RATIO_COUNTS_FROM = 64 * 2**20
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}
_BAD_MEMBER = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
_BAD_ZIP = (OSError, ValueError, zipfile.BadZipFile, NotImplementedError)
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_DRIVE = re.compile(r"^[A-Za-z]:$")


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
        notes: Sequence[Entry] = (),
    ) -> None:
        self.path = path
        self._files: dict[str, object] = {}
        self.notes = tuple(notes)
        twice = []
        for name, file in sorted(((normal(name), file) for name, file in files), key=_name):
            if _is_clutter(name) or not name:
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
        self.folders = tuple(sorted(f for f in normed - full if f and not _is_clutter(f)))

    def _add_numbered(self, name: str, file: object) -> None:
        path, number = PurePosixPath(name), 2
        while (other := str(path.with_name(f"{path.stem} ({number}){path.suffix}"))) in self._files:
            number += 1
        self._files[other] = file
        message = f"Two files are called “{name}”; this is the second of them."
        self.notes = (*self.notes, Entry("assumed", other, message, other=name))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    @abstractmethod
    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        """The bytes of one file, at most one more than ``limit``; PictureError if it cannot be."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """One file, to be read piece by piece; OSError and the like if it cannot be."""


class Files(Source):
    """Files on the disk, each a Path, under the names they are given here."""

    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        try:
            with self.open(name) as file:
                return file.read(limit + 1)
        except OSError as error:
            reason = error.strerror or "unknown reason"
            raise PictureError(f"The file cannot be read ({reason}).") from error

    def open(self, name: str) -> BinaryIO:
        return self._files[name].open("rb")


class _Folder(Files):
    def __init__(self, path: Path) -> None:
        walk = _Walk(path)
        super().__init__(path, walk.files, walk.folders, walk.notes)


class _Walk:
    """All regular files below a folder. Links lead nowhere outside of it, and folders that are
    links are not entered: they may run in circles."""

    def __init__(self, root: Path) -> None:
        self.files: list[tuple[str, Path]] = []
        self.folders: list[str] = []
        self.notes: list[Entry] = []
        self._root = root.resolve()
        self._walk(root, "")

    def _walk(self, folder: Path, prefix: str) -> None:
        try:
            with os.scandir(folder) as found:
                inside = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            reason = error.strerror or "unknown reason"
            message = f"The folder cannot be read ({reason})."
            self._note("unreadable", readable_name(prefix.rstrip("/")) or folder.name, message)
            return
        for entry in inside:
            name = prefix + readable_name(entry.name)
            if _is_clutter(entry.name):
                continue
            if entry.is_symlink():
                self._link(entry, name)
            elif entry.is_dir():
                self.folders.append(name)
                self._walk(Path(entry.path), f"{name}/")
            elif entry.is_file():
                self._add(name, Path(entry.path))

    def _link(self, entry: os.DirEntry, name: str) -> None:
        try:
            target = Path(entry.path).resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: links in a circle
            self._note("ignored", name, "It is a link that leads nowhere.")
            return
        if target.is_dir():
            message = "It is a link to a folder; such links are not followed."
            self._note("ignored", name, message)
        elif not target.is_relative_to(self._root) or not target.is_file():
            message = "It is a link to a place outside of the folder; it is not followed."
            self._note("ignored", name, message)
        else:
            self._add(name, target)

    def _note(self, kind: str, name: str, message: str) -> None:
        self.notes.append(Entry(kind, name, message, set_aside=True))

    def _add(self, name: str, path: Path) -> None:
        self.files.append((name, path))
        if len(self.files) > _MOST_FILES:
            raise DataError(
                f"“{self._root.name}” holds more than {_MOST_FILES:,} files, which is the most "
                "that are allowed; please choose a folder with fewer."
            )


class _Zip(Source):
    def __init__(self, path: Path, file: BinaryIO | None = None) -> None:
        try:
            self._zip = zipfile.ZipFile(file or path)
        except _BAD_ZIP as error:
            raise DataError(
                f"“{path.name}” is no zip file, or is damaged; please make or download it again."
            ) from error
        everything = self._zip.infolist()
        members = [info for info in everything if not info.is_dir()]
        names = _member_names(everything)
        self.total = _check_members(path.name, members, _size(file, path))
        links = [info for info in members if stat.S_ISLNK(info.external_attr >> 16)]
        message = "It is a link; links in a zip are not followed."
        notes = [Entry("ignored", names[i], message, set_aside=True) for i in links]
        files = [(names[info], info) for info in members if info not in set(links)]
        super().__init__(path, files, [names[i] for i in everything if i.is_dir()], notes)

    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        try:
            with self.open(name) as member:
                return member.read(limit + 1)
        except _BAD_MEMBER as error:
            raise PictureError("The file is damaged in the zip; please zip it again.") from error

    def open(self, name: str) -> BinaryIO:
        return self._zip.open(self._files[name])


class _Unfolded(Source):
    """A source whose zips are seen as folders of the same name."""

    def __init__(self, outer: Source, inner: Mapping[str, Source], notes: Sequence[Entry]) -> None:
        files: list[tuple[str, tuple[Source, str]]] = [
            (name, (outer, name)) for name in outer.names if name not in inner
        ]
        for name, source in inner.items():
            folder = str(PurePosixPath(name).with_suffix(""))
            files += [(f"{folder}/{file}", (source, file)) for file in source.names]
            notes = [*notes, *(replace(n, file=f"{folder}/{n.file}") for n in source.notes)]
        super().__init__(outer.path, files, outer.folders, [*outer.notes, *notes])

    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        source, file = self._files[name]
        return source.read(file, limit)

    def open(self, name: str) -> BinaryIO:
        source, file = self._files[name]
        return source.open(file)


def open_source(path: Path) -> Source:
    """The folder or zip at ``path``; DataError if it is neither, is encrypted or too large."""
    if path.is_dir():
        return _Folder(path)
    if not path.exists():
        raise DataError(f"There is no folder or zip “{path}”; please check the path.")
    if not path.is_file():
        raise DataError(f"“{path}” is neither a folder nor a zip.")
    return _Zip(path)


def open_zip(name: str, file: BinaryIO) -> Source:
    """An open zip ``file`` that came under ``name``; DataError as for ``open_source``."""
    return _Zip(Path(name), file)


def unfolded(source: Path | Source) -> Source:
    """The folder, zip or source with zips inside of it seen as folders of the same name.

    One level deep: what is a zip inside of a zip inside is left as it is. All together must keep
    the limits for one.
    """
    source = open_source(source) if isinstance(source, Path) else source
    zips = [name for name in source.names if name.lower().endswith(".zip")]
    if not zips or isinstance(source, _Unfolded):
        return source
    inner, notes = {}, []
    total, files = getattr(source, "total", 0), len(source.names)
    for name in zips:
        try:
            inner[name] = _open_inner(source, name)
        except DataError as error:
            notes.append(Entry("unreadable", name, str(error), set_aside=True))
            continue
        total, files = total + inner[name].total, files + len(inner[name].names)
        if total > _most_bytes() or files > _MOST_FILES:
            raise DataError(
                f"The zips in “{source.path.name}” hold too much: together at most "
                f"{_MOST_FILES:,} files of {_in_words(_most_bytes())} are allowed."
            )
    return _Unfolded(source, inner, notes) if inner or notes else source


def _open_inner(source: Source, name: str) -> "_Zip":
    """A zip inside of a folder or zip. Zips jump to and fro, which only a file allows."""
    if isinstance(source, _Folder):
        return _Zip(source._files[name])
    spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (lives as long as the zip)
    try:
        with source.open(name) as packed:
            for piece in iter(lambda: packed.read(2**20), b""):
                spool.write(piece)
                if spool.tell() > _MOST_INNER_BYTES:
                    raise DataError(
                        f"The zip inside of the zip has more than "
                        f"{_MOST_INNER_BYTES / 2**30:.0f} GiB; please unpack the outer one."
                    )
    except _BAD_MEMBER as error:
        raise DataError("The file is damaged in the zip; please zip it again.") from error
    return _Zip(Path(PurePosixPath(name).name), spool)


def normal(text: str) -> str:
    """Text as it is compared here: composed letters (NFC), no blanks around it."""
    return unicodedata.normalize("NFC", text).strip()


def readable_name(name: str) -> str:
    """A name from the disk whose bytes are not UTF-8, with the letters they most likely mean."""
    try:
        name.encode("utf-8")
        return name
    except UnicodeEncodeError:
        raw = os.fsencode(name)
        return raw.decode(likeliest([raw], ZIP_NAMES), "replace")


def _name(item: tuple[str, object]) -> str:
    return item[0]


def _size(file: BinaryIO | None, path: Path) -> int:
    if file is None:
        return path.stat().st_size
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(place)
    return file.tell() if size is None else size


def _is_clutter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in parts)


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


def _most_bytes() -> int:
    """What a zip may unpack to: less where a server for strangers says so."""
    return min(_MOST_BYTES, hosting().dataset_mb * 2**20)


def _in_words(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


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
    if total > _most_bytes():
        raise DataError(
            f"“{name}” unpacks to {_in_words(total)}; at most {_in_words(_most_bytes())} are "
            "allowed. Leave some pictures out, or make them smaller."
        )
    if total > max(_RATIO_COUNTS_FROM, _MOST_RATIO * size):
        raise DataError(
            f"“{name}” unpacks to {total / max(size, 1):,.0f} times its size, which no zip of "
            "pictures does; please zip the pictures again."
        )
    return total
