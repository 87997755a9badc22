"""How Decor looks at a picture before the network does: needs Pillow and NumPy only."""

from pathlib import Path

import numpy as np

from .embedding import Embedder, object_square
from .images import load_picture


def look(file: str | Path) -> np.ndarray:
    """The object in a picture, as the model is fed it: float32 [1, n, n, 4] of 0–255.

    Red, green, blue, and how much each pixel counts, on a square of the ground's colour.
    """
    picture = load_picture(Path(file), max_side=Embedder.working_side)
    square, weights, _ = object_square(picture)
    return np.dstack([np.asarray(square), np.asarray(weights)])[None].astype(np.float32)
