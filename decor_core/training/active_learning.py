"""Active learning: labels proposed from those given so far, and which pictures to label next.

A linear head on principal axes of all vectors, labeled or not, is refitted in a fraction of a
second. How many labels it saves is measured by benchmarks/active_learning.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from decor_core.errors import TrainingError, missing_package
from decor_core.features.embedder import Block
from decor_core.model.evaluation import Proportion
from decor_core.model.examples import even_folds
from decor_core.model.heads import RidgeLogisticRegression
from decor_core.model.linear_head import LinearHead, fit_temperature, probabilities
from decor_core.model.whitening import BlockPCA

# Of each block; more make it slower and no better where few labels are known.
_AXES_OF_A_BLOCK = 48
_FOLDS = 5
# A batch is chosen among so many times as many pictures as it has: Zhdanov found 10 to 50 alike.
_CANDIDATES = 10
# Three pictures each of two classes, before which proposals would be guesses.
MIN_PER_CLASS, MIN_CLASSES = 3, 2
# Pictures of a cluster of look-alikes, about; beyond so many clusters there are more of them.
_CLUSTER_SIZE, _MAX_CLUSTERS = 12, 300


def require_clustering() -> None:
    """DecorError where the package is missing that pictures are chosen with."""
    if find_spec("sklearn") is None:
        raise missing_package("Choosing pictures to label", "scikit-learn", "app")


def _kmeans() -> Any:
    require_clustering()
    from sklearn.cluster import KMeans

    return KMeans


@dataclass(frozen=True)
class Proposals:
    """Proposals for every picture, from the labels given so far.

    ``probabilities`` [n, c] of ``classes`` [c], calibrated. ``held_out`` [m] are the labeled rows
    whose answer is known from the others, ``answers`` [m, c] the probabilities that these gave.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray
    labels: Mapping[int, str]
    held_out: np.ndarray
    answers: np.ndarray

    @property
    def labeled(self) -> np.ndarray:
        """Mask [n] of the rows that have a label."""
        mask = np.zeros(len(self.probabilities), bool)
        mask[list(self.labels)] = True
        return mask

    @property
    def proposed(self) -> np.ndarray:
        """The likeliest label [n] of each picture, str."""
        return np.array(self.classes)[self.probabilities.argmax(axis=1)]

    @property
    def confidence(self) -> np.ndarray:
        """The probability [n] of the likeliest label."""
        return self.probabilities.max(axis=1)

    @property
    def margin(self) -> np.ndarray:
        """Probability [n] of the likeliest label minus that of the next."""
        second, first = np.sort(self.probabilities, axis=1)[:, -2:].T
        return first - second

    @property
    def right(self) -> np.ndarray:
        """Mask [m] of the held-out rows for which the others gave the right label."""
        given = np.array([self.labels[row] for row in self.held_out.tolist()], object)
        return np.array(self.classes, object)[self.answers.argmax(axis=1)] == given

    def errors_above(self, threshold: float) -> Proportion:
        """Wrong labels among those given with at least that probability, out of fold.

        Pictures that were chosen because they are doubtful are among them, so errors among the
        others are rather fewer.
        """
        sure = self.answers.max(axis=1, initial=0) >= threshold
        return Proportion(int((sure & ~self.right).sum()), int(sure.sum()))

    @property
    def accuracy(self) -> Proportion:
        """Right labels out of fold."""
        return Proportion(int(self.right.sum()), len(self.held_out))

    @property
    def estimated_accuracy(self) -> float | None:
        """The share of proposals for unlabeled pictures that are right, by their probabilities."""
        rest = self.confidence[~self.labeled]
        return float(rest.mean()) if len(rest) else None

    def disagreements(self) -> list[tuple[int, str, float]]:
        """Rows whose label the others call wrong, what they say instead, how probable that is."""
        label, probability = self.answers.argmax(axis=1), self.answers.max(axis=1, initial=0)
        wrong = np.flatnonzero(~self.right)
        wrong = wrong[np.argsort(-probability[wrong], kind="stable")]
        return [
            (int(self.held_out[i]), self.classes[label[i]], float(probability[i])) for i in wrong
        ]


class ActiveLearner:
    """Proposes labels of pictures, and chooses those to label next, by their vectors [n, d].

    ``blocks`` says which columns belong together. Labels are given as {row: label}.
    Heads are fitted to ``coordinates`` [n, r] of the vectors on their principal axes.
    """

    def __init__(
        self, vectors: np.ndarray, blocks: Sequence[Block], *, random_state: int = 0
    ) -> None:
        if len(vectors) < 2:
            raise TrainingError(
                f"Expected at least two pictures to learn from, got {len(vectors)}."
            )
        columns = [block.columns for block in blocks]
        pca = BlockPCA(columns, max_axes=_AXES_OF_A_BLOCK, standardize=True).fit(vectors)
        found = pca.transform(vectors).astype(np.float32)
        self.coordinates = found / max(float(np.sqrt((found**2).sum(axis=1).mean())), 1e-9)
        self._seed = random_state

    @classmethod
    def of_coordinates(cls, coordinates: np.ndarray) -> "ActiveLearner":
        """One that goes on with the ``coordinates`` [n, r] of another."""
        made = cls.__new__(cls)
        made.coordinates, made._seed = coordinates, 0
        return made

    def look_alikes(self) -> np.ndarray:
        """The number [n] of the cluster that each picture belongs to; about a dozen are in one."""
        count = min(max(round(len(self.coordinates) / _CLUSTER_SIZE), 1), _MAX_CLUSTERS)
        clusters = _kmeans()(count, random_state=self._seed, n_init=1, max_iter=30)
        return clusters.fit_predict(self.coordinates)

    def propose(self, labels: Mapping[int, str]) -> Proposals | None:
        """Proposals for all pictures; None before three pictures each of two classes."""
        classes, codes = np.unique(list(labels.values()), return_inverse=True)
        if (np.bincount(codes) >= MIN_PER_CLASS).sum() < MIN_CLASSES:
            return None
        rows = np.array(list(labels), int)
        held_out, logits = self._out_of_fold(rows, codes)
        temperature = fit_temperature(logits, codes[held_out])
        whole = self._fit(rows, codes).with_temperature(temperature)
        return Proposals(
            tuple(map(str, classes)),
            probabilities(whole.logits(self.coordinates)),
            dict(labels),
            rows[held_out],
            probabilities(logits / temperature),
        )

    def proposed_by(self, labels: Mapping[int, str]) -> np.ndarray:
        """The likeliest label [n] of each picture, str, as ``propose`` tells it but sooner."""
        classes, codes = np.unique(list(labels.values()), return_inverse=True)
        if len(classes) < 2:
            return np.full(len(self.coordinates), classes[0] if len(classes) else "")
        head = self._fit(np.array(list(labels), int), codes)
        return classes[head.logits(self.coordinates).argmax(axis=1)]

    def next_rows(
        self,
        count: int,
        proposals: Proposals | None = None,
        *,
        leave_out: Sequence[int] | np.ndarray = (),
        at_random: bool = False,
    ) -> np.ndarray:
        """Up to ``count`` rows to label next, none of ``leave_out`` (labeled, skipped).

        Diverse mini-batch active learning (Zhdanov, 2019): the pictures of the smallest margins
        are clustered, weighted by how doubtful they are, and of each cluster the most central one
        is taken. Without proposals all pictures are clustered alike. ``at_random`` takes any.
        """
        left = np.setdiff1d(np.arange(len(self.coordinates)), np.asarray(leave_out, int))
        if at_random:
            return np.random.default_rng(self._seed).permutation(left)[:count]
        weights = np.ones(len(left))
        if proposals is not None:
            left = left[np.argsort(proposals.margin[left], kind="stable")[: _CANDIDATES * count]]
            weights = np.maximum(1 - proposals.margin[left], 1e-6)
        if len(left) <= count:
            return left
        points = self.coordinates[left]
        n_clusters = min(count, len({point.tobytes() for point in points}))
        clusters = _kmeans()(n_clusters, random_state=self._seed)
        cluster_of = clusters.fit_predict(points, sample_weight=weights)
        distances = clusters.transform(points)
        distances[np.arange(n_clusters) != cluster_of[:, None]] = np.inf  # one of each cluster
        sizes = np.bincount(cluster_of, weights, minlength=n_clusters)
        order = np.argsort(-sizes, kind="stable")
        chosen = distances.argmin(axis=0)[order[sizes[order] > 0]]
        # Pictures that look the same make fewer clusters than ``count``.
        others = np.setdiff1d(np.arange(len(left)), chosen)
        return left[np.append(chosen, others)[:count]]

    def _out_of_fold(self, rows: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices [m] of the labels that could be held out, and logits [m, c] out of fold.

        A class of one picture cannot do without it.
        """
        fold_of = even_folds(codes, _FOLDS, self._seed)
        alone = np.bincount(codes)[codes] == 1
        held_out, logits = [], []
        for fold in range(_FOLDS):
            test = np.flatnonzero((fold_of == fold) & ~alone)
            train = np.flatnonzero((fold_of != fold) | alone)
            head = self._fit(rows[train], codes[train])
            held_out.append(test)
            logits.append(head.logits(self.coordinates[rows[test]]))
        return np.concatenate(held_out), np.concatenate(logits)

    def _fit(self, rows: np.ndarray, codes: np.ndarray) -> LinearHead:
        return RidgeLogisticRegression().fit(self.coordinates[rows], codes).head_
