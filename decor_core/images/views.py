"""The object of a picture on a square, and the views of it that the network sees.

Exports copy this module and what it imports: NumPy, Pillow and modules of this package only.
"""

import numpy as np
from PIL import Image, ImageOps

from decor_core.images.localize import find_object

# The longer side that pictures are decoded to, in pixels.
WORKING_SIDE = 512
# Relative box (left, upper, right, lower) of the square around the object, and whether mirrored.
VIEWS = (
    (0.0, 0.0, 1.0, 1.0, False),
    (0.19, 0.19, 0.81, 0.81, False),
    (0.0, 0.0, 0.62, 0.62, False),
    (0.38, 0.0, 1.0, 0.62, True),
    (0.0, 0.38, 0.62, 1.0, True),
    (0.38, 0.38, 1.0, 1.0, False),
)


def object_square(picture: Image.Image) -> tuple[Image.Image, Image.Image, tuple[float, ...]]:
    """The object on a square of its background's color, its weights (mode L, 255 is 1), its box.

    The box is where the square lies, in shares of the picture. Views of the square are what the
    network sees; exported models are fed the square.
    """
    found = find_object(picture)
    square = _squared(found.seen, found.ground)
    if found.white:
        square = _balanced(square, found.white)
    left, upper, right, lower = found.box
    width, height = right - left, lower - upper
    left -= (max(width, height) - width) // 2
    upper -= (max(width, height) - height) // 2
    corners = (left, upper, left + max(width, height), upper + max(width, height))
    box = tuple(edge / side for edge, side in zip(corners, picture.size * 2, strict=True))
    return square, _squared(found.weights, 0), box


def _balanced(picture: Image.Image, white: tuple[int, int, int]) -> Image.Image:
    """The picture in a light in which ``white`` is gray of the same brightness (von Kries)."""
    gains = np.mean(white) / np.array(white)
    table = np.minimum(255, np.rint(np.outer(gains, np.arange(256)))).astype(int)
    return picture.point(table.ravel().tolist())


def _squared(picture: Image.Image, fill: int | tuple[int, ...]) -> Image.Image:
    side = max(picture.size)
    square = Image.new(picture.mode, (side, side), fill)
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


def cut(
    square: Image.Image, view: tuple[float, float, float, float, bool], side: int
) -> Image.Image:
    """One of VIEWS of an object's square, or of its weights, ``side`` pixels a side."""
    *relative, mirrored = view
    left, upper, right, lower = (edge * square.width for edge in relative)
    box = left, upper, right, lower
    seen = square.resize((side, side), Image.Resampling.BILINEAR, box)
    return ImageOps.mirror(seen) if mirrored else seen
