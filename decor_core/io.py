"""Files and folders: written in one move, read with damage told from bugs, named apart.

Who reads sees the old file or folder or the new one, never half of it. What cannot be read raises
DamagedFile or OSError; ``errors.damaged_file`` makes of both what the reader's callers expect.
"""

import bisect
import errno
import io
import lzma
import math
import os
import shutil
import struct
import tempfile
import time
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from decor_core.errors import DamagedFile

_TRASH = ".trash"  # no name of a run or a data set

_T = TypeVar("_T")

_PREFIX = ".decor-new-"
_NEW = ".decor-new"  # no folder that is replaced is called so
_ABANDONED_SECONDS = 60.0  # writing takes far less: whoever began it has been killed
_LOCK, _LONGEST_WAIT = ".lock", 60.0  # seconds


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new, empty folder to write into, which becomes ``folder`` at the end of the block.

    If the block or the disk fails, ``folder`` is as before. Raises OSError where it cannot be
    written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_PREFIX) as beside:
        new, old = Path(beside, _NEW), Path(beside, folder.name)
        new.mkdir()
        yield new
        try:
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
        finally:
            if old.exists() and not folder.exists():
                old.rename(folder)


def recover(parent: Path) -> None:
    """Put back what a killed process had set aside under ``parent``, and clear what it had begun.

    Never raises: what cannot be cleared stays.
    """
    for beside in parent.glob(f"{_PREFIX}*"):
        try:
            if time.time() - beside.stat().st_mtime < _ABANDONED_SECONDS:
                continue
            for old in beside.iterdir():
                if old.name != _NEW and not (parent / old.name).exists():
                    old.rename(parent / old.name)
        except OSError:
            continue
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process or thread at a time change what is in ``folder``; may be nested.

    Where machines share the disk it holds among all of them, if the file system knows locks. One
    whose process ends is free. OSError where the disk refuses, or after a minute of waiting.
    """
    from filelock import FileLock, Timeout  # 30 ms that who only reads need not wait

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK, timeout=_LONGEST_WAIT, is_singleton=True)
    try:
        lock.acquire()
    except Timeout as error:
        reason = "somebody else has been changing it for a minute; try again"
        raise TimeoutError(errno.ETIMEDOUT, reason) from error
    try:
        yield
    finally:
        lock.release()


def move_to_trash(folder: Path) -> None:
    """Keep ``folder`` in a trash beside it, in place of what was there."""
    trash = folder.parent / _TRASH
    shutil.rmtree(trash, ignore_errors=True)
    trash.mkdir(exist_ok=True)
    folder.rename(trash / folder.name)


def in_trash(parent: Path) -> dict[str, Path]:
    """What ``move_to_trash`` keeps of the folders in ``parent``, by name."""
    return {path.name: path for path in parent.glob(f"{_TRASH}/*")}


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write a file to, which becomes ``path`` at the end of the block.

    If the block or the disk fails, ``path`` is as before. Raises OSError where it cannot be
    written. Safe where several processes or threads write the same file: the last one stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name[:100]}-{os.urandom(4).hex()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, and the folders it is in, in one move; OSError where that cannot be."""
    with replacing_file(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` (dataclasses, too) as JSON for people and programs, in one move.

    NaN becomes null. OSError where it cannot be written.
    """
    compact = msgspec.json.encode(data, enc_hook=_without_numpy)
    write_file(path, msgspec.json.format(compact, indent=1) + b"\n")


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an npz for ``read_arrays`` in one move; OSError where it cannot be written."""
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # pyright: ignore[reportArgumentType]  # taken for allow_pickle
    write_file(path, packed.getvalue())


def _without_numpy(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def read_json(file: Path | bytes, type: type[_T]) -> _T:
    """What the JSON in ``file`` says, as a ``type`` (a dataclass, or what msgspec takes).

    DamagedFile says where it is no JSON or has another shape than ``type``; OSError where it
    cannot be read.
    """
    content = file if isinstance(file, bytes) else file.read_bytes()
    try:
        return msgspec.json.decode(content, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFile(str(error)) from error


def json_as(
    data: Any,
    type: type[_T],
    decode: Callable[[type, Any], Any] | None = None,
    *,
    only_known: bool = False,
) -> _T:
    """A part of what ``read_json`` gave, as a ``type``; DamagedFile where it has another shape.

    ``decode`` makes what msgspec does not know, as arrays: its ``dec_hook``. With ``only_known``
    it may say nothing that the dataclass ``type`` has no field for: what a later version added
    may not be left out in silence.
    """
    try:
        found = msgspec.convert(data, type, dec_hook=decode)
    except (msgspec.ValidationError, RecursionError) as error:
        raise DamagedFile(str(error)) from error
    if only_known and (more := data.keys() - vars(found).keys()):
        raise DamagedFile(f"it says “{min(more)}”, which this version does not know")
    return found


class Arrays(dict[str, np.ndarray]):
    """Arrays by name; DamagedFile for a name that is not among them."""

    def __missing__(self, name: str) -> np.ndarray:
        raise DamagedFile(f"it holds no “{name}”")


def read_arrays(file: Path | bytes, most_bytes: float = math.inf) -> Arrays:
    """All arrays of an npz; nothing in it is unpickled, and none is larger than the file says.

    DamagedFile says where it is no npz, or holds more than ``most_bytes``; OSError where it
    cannot be read.
    """
    with damaged_zip():
        archive = zipfile.ZipFile(io.BytesIO(file) if isinstance(file, bytes) else file)
    with archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > most_bytes:
            raise DamagedFile(f"it holds more than {most_bytes / 2**20:.0f} MiB")
        return Arrays(
            (member.filename.removesuffix(".npy"), _read_array(archive, member))
            for member in members
        )


@contextmanager
def damaged_zip() -> Iterator[None]:
    """DamagedFile for whatever ``zipfile`` raises where a zip is damaged.

    Only its own calls belong into the block: some of these errors are raised by bugs, too.
    """
    try:
        yield
    except (
        EOFError,
        IndexError,
        RuntimeError,  # a password, or a compression that is not known
        ValueError,
        lzma.LZMAError,
        struct.error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DamagedFile(str(error)) from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        with damaged_zip(), archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            if version not in read_header:
                raise DamagedFile(f"an array of version {version}")
            shape, _, dtype = read_header[version](file)
            if math.prod(shape) * dtype.itemsize > member.file_size:  # before memory is taken
                raise DamagedFile(f"{member.filename} is not as large as it says")
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
    except (OverflowError, SyntaxError, TypeError, tokenize.TokenError) as error:
        raise DamagedFile(str(error)) from error  # NumPy reads headers as Python


def unique_name(
    stem: str, taken: set[str], ending: str = "", *, number: str = "-{}", match_case: bool = False
) -> str:
    """``stem`` and ``ending``, numbered from 2 where ``taken`` has that: “stem-2.jpg”.

    What is given is then in ``taken``, as all names there in lower case (``str.casefold``): names
    differ on every system. Not so with ``match_case``.
    """
    fold = str if match_case else str.casefold

    def name(n: int) -> str:
        return stem + (number.format(n) if n > 1 else "") + ending

    def is_free(n: int) -> bool:
        return fold(name(n)) not in taken

    # Numbers are taken in order, so that the first free one is found by halving: thousands of
    # pictures may have one name.
    above = 1
    while not is_free(above):
        above *= 2
    below = above // 2
    found = name(below + bisect.bisect_left(range(below, above), True, key=is_free))
    taken.add(fold(found))
    return found
