"""Files from the internet, which go on where they were interrupted and are checked at the end."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from decor_core.errors import DamagedFile

_ANSWER_SECONDS = 30  # without an answer, after which a download is given up
_CHUNK = 1 << 20
_ATTEMPTS = 3
_RANGE_DONE = 416  # HTTP: nothing is left from there on
Progress = Callable[[int, int | None], None]


def fetch(url: str, path: Path, checksum: str = "", progress: Progress | None = None) -> None:
    """Have the file of ``url`` at ``path``: it is there already, or downloaded now.

    What an interrupted download left in ``path`` and “.part” is gone on from. ``checksum`` is its
    SHA-256 or MD5 in hexadecimal digits. ``progress`` gets the bytes that are here, and all, None
    where the server does not tell. DamagedFile where the checksum is another: the file is then
    deleted, if it was downloaded. OSError or HTTPException where it cannot be had.
    """
    if path.exists():
        _check(path, checksum)
        return
    partial = path.with_name(path.name + ".part")
    for attempt in range(_ATTEMPTS):
        before = _size(partial)
        try:
            _download_rest(url, partial, progress)
            break
        except (OSError, HTTPException):
            # Again only where something came: a server that is not there will not be back at once.
            if attempt == _ATTEMPTS - 1 or _size(partial) == before:
                raise
    try:
        _check(partial, checksum)
    except DamagedFile:
        partial.unlink()
        raise
    partial.replace(path)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _download_rest(url: str, partial: Path, progress: Progress | None) -> None:
    start = _size(partial)
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_ANSWER_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_DONE:
            return
        raise
    with answer:
        goes_on = start > 0 and answer.status == 206
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab" if goes_on else "wb") as file:
            _copy(answer, file, start if goes_on else 0, progress)


def _copy(answer: "BinaryIO", file: BinaryIO, done: int, progress: Progress | None) -> None:
    length = getattr(answer, "length", None)  # of what is still to come
    total = done + length if length is not None else 0
    while chunk := answer.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        if progress:
            progress(done, total or None)
    if done < total:
        raise ConnectionError(f"it broke off after {done:,} of {total:,} bytes")


def _check(path: Path, checksum: str) -> None:
    if not checksum:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256" if len(checksum) == 64 else "md5").hexdigest()
    if found != checksum.lower():
        raise DamagedFile(f"its checksum is {found}, not {checksum}")
