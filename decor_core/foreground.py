"""Which part of a picture is the object, and which its background."""

import numpy as np
from PIL import Image, ImageFilter

from .colour import lab

# The background is looked for in a small picture, in YCbCr, where a soft shadow on a plain ground
# changes brightness only; the tolerances were set by eye on product photographs.
WORK_SIDE = 96
TOLERANCE = (18, 8, 8)
PLAIN_BORDER = 0.6  # share of the border that must have one colour to count as background
LEAST_OBJECT = 0.02  # a smaller remainder means that the background guess was wrong
_RECTANGLE = 0.97  # share of its box that a padded photograph fills, and an object does not
_MOST_LAYERS = 3
_MARGIN = 0.04

# L*a*b* distance from the ground at which a pixel starts to count, and over which it comes to.
NOTICEABLE, SOFTNESS = 6.0, 12.0
_LEAST_GROUND = 0.01  # of the object's box; less tells nothing about the colour of the ground
LEAST_WEIGHT = 0.03
# Back-projection: border strip, central ellipse, bins of L*a*b*, and the blur of the result.
_STRIP, _CENTRE, _BLUR = 0.08, 0.5, 0.02
_BINS, _LOW, _HIGH = (6, 12, 12), (0, -60, -60), (100, 70, 70)


def foreground_mask(picture: Image.Image) -> np.ndarray:
    """True on the object, bool [height, width]; all True where there is no plain background.

    Background is what has the border's colour and is connected to the border. Padding around
    a rectangular photograph is taken off first, then the photograph inside is looked at again.
    """
    small = picture.copy()
    small.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BOX)
    colours = np.asarray(small.convert("YCbCr"), np.int16)
    mask = np.ones(colours.shape[:2], bool)
    box = np.s_[:, :]
    for _ in range(_MOST_LAYERS):
        background = _background(colours[box])
        mask[box] &= ~background
        if mask.mean() < LEAST_OBJECT:
            mask[:] = True
            break
        box = _span(mask)
        if not background.any() or mask[box].mean() < _RECTANGLE:
            break
        box = _drop_seam(mask, box)
    return np.asarray(Image.fromarray(mask).resize(picture.size, Image.Resampling.NEAREST))


def object_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, upper, right, lower of the True part of ``mask`` with a small margin, for a crop.

    ``mask`` is bool [height, width]; the box stays inside it, and is all of it if none is True.
    """
    height, width = mask.shape
    if not mask.any():
        return 0, 0, width, height
    rows, columns = _span(mask)
    margin = round(_MARGIN * max(rows.stop - rows.start, columns.stop - columns.start))
    return (
        max(columns.start - margin, 0),
        max(rows.start - margin, 0),
        min(columns.stop + margin, width),
        min(rows.stop + margin, height),
    )


def ornament_weights(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """How much each pixel of an object's box says about its decor: float32 [h, w], 0 to 1.

    ``pixels`` [h, w, 3], uint8, and ``mask`` [h, w] are cut to the box. Where ``mask`` leaves a
    plain ground, what differs from its colour counts, so a white cup on white is its ornament.
    Elsewhere the colours that are commoner in the centre than along the border count
    (histogram back-projection; Swain & Ballard, 1991).
    """
    colours = lab(pixels)
    ground = colours[~mask]
    if len(ground) >= _LEAST_GROUND * mask.size:
        distance = np.linalg.norm(colours - np.median(ground, axis=0), axis=2)
        weights = np.clip((distance - NOTICEABLE) / SOFTNESS, 0, 1)
    else:
        weights = np.clip((_back_projection(colours) - 0.25) / 0.4, 0, 1)
    if weights.mean() < LEAST_WEIGHT:
        weights = np.ones_like(weights)
    return weights.astype(np.float32)


def _back_projection(colours: np.ndarray) -> np.ndarray:
    """Share of the centre in centre and border together, for the colour at each pixel [h, w]."""
    height, width = colours.shape[:2]
    low, high = np.array(_LOW), np.array(_HIGH)
    places = np.clip((colours - low) / (high - low) * _BINS, 0, np.array(_BINS) - 1).astype(int)
    bins = np.ravel_multi_index(tuple(np.moveaxis(places, 2, 0)), _BINS)
    strip = max(2, round(_STRIP * min(height, width)))
    border = np.ones((height, width), bool)
    border[strip:-strip, strip:-strip] = False
    y, x = (np.linspace(-1, 1, side) ** 2 for side in (height, width))
    centre = y[:, None] + x < _CENTRE
    inside, outside = (_smooth_histogram(bins[region]) for region in (centre, border))
    share = (inside / (inside + outside + 1e-9))[bins]
    picture = Image.fromarray((share * 255).astype(np.uint8))
    radius = max(1, round(_BLUR * min(height, width)))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def _smooth_histogram(bins: np.ndarray) -> np.ndarray:
    counts = np.bincount(bins, minlength=int(np.prod(_BINS))).reshape(_BINS) / max(bins.size, 1)
    padded = np.pad(counts, 1)
    neighbours = sum(
        np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1] for axis in range(3) for step in (-1, 1)
    )
    return ((counts + neighbours / 2) / 4).ravel()


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
    alike = (np.abs(colours - plain) <= TOLERANCE).all(axis=2)
    if alike[border].mean() < PLAIN_BORDER:
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
