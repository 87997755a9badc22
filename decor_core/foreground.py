"""Which part of a picture is the object, and which its background."""

from dataclasses import dataclass

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
_PLAIN_RING = 0.3  # share of the box's edge that a plain ground must hold to be trusted alone
# The box shrinks unless weights are spread out; it keeps all but these tails, and this much area.
_SPREAD_OUT, _TAIL, _LEAST_BULK = 0.8, 0.03, 0.15
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


@dataclass(frozen=True)
class DecorObject:
    """Where the decorated object is and how much each of its pixels says about its decor.

    ``box`` is (left, upper, right, lower) in pixels, ``weights`` float32 [h, w] of the box, 0 to
    1, and ``ground`` the colour (red, green, blue) around the object.
    """

    box: tuple[int, int, int, int]
    weights: np.ndarray
    ground: tuple[int, int, int]


def find_object(picture: Image.Image) -> DecorObject:
    """The object in an RGB picture, on whatever ground it stands.

    On a plain ground, what differs from its colour counts: a white cup on white is its ornament.
    Elsewhere the colours that are commoner in the centre than along the border count
    (histogram back-projection; Swain & Ballard, 1991), and the box shrinks to where they are.
    """
    mask = foreground_mask(picture)
    box = object_box(mask)
    pixels = np.asarray(picture.crop(box))
    background = ~np.asarray(Image.fromarray(mask).crop(box))
    colours = lab(pixels)
    plain = background.mean() >= _LEAST_GROUND
    weights = _difference(colours, background) if plain else np.ones(background.shape)
    if not plain or background[_ring(background.shape, 2)].mean() < _PLAIN_RING:
        weights = weights * _back_projection(colours)
        inner = _bulk(weights)
        left, upper, right, lower = inner
        pixels, weights = pixels[upper:lower, left:right], weights[upper:lower, left:right]
        box = (box[0] + left, box[1] + upper, box[0] + right, box[1] + lower)
    if weights.mean() < LEAST_WEIGHT:
        weights = np.ones(weights.shape)
    around = weights < 0.01
    ground = np.median(pixels[around], axis=0) if around.sum() > 20 else pixels.mean(axis=(0, 1))
    return DecorObject(box, weights.astype(np.float32), tuple(int(value) for value in ground))


def _difference(colours: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Weight 0 to 1 of each colour [h, w, 3] by its distance from that of the background."""
    ground = np.median(colours[background], axis=0)
    distance = np.linalg.norm(colours - ground, axis=2)
    return np.clip((distance - NOTICEABLE) / SOFTNESS, 0, 1)


def _ring(shape: tuple[int, ...], width: int) -> np.ndarray:
    """True along the border of a picture of that shape."""
    ring = np.ones(shape[:2], bool)
    ring[width:-width, width:-width] = False
    return ring


def _bulk(weights: np.ndarray) -> tuple[int, int, int, int]:
    """The box that holds the bulk of the weights, or all of it where they are spread out."""
    height, width = weights.shape
    whole = (0, 0, width, height)
    heavy = np.maximum(weights - 0.35, 0)
    if weights.mean() >= _SPREAD_OUT or heavy.sum() < 1:
        return whole
    columns, rows = (np.cumsum(heavy.sum(axis=axis)) / heavy.sum() for axis in (0, 1))
    left, right = np.searchsorted(columns, (_TAIL, 1 - _TAIL))
    upper, lower = np.searchsorted(rows, (_TAIL, 1 - _TAIL))
    if (right + 1 - left) * (lower + 1 - upper) < _LEAST_BULK * weights.size:
        return whole
    return int(left), int(upper), int(right) + 1, int(lower) + 1


def _back_projection(colours: np.ndarray) -> np.ndarray:
    """Weight 0 to 1 by the share of the centre in centre and border, for each colour [h, w]."""
    height, width = colours.shape[:2]
    low, high = np.array(_LOW), np.array(_HIGH)
    places = np.clip((colours - low) / (high - low) * _BINS, 0, np.array(_BINS) - 1).astype(int)
    bins = np.ravel_multi_index(tuple(np.moveaxis(places, 2, 0)), _BINS)
    strip = max(2, round(_STRIP * min(height, width)))
    y, x = (np.linspace(-1, 1, side) ** 2 for side in (height, width))
    centre = y[:, None] + x < _CENTRE
    inside, outside = (
        _smooth_histogram(bins[region]) for region in (centre, _ring(bins.shape, strip))
    )
    share = (inside / (inside + outside + 1e-9))[bins]
    picture = Image.fromarray((share * 255).astype(np.uint8))
    radius = max(1, round(_BLUR * min(height, width)))
    blurred = np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255
    weights = np.clip((blurred - 0.25) / 0.4, 0, 1)
    return weights if weights.mean() >= 0.05 else np.ones_like(weights)


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
