"""What kind of archive a file is: by its name, and by its first bytes."""

import os
import re
from pathlib import PurePosixPath
from typing import IO

from decor_core.errors import DataError

_READ = (".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_NAMED = (".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", ".tzst", ".iso", ".dmg", ".cab", ".lzh")
_PART_ENDING = re.compile(
    r"\.(z\d\d|r\d\d|part\d+\.rar|(zip|7z|rar|tar|tgz|gz|bz2|xz)\.\d{3})$", re.IGNORECASE
)
ARCHIVE_ENDINGS = _READ + _NAMED

# What files begin with. Of the kinds below, zip and tar are read, these are unpacked on the way …
GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
# … and these are named.
_UNREADABLE = {
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"MSCF": "a cabinet file (CAB)",
    b"xar!": "a XAR archive",
    b"\x1f\x9d": "compressed with “compress” (.Z)",
    b"\x04\x22\x4d\x18": "compressed with LZ4",
    b"LZIP": "compressed with lzip",
    b"MSWIM": "a Windows image (WIM)",
    b"!<arch>\n": "a package (.deb or .a)",
    b"\x60\xea": "an ARJ archive",
}
_ZIP = (b"PK\3\4", b"PK\5\6", b"PK\7\x08", b"PK00PK\3\4")


def is_archive_name(name: str) -> bool:
    """Whether a file is called like an archive, one that can be read or not."""
    return name.lower().endswith(ARCHIVE_ENDINGS) or bool(_PART_ENDING.search(name))


def without_ending(name: str) -> str:
    """The name of an archive as that of a folder."""
    path = PurePosixPath(name)
    stem = path.stem.removesuffix(".tar").removesuffix(".TAR")
    return str(path.with_name(stem or path.stem))


def archive_kind(file: IO[bytes]) -> str:
    """“zip”, “tar”, “compressed”, what else it is in words, or "" where it is no archive."""
    file.seek(0)
    head = file.read(512)
    if head.startswith(_ZIP):
        return "zip"
    if is_tar(head):
        return "tar"
    if head.startswith((GZIP, BZIP2, XZ)):
        return "compressed"
    for signature, words in _UNREADABLE.items():
        if head.startswith(signature):
            return words
    if head[2:5] == b"-lh":
        return "an LHA archive"
    if _bytes_at(file, 0x8001, 5) == b"CD001":
        return "a disk image (ISO)"
    if file.seek(0, os.SEEK_END) > 512 and _bytes_at(file, -512, 4) == b"koly":
        return "a disk image (DMG)"
    return ""


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar: its first block has a sum that must fit."""
    import tarfile  # a picture is told from an archive by its name, without it

    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _bytes_at(file: IO[bytes], place: int, count: int) -> bytes:
    file.seek(place, os.SEEK_SET if place >= 0 else os.SEEK_END)
    return file.read(count)


def refuse_unreadable(name: str, kind: str) -> None:
    """DataError on a part of an archive, and on a kind of archive that is not read here."""
    if _PART_ENDING.search(name):
        raise part_of_several(name)
    if kind not in ("zip", "tar", "compressed", ""):
        raise DataError(
            f"“{name}” is {kind}, which cannot be read here; unpack it and give the folder, or "
            "make a zip or tar.gz of it."
        )


def part_of_several(name: str) -> DataError:
    """What to say of a part of an archive that was cut into several."""
    return DataError(
        f"“{name}” is one part of an archive in several parts; unpack them together with the "
        "program that made them (such as 7-Zip), and give the folder or one zip of it."
    )
