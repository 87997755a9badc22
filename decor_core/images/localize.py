"""Where in a picture the decorated object is, and how much each of its pixels says about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps, ImageStat

from decor_core.images.color import RANGES, lab

Box = tuple[int, int, int, int]
Rgb = tuple[int, int, int]

# Larger objects are scaled down to this first: details beyond it mislead a model that has learnt
# from small ones, and to one that has learnt from large ones they make no difference.
SIDE = 176
_TRIMMING_SIDE = 256  # of the picture in which lines of one color are looked for

# Padding, and a plain ground around the object, are lines of one color along the border. In
# YCbCr a soft shadow changes brightness only; tolerances were set by eye on product photographs.
_TOLERANCE = np.array((18, 8, 8))
UNIFORM = 0.97  # share of a line that has its color; the rest may be specks
_LAYERS = 2  # a photograph on plain ground, padded once more
_BLOCK = 32  # lines that are looked at at once
SEAM = 2  # pixels next to what is trimmed, where scaling has mixed the colors
_MIN_LEFT = 0.02  # of the picture; where less would be left, nothing is trimmed

# L*a*b* distance from the ground: up to what a pixel is ground, at which it starts to count as
# object, and over which its weight comes to 1.
LIKE_GROUND, NOTICEABLE, SOFTNESS = 10.0, 6.0, 12.0
PLAIN_RING = 0.35  # share of the border, inside the padding, that a plain ground must hold
MIN_WEIGHT = 0.03
# A ground at least so light and at most so colored (L*a*b*) is a white one in some light.
LIGHT, PALE = 65.0, 25.0
# The box shrinks unless weights are spread out; it keeps all but these tails, and this much area.
_SPREAD_OUT, _TAIL, _MIN_BULK = 0.8, 0.03, 0.15
# Back-projection: border strip, central ellipse, bins of L*a*b*, and the blur of the result.
_STRIP, _CENTER, _BLUR = 0.08, 0.5, 0.02
_BINS = (6, 12, 12)
_BARE = [255 if level < 3 else 0 for level in range(256)]  # pixels that weigh next to nothing


@dataclass(frozen=True)
class DecorObject:
    """Where the decorated object is and how much each of its pixels says about its decor.

    ``box`` is (left, upper, right, lower) in pixels of the picture, ``seen`` what is in it, at most
    SIDE pixels long, and ``weights`` those of its pixels: mode L, 255 is 1. ``ground`` is the
    color (red, green, blue) around the object, and ``white`` that of a ground that is probably
    white, whatever the light makes of it; None where there is none.
    """

    box: Box
    seen: Image.Image
    weights: Image.Image
    ground: Rgb
    white: Rgb | None = None


def find_object(picture: Image.Image) -> DecorObject:
    """The object in an RGB picture, on whatever ground it stands.

    Padding and plain ground around the object are trimmed. On a plain ground, what differs from
    its color counts: a white cup on white is its ornament. Elsewhere the colors that are
    commoner in the center than along the border count (histogram back-projection; Swain &
    Ballard, 1991), and the box shrinks to where they are.
    """
    small = at_most(_TRIMMING_SIDE, picture)
    inner, around = _trim(small)
    box = _placed(inner, small.size, (0, 0, *picture.size))
    seen = small.crop(inner)  # quicker than from all pixels, where it is large enough
    seen = at_most(SIDE, seen if max(seen.size) >= SIDE else picture.crop(box))
    colors = lab(np.asarray(seen))
    weights = _difference_from_ground(colors)
    plain = weights is not None
    if not plain:
        weights = _back_projection(colors)
        bulk = _bulk(weights)
        if bulk != (0, 0, *seen.size):
            left, upper, right, lower = bulk
            weights = weights[upper:lower, left:right]
            box = _placed(bulk, seen.size, box)
            seen = at_most(SIDE, picture.crop(box))
    if weights.mean() < MIN_WEIGHT:
        weights = np.ones(weights.shape)
    weights = Image.fromarray((weights * 255).astype(np.uint8))
    if weights.size != seen.size:
        weights = weights.resize(seen.size, Image.Resampling.BILINEAR)
    bare = weights.point(_BARE, "1")
    if bare.histogram()[255] > 20:
        ground = _median_color(seen, bare)
    else:
        red, green, blue = map(int, ImageStat.Stat(seen).mean)
        ground = red, green, blue
    if plain:
        white = _probably_white(ground)
    else:
        white = _probably_white(_color_between(small, *around)) if around else None
    return DecorObject(box, seen, weights, ground, white)


def at_most(side: int, picture: Image.Image) -> Image.Image:
    """The picture, or a smaller one whose long side is ``side``."""
    if max(picture.size) <= side:
        return picture
    # By a whole number first, which is quick and all but the same.
    if (factor := max(picture.size) // side) > 1:
        picture = picture.reduce(factor)
    return ImageOps.contain(picture, (side, side), Image.Resampling.BILINEAR)


def _placed(part: Box, size: tuple[int, int], box: Box) -> Box:
    """Where the ``part`` of a picture of ``size`` lies that shows what is in ``box``."""
    relative = [edge / side for edge, side in zip(part, size * 2, strict=True)]
    left, upper, right, lower = map(round, inside(box, relative))
    return left, upper, right, lower


def inside(box: Sequence[float], relative: Sequence[float]) -> tuple[float, ...]:
    """The box that is ``relative`` in shares of ``box``."""
    x, y, right, lower = box
    sizes = (right - x, lower - y) * 2
    edges = zip((x, y) * 2, relative, sizes, strict=True)
    return tuple(start + share * size for start, share, size in edges)


def _probably_white(color: Rgb) -> Rgb | None:
    lightness, *hue = lab(np.array([color], np.uint8))[0]
    return color if lightness > LIGHT and np.hypot(*hue) < PALE else None


def _trim(picture: Image.Image) -> tuple[Box, tuple[Box, Box] | None]:
    """The box without uniform lines along its border, and the boxes around the innermost of these.

    All of it, and None, where there are none or too little would be left.
    """
    planes = np.stack([np.asarray(plane) for plane in picture.convert("YCbCr").split()])
    left, upper, right, lower = whole = (0, 0, picture.width, picture.height)
    around = None
    for _ in range(_LAYERS):
        before = left, upper, right, lower
        upper += _uniform_lines(planes[:, upper:lower, left:right])
        lower -= _uniform_lines(planes[:, upper:lower, left:right][:, ::-1])
        left += _uniform_lines(planes[:, upper:lower, left:right].swapaxes(1, 2))
        right -= _uniform_lines(planes[:, upper:lower, left:right].swapaxes(1, 2)[:, ::-1])
        width, height = right - left, lower - upper
        if min(width, height) < 4 or width * height < _MIN_LEFT * picture.width * picture.height:
            return whole, None
        if before == (left, upper, right, lower):
            break
        around = before, (left, upper, right, lower)
    return (left, upper, right, lower), around


def _color_between(picture: Image.Image, outer: Box, inner: Box) -> Rgb:
    """The median color of what lies in ``outer`` but not in ``inner``."""
    between = Image.new("1", picture.size)
    between.paste(1, outer)
    between.paste(0, inner)
    return _median_color(picture, between)


def _median_color(picture: Image.Image, mask: Image.Image) -> Rgb:
    red, green, blue = ImageStat.Stat(picture, mask).median
    return red, green, blue


def _median(colors: np.ndarray) -> np.ndarray:
    """Of colors [n, 3], n > 0, by channel: [3]. What ``np.median`` checks besides takes longer."""
    middle = [(len(colors) - 1) // 2, len(colors) // 2]
    return np.partition(colors.T, middle, axis=1)[:, middle].mean(axis=1)


def _uniform_lines(planes: np.ndarray) -> int:
    """How many lines to trim of ``planes`` [3, n, m], uint8: the uniform first ones and a seam."""
    if not planes.size:
        return 0
    color = _median(planes[:, 0].T)
    low = np.maximum(np.ceil(color - _TOLERANCE), 0).astype(np.uint8)
    high = np.minimum(color + _TOLERANCE, 255).astype(np.uint8)
    # Whole numbers of one byte wrap around: what is below low is above high - low then.
    most, lines = (high - low)[:, None, None], planes.shape[1]
    count = 0
    while count < lines:
        # Nearly always the first line tells that there are none.
        block = planes[:, count : count + (_BLOCK if count else 1)]
        alike = np.all(block - low[:, None, None] <= most, axis=0)
        uniform = np.count_nonzero(alike, axis=1) >= UNIFORM * alike.shape[1]
        count += len(uniform) if uniform.all() else int(uniform.argmin())
        if not uniform.all():
            break
    return min(count + SEAM, lines) if count else 0


def _difference_from_ground(colors: np.ndarray) -> np.ndarray | None:
    """Weight 0 to 1 of each color [h, w, 3] by its distance from a plain ground; None without."""
    offsets = colors - _median(_border(colors, 2))
    distance = np.sqrt(np.einsum("hwc,hwc->hw", offsets, offsets))
    if (_border(distance, 2) < LIKE_GROUND).mean() < PLAIN_RING:
        return None
    return np.clip((distance - NOTICEABLE) / SOFTNESS, 0, 1)


def _border(values: np.ndarray, width: int) -> np.ndarray:
    """Of values [h, w, …] those [n, …] of the outermost ``width`` pixels on each side."""
    middle = values[width:-width]
    strips = values[:width], values[-width:], middle[:, :width], middle[:, -width:]
    return np.concatenate([strip.reshape(-1, *values.shape[2:]) for strip in strips])


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
    if (right + 1 - left) * (lower + 1 - upper) < _MIN_BULK * weights.size:
        return whole
    return int(left), int(upper), int(right) + 1, int(lower) + 1


def _back_projection(colors: np.ndarray) -> np.ndarray:
    """Weight 0 to 1 by the share of the center in center and border, for each color [h, w]."""
    height, width = colors.shape[:2]
    low, high = np.transpose(np.array(RANGES, np.float32))[..., None, None]
    counts = np.array(_BINS, np.float32)[:, None, None]
    places = (np.moveaxis(colors, 2, 0) - low) * (counts / (high - low))
    i, j, k = np.clip(places, 0, counts - 1).astype(np.int32)
    bins = (i * _BINS[1] + j) * _BINS[2] + k
    strip = max(2, round(_STRIP * min(height, width)))
    y, x = (np.linspace(-1, 1, side) ** 2 for side in (height, width))
    center = y[:, None] + x < _CENTER
    inside, outside = map(_smooth_histogram, (bins[center], _border(bins, strip)))
    shares = inside / (inside + outside + 1e-9)
    picture = Image.fromarray((shares * 255).astype(np.uint8).take(bins))
    radius = max(1, round(_BLUR * min(height, width)))
    blurred = np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255
    weights = np.clip((blurred - 0.25) / 0.4, 0, 1)
    return weights if weights.mean() >= 0.05 else np.ones_like(weights)


def _smooth_histogram(bins: np.ndarray) -> np.ndarray:
    counts = np.bincount(bins, minlength=int(np.prod(_BINS))).reshape(_BINS) / max(bins.size, 1)
    sums = 2 * counts
    for axis in range(3):
        along, summed = np.moveaxis(counts, axis, 0), np.moveaxis(sums, axis, 0)
        summed[1:] += along[:-1]
        summed[:-1] += along[1:]
    return sums.ravel() / 8
