"""A folder or a zip → named bytes; only a zip inside of another goes to a temporary file."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from decor_core.data.encodings import ZIP_NAMES, likeliest
from decor_core.data.findings import Finding
from decor_core.data.source import Source, is_clutter
from decor_core.data.zip_source import BAD_MEMBER, Zip, in_words, most_bytes
from decor_core.errors import DataError, PictureError
from decor_core.images.decode import LIMITS

_MOST_FILES = 50_000
_MOST_INNER_BYTES = 1 * 2**30
_IN_MEMORY = 16 * 2**20


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
        self.notes: list[Finding] = []
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
            if is_clutter(entry.name):
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
        self.notes.append(Finding(kind, name, message, set_aside=True))

    def _add(self, name: str, path: Path) -> None:
        self.files.append((name, path))
        if len(self.files) > _MOST_FILES:
            raise DataError(
                f"“{self._root.name}” holds more than {_MOST_FILES:,} files, which is the most "
                "that are allowed; please choose a folder with fewer."
            )


class _Unfolded(Source):
    """A source whose zips are seen as folders of the same name."""

    def __init__(
        self, outer: Source, inner: Mapping[str, Source], notes: Sequence[Finding]
    ) -> None:
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
    return Zip(path)


def open_zip(name: str, file: BinaryIO) -> Source:
    """An open zip ``file`` that came under ``name``; DataError as for ``open_source``."""
    return Zip(Path(name), file)


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
            notes.append(Finding("unreadable", name, str(error), set_aside=True))
            continue
        total, files = total + inner[name].total, files + len(inner[name].names)
        if total > most_bytes() or files > _MOST_FILES:
            raise DataError(
                f"The zips in “{source.path.name}” hold too much: together at most "
                f"{_MOST_FILES:,} files of {in_words(most_bytes())} are allowed."
            )
    return _Unfolded(source, inner, notes) if inner or notes else source


def _open_inner(source: Source, name: str) -> Zip:
    """A zip inside of a folder or zip. Zips jump to and fro, which only a file allows."""
    if isinstance(source, _Folder):
        return Zip(source._files[name])
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
    except BAD_MEMBER as error:
        raise DataError("The file is damaged in the zip; please zip it again.") from error
    return Zip(Path(PurePosixPath(name).name), spool)


def readable_name(name: str) -> str:
    """A name from the disk whose bytes are not UTF-8, with the letters they most likely mean."""
    try:
        name.encode("utf-8")
        return name
    except UnicodeEncodeError:
        raw = os.fsencode(name)
        return raw.decode(likeliest([raw], ZIP_NAMES), "replace")
