"""Files that came over the network → one zip on the disk, names and all; nothing is unpacked."""

import hashlib
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from posixpath import splitext
from typing import BinaryIO

from decor_core.errors import DataError

_PART = re.compile(r"\.part\d+\.zip$", re.IGNORECASE)
_PIECE = 2**20


def pack_upload(files: Sequence[tuple[str, BinaryIO]], to: Path) -> None:
    """Write ``files``, names and contents, as the zip ``to``; a single zip as it is.

    Parts into which a browser has cut a folder become one again. What came twice, under one name
    and of one content, is written once. DataError where the disk refuses.
    """
    files = _each_once(files)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        if len(files) == 1 and files[0][0].lower().endswith(".zip"):
            with to.open("wb") as packed:
                shutil.copyfileobj(files[0][1], packed, _PIECE)
            return
        with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
            taken: set[str] = set()
            for name, file in files:
                if not (_PART.search(name) and _add_part(archive, file, taken)):
                    _add(archive, _free(name, taken), file)
    except OSError as error:
        raise DataError(
            f"There is no room for the files ({error.strerror or error}); "
            "free some space on the disk, then try again."
        ) from error


def _each_once(files: Sequence[tuple[str, BinaryIO]]) -> list[tuple[str, BinaryIO]]:
    often, seen, kept = Counter(name for name, _ in files), set(), []
    for name, file in files:
        told = name, _digest(file) if often[name] > 1 else ""
        if told not in seen:
            kept.append((name, file))
        seen.add(told)
    return kept


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.file_digest(file, "blake2b").hexdigest()
    file.seek(0)
    return digest


def _add(archive: zipfile.ZipFile, name: str, file: BinaryIO) -> None:
    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
        file.seek(0)
        shutil.copyfileobj(file, member, _PIECE)


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered where another file has it, as pictures of two cameras may; then taken."""
    stem, ending = splitext(name)
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{stem} ({number}){ending}"
    taken.add(free)
    return free


def _add_part(archive: zipfile.ZipFile, file: BinaryIO, taken: set[str]) -> bool:
    """Add what a part holds, unless it is none: a part's members are stored, which are copied."""
    try:
        with zipfile.ZipFile(file) as part:
            members = part.infolist()
            if any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 for m in members):
                return False
            for member in members:
                copied = zipfile.ZipInfo(_free(member.filename, taken))
                with part.open(member) as content, archive.open(copied, "w") as copy:
                    shutil.copyfileobj(content, copy, _PIECE)
    except zipfile.BadZipFile:
        return False
    return True


def title_of(names: Sequence[str]) -> str:
    """What to call a data set that came as files of these names."""
    named = [name for name in names if name.lower().endswith((".zip", ".csv", ".tsv"))]
    if not named:
        return "My pictures"
    stem = re.sub(r"\.[a-z]+$", "", _PART.sub(".zip", named[0]), flags=re.IGNORECASE)
    return " ".join(re.sub(r"[_]+", " ", stem).split())[:60] or "My pictures"
