"""Images as files for browsers: packed quickly rather than tightly."""

import io
from typing import Any

from PIL import Image


def encode_webp(image: Image.Image, side: int = 0, quality: int = 80, effort: int = 1) -> bytes:
    """A WebP of the image; its longer side is at most ``side`` pixels, 0 leaves the size.

    ``quality`` is from 0 to 100, ``effort`` from 0, fast, to 6, small.
    """
    return _encode(image, side, format="WEBP", quality=quality, method=effort)


def encode_jpeg(image: Image.Image, side: int = 0) -> bytes:
    """A JPEG of the image, packed and unpacked five times as quickly as a WebP."""
    return _encode(image, side, format="JPEG", quality=88)


def _encode(image: Image.Image, side: int, **options: Any) -> bytes:
    if side:
        image = image.copy()
        image.thumbnail((side, side))
    packed = io.BytesIO()
    image.save(packed, **options)
    return packed.getvalue()
