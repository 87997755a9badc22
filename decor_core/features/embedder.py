"""Picture → one vector, joined from named blocks: the network's stages and the colors."""

import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from PIL import Image

from decor_core.errors import BackboneError, DamagedFile
from decor_core.features.backbone_spec import DEFAULT
from decor_core.features.backbones import load_backbone
from decor_core.images import color
from decor_core.images.localize import inside
from decor_core.images.views import REGIONS, VIEWS, WORKING_SIDE, cut, region_square
from decor_core.io import json_as

# Places outside the object keep a little weight, so that a wrong mask does no great harm.
FLOOR = 0.02
AUTO = "auto"
# Colors are counted on a grid of so many pixels a side: more of them say the same.
COLOR_SIDE = 48


@dataclass(frozen=True)
class EmbeddingSpec:
    """Everything that decides the vector of a picture, apart from the network's weights.

    The first ``views`` of six views are averaged: the whole, its center, its quarters.
    Two are as good as six on decor, at a third of the time.
    ``version`` counts the changes of this module's arithmetic.
    ``region`` says what is read of a picture, one of REGIONS; AUTO is a spec that is to be
    settled by the data first (``training.region``).
    """

    architecture: str = DEFAULT
    views: int = 2
    version: int = 7
    region: str = "object"  # as all were that do not say


def read_spec(data: Any) -> EmbeddingSpec:
    """The spec that a file tells, in JSON; DamagedFile where it makes no sense."""
    spec = json_as(data, EmbeddingSpec, only_known=True)
    if spec.region not in REGIONS:
        raise DamagedFile(
            f"of pictures it reads the {spec.region!r}, but expected {' or '.join(REGIONS)}"
        )
    return spec


@dataclass(frozen=True)
class Block:
    """Columns ``start`` to ``stop`` of a vector: one stage of the network, or the colors."""

    name: str
    start: int
    stop: int

    @property
    def columns(self) -> slice:
        return slice(self.start, self.stop)


def late_stages(blocks: Sequence[Block]) -> slice:
    """Columns of the network's last three stages, which know things rather than textures.

    All columns where the blocks are not those of a network.
    """
    stages = [block for block in blocks if block.name.startswith("stage")][-3:] or blocks
    return slice(stages[0].start, stages[-1].stop)


def novelty_blocks(blocks: Sequence[Block]) -> tuple[slice, ...]:
    """Columns of the blocks by which novelty is measured: all but the first stage.

    That one hardly knows more than edges. All where the blocks are not those of a network.
    """
    stages = [block for block in blocks if block.name.startswith("stage")]
    first = stages[0] if len(stages) > 1 else None
    return tuple(block.columns for block in blocks if block is not first)


@dataclass(frozen=True)
class View:
    """Stage maps of one part of a picture.

    ``box`` (left, upper, right, lower) is in shares of the picture's width and height, and may
    reach beyond the picture. ``stages[k]`` is the map [h, w, channels] of stage k and
    ``weights[k]`` [h, w] how much each place counts, 1 in all; where ``mirrored``, both are.
    """

    box: tuple[float, ...]
    mirrored: bool
    stages: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class FeatureMaps:
    """Everything that goes into the vector of a picture, and where it is.

    ``pixels`` [n, n, 3], uint8, lie in ``box`` (as in a View), COLOR_SIDE a side; how much the
    color of each counts is in ``weights`` [n, n], 0 to 1.
    """

    views: tuple[View, ...]
    box: tuple[float, ...]
    pixels: np.ndarray
    weights: np.ndarray

    @cached_property
    def lab(self) -> np.ndarray:
        """The pixels as L*a*b* colors [h, w, 3]; vector, evidence and palette all want them."""
        return color.lab(self.pixels)

    def vector(self) -> np.ndarray:
        """Vector [d], float32.

        For each stage, mean and standard deviation over what is read, each of length 1, averaged
        over the views; then the square root of the histogram of its colors, a unit vector
        (Hellinger).
        """
        views = [np.concatenate([pool(*m) for m in zip(v.stages, v.weights, strict=True)])
                 for v in self.views]  # fmt: skip
        inside = self.weights > 0
        colors = np.sqrt(color.histogram(self.lab[inside], self.weights[inside]))
        return np.concatenate([np.mean(views, axis=0), colors]).astype(np.float32)


class ImageEmbedder:
    """Turns pictures into vectors by one spec; safe to share between threads.

    At most half as many of these as there are cores are outside the network at once: threads that
    compute in Python hand its lock to each other at every step, which takes a fifth of their time.
    """

    working_side = WORKING_SIDE

    def __init__(self, spec: EmbeddingSpec) -> None:
        if spec.version != EmbeddingSpec.version:
            raise BackboneError(
                f"The vectors are of version {spec.version}, but this version of Decor makes "
                f"version {EmbeddingSpec.version}; retrain the model, or update Decor."
            )
        if not 1 <= spec.views <= len(VIEWS):
            raise BackboneError(f"The views must be 1 to {len(VIEWS)}, not {spec.views}.")
        if spec.region not in REGIONS:
            raise BackboneError(
                f"What is read of a picture must be {' or '.join(REGIONS)}, not “{spec.region}”; "
                "retrain the model, or update Decor."
            )
        self.spec = spec
        self._turn = threading.Semaphore(max(1, (os.cpu_count() or 1) // 2))
        self._backbone = load_backbone(spec.architecture)
        self.digest, self.shapes = self._backbone.digest, self._backbone.shapes
        sizes = [2 * channels for _, _, channels in self.shapes]
        names = [f"stage {i + 1}" for i in range(len(sizes))] + ["colours"]  # as stored
        edges = accumulate([*sizes, int(np.prod(color.BINS))], initial=0)
        self.blocks = tuple(
            Block(name, *edge) for name, edge in zip(names, pairwise(edges), strict=True)
        )
        self.dimensions = self.blocks[-1].stop

    def embed(self, picture: Image.Image) -> np.ndarray:
        """Vector [d], float32, of an upright RGB picture."""
        maps = self.feature_maps(picture)
        with self._turn:
            return maps.vector()

    def feature_maps(self, picture: Image.Image) -> FeatureMaps:
        """Feature maps of an upright RGB picture."""
        chosen = VIEWS[: self.spec.views]
        with self._turn:
            square, mask, box = region_square(picture, self.spec.region)
            side, (places, *_) = self._backbone.spec.side, self._backbone.shapes[0]
            cuts = [cut(square, view, side) for view in chosen]
            counted = [cut(mask, view, places) for view in chosen]
            seen = np.stack([np.asarray(pixels) for pixels in cuts])
        stages = self._backbone.stage_maps(seen)
        with self._turn:
            views = tuple(
                _view(box, view, weights, maps)
                for view, weights, *maps in zip(chosen, counted, *stages, strict=True)
            )
            pixels, weights = (nearest(np.asarray(part)) for part in (square, mask))
            return FeatureMaps(views, box, pixels, weights.astype(np.float32) / 255)


def _view(
    box: tuple[float, ...],
    view: tuple[float, float, float, float, bool],
    weights: Image.Image,
    maps: Sequence[np.ndarray],
) -> View:
    """Stage maps of ``view`` of the square that is read, which lies in ``box``."""
    *relative, mirrored = view
    shapes = [stage.shape[:2] for stage in maps]
    shares = {shape: _shares(weights, shape) for shape in set(shapes)}
    by_map = tuple(shares[shape] for shape in shapes)
    return View(inside(box, relative), mirrored, tuple(maps), by_map)


def nearest(pixels: np.ndarray) -> np.ndarray:
    """COLOR_SIDE by COLOR_SIDE of pixels [n, n, …], evenly spread."""
    places = (2 * np.arange(COLOR_SIDE) + 1) * len(pixels) // (2 * COLOR_SIDE)
    return pixels[places][:, places]


def _shares(mask: Image.Image, shape: tuple[int, int]) -> np.ndarray:
    """Weights [h, w] of the places of a map of that shape."""
    factor = mask.height // shape[0]
    whole = (shape[1] * factor, shape[0] * factor) == mask.size
    small = (
        mask.reduce(factor) if whole else mask.resize((shape[1], shape[0]), Image.Resampling.BOX)
    )
    weights = np.asarray(small, np.float32) + 255 * FLOOR
    weights /= weights.sum()
    return weights


def pool(stage: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Mean and deviation [2 c] of a map [h, w, c], each scaled to length 1."""
    places, shares = stage.reshape(-1, stage.shape[2]), shares.ravel()
    mean = shares @ places
    deviation = np.sqrt(np.maximum(shares @ places**2 - mean**2, 0))
    return np.concatenate([_unit(mean), _unit(deviation)])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(math.sqrt(vector @ vector), 1e-9)
