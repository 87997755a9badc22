"""Picture → one vector, joined from named blocks: the network's stages and the colours."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from PIL import Image

from . import colour
from .backbone import DEFAULT, load_backbone
from .errors import BackboneError
from .foreground import find_object

# Relative box (left, upper, right, lower) of the square around the object, and whether mirrored.
VIEWS = (
    (0.0, 0.0, 1.0, 1.0, False),
    (0.19, 0.19, 0.81, 0.81, False),
    (0.0, 0.0, 0.62, 0.62, False),
    (0.38, 0.0, 1.0, 0.62, True),
    (0.0, 0.38, 0.62, 1.0, True),
    (0.38, 0.38, 1.0, 1.0, False),
)
# Places outside the object keep a little weight, so that a wrong mask does no great harm.
FLOOR = 0.02
# Larger pictures are scaled down to this first: details beyond it would only mislead.
_SIDE = 256


@dataclass(frozen=True)
class EmbeddingSpec:
    """Everything that decides the vector of a picture, apart from the network's weights.

    The first ``views`` of six views are averaged: the whole object, its centre, its quarters.
    ``version`` counts the changes of this module's arithmetic.
    """

    architecture: str = DEFAULT
    views: int = len(VIEWS)
    version: int = 3


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
        if spec.version != EmbeddingSpec.version:
            raise BackboneError(
                f"The vectors are of version {spec.version}, but this version of Decor makes "
                f"version {EmbeddingSpec.version}; retrain the model, or update Decor."
            )
        if not 1 <= spec.views <= len(VIEWS):
            raise BackboneError(f"The views must be 1 to {len(VIEWS)}, not {spec.views}.")
        self.spec = spec
        self._backbone = load_backbone(spec.architecture)
        self.digest = self._backbone.digest
        sizes = [2 * channels for channels in self._backbone.channels]
        names = [f"stage {i + 1}" for i in range(len(sizes))] + ["colours"]
        edges = accumulate([*sizes, int(np.prod(colour.BINS))], initial=0)
        self.blocks = tuple(
            Block(name, *edge) for name, edge in zip(names, pairwise(edges), strict=True)
        )
        self.dimensions = self.blocks[-1].stop

    def embed(self, picture: Image.Image) -> np.ndarray:
        """Vector [d], float32, of an upright RGB picture.

        For each stage, mean and standard deviation over the object, each of length 1, averaged
        over the views; then the square root of the histogram of the object's colours.
        """
        square, mask = object_square(picture)
        side = self._backbone.spec.side
        views = [
            np.concatenate([_pool(m, weights) for m in self._backbone.stage_maps(pixels)])
            for pixels, weights in _views(square, mask, self.spec.views, side)
        ]
        return np.concatenate([np.mean(views, axis=0), _colours(square, mask)]).astype(np.float32)


def object_square(picture: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The object on a square of its ground's colour, and its weights (mode L, 255 is 1).

    Views of the square are what the network sees; exported models are fed the square.
    """
    picture = picture.copy()
    picture.thumbnail((_SIDE, _SIDE), reducing_gap=3.0)
    found = find_object(picture)
    weights = Image.fromarray((found.weights * 255).astype(np.uint8))
    return _squared(picture.crop(found.box), found.ground), _squared(weights, 0)


def _squared(picture: Image.Image, fill: int | tuple[int, ...]) -> Image.Image:
    side = max(picture.size)
    square = Image.new(picture.mode, (side, side), fill)
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


def _views(
    square: Image.Image, mask: Image.Image, count: int, side: int
) -> Iterator[tuple[np.ndarray, Image.Image]]:
    for *relative, mirrored in VIEWS[:count]:
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
    weights = weights / 255 + FLOOR
    weights /= weights.sum()
    places = stage.reshape(-1, channels)
    mean = weights @ places
    deviation = np.sqrt(np.maximum(weights @ places**2 - mean**2, 0))
    return np.concatenate([_unit(mean), _unit(deviation)])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _colours(square: Image.Image, mask: Image.Image) -> np.ndarray:
    """Square root of the histogram of the object's colours: a unit vector (Hellinger)."""
    weights = np.asarray(mask, np.float32) / 255
    inside = weights > 0
    shares = colour.histogram(colour.lab(np.asarray(square)[inside]), weights[inside])
    return np.sqrt(shares)
