"""How Decor looks at a picture before the network does: needs Pillow and NumPy only."""

from pathlib import Path

import numpy as np
from PIL import Image

from .pictures.images import load_picture
from .vision.embedding import VIEWS, Embedder, cut, object_square


def look(file: str | Path) -> np.ndarray:
    """The object in a picture, as the model is fed it: float32 [1, n, n, 4] of 0–255.

    Red, green, blue, and how much each pixel counts, on a square of the ground's colour.
    """
    picture = load_picture(Path(file), max_side=Embedder.working_side)
    square, weights, _ = object_square(picture)
    return _stacked(square, weights)[None]


def views(fed: np.ndarray, count: int, side: int) -> np.ndarray:
    """Parts of such an object, each seen by the network by itself: [count, side, side, 4]."""
    square, weights = (
        Image.fromarray(part.astype(np.uint8)) for part in (fed[0, ..., :3], fed[0, ..., 3])
    )
    return np.stack([_stacked(*cut(square, weights, view, side)) for view in VIEWS[:count]])


def _stacked(pixels: Image.Image | np.ndarray, weights: Image.Image) -> np.ndarray:
    return np.dstack([np.asarray(pixels), np.asarray(weights)]).astype(np.float32)
