"""What a picture file may be: bytes on disk, pixels, sides."""

from dataclasses import dataclass
from pathlib import Path

from decor_core.errors import PictureError
from decor_core.images.formats import KNOWN
from decor_core.text import format_bytes


@dataclass(frozen=True)
class Limits:
    """What a picture may be: bytes on disk, pixels when decoded, and pixels on its sides.

    A side beyond the longest would cost decoders far more memory than its pixels need.
    """

    max_bytes: int = 32 * 2**20
    max_pixels: int = 64_000_000
    min_side: int = 8
    max_side: int = 32_768


LIMITS = Limits()


def read_within(source: bytes | Path, limits: Limits) -> bytes:
    """The bytes of ``source``, never more than the limit; PictureError where it cannot be."""
    if isinstance(source, Path):
        source = _read_file(source, limits)
    if not isinstance(source, bytes | bytearray | memoryview):
        kind = type(source).__name__
        raise PictureError(f"Expected a path, or the bytes of a picture, but got {kind}.")
    if not source:
        raise PictureError(f"The file is empty (0 bytes); expected a picture: {KNOWN}.")
    if len(source) > limits.max_bytes:
        raise too_many_bytes(len(source), limits)
    return bytes(source)


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        if not path.is_file():
            kind = "missing"
            if path.exists():
                kind = "a folder" if path.is_dir() else "a device or a pipe"
            raise PictureError(f"The file is {kind}; expected a picture: {KNOWN}.")
        size = path.stat().st_size
        if size > limits.max_bytes:
            raise too_many_bytes(size, limits)
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise PictureError(f"The file cannot be read ({reason}); check its permissions.") from error


def too_many_bytes(size: int, limits: Limits) -> PictureError:
    """What to say of a picture file of so many bytes."""
    return PictureError(
        f"The file has {format_bytes(size)}, more than the {format_bytes(limits.max_bytes)} "
        "allowed; save the picture smaller."
    )


def check_size(size: tuple[int, int], limits: Limits) -> None:
    """PictureError where a picture of (width, height) is beyond the limits."""
    width, height = size
    if width * height > limits.max_pixels:
        raise PictureError(
            f"The picture has {width} × {height} pixels, more than the "
            f"{limits.max_pixels / 1e6:g} million allowed; save it smaller."
        )
    if min(width, height) < limits.min_side:
        raise PictureError(
            f"The picture has {width} × {height} pixels; each side needs at least "
            f"{limits.min_side}."
        )
    if max(width, height) > limits.max_side:
        raise PictureError(
            f"The picture has {width} × {height} pixels; each side may have at most "
            f"{limits.max_side}."
        )
