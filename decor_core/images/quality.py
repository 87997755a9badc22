"""How well an image can be seen at all: blank, dark, overexposed, low contrast, blurry.

The kinds are those of CleanVision (cleanlab, https://github.com/cleanlab/cleanvision, 2022), with
other measures: its percentiles and entropy of whole images call products on a plain ground and
flat drawings overexposed or without information, and its variance of edges is that of what is
shown as much as of the blur. The thresholds were set by looking at what they flag of photographs
and drawings, and of the same darkened, overexposed and blurred (benchmarks/quality.py).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageStat

from decor_core.images.foreground import foreground_mask

_SIDE = 256  # pixels on the long side: what cannot be seen at that size a classifier cannot, either
_CELLS = 32
_REBLUR = 2.0  # pixels
_DIRECTIONS = 8
_NEARLY_ALL = 0.999
_CLIPPED, _PALE, _WHITE, _NEARLY_WHITE = 253, 64, 240, 230
_FEW_CLIPPED = 0.005  # share of all pixels that is no large one of even a small object
_PHOTO_ENTROPY = 3.0  # bits of gray: flat drawings have less, whatever their colors


@dataclass(frozen=True)
class Thresholds:
    """From where on an image is told to be hard to see; gray levels are 0 to 255.

    ``blank``: most structure, ``dark``: most brightness, ``overexposed``: least overexposure,
    ``low_contrast``: most contrast, ``blurry``: least blur, all as in ImageQuality.
    ``aspect_ratio``: least of short by long side, CleanVision's. ``size``: how many times as long
    or short as usual the sides are, and by how many interquartile ranges beyond the quartiles.
    ``tiny``: pixels on the short side, ``huge``: pixels. ``common``: a kind that is told of a
    larger share of a data set is told once, not image by image.
    """

    blank: float = 12
    dark: float = 100
    overexposed: float = 0.45
    low_contrast: float = 51
    blurry: float = 1.2
    aspect_ratio: float = 0.35
    size: float = 4
    size_quartiles: float = 3
    tiny: int = 64
    huge: int = 24_000_000
    common: float = 1 / 3


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class ImageQuality:
    """What ``measure_quality`` finds, at 256 pixels on the long side.

    ``structure``: gray levels by which neighbors among 32 × 32 cells differ at most, or a third of
    those by which fine lines differ from their surroundings. ``brightness``: the brightest cell,
    by its brightest channel. ``overexposure``: share, 0–1, of what is shown that has a channel
    clipped and none dark; a white ground is not counted. ``contrast``: gray levels between the
    lightest and the darkest pixel, in the channel where they are most. ``blur``: standard
    deviation, in pixels, of the Gaussian that blurs the sharpest edges, in the direction where it
    is largest.
    """

    structure: float
    brightness: float
    overexposure: float
    contrast: float
    blur: float


def measure_quality(picture: Image.Image) -> ImageQuality:
    """The quality of an RGB image; takes a few milliseconds."""
    small = picture.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    channels = [np.asarray(channel) for channel in small.split()]
    brightest, darkest = (np.maximum.reduce(channels), np.minimum.reduce(channels))
    cells = np.asarray(small.resize((_CELLS, _CELLS), Image.Resampling.BOX), np.int16)
    steps = max(int(np.abs(np.diff(cells, axis=axis)).max()) for axis in (0, 1))
    # Red and brown may be the same gray: lines and edges are looked for where they stand out most.
    strongest = small.getchannel(int(np.argmax(ImageStat.Stat(small).stddev)))
    smooth = strongest.filter(ImageFilter.GaussianBlur(_REBLUR))
    lines = _nearly_highest(np.asarray(ImageChops.difference(strongest, smooth)))
    return ImageQuality(
        structure=round(max(steps, lines / 3), 1),
        brightness=float(max(int(cells.max()), _nearly_highest(brightest))),
        overexposure=round(_overexposure(small, brightest, darkest), 3),
        contrast=float(max(np.ptp(channel) for channel in channels)),
        blur=round(_blur(np.asarray(strongest, float), np.asarray(smooth, float)), 2),
    )


def _nearly_highest(levels: np.ndarray) -> int:
    """The level, of 0 to 255, that a thousandth of the pixels reach: a speck is no more."""
    counts = np.bincount(levels.ravel(), minlength=256)
    return int(np.searchsorted(counts.cumsum(), _NEARLY_ALL * levels.size))


def _overexposure(small: Image.Image, brightest: np.ndarray, darkest: np.ndarray) -> float:
    """Share of the object that is overexposed, and not white as the ground may be.

    ``brightest`` and ``darkest`` are those of the channels of each pixel [height, width].
    """
    if darkest.min() >= _NEARLY_WHITE:
        return 1.0
    tinted = darkest < _WHITE
    clipped = tinted & (brightest >= _CLIPPED) & (darkest >= _PALE)
    if clipped.mean() < _FEW_CLIPPED:
        return 0.0
    mask = foreground_mask(small)
    is_drawing = small.convert("L").entropy(Image.fromarray(mask)) < _PHOTO_ENTROPY
    return 0.0 if is_drawing else float(clipped[mask].sum() / max(int(tinted[mask].sum()), 1))


def _blur(levels: np.ndarray, smooth: np.ndarray) -> float:
    """Pixels by which edges are blurred, told by blurring them again (Zhuo & Sim, 2011).

    The slope of an edge is as one by its blur. Fourth powers make the sharpest edges count, as a
    ground out of focus is no fault; they add up to one by the third power of the blur. Each
    direction is asked by itself, as motion leaves the edges along it sharp.
    """
    before, after = _gradient_moments(levels), _gradient_moments(smooth)
    ratio = np.cbrt(after / np.maximum(before, 1e-9)).clip(0, 0.999)
    return float((_REBLUR * ratio / np.sqrt(1 - ratio**2)).max())


def _gradient_moments(levels: np.ndarray) -> np.ndarray:
    """The fourth powers of the slopes in each of the directions, summed up: [directions]."""
    down, right = np.gradient(levels)
    a, b, c = right * right, right * down, down * down
    moments = np.array([np.vdot(*pair) for pair in ((a, a), (a, b), (a, c), (b, c), (c, c))])
    angle = np.arange(_DIRECTIONS) * (np.pi / _DIRECTIONS)
    x, y = np.cos(angle), np.sin(angle)
    return np.stack([x**4, 4 * x**3 * y, 6 * x**2 * y**2, 4 * x * y**3, y**4], axis=1) @ moments
