"""What is read of a picture on a square, and the views of it that the network sees.

Exports copy this module and what it imports: NumPy, Pillow and modules of this package only.
"""

import numpy as np
from PIL import Image, ImageOps, ImageStat

from decor_core.images.localize import SIDE, Box, at_most, find_object

# The longer side that pictures are decoded to, in pixels.
WORKING_SIDE = 512
# What is read of a picture, and how many pixels its longer side has at most: the object, which is
# what counts where things are shown on a ground, or the whole frame, where pictures are scenes.
REGIONS = {"object": SIDE, "frame": 320}
# Relative box (left, upper, right, lower) of the square around what is read, and whether mirrored.
VIEWS = (
    (0.0, 0.0, 1.0, 1.0, False),
    (0.19, 0.19, 0.81, 0.81, False),
    (0.0, 0.0, 0.62, 0.62, False),
    (0.38, 0.0, 1.0, 0.62, True),
    (0.0, 0.38, 0.62, 1.0, True),
    (0.38, 0.38, 1.0, 1.0, False),
)


def region_square(
    picture: Image.Image, region: str
) -> tuple[Image.Image, Image.Image, tuple[float, ...]]:
    """One of REGIONS of a picture on a square, its weights (mode L, 255 is 1), its box.

    The box is where the square lies, in shares of the picture. Views of the square are what the
    network sees; exported models are fed the square.
    """
    return object_square(picture) if region == "object" else frame_square(picture)


def frame_square(picture: Image.Image) -> tuple[Image.Image, Image.Image, tuple[float, ...]]:
    """The whole picture on a square of its mean color, its weights, its box.

    All places of the picture count alike, what completes it to a square does not.
    """
    seen = at_most(REGIONS["frame"], picture)
    mean, everywhere = ImageStat.Stat(seen).mean, Image.new("L", seen.size, 255)
    square = _squared(seen, tuple(map(int, mean)))
    return square, _squared(everywhere, 0), _box_of_square((0, 0, *picture.size), picture.size)


def object_square(picture: Image.Image) -> tuple[Image.Image, Image.Image, tuple[float, ...]]:
    """The object on a square of its background's color, its weights, its box."""
    found = find_object(picture)
    square = _squared(found.seen, found.ground)
    if found.white:
        square = _balanced(square, found.white)
    return square, _squared(found.weights, 0), _box_of_square(found.box, picture.size)


def _box_of_square(box: Box, size: tuple[int, int]) -> tuple[float, ...]:
    """Where the square around ``box``, in pixels, lies in shares of a picture of that size."""
    left, upper, right, lower = box
    width, height = right - left, lower - upper
    left -= (max(width, height) - width) // 2
    upper -= (max(width, height) - height) // 2
    corners = (left, upper, left + max(width, height), upper + max(width, height))
    return tuple(edge / side for edge, side in zip(corners, size * 2, strict=True))


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
    """One of VIEWS of such a square, or of its weights, ``side`` pixels a side."""
    *relative, mirrored = view
    left, upper, right, lower = (edge * square.width for edge in relative)
    box = left, upper, right, lower
    seen = square.resize((side, side), Image.Resampling.BILINEAR, box)
    return ImageOps.mirror(seen) if mirrored else seen
