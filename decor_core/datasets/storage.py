"""The folder of a data set: pictures as they came, small ones to show, states, all by content.

Nothing in it is named by what people typed or uploaded.
"""

import io
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from decor_core.data.findings import Finding
from decor_core.data.sources.source import Source
from decor_core.errors import DamagedFile, DataError
from decor_core.images.decode import content_hash
from decor_core.images.duplicates import fingerprint
from decor_core.images.encode import encode_webp
from decor_core.io import read_arrays, read_json, write_file

FORMAT = "decor-pictures/1"
HEAD = "pictures.json"
UNLABELED_SET, LABEL_LOG = "heap.json", "labels.jsonl"  # of pictures that are being labeled
VECTORS = "vectors"
_KEPT_STATES = 50
_THUMB_SIDE = 192
_TINY_SIDE = 72
_PRINT_SHAPE = (16, 16, 4)


def stored_images(folder: Path, keys: Mapping[str, str]) -> Source:
    """Pictures by the names they have in a set, read from where their content (hash) is kept."""
    return Source(folder, [(file, _picture(folder, key)) for file, key in keys.items()])


def keep_picture(folder: Path, data: bytes, upright: Image.Image) -> str:
    """Put a picture where ``stored_images`` finds it, with a small one; its content hash.

    Safe to call from several threads. DataError where the disk refuses.
    """
    key = content_hash(data)
    thumb = encode_webp(upright, _THUMB_SIDE)
    _write(_picture(folder, key), data)
    _write(_thumb(folder, key), thumb)
    return key


def keep_aside(folder: Path, name: str, data: bytes) -> None:
    """Put a file that cannot be used where it can be fetched again by its name."""
    _write(folder / "aside" / content_hash(name.encode()), data)


def read_aside(folder: Path, name: str) -> bytes:
    """What ``keep_aside`` kept under ``name``; DataError if there is no such file."""
    try:
        return (folder / "aside" / content_hash(name.encode())).read_bytes()
    except OSError as error:
        raise DataError(f"“{name}” is not kept ({error.strerror or error}).") from error


def read_thumb(folder: Path, key: str) -> bytes:
    """A small WebP of a kept picture; empty if it is gone."""
    try:
        return _thumb(folder, key).read_bytes()
    except OSError:
        return b""


def tiny_thumb(folder: Path, key: str) -> bytes:
    """A WebP of a kept picture that is small enough for thousands on one map; empty if gone."""
    try:
        with Image.open(_thumb(folder, key)) as small:
            return encode_webp(small.convert("RGB"), _TINY_SIDE, quality=60, effort=0)
    except OSError:
        return b""


def fingerprints(folder: Path, keys: Collection[str]) -> list[np.ndarray]:
    """Fingerprints of the pictures with these content hashes, kept from one time to the next."""
    file, known = folder / "prints.npz", {}
    with suppress(OSError, DamagedFile):  # they are only kept to save time
        kept = read_arrays(file)
        names, prints = kept["keys"], kept["prints"]
        if names.dtype.kind == "U" and prints.shape == (len(names), *_PRINT_SHAPE):
            known = dict(zip(names.tolist(), prints.astype(np.float32), strict=True))
    missing = [key for key in keys if key not in known]
    for key in missing:
        known[key] = np.zeros(_PRINT_SHAPE, np.float32)
        with suppress(OSError), Image.open(_thumb(folder, key)) as small:
            known[key] = fingerprint(small.convert("RGB"))
    if missing:
        packed = io.BytesIO()
        prints = np.array([known[key] for key in keys], np.float16)
        np.savez(packed, keys=np.array(list(keys), "U64"), prints=prints)
        _write(file, packed.getvalue())
    return [known[key] for key in keys]


# States: numbered from 0, the latest ones kept; the head says which one counts.


@dataclass(frozen=True)
class State:
    """One state of a data set as its file holds it; ``settled`` are (kind, file) of findings."""

    table: dict[str, list[Any]]
    levels: tuple[str, ...]
    entries: tuple[Finding, ...]
    left_out: dict[str, int]
    settled: list[tuple[str, str]]
    step: str = ""
    changed: str = ""
    checked: str = ""
    read_as: str = ""

    def __post_init__(self) -> None:
        n = len(self.table.get("file", ()))
        for name in ("file", "key", "width", "height", "type", "group", *self.levels):
            if len(self.table.get(name, ())) != n:
                raise DamagedFile(f"its column “{name}” has not one value for each picture")
        for name in ("file", "key", "type", "group", *self.levels):
            if not all(isinstance(value, str) for value in self.table[name]):
                raise DamagedFile(f"its column “{name}” does not hold texts")
        if not self.levels:
            raise DamagedFile("its pictures have no labels")


@dataclass(frozen=True)
class Head:
    """What a set is called and which state counts; ``revision`` is another after each edit."""

    title: str
    number: int
    format: str = FORMAT
    revision: str = ""


def write_state(folder: Path, number: int, state: State) -> None:
    """Write state ``number``; later ones, which were undone, and very old ones go."""
    _write(state_file(folder, number), msgspec.json.encode(state))
    for old in (folder / "states").glob("*.json"):
        if not number - _KEPT_STATES < int(old.stem) <= number:
            old.unlink(missing_ok=True)


def read_state(folder: Path, number: int) -> State:
    """What ``write_state`` wrote; OSError or DamagedFile if it cannot be read."""
    return read_json(state_file(folder, number), State)


def state_file(folder: Path, number: int) -> Path:
    """Where state ``number`` is, if it is kept."""
    return folder / "states" / f"{number:06d}.json"


def write_head(folder: Path, head: Head) -> None:
    """Say what the set is called and which state counts."""
    _write(folder / HEAD, msgspec.json.encode(head))


def read_head(folder: Path) -> Head:
    """What ``write_head`` wrote; OSError or DamagedFile if it cannot be read."""
    head = read_json(folder / HEAD, Head)
    if head.format != FORMAT:
        raise DamagedFile(f"its format is {head.format!r}, not {FORMAT!r}")
    return head


def _picture(folder: Path, key: str) -> Path:
    return folder / "pictures" / key


def _thumb(folder: Path, key: str) -> Path:
    return folder / "thumbs" / f"{key}.webp"


def _write(path: Path, data: bytes) -> None:
    try:
        write_file(path, data)
    except OSError as error:
        raise DataError(
            f"The data set cannot be written ({error.strerror or error}); "
            "free some space on the disk, then try again."
        ) from error
