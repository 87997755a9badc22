"""The space in which heads train: every block of the embedding whitened within the classes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from decor_core.features.vectors import (
    LazyVectors,
    MappedVectors,
    batch_sum,
    batches,
    is_many,
)
from decor_core.model.estimator import Transformer

# Of one block. In a block of 2,560 numbers with 855 examples (5 × 5-fold cross-validation on the
# shipped vectors) 512 axes gave the same accuracy as all, 256 the same within 0.2 points.
MAX_AXES = 1024
# Of one block where there are more examples than one batch: on 20,000 made vectors 512 gave the
# same accuracy within 0.1 points (benchmarks/growth.py), in more time and memory.
_AXES_OF_MANY = 256
# Columns that hardly differ are not blown up: of a block's mean variance, so much is added to all.
_VARIANCE_FLOOR = 1e-4


class _OfBlocks(Transformer):
    blocks: Sequence[slice] | None

    def _columns(self) -> Sequence[slice]:
        return self.blocks or [slice(0, self.n_features_in_)]


@dataclass(eq=False, repr=False)
class BlockPCA(_OfBlocks):
    """Each block of the vectors in coordinates of the span of the training vectors, uncentered.

    What lies outside of that span cannot tell classes apart: a head trained on the coordinates is
    the same head, in fewer numbers. Of a larger span than ``max_axes`` the principal axes are
    taken; of many vectors fewer, and not to the last digit. ``blocks`` are slices of the columns,
    by default one of all. With ``standardize`` every column is divided by its standard deviation
    first.

    Fitted: ``bases_[k]`` [d_k, r_k], orthonormal, with r_k ≤ min(d_k, n, max_axes), or None for all
    of the space; ``blocks_``, slices of the coordinates; ``dimensions_``, d_k of every block;
    ``scales_[k]`` [d_k], what its columns are multiplied by first, or None.
    """

    blocks: Sequence[slice] | None = None
    max_axes: int = MAX_AXES
    standardize: bool = False

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the axes; ``y`` plays no part."""
        X, _, _ = self._check_training(X)
        blocks = self._columns()
        most = min(self.max_axes, _AXES_OF_MANY) if is_many(len(X)) else self.max_axes
        self.scales_ = [_inverse_deviations(X, b) if self.standardize else None for b in blocks]
        self.bases_ = [
            _subspace(X, block, most, scale)
            for block, scale in zip(blocks, self.scales_, strict=True)
        ]
        self.dimensions_ = [block.stop - block.start for block in blocks]
        ranks = [
            d if basis is None else basis.shape[1]
            for d, basis in zip(self.dimensions_, self.bases_, strict=True)
        ]
        self.blocks_ = _consecutive(ranks)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Coordinates [n, r_1 + r_2 + …] of vectors [n, d]."""
        X = self._check_vectors(X)
        coordinates = np.empty((len(X), self.blocks_[-1].stop), X.dtype)
        for rows in batches(len(X)):
            for block, part, basis, scale in self._parts():
                found = _scaled(X[rows, block], scale)
                coordinates[rows, part] = found if basis is None else found @ basis
        return coordinates

    def weights_on_vectors(self, weights: np.ndarray) -> np.ndarray:
        """Weights [d, c] on vectors that equal ``weights`` [r, c] on their coordinates."""
        found = np.zeros((self.n_features_in_, weights.shape[1]))
        for columns, part, basis, scale in self._parts():
            own = weights[part] if basis is None else basis @ weights[part]
            found[columns] = own if scale is None else own * scale[:, None]
        return found

    def _parts(self) -> Iterator[tuple[slice, slice, np.ndarray | None, np.ndarray | None]]:
        """Columns, coordinates, axes and scale of each block."""
        return zip(self._columns(), self.blocks_, self.bases_, self.scales_, strict=True)


@dataclass(eq=False, repr=False)
class BlockWhitener(_OfBlocks):
    """Each block in a space in which every class is a round ball of variance 1.

    The within-class covariance of a block, over which its examples' classes are pooled, is shrunk
    by OAS (Chen et al., 2010). ``blocks`` are slices of the columns, by default one of all;
    ``dimensions`` says how many dimensions each block has, where its columns are but those
    coordinates in which examples differ (BlockPCA).

    Fitted: ``mean_`` [d], ``maps_[k]`` [d_k, d_k].
    """

    _requires_y = True

    blocks: Sequence[slice] | None = None
    dimensions: Sequence[int] | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """``y`` are labels [n]; example i counts ``sample_weight[i]`` times."""
        X, y, weights = self._check_training(X, y, sample_weight)
        classes, codes = np.unique(y, return_inverse=True)
        weights = weights.astype(X.dtype)
        centers = class_means(X, codes, weights)
        if (weights > 0).sum() == len(classes):  # one of each: nothing tells how a class spreads
            centers = np.repeat(centers.mean(axis=0, keepdims=True), len(classes), axis=0)
        blocks = self._columns()
        dimensions = self.dimensions or [block.stop - block.start for block in blocks]
        count = float((weights > 0).sum())
        roots = np.sqrt(weights / weights.sum())[:, None]
        self.mean_ = batch_sum(lambda rows: weights[rows] @ X[rows], len(X)) / weights.sum()
        self.maps_ = []
        for block, dimension in zip(blocks, dimensions, strict=True):

            def scatter(rows: slice, block: slice = block) -> np.ndarray:
                within = (X[rows, block] - centers[codes[rows], block]) * roots[rows]
                return within.T @ within

            covariance = batch_sum(scatter, len(X)).astype(np.float64)
            self.maps_.append(_whitening_map(covariance, count, dimension).astype(X.dtype))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Whitened vectors [n, d]."""
        return self.transform_blocks(self._check_vectors(X), range(len(self.maps_)))

    def transform_blocks(self, X: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
        """Only some blocks [n, r] of the whitened vectors."""
        columns = [self._columns()[k] for k in chosen]
        whitened = np.empty((len(X), sum(block.stop - block.start for block in columns)), X.dtype)
        for rows in batches(len(X)):
            parts = zip(columns, chosen, strict=True)
            np.concatenate(
                [(X[rows, block] - self.mean_[block]) @ self.maps_[k] for block, k in parts],
                axis=1, out=whitened[rows],
            )  # fmt: skip
        return whitened

    def mapped(self, X: LazyVectors, chosen: Sequence[int], scale: np.ndarray) -> MappedVectors:
        """``transform_blocks`` of many vectors times ``scale`` [r], computed when asked for."""
        columns = [self._columns()[k] for k in chosen]
        parts = _consecutive([block.stop - block.start for block in columns])
        matrix = np.zeros((self.n_features_in_, parts[-1].stop), self.mean_.dtype)
        for k, block, part in zip(chosen, columns, parts, strict=True):
            matrix[block, part] = self.maps_[k]
        return MappedVectors(X, matrix * scale, -self.mean_ @ matrix * scale)

    def head_on_vectors(
        self, weights: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weights [d, c] and bias [c] on vectors that equal those on whitened ones."""
        parts = zip(self._columns(), self.maps_, strict=True)
        raw = np.concatenate([m @ weights[block] for block, m in parts])
        return raw, bias - self.mean_ @ raw


def class_means(
    vectors: np.ndarray, classes: np.ndarray, weights: np.ndarray | float = 1.0
) -> np.ndarray:
    """Mean [c, d] of the vectors [n, d] of each class, vector i counting ``weights[i]`` times."""
    weights = np.broadcast_to(weights, len(classes))
    count = classes.max() + 1

    def sums(rows: slice) -> np.ndarray:
        members = np.zeros((count, rows.stop - rows.start), vectors.dtype)
        members[classes[rows], np.arange(members.shape[1])] = weights[rows]
        return np.hstack([members @ vectors[rows, :], members.sum(axis=1, keepdims=True)])

    found = batch_sum(sums, len(classes))
    return found[:, :-1] / found[:, -1:]


def _consecutive(widths: Sequence[int]) -> list[slice]:
    """Slices of the given widths, one after the other."""
    ends = np.cumsum(widths)
    return [slice(int(end - width), int(end)) for width, end in zip(widths, ends, strict=True)]


def shrinkage(squares: float, trace: float, count: float, dimensions: int) -> float:
    """Oracle approximating shrinkage (Chen et al., 2010), 0 to 1, of a covariance matrix.

    ``squares`` is the sum of its squared entries, ``count`` the number of examples.
    """
    square, variance = squares / dimensions**2, trace / dimensions
    denominator = (count + 1) * (square - variance**2 / dimensions)
    return 1.0 if denominator <= 0 else min(1.0, (square + variance**2) / denominator)


def _largest_eigenvectors(products: np.ndarray, count: int) -> np.ndarray:
    """Leading eigenvectors [n, k] of a positive semidefinite matrix; none of eigenvalues near 0.

    By subspace iteration from the same start every time.
    """
    shape = len(products), min(max(min(2 * count, count + 64), 1), len(products))
    start = np.random.default_rng(0).standard_normal(shape)
    basis = subspace_iteration(lambda basis: products @ basis, start, 5)
    values, vectors = np.linalg.eigh(basis.T @ products @ basis)
    kept = np.flatnonzero(values > values[-1] * 1e-9)[::-1][:count]
    return basis @ vectors[:, kept]


def subspace_iteration(
    multiply: Callable[[np.ndarray], np.ndarray], start: np.ndarray, iterations: int
) -> np.ndarray:
    """An orthonormal basis [n, k] of about the leading eigenvectors of a symmetric matrix [n, n].

    ``multiply`` multiplies it by a matrix [n, k], as is ``start`` (Halko, Martinsson & Tropp,
    2011). scikit-learn's randomized_svd does the same, but takes 1.5 s and 80 MB to be imported.
    """
    basis = start
    for _ in range(iterations):
        basis = np.linalg.qr(multiply(basis))[0]
    return basis


def _scaled(vectors: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
    return vectors if scale is None else vectors * scale


def _inverse_deviations(vectors: np.ndarray, block: slice) -> np.ndarray:
    """1 / the standard deviation [d] of each column of a block [n, d] of vectors."""
    n = len(vectors)
    mean = batch_sum(lambda rows: vectors[rows, block].sum(axis=0), n) / n
    squares = batch_sum(lambda rows: ((vectors[rows, block] - mean) ** 2).sum(axis=0), n)
    variances = squares / n
    variances += _VARIANCE_FLOOR * variances.mean()
    return 1 / np.sqrt(np.where(variances > 0, variances, 1))


def _subspace(
    vectors: np.ndarray, block: slice, max_axes: int, scale: np.ndarray | None
) -> np.ndarray | None:
    """Orthonormal columns [d, r] that span a block [n, d] of vectors, when they are scaled.

    None for all of the space.
    """
    n, d = len(vectors), block.stop - block.start
    if d <= min(n, max_axes):
        return None
    if d > n:
        return _subspace_of_few(_scaled(vectors[:, block], scale), max_axes)

    def scatter(rows: slice) -> np.ndarray:
        part = _scaled(vectors[rows, block], scale)
        return part.T @ part

    products = batch_sum(scatter, n).astype(np.float64)
    if is_many(n):
        axes = _largest_eigenvectors(products, max_axes)
    else:
        axes = np.linalg.eigh(products)[1][:, -max_axes:]
    return axes.astype(vectors.dtype)


def _subspace_of_few(vectors: np.ndarray, max_axes: int) -> np.ndarray:
    """``_subspace`` of fewer vectors [n, d] than they have dimensions."""
    products = (vectors @ vectors.T).astype(np.float64)
    values, axes = (found[..., -max_axes:] for found in np.linalg.eigh(products))
    kept = values > values[-1] * (1e-10 if vectors.dtype == np.float64 else 1e-7)
    return vectors.T @ (axes[:, kept] / np.sqrt(values[kept])).astype(vectors.dtype)


def _whitening_map(covariance: np.ndarray, count: float, dimensions: int) -> np.ndarray:
    """The map [r, r] that makes a covariance [r, r], when shrunk, the identity."""
    trace = np.trace(covariance)
    amount = shrinkage((covariance**2).sum(), trace, count, dimensions)
    covariance *= 1 - amount
    covariance[np.diag_indices_from(covariance)] += max(amount * trace / dimensions, 1e-12)
    return _inverse(np.linalg.cholesky(covariance)).T


def _inverse(lower: np.ndarray) -> np.ndarray:
    """The inverse of a lower triangular matrix, by halves: three times as fast as NumPy's own."""
    half = len(lower) // 2
    if half < 32:
        return np.linalg.inv(lower)
    inverse = np.zeros_like(lower)
    inverse[:half, :half] = _inverse(lower[:half, :half])
    inverse[half:, half:] = _inverse(lower[half:, half:])
    corner = lower[half:, :half] @ inverse[:half, :half]
    inverse[half:, :half] = -inverse[half:, half:] @ corner
    return inverse
