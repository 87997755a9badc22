"""A zip → its files by name, within limits; nothing is unpacked to the disk.

To extract zips first would not make this simpler, as names that no file system holds must be kept;
and to look into one of 300 photographs would take 0.3 s instead of 0.1, and its size on the disk.
Names are decoded in ``encodings``: ``metadata_encoding`` of zipfile has to be told which it is.
"""

import stat
import struct
import zipfile
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from decor_core.data.findings import Finding
from decor_core.data.sources.archive_kinds import part_of_several
from decor_core.data.sources.archives import (
    DAMAGED,
    Contents,
    SourceLimits,
    check_limits,
    readable_names,
    size_of,
)
from decor_core.errors import DataError, PictureError

_ENCRYPTED, _UTF8_NAME = 0x1, 0x800  # flags of a member of a zip
_UNICODE_PATH = 0x7075  # the extra field in which Info-ZIP keeps a name in UTF-8
_DIRECTORY_END = b"PK\5\6"
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_METHODS = {
    1: "Shrink", 2: "Reduce", 3: "Reduce", 4: "Reduce", 5: "Reduce", 6: "Implode", 9: "Deflate64",
    10: "PKWARE Implode", 20: "Zstandard", 93: "Zstandard", 94: "MP3", 95: "XZ", 96: "JPEG",
    97: "WavPack", 98: "PPMd", 99: "AES",
}  # fmt: skip


@dataclass(frozen=True)
class ZipMember:
    """A file in a zip."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def open(self, mode: str) -> IO[bytes]:
        if self.info.compress_type not in _READABLE:
            raise PictureError(f"It is {_compressed_otherwise([self.info])}")
        # While it skips a member's extra field, no other thread may move the file: to Python up to
        # 3.12.8 and 3.13.1 that member is damaged then (python/cpython#127847).
        with self.archive._lock:  # type: ignore[attr-defined]
            return self.archive.open(self.info)


def read_zip(file: Path | IO[bytes], name: str, limits: SourceLimits) -> Contents:
    """The files of a zip, called ``name`` in messages.

    DataError where it is damaged, encrypted, compressed by a method that is not known, or beyond
    the ``limits``.
    """
    try:
        if _is_last_of_several(file):
            raise part_of_several(name)
        archive = zipfile.ZipFile(file)
    except DAMAGED as error:
        raise DataError(
            f"“{name}” is no zip file, or is damaged; please make or download it again."
        ) from error
    members = archive.infolist()
    names, notes = readable_names(list(map(_name_or_bytes, members)), in_zip=True)
    found = Contents(notes=notes)
    links = []
    for info, member in zip(members, names, strict=True):
        if info.filename.endswith("/"):  # not is_dir(): Python 3.11's wants a name to be there
            found.folders.append(member)
        elif is_link(info):
            message = "It is a link; links in a zip are not followed."
            links.append(Finding("ignored", member, message, set_aside=True))
        else:
            found.files.append((member, ZipMember(archive, info)))
    found.notes += links
    if any(map(is_encrypted, members)):
        raise DataError(f"“{name}” is protected by a password; please zip the files without one.")
    sizes = [info.file_size for info in members]
    count = len(found.files) + len(links)
    found.unpacked_bytes = check_limits(name, count, sizes, size_of(file), limits)
    files = [info for info in members if info.file_size]
    if files and all(info.compress_type not in _READABLE for info in files):
        raise DataError(f"“{name}” is {_compressed_otherwise(files)}")
    return found


def is_link(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip is a symbolic link."""
    return stat.S_ISLNK(member.external_attr >> 16)


def is_encrypted(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip needs a password."""
    return bool(member.flag_bits & _ENCRYPTED)


def _compressed_otherwise(members: list[zipfile.ZipInfo]) -> str:
    methods = sorted({info.compress_type for info in members} - set(_READABLE))
    names = dict.fromkeys(_METHODS.get(method, f"number {method}") for method in methods)
    return (
        f"compressed by a method that cannot be read here ({', '.join(names)}); zip it another way "
        "(such as 7-Zip with the method Deflate, or in parts below 2 GB), or unpack it and give "
        "the folder."
    )


def _is_last_of_several(file: Path | IO[bytes]) -> bool:
    """Whether it ends as the last part of a zip that was cut into several does."""
    with file.open("rb") if isinstance(file, Path) else nullcontext(file) as stream:
        stream.seek(max(0, size_of(stream) - 2**16 - 22))
        end = stream.read()
    at = end.rfind(_DIRECTORY_END)
    return 0 <= at <= len(end) - 6 and struct.unpack_from("<H", end, at + 4)[0] not in (0, 0xFFFF)


def _name_or_bytes(info: zipfile.ZipInfo) -> str | bytes:
    """The name where its letters are known, else its bytes."""
    if info.flag_bits & _UTF8_NAME or info.orig_filename.isascii():
        return info.filename
    raw = info.orig_filename.encode("cp437")  # as which zipfile reads what is not flagged
    return _unicode_path(info.extra, raw) or raw.partition(b"\0")[0]


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name that Info-ZIP's extra field tells, where it belongs to this one; else ""."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and field[:5] == b"\1" + struct.pack("<I", zlib.crc32(raw)):
            return field[5:].decode("utf-8", "ignore")
    return ""
