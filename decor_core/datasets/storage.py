"""The folder of a data set: pictures as they came, small ones to show, states, all by content.

Nothing in it is named by what people typed or uploaded.
"""

import io
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from decor_core.data.folder_source import Files
from decor_core.errors import DataError
from decor_core.images.decode import content_hash
from decor_core.images.duplicates import fingerprint

FORMAT = "decor-pictures/1"
HEAD = "pictures.json"
VECTORS = "vectors"
_KEPT_STATES = 50
_THUMB_SIDE = 192
_TINY_SIDE = 72
_PRINT_SHAPE = (16, 16, 4)


class KeptPictures(Files):
    """Pictures by the names they have in a set, read from where their content is kept."""

    def __init__(self, folder: Path, keys: Mapping[str, str]) -> None:
        super().__init__(folder, [(file, _picture(folder, key)) for file, key in keys.items()])


def keep_picture(folder: Path, data: bytes, upright: Image.Image) -> str:
    """Put a picture where ``KeptPictures`` finds it, with a small one; its content hash.

    Safe to call from several threads. DataError where the disk refuses.
    """
    key = content_hash(data)
    small = upright.copy()
    small.thumbnail((_THUMB_SIDE, _THUMB_SIDE), reducing_gap=2.0)
    packed = io.BytesIO()
    small.save(packed, "WEBP", quality=80, method=1)
    _write(_picture(folder, key), data)
    _write(_thumb(folder, key), packed.getvalue())
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
            tiny = small.convert("RGB")
    except OSError:
        return b""
    tiny.thumbnail((_TINY_SIDE, _TINY_SIDE))
    packed = io.BytesIO()
    tiny.save(packed, "WEBP", quality=60, method=0)
    return packed.getvalue()


def fingerprints(folder: Path, keys: Collection[str]) -> list[np.ndarray]:
    """Fingerprints of the pictures with these content hashes, kept from one time to the next."""
    known = _known_prints(folder)
    missing = [key for key in keys if key not in known]
    if missing:
        known |= {key: _print_of_thumb(folder, key) for key in missing}
        keep_fingerprints(folder, {key: known[key] for key in keys})
    return [known[key] for key in keys]


def keep_fingerprints(folder: Path, prints: Mapping[str, np.ndarray]) -> None:
    """Keep fingerprints beside the pictures; they replace what was kept."""
    packed = io.BytesIO()
    rows = np.array(list(prints.values()), np.float16).reshape(-1, *_PRINT_SHAPE)
    np.savez(packed, keys=np.array(list(prints), "U64"), prints=rows)
    _write(folder / "prints.npz", packed.getvalue())


def _known_prints(folder: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(folder / "prints.npz", allow_pickle=False) as kept:
            return dict(zip(kept["keys"].tolist(), kept["prints"].astype(np.float32), strict=True))
    except (OSError, ValueError, KeyError, EOFError):
        return {}  # they are only kept to save time


def _print_of_thumb(folder: Path, key: str) -> np.ndarray:
    try:
        with Image.open(_thumb(folder, key)) as small:
            return fingerprint(small.convert("RGB"))
    except OSError:
        return np.zeros(_PRINT_SHAPE, np.float32)


# States: numbered from 0, the latest ones kept; the head says which one counts.


def write_state(folder: Path, number: int, state: Mapping[str, Any]) -> None:
    """Write state ``number``; later ones, which were undone, and very old ones go."""
    _write(state_file(folder, number), json.dumps(state, ensure_ascii=False).encode())
    for old in (folder / "states").glob("*.json"):
        if not number - _KEPT_STATES < int(old.stem) <= number:
            old.unlink(missing_ok=True)


def read_state(folder: Path, number: int) -> dict[str, Any]:
    """What ``write_state`` wrote; raises one of errors.DAMAGED_FILE if it cannot be read."""
    return json.loads(state_file(folder, number).read_text(encoding="utf-8"))


def state_file(folder: Path, number: int) -> Path:
    """Where state ``number`` is, if it is kept."""
    return folder / "states" / f"{number:06d}.json"


def write_head(folder: Path, title: str, number: int) -> None:
    """Say what the set is called and which state counts."""
    head = {"format": FORMAT, "title": title, "number": number}
    _write(folder / HEAD, json.dumps(head, ensure_ascii=False).encode())


def read_head(folder: Path) -> tuple[str, int]:
    """Title, and number of the state that counts; one of errors.DAMAGED_FILE if damaged."""
    head = json.loads((folder / HEAD).read_text(encoding="utf-8"))
    if head["format"] != FORMAT:
        raise ValueError(f"its format is {head['format']!r}, not {FORMAT!r}")
    return str(head["title"]), int(head["number"])


def _picture(folder: Path, key: str) -> Path:
    return folder / "pictures" / key


def _thumb(folder: Path, key: str) -> Path:
    return folder / "thumbs" / f"{key}.webp"


def _write(path: Path, data: bytes) -> None:
    """Write beside the place and rename: nobody ever reads half a file."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DataError(
            f"The data set cannot be written ({error.strerror or error}); "
            "free some space on the disk, then try again."
        ) from error
