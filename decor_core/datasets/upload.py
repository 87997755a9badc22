"""Files that came over the network → one zip on the disk, names and all; nothing is unpacked."""

import hashlib
import io
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from posixpath import splitext
from typing import IO

from decor_core.data.sources.archive_kinds import is_archive_name
from decor_core.data.sources.zips import is_encrypted
from decor_core.data.tables.table import TABLE_ENDINGS
from decor_core.errors import DataError
from decor_core.io import unique_name

_PART = re.compile(r"\.part\d+\.zip$", re.IGNORECASE)
_PIECE = 2**20  # bytes that are copied at once


def pack_upload(files: Sequence[tuple[str, io.BytesIO]], to: Path) -> None:
    """Write ``files``, names and contents, as the zip ``to``; a single archive as it is.

    Parts into which a browser has cut a folder become one again. What came twice, under one name
    and of one content, is written once. DataError where the disk refuses.
    """
    files = _each_once(files)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        if len(files) == 1 and is_archive_name(files[0][0]):
            with to.open("wb") as packed:
                shutil.copyfileobj(files[0][1], packed, _PIECE)
            return
        with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
            taken: set[str] = set()
            for name, file in files:
                if not (_PART.search(name) and _add_part(archive, file, taken)):
                    file.seek(0)
                    _add(archive, name, file, taken)
    except OSError as error:
        raise DataError(
            f"There is no room for the files ({error.strerror or error}); "
            "free some space on the disk, then try again."
        ) from error


def _each_once(files: Sequence[tuple[str, io.BytesIO]]) -> list[tuple[str, io.BytesIO]]:
    often = Counter(name for name, _ in files)
    kept: dict[tuple[str, str], tuple[str, io.BytesIO]] = {}
    for name, file in files:
        digest = ""
        if often[name] > 1:
            file.seek(0)
            digest = hashlib.file_digest(file, "blake2b").hexdigest()
            file.seek(0)
        kept.setdefault((name, digest), (name, file))
    return list(kept.values())


def _add(archive: zipfile.ZipFile, name: str, file: IO[bytes], taken: set[str]) -> None:
    """Add a file; its name is numbered where another has it, as pictures of two cameras may."""
    stem, ending = splitext(name)
    name = unique_name(stem, taken, ending, number=" ({})", match_case=True)
    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
        shutil.copyfileobj(file, member, _PIECE)


def _add_part(archive: zipfile.ZipFile, file: io.BytesIO, taken: set[str]) -> bool:
    """Add what a part holds, unless it is none: a part's members are stored, which are copied."""
    try:
        with zipfile.ZipFile(file) as part:
            members = part.infolist()
            if any(m.compress_type != zipfile.ZIP_STORED or is_encrypted(m) for m in members):
                return False
            for member in members:
                with part.open(member) as content:
                    _add(archive, member.filename, content, taken)
    except zipfile.BadZipFile:
        return False
    return True


def title_of(names: Sequence[str]) -> str:
    """What to call a data set that came as files of these names."""
    named = [n for n in names if is_archive_name(n) or n.lower().endswith(TABLE_ENDINGS)]
    if not named:
        return "My pictures"
    name = _PART.sub(".zip", named[0])
    stem = re.sub(r"(\.tar)?\.[a-z0-9]+$", "", name, flags=re.IGNORECASE)
    return " ".join(stem.replace("_", " ").split())[:60] or "My pictures"
