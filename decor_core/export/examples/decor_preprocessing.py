"""Decor's preprocessing of pictures; needs Pillow and NumPy only."""

from pathlib import Path

import numpy as np
from PIL import Image

from .images.decode import load_picture
from .images.views import VIEWS, WORKING_SIDE, cut, region_square

# What of a picture the model was trained on: its object, or the whole frame.
REGION = "object"


def preprocess(file: str | Path) -> np.ndarray:
    """The input of the model for a picture: float32 [1, n, n, 4] of 0–255.

    Red, green, blue, and how much each pixel counts, on a square of one color.
    """
    picture = load_picture(Path(file), max_side=WORKING_SIDE)
    square, weights, _ = region_square(picture, REGION)
    return np.dstack([np.asarray(square), np.asarray(weights)]).astype(np.float32)[None]


def views(pixels: np.ndarray, count: int, side: int) -> np.ndarray:
    """Parts of such an object, each seen by the network by itself: [count, side, side, 3]."""
    return _cut(pixels[0, ..., :3], count, side)


def weights(pixels: np.ndarray, count: int, side: int) -> np.ndarray:
    """Weights of the places of these parts: [count, side, side, 1]."""
    return _cut(pixels[0, ..., 3], count, side)[..., None]


def _cut(plane: np.ndarray, count: int, side: int) -> np.ndarray:
    picture = Image.fromarray(plane.astype(np.uint8))
    return np.stack([np.asarray(cut(picture, view, side), np.float32) for view in VIEWS[:count]])
