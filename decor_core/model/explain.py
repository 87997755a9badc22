"""Attribution maps: each class's score of an image, split exactly over the image.

A score is linear in the vector, and the vector is pooled from cells of maps, so nothing is
estimated.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from decor_core.errors import DataError
from decor_core.features.embedder import Block, FeatureMaps, View, pool
from decor_core.images import color
from decor_core.model.linear_head import LinearHead, probabilities
from decor_core.model.predictor import ImagePredictor
from decor_core.taxonomy import Taxonomy

SIDE = 64  # cells; what is finer is noise to the eye
_SCALE_QUANTILE = 0.975


@dataclass(frozen=True)
class Explanation:
    """Contributions of each cell of an image to the score of each of ``labels``.

    ``maps`` [labels, h, w], float32, cover the whole image, its long side in SIDE cells. With
    ``outside`` [labels], from the empty ground that completes the object to a square, they sum to
    the scores of the head.
    """

    labels: tuple[str, ...]
    maps: np.ndarray
    outside: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """Sums of the parts: the logits [labels], float64."""
        return self.maps.sum(axis=(1, 2), dtype=np.float64) + self.outside

    def attribution(self, label: str) -> np.ndarray:
        """Map [h, w] for ``label`` rather than its rivals: for it > 0, against it < 0.

        Rivals count by their share of the probability that is not the label's: to first order the
        map is what each cell adds to the logarithm of the label's odds. DataError for
        another label.
        """
        if label not in self.labels:
            raise DataError(f"There is no label “{label}”; choose from: {', '.join(self.labels)}.")
        index = self.labels.index(label)
        if len(self.labels) == 1:
            return self.maps[0]
        rivals = probabilities(np.delete(self.scores, index))
        shares = np.insert(-rivals, index, 1).astype(np.float32)
        return np.tensordot(shares, self.maps.astype(np.float32, copy=False), 1)

    @property
    def scale(self) -> float:
        """End of the color scale of all labels: few cells of the likeliest one exceed it."""
        likeliest = self.labels[int(self.scores.argmax())]
        attribution = np.abs(self.attribution(likeliest))
        return max(float(np.quantile(attribution, _SCALE_QUANTILE)), 1e-12)

    def rolled_up(self, trained: Taxonomy, name: str) -> "Explanation":
        """The explanation for the level ``name`` of ``trained``, whose finest labels this is for.

        A coarser label's map is the mean of its members' maps, each counting by its share of
        their probability: the first-order change of the label's log-probability.
        """
        level = trained.level(name)
        if level is trained:
            return self
        scores = self.scores
        belongs = trained.roll_up(np.eye(len(scores)), level.name).T > 0
        shares = np.array([probabilities(np.where(own, scores, -np.inf)) for own in belongs])
        maps = np.tensordot(shares.astype(np.float32), self.maps, 1)
        return Explanation(level.labels, maps, shares @ self.outside)


def explain(
    predictor: ImagePredictor, image: Image.Image, taxonomy: str | None = None
) -> Explanation:
    """Explanation of the scores of an upright RGB image, in ``taxonomy`` or the model's own."""
    trained, embedder = predictor.bundle.taxonomy, predictor.embedder
    head, features = predictor.bundle.head, embedder.feature_maps(image)
    found = split_scores(features, embedder.blocks, head, trained.labels, image.size)
    return found.rolled_up(trained, taxonomy or trained.name)


def split_scores(
    features: FeatureMaps,
    blocks: tuple[Block, ...],
    head: LinearHead,
    labels: tuple[str, ...],
    size: tuple[int, int],
) -> Explanation:
    """Split the scores of ``head`` over an image of ``size`` (width, height), by its ``features``.

    The bias, which stands for the average image, is spread over the object, so a cell counts
    relative to the average cell.
    """
    canvas = _Canvas(features, size, len(labels))
    for view in features.views:
        for parts in _view_parts(view, blocks, head):
            canvas.add(parts / len(features.views), view.box)
    canvas.add(_color_parts(features, blocks[-1], head), features.box)
    return Explanation(labels, *canvas.cut())


def _view_parts(view: View, blocks: tuple[Block, ...], head: LinearHead) -> Iterable[np.ndarray]:
    """Parts of the scores that one view gives: a map [classes, h, w] for each resolution."""
    maps: dict[tuple[int, ...], np.ndarray] = {}
    for block, stage, shares in zip(blocks, view.stages, view.weights, strict=False):
        for_mean, for_deviation = np.split(head.weights[block.columns], 2)
        mean = np.tensordot(shares, stage, 2)
        squares = (stage - mean) ** 2
        variance = np.tensordot(shares, squares, 2)
        deviation = pool(stage, shares)[len(mean) :]
        by_mean = for_mean / max(float(np.linalg.norm(mean)), 1e-9)
        # The vector's own deviation, so that the parts add up where its single precision ends.
        by_square = for_deviation * (deviation / np.where(variance > 0, variance, 1))[:, None]
        parts = shares * np.moveaxis(stage @ by_mean + squares @ by_square, 2, 0)
        if block is blocks[0]:
            parts += head.bias[:, None, None] * shares
        maps[shares.shape] = maps.get(shares.shape, 0) + parts
    return [parts[..., ::-1] if view.mirrored else parts for parts in maps.values()]


def _color_parts(features: FeatureMaps, block: Block, head: LinearHead) -> np.ndarray:
    """Root of the histogram times its weights, pixel by pixel [classes, h, w]."""
    inside = features.weights > 0
    shares = features.weights[inside] / max(features.weights.sum(), 1e-9)
    colors = features.lab[inside]
    roots = np.sqrt(color.histogram(colors, shares))
    by_bin = head.weights[block.columns].T / np.maximum(roots, 1e-9).astype(np.float32)
    sums = np.zeros((len(head.bias), len(shares)), np.float32)
    for bins, near in color.interpolated_bins(colors):
        sums += by_bin.take(bins, axis=1) * (shares * near)
    parts = np.zeros((len(head.bias), *features.weights.shape), np.float32)
    parts[:, inside] = sums
    return parts


class _Canvas:
    """A grid over an image and what its views see beyond it, on which parts add up."""

    def __init__(self, features: FeatureMaps, size: tuple[int, int], n_classes: int) -> None:
        self._size = np.array([max(round(side * SIDE / max(size)), 1) for side in size])
        boxes = np.array([(0, 0, 1, 1), features.box, *(view.box for view in features.views)])
        corners = boxes.reshape(-1, 2, 2) * self._size
        self._low = np.floor(corners[:, 0].min(axis=0)).astype(int)
        self._high = np.ceil(corners[:, 1].max(axis=0)).astype(int)
        width, height = self._high - self._low
        self._sums = np.zeros((n_classes, height, width), np.float32)

    def add(self, parts: np.ndarray, box: tuple[float, ...]) -> None:
        """Spread ``parts`` [classes, h, w] of ``box`` smoothly; none gets lost."""
        start, stop = np.reshape(box, (2, 2)) * self._size
        across, down = (
            _interpolation(start[i], stop[i], parts.shape[2 - i], self._low[i], self._high[i])
            for i in (0, 1)
        )
        self._sums += down @ np.ascontiguousarray(parts, np.float32) @ across.T

    def cut(self) -> tuple[np.ndarray, np.ndarray]:
        """The image's part of the sums [classes, h, w], and the sum of the rest [classes]."""
        (width, height), (left, upper) = self._size, -self._low
        inside = self._sums[:, upper : upper + height, left : left + width]
        rest = self._sums.sum((1, 2), np.float64) - inside.sum((1, 2), np.float64)
        return inside.copy(), rest


def _interpolation(start: float, stop: float, count: int, low: int, high: int) -> np.ndarray:
    """Shares [pixels, count] of cells from start to stop in the pixels low to high.

    Triangles as wide as two cells or pixels, as in linear interpolation.
    """
    cell = (stop - start) / count
    centers = start + (np.arange(count) + 0.5) * cell
    distance = np.abs(np.arange(low, high)[:, None] + 0.5 - centers)
    shares = np.maximum(1 - distance / max(cell, 1.0), 0)
    return (shares / shares.sum(axis=0)).astype(np.float32)
