"""Picture → one vector, joined from named blocks: the network's stages and the colours."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from PIL import Image

from .backbone import DEFAULT, load_backbone
from .foreground import foreground_mask, object_box

# Relative box (left, upper, right, lower) of the square around the object, and whether mirrored.
_VIEWS = (
    (0.0, 0.0, 1.0, 1.0, False),
    (0.0, 0.0, 1.0, 1.0, True),
    (0.0, 0.0, 0.62, 0.62, False),
    (0.38, 0.0, 1.0, 0.62, True),
    (0.0, 0.38, 0.62, 1.0, True),
    (0.38, 0.38, 1.0, 1.0, False),
)
_BINS = (5, 9, 9)
_RANGES = ((0.0, 100.0), (-60.0, 70.0), (-60.0, 70.0))
# Places outside the object keep a little weight, so that a wrong mask does no great harm.
_FLOOR = 0.02


@dataclass(frozen=True)
class EmbeddingSpec:
    """Everything that decides the vector of a picture, apart from the network's weights.

    The first ``views`` of six views are averaged: the whole object, mirrored, its quarters.
    ``version`` counts the changes of this module's arithmetic.
    """

    architecture: str = DEFAULT
    views: int = 6
    version: int = 1


@dataclass(frozen=True)
class Block:
    """Columns ``start`` to ``stop`` of a vector: one stage of the network, or the colours."""

    name: str
    start: int
    stop: int

    @property
    def columns(self) -> slice:
        return slice(self.start, self.stop)


class Embedder:
    """Turns pictures into vectors by one spec; safe to share between threads."""

    working_side = 512

    def __init__(self, spec: EmbeddingSpec) -> None:
        if not 1 <= spec.views <= len(_VIEWS):
            raise ValueError(f"views must be 1 to {len(_VIEWS)}, not {spec.views}")
        self.spec = spec
        self._backbone = load_backbone(spec.architecture)
        self.digest = self._backbone.digest
        sizes = [2 * channels for channels in self._backbone.channels]
        names = [f"stage {i + 1}" for i in range(len(sizes))] + ["colours"]
        edges = accumulate([*sizes, int(np.prod(_BINS))], initial=0)
        self.blocks = tuple(
            Block(name, *edge) for name, edge in zip(names, pairwise(edges), strict=True)
        )
        self.dimensions = self.blocks[-1].stop

    def embed(self, picture: Image.Image) -> np.ndarray:
        """Vector [d], float32, of an upright RGB picture.

        For each stage, mean and standard deviation over the object, each of length 1, averaged
        over the views; then the square root of the histogram of the object's colours.
        """
        square, mask = _object(picture)
        side = self._backbone.spec.side
        views = [
            np.concatenate([_pool(m, weights) for m in self._backbone.stage_maps(pixels)])
            for pixels, weights in _views(square, mask, self.spec.views, side)
        ]
        return np.concatenate([np.mean(views, axis=0), _colours(square, mask)]).astype(np.float32)


def _object(picture: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The object on a square of its background's colour, and its mask (mode L, 255 inside)."""
    picture = picture.copy()
    picture.thumbnail((Embedder.working_side,) * 2, reducing_gap=3.0)
    mask = foreground_mask(picture)
    pixels = np.asarray(picture)
    ground = np.median(pixels[~mask], axis=0) if not mask.all() else pixels.mean(axis=(0, 1))
    box = object_box(mask)
    return (
        _squared(picture.crop(box), tuple(int(value) for value in ground)),
        _squared(Image.fromarray(mask).convert("L").crop(box), 0),
    )


def _squared(picture: Image.Image, fill: int | tuple[int, ...]) -> Image.Image:
    side = max(picture.size)
    square = Image.new(picture.mode, (side, side), fill)
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


def _views(
    square: Image.Image, mask: Image.Image, count: int, side: int
) -> Iterator[tuple[np.ndarray, Image.Image]]:
    for *relative, mirrored in _VIEWS[:count]:
        box = tuple(edge * square.width for edge in relative)
        pixels = square.resize((side, side), Image.Resampling.BICUBIC, box)
        weights = mask.resize((side, side), Image.Resampling.BILINEAR, box)
        if mirrored:
            pixels = pixels.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            weights = weights.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        yield np.asarray(pixels), weights


def _pool(stage: np.ndarray, mask: Image.Image) -> np.ndarray:
    """Mean and deviation [2 c] of a map [h, w, c] over the object, each scaled to length 1."""
    height, width, channels = stage.shape
    weights = np.asarray(mask.resize((width, height), Image.Resampling.BOX), np.float32).ravel()
    weights = weights / 255 + _FLOOR
    weights /= weights.sum()
    places = stage.reshape(-1, channels)
    mean = weights @ places
    deviation = np.sqrt(np.maximum(weights @ places**2 - mean**2, 0))
    return np.concatenate([_unit(mean), _unit(deviation)])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _colours(square: Image.Image, mask: Image.Image) -> np.ndarray:
    """Square root of the Lab histogram of the object, each pixel spread over the nearest bins."""
    inside = np.asarray(mask) > 127
    lab = _lab(np.asarray(square)[inside])
    places = [
        np.clip((lab[:, i] - low) / (high - low) * (count - 1), 0, count - 1 - 1e-4)
        for i, (count, (low, high)) in enumerate(zip(_BINS, _RANGES, strict=True))
    ]
    floors = [place.astype(int) for place in places]
    histogram = np.zeros(int(np.prod(_BINS)))
    for corner in np.ndindex(2, 2, 2):
        shares = np.ones(len(lab))
        for side, place, floor in zip(corner, places, floors, strict=True):
            shares = shares * (place - floor if side else 1 - place + floor)
        bins = np.ravel_multi_index(
            [floor + side for side, floor in zip(corner, floors, strict=True)], _BINS
        )
        histogram += np.bincount(bins, shares, minlength=len(histogram))
    return np.sqrt(histogram / max(histogram.sum(), 1e-9))


def _lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of sRGB pixels [n, 3] of 0–255."""
    share = rgb.astype(np.float32) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


# sRGB to XYZ, each row divided by the white point.
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]], np.float32,
) / np.array([[0.95047], [1.0], [1.08883]], np.float32)  # fmt: skip
