"""Why a picture gets its answer: each class's score split exactly over the places of the picture.

A score is linear in the vector, and the vector is pooled from places, so nothing is estimated.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from decor_core.features.embedder import Block, Look, View, pool
from decor_core.images import color as colour
from decor_core.model.classifier import Predictor
from decor_core.model.heads import Head, probabilities
from decor_core.taxonomy import Taxonomy

SIDE = 128
_STRONG = 0.97


@dataclass(frozen=True)
class Evidence:
    """How much each place of a picture speaks for each of ``labels``.

    ``maps`` [labels, h, w], float32, cover the whole picture, its long side in SIDE places. With
    ``outside`` [labels], from the empty ground that completes the object to a square, they sum to
    the scores of the head.
    """

    labels: tuple[str, ...]
    maps: np.ndarray
    outside: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """What the parts add up to: the logits [labels], float64."""
        return self.maps.sum(axis=(1, 2), dtype=np.float64) + self.outside

    def attribution(self, label: str) -> np.ndarray:
        """Map [h, w] for ``label`` rather than its rivals: for it > 0, against it < 0.

        Rivals count by their share of the probability that is not the label's: to first order the
        map is what each place adds to the logarithm of the label's odds.
        """
        place = self.labels.index(label)
        if len(self.labels) == 1:
            return self.maps[0]
        shares = probabilities(np.delete(self.scores, place))
        rivals = np.tensordot(shares, np.delete(self.maps, place, axis=0), 1)
        return (self.maps[place] - rivals).astype(np.float32)

    @property
    def strongest(self) -> float:
        """What few places of the likeliest label's map exceed: one scale to show all labels on."""
        likeliest = self.labels[int(self.scores.argmax())]
        return max(float(np.quantile(np.abs(self.attribution(likeliest)), _STRONG)), 1e-12)


def explain(predictor: Predictor, picture: Image.Image, taxonomy: str | None = None) -> Evidence:
    """Why ``predictor`` gives an upright RGB picture its scores, in ``taxonomy`` or its own."""
    trained = predictor.bundle.taxonomy
    level = trained.level(taxonomy or trained.name)
    evidence = split_scores(
        predictor.embedder.look(picture),
        predictor.embedder.blocks,
        predictor.bundle.head,
        trained.labels,
        picture.size,
    )
    return roll_up(evidence, trained, level.name)


def split_scores(
    look: Look,
    blocks: tuple[Block, ...],
    head: Head,
    labels: tuple[str, ...],
    size: tuple[int, int],
) -> Evidence:
    """Split the scores of ``head`` over a picture of ``size`` (width, height) that ``look`` saw.

    The bias, which stands for what pictures are like on average, is spread over the object: a
    place then speaks for a class as far as it is more like it than places are on average.
    """
    canvas = _Canvas.of(look, size, len(labels))
    for view in look.views:
        for places in _view_parts(view, blocks, head):
            canvas.add(places / len(look.views), view.box)
    canvas.add(_colour_parts(look, blocks[-1], head), look.box)
    maps, outside = canvas.cut()
    return Evidence(labels, maps, outside)


def roll_up(evidence: Evidence, trained: Taxonomy, name: str) -> Evidence:
    """Evidence for the labels of the level ``name``, from that for the labels of ``trained``.

    A coarser label's map is the mean of its members' maps, each counting by its share of their
    probability: the first-order change of the label's log-probability.
    """
    level = trained.level(name)
    if level is trained:
        return evidence
    scores = evidence.scores
    belongs = trained.roll_up(np.eye(len(scores)), level.name).T > 0
    shares = np.array([probabilities(np.where(members, scores, -np.inf)) for members in belongs])
    maps = np.tensordot(shares, evidence.maps, 1).astype(np.float32)
    return Evidence(level.labels, maps, shares @ evidence.outside)


def _view_parts(view: View, blocks: tuple[Block, ...], head: Head) -> Iterable[np.ndarray]:
    """What the scores of one view are made of: a map [classes, h, w] for each resolution."""
    maps: dict[tuple[int, ...], np.ndarray] = {}
    for block, stage, shares in zip(blocks, view.stages, view.weights, strict=False):
        parts = _pooled_parts(stage, shares, head.weights[block.columns])
        if block is blocks[0]:
            parts += head.bias[:, None, None] * shares
        maps[shares.shape] = maps.get(shares.shape, 0) + parts
    return [parts[..., ::-1] if view.mirrored else parts for parts in maps.values()]


def _pooled_parts(stage: np.ndarray, shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean and deviation times ``weights`` [2 c, classes], place by place [classes, h, w]."""
    for_mean, for_deviation = np.split(weights, 2)
    mean = np.tensordot(shares, stage, 2)
    squares = (stage - mean) ** 2
    variance = np.tensordot(shares, squares, 2)
    deviation = pool(stage, shares)[len(mean) :]
    by_mean = for_mean / max(float(np.linalg.norm(mean)), 1e-9)
    # The vector's own deviation, so that the parts add up where its single precision ends.
    by_square = for_deviation * (deviation / np.where(variance > 0, variance, 1))[:, None]
    return shares * np.moveaxis(stage @ by_mean + squares @ by_square, 2, 0)


def _colour_parts(look: Look, block: Block, head: Head) -> np.ndarray:
    """Root of the histogram times its weights, pixel by pixel [classes, h, w]."""
    inside = look.weights > 0
    shares = look.weights[inside] / max(look.weights.sum(), 1e-9)
    colours = look.lab[inside]
    roots = np.sqrt(colour.histogram(colours, shares))
    by_bin = head.weights[block.columns].T / np.maximum(roots, 1e-9).astype(np.float32)
    found = np.zeros((len(head.bias), len(shares)), np.float32)
    for bins, near in colour.spread(colours):
        found += by_bin.take(bins, axis=1) * (shares * near)
    parts = np.zeros((len(head.bias), *look.weights.shape), np.float32)
    parts[:, inside] = found
    return parts


class _Canvas:
    """A grid over a picture and what its views see beyond it, on which parts add up."""

    def __init__(self, picture: tuple[int, int], edges: np.ndarray, classes: int) -> None:
        self._picture = picture
        self._edges = edges
        width, height = edges[1] - edges[0]
        self._sums = np.zeros((classes, height, width), np.float32)

    @classmethod
    def of(cls, look: Look, size: tuple[int, int], classes: int) -> "_Canvas":
        scale = SIDE / max(size)
        width, height = (max(round(side * scale), 1) for side in size)
        boxes = np.array([(0, 0, 1, 1), look.box, *(view.box for view in look.views)])
        corners = boxes.reshape(-1, 2, 2) * (width, height)
        low, high = np.floor(corners[:, 0].min(axis=0)), np.ceil(corners[:, 1].max(axis=0))
        return cls((width, height), np.array([low, high]).astype(int), classes)

    def add(self, parts: np.ndarray, box: tuple[float, ...]) -> None:
        """Spread ``parts`` [classes, h, w] of ``box`` smoothly; none gets lost."""
        start, stop = np.reshape(box, (2, 2)) * self._picture
        low, high = self._edges
        across, down = (
            _bumps(start[i], stop[i], parts.shape[2 - i], low[i], high[i]) for i in (0, 1)
        )
        self._sums += down @ np.ascontiguousarray(parts, np.float32) @ across.T

    def cut(self) -> tuple[np.ndarray, np.ndarray]:
        """The picture's part of the sums [classes, h, w], and the sum of the rest [classes]."""
        width, height = self._picture
        left, upper = -self._edges[0]
        inside = self._sums[:, upper : upper + height, left : left + width]
        rest = self._sums.sum((1, 2), np.float64) - inside.sum((1, 2), np.float64)
        return inside.copy(), rest


def _bumps(start: float, stop: float, count: int, low: int, high: int) -> np.ndarray:
    """How each of ``count`` cells from start to stop is shared out to pixels low to high.

    Triangles as wide as two cells or pixels, as in linear interpolation: [pixels, count].
    """
    cell = (stop - start) / count
    centres = start + (np.arange(count) + 0.5) * cell
    distance = np.abs(np.arange(low, high)[:, None] + 0.5 - centres)
    shares = np.maximum(1 - distance / max(cell, 1.0), 0)
    return (shares / shares.sum(axis=0)).astype(np.float32)
