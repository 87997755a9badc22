"""The outline of an object on a plain ground, for telling whether two pictures show the same."""

import numpy as np
from PIL import Image

# The background is looked for in a small picture, in YCbCr, where a soft shadow on a plain ground
# changes brightness only; the tolerances were set by eye on product photographs.
_WORK_SIDE = 96
_TOLERANCE = (18, 8, 8)
_PLAIN_BORDER = 0.6  # share of the border that must have one colour to count as background
_LEAST_OBJECT = 0.02  # a smaller remainder means that the background guess was wrong
_RECTANGLE = 0.97  # share of its box that a padded photograph fills, and an object does not
_MOST_LAYERS = 3


def foreground_mask(picture: Image.Image) -> np.ndarray:
    """True on the object, bool [height, width]; all True where there is no plain background.

    Background is what has the border's colour and is connected to the border. Padding around
    a rectangular photograph is taken off first, then the photograph inside is looked at again.
    """
    small = picture.copy()
    small.thumbnail((_WORK_SIDE, _WORK_SIDE), Image.Resampling.BOX)
    colours = np.asarray(small.convert("YCbCr"), np.int16)
    mask = np.ones(colours.shape[:2], bool)
    box = np.s_[:, :]
    for _ in range(_MOST_LAYERS):
        background = _background(colours[box])
        mask[box] &= ~background
        if mask.mean() < _LEAST_OBJECT:
            mask[:] = True
            break
        box = _span(mask)
        if not background.any() or mask[box].mean() < _RECTANGLE:
            break
        box = _drop_seam(mask, box)
    return np.asarray(Image.fromarray(mask).resize(picture.size, Image.Resampling.NEAREST))


def _span(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of a mask that is True somewhere."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _drop_seam(mask: np.ndarray, box: tuple[slice, slice]) -> tuple[slice, slice]:
    """Clears the outermost pixels of the box, which scaling down has mixed with the padding."""
    inner = tuple(slice(side.start + 1, side.stop - 1) for side in box)
    kept = mask[inner].copy()
    mask[:] = False
    mask[inner] = kept
    return inner


def _background(colours: np.ndarray) -> np.ndarray:
    """Where the plain colour of the border [h, w, 3] reaches from the border: bool [h, w]."""
    border = np.ones(colours.shape[:2], bool)
    border[1:-1, 1:-1] = False
    plain = np.median(colours[border], axis=0)
    alike = (np.abs(colours - plain) <= _TOLERANCE).all(axis=2)
    if alike[border].mean() < _PLAIN_BORDER:
        return np.zeros_like(border)
    return _connected(border & alike, alike)


def _connected(seed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """All ``allowed`` pixels that four-connected steps over allowed pixels reach from ``seed``."""
    reached, before = seed, -1
    while (count := int(reached.sum())) > before:
        before = count
        reached = _along_rows(_along_rows(reached, allowed).T, allowed.T).T
    return reached


def _along_rows(seed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Whole horizontal runs of ``allowed`` pixels that hold a pixel of ``seed``."""
    height, width = allowed.shape
    # Every blocked pixel and every row start a new run, so equal numbers mean the same run.
    runs = np.cumsum(~allowed, axis=1) + (width + 1) * np.arange(height)[:, None]
    hit = np.zeros((width + 1) * height, bool)
    hit[runs[seed]] = True
    return allowed & hit[runs]
