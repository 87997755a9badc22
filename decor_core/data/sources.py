"""A folder or a zip → files by name, within limits; nothing is unpacked to the disk.

To extract zips first would not make this simpler, as names that no file system holds must be kept;
and to look into one of 300 photographs would take 0.3 s instead of 0.1, and its size on the disk.
"""

import os
import re
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from decor_core.data.encodings import ZIP_NAMES, likeliest
from decor_core.data.findings import Finding
from decor_core.errors import DataError, PictureError
from decor_core.images.decode import LIMITS
from decor_core.io import unique_name

_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}
_DRIVE = re.compile(r"^[A-Za-z]:$")
_ENCRYPTED, _UTF8_NAME = 0x1, 0x800  # flags of a member of a zip
_RATIO_COUNTS_FROM = 64 * 2**20  # bytes; a small zip may shrink as much as it likes
_IN_MEMORY = 16 * 2**20
# What a damaged or hostile zip makes zipfile raise, on opening it and on reading a member.
_DAMAGED_ZIP = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class SourceLimits:
    """What a folder or zip may hold.

    ``max_files`` of a folder, and of all zips in it together; ``max_members`` of one zip;
    ``max_bytes`` that zips unpack to together, ``max_inner_bytes`` of a zip inside of a zip, and
    ``max_ratio`` of what a zip unpacks to and its size: pictures hardly shrink.
    """

    max_files: int = 50_000
    max_members: int = 20_000
    max_bytes: int = 2 * 2**30
    max_inner_bytes: int = 2**30
    max_ratio: int = 100


USUAL_LIMITS = SourceLimits()


@dataclass(frozen=True)
class ZipMember:
    """A file in a zip."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def open(self, mode: str) -> IO[bytes]:
        return self.archive.open(self.info)


File = Path | ZipMember


class Source:
    """Files by name: relative, with forward slashes, in Unicode's composed form (NFC).

    ``files`` are sorted by name and leave out hidden ones and what operating systems scatter about.
    ``folders`` are those without any file; ``notes`` tell what could not be taken as it was;
    ``unpacked_bytes`` is what a zip unpacks to.
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
        self.folders = tuple(sorted(folder for folder in empty if not is_clutter(folder)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.files)

    def read(self, name: str, limit: int = LIMITS.max_bytes) -> bytes:
        """The bytes of one file, at most one more than ``limit``; PictureError if it cannot be."""
        file = self.files[name]
        try:
            with file.open("rb") as stream:
                return stream.read(limit + 1)
        except NotImplementedError as error:  # such as Deflate64, of Windows' own zips above 2 GB
            raise PictureError(
                "It is compressed by a method that cannot be read here; unpack the zip with the "
                "program that made it, and give the folder."
            ) from error
        except _DAMAGED_ZIP as error:
            if isinstance(file, Path):
                reason = getattr(error, "strerror", None) or "unknown reason"
                raise PictureError(f"The file cannot be read ({reason}).") from error
            raise PictureError("The file is damaged in the zip; please zip it again.") from error


def normal(text: str) -> str:
    """Text as it is compared here: composed letters (NFC), no blanks around it."""
    return unicodedata.normalize("NFC", text).strip()


def is_clutter(name: str) -> bool:
    """Whether a path is hidden, or what operating systems scatter about."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in parts)


def open_source(source: Path | Source, limits: SourceLimits = USUAL_LIMITS) -> Source:
    """The folder or zip at a path, with the zips inside of it as folders of the same name.

    One level deep: what is a zip inside of a zip inside is left as it is. A Source is given back
    as it is. DataError where it is neither, is encrypted, or beyond the ``limits``.
    """
    if isinstance(source, Source):
        return source
    if not source.exists():
        raise DataError(f"There is no folder or zip “{source}”; please check the path.")
    if not source.is_dir() and not source.is_file():
        raise DataError(f"“{source}” is neither a folder nor a zip.")
    open_outer = _open_folder if source.is_dir() else open_zip
    outer = open_outer(source, source.name, limits)
    zips = [name for name in outer.names if name.lower().endswith(".zip")]
    if not zips:
        return outer
    files, notes = dict(outer.files), list(outer.notes)
    unpacked: list[tuple[str, File]] = []
    count, total = len(outer.files), outer.unpacked_bytes
    for name in zips:
        try:
            inner = _open_inner(files[name], PurePosixPath(name).name, limits)
        except DataError as error:
            notes.append(Finding("unreadable", name, str(error), set_aside=True))
            continue
        del files[name]
        folder = str(PurePosixPath(name).with_suffix(""))
        unpacked += [(f"{folder}/{member}", file) for member, file in inner.files.items()]
        notes += [replace(note, file=f"{folder}/{note.file}") for note in inner.notes]
        count, total = count + len(inner.files), total + inner.unpacked_bytes
        if total > limits.max_bytes or count > limits.max_files:
            raise DataError(
                f"The zips in “{source.name}” hold too much: together at most "
                f"{limits.max_files:,} files of {_in_words(limits.max_bytes)} are allowed."
            )
    return Source(source, [*files.items(), *unpacked], outer.folders, notes)


# A folder


def _open_folder(root: Path, name: str, limits: SourceLimits) -> Source:
    """All regular files below a folder.

    Links lead nowhere outside of it, and folders that are links are not entered: they may run in
    circles.
    """
    files: list[tuple[str, Path]] = []
    folders: list[str] = []
    notes: list[Finding] = []

    def note(kind: str, file: str, message: str) -> None:
        notes.append(Finding(kind, file, message, set_aside=True))

    def walk(folder: Path, prefix: str) -> None:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            reason = error.strerror or "unknown reason"
            note("unreadable", prefix.rstrip("/") or name, f"The folder cannot be read ({reason}).")
            return
        for entry in entries:
            inside, path = prefix + _readable_name(entry.name), Path(entry.path)
            if is_clutter(entry.name):
                continue
            if entry.is_symlink() and (problem := _why_not_followed(path, root.resolve())):
                note("ignored", inside, problem)
            elif entry.is_dir():
                folders.append(inside)
                walk(path, f"{inside}/")
            elif entry.is_file():
                files.append((inside, path))
                if len(files) > limits.max_files:
                    raise DataError(
                        f"“{name}” holds more than {limits.max_files:,} files, which is the most "
                        "that are allowed; please choose a folder with fewer."
                    )

    walk(root, "")
    return Source(root, files, folders, notes)


def _why_not_followed(link: Path, root: Path) -> str:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return "It is a link that leads nowhere."
    if target.is_dir():
        return "It is a link to a folder; such links are not followed."
    if not target.is_relative_to(root) or not target.is_file():
        return "It is a link to a place outside of the folder; it is not followed."
    return ""


def _readable_name(name: str) -> str:
    """A name from the disk whose bytes are not UTF-8, with the letters they most likely mean."""
    try:
        name.encode("utf-8")
        return name
    except UnicodeEncodeError:
        raw = os.fsencode(name)
        return raw.decode(likeliest([raw], ZIP_NAMES), "replace")


# A zip


def open_zip(file: Path | IO[bytes], name: str, limits: SourceLimits = USUAL_LIMITS) -> Source:
    """The zip in ``file``, called ``name`` in messages; zips inside of it stay what they are.

    DataError where it is none, is encrypted, or beyond the ``limits``.
    """
    size = file.stat().st_size if isinstance(file, Path) else file.seek(0, os.SEEK_END)
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGED_ZIP as error:
        raise DataError(
            f"“{name}” is no zip file, or is damaged; please make or download it again."
        ) from error
    files, folders, notes = [], [], []
    for info, member in zip(archive.infolist(), _member_names(archive), strict=True):
        if info.filename.endswith("/"):  # not is_dir(): Python 3.11's wants a name to be there
            folders.append(member)
        elif is_link(info):
            message = "It is a link; links in a zip are not followed."
            notes.append(Finding("ignored", member, message, set_aside=True))
        else:
            files.append((member, ZipMember(archive, info)))
    count = len(files) + len(notes)
    if count > limits.max_members:
        raise DataError(
            f"“{name}” holds {count} files; at most {limits.max_members} are allowed. "
            "Unpack it and give the folder instead."
        )
    if any(map(is_encrypted, archive.infolist())):
        raise DataError(f"“{name}” is protected by a password; please zip the files without one.")
    total = sum(info.file_size for info in archive.infolist())
    if total > limits.max_bytes:
        raise DataError(
            f"“{name}” unpacks to {_in_words(total)}; at most {_in_words(limits.max_bytes)} are "
            "allowed. Leave some pictures out, or make them smaller."
        )
    if total > max(_RATIO_COUNTS_FROM, limits.max_ratio * size):
        raise DataError(
            f"“{name}” unpacks to {total / max(size, 1):,.0f} times its size, which no zip of "
            "pictures does; please zip the pictures again."
        )
    return Source(Path(name), files, folders, notes, total)


def is_link(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip is a symbolic link."""
    return stat.S_ISLNK(member.external_attr >> 16)


def is_encrypted(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip needs a password."""
    return bool(member.flag_bits & _ENCRYPTED)


def _member_names(archive: zipfile.ZipFile) -> list[str]:
    """Relative names of the members, with their letters.

    Many tools write UTF-8, or a system's own letters, without saying so. One zip was made by one
    tool, so its names are judged together.
    """
    names = [_name_or_bytes(info) for info in archive.infolist()]
    unclear = [name for name in names if isinstance(name, bytes)]
    encoding = likeliest(unclear, ZIP_NAMES) if unclear else ""
    return [
        _relative(name.decode(encoding, "replace") if isinstance(name, bytes) else name)
        for name in names
    ]


def _name_or_bytes(info: zipfile.ZipInfo) -> str | bytes:
    """The name where its letters are known, else its bytes."""
    if info.flag_bits & _UTF8_NAME or info.filename.isascii():
        return info.filename
    try:
        raw = info.filename.encode("cp437")  # as which zipfile reads what is not flagged
    except UnicodeError:
        return info.filename
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _relative(name: str) -> str:
    """Only reading goes by a name, so “..”, drives and absolute paths do no harm; without them
    names are tidier."""
    parts = name.replace("\\", "/").split("/")
    return "/".join(p for p in parts if p not in ("", ".", "..") and not _DRIVE.match(p))


def _open_inner(file: File, name: str, limits: SourceLimits) -> Source:
    """A zip inside of a folder or zip. Zips are read to and fro, which only a file allows."""
    if isinstance(file, Path):
        return open_zip(file, name, limits)
    spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (lives as long as the zip)
    try:
        with file.open("rb") as packed:
            for piece in iter(lambda: packed.read(2**20), b""):
                spool.write(piece)
                if spool.tell() > limits.max_inner_bytes:
                    raise DataError(
                        "The zip inside of the zip has more than "
                        f"{_in_words(limits.max_inner_bytes)}; please unpack the outer one."
                    )
    except _DAMAGED_ZIP as error:
        raise DataError("The file is damaged in the zip; please zip it again.") from error
    return open_zip(spool, name, limits)


def _in_words(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
