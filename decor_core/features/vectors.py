"""Vectors of many pictures: kept in half precision, computed with batch by batch."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

# Rows that are computed with at once. More than these, as ``is_many`` tells, are computed with in
# time and memory that grow in line with their number, not quite to the last digit.
BATCH = 3000
# A batch of these many is so many rows: fewer would be slower, more would take more memory.
_ROWS_OF_MANY = 1000


def is_many(n: int) -> bool:
    """Whether so many vectors are more than one batch."""
    return n > BATCH


def batches(n: int) -> Iterator[slice]:
    """Slices of rows, one after the other, of n."""
    step = min(BATCH, _ROWS_OF_MANY) if is_many(n) else BATCH
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def batch_sum(part: Callable[[slice], np.ndarray], n: int) -> np.ndarray:
    """The sum of ``part(rows)`` over batches of n rows, on as many threads as there are cores."""
    slices = list(batches(n))
    threads = min(os.cpu_count() or 1, len(slices))

    def of_every(first: int) -> np.ndarray:
        total = part(slices[first])
        for rows in slices[first + threads :: threads]:
            total += part(rows)
        return total

    if threads == 1:
        return of_every(0)
    from concurrent.futures import ThreadPoolExecutor  # labeling a picture imports this module, too

    with ThreadPoolExecutor(threads) as pool:
        first, *others = pool.map(of_every, range(threads))
    for other in others:
        first += other
    return first


class LazyVectors(NDArrayOperatorsMixin):
    """A lazy selection of rows of vectors [m, d], copied on computation.

    Those in half precision read as an array of float32. ``vectors[rows]`` is one of these again;
    ``vectors[rows, columns]`` is a new array, as is whatever NumPy computes with it.
    """

    def __init__(self, base: np.ndarray, rows: np.ndarray | None = None) -> None:
        self._base = base
        self._rows = np.arange(len(base)) if rows is None else rows
        self._all = rows is None
        self.dtype = np.dtype(np.float32) if base.dtype == np.float16 else base.dtype
        self.shape = len(self._rows), *base.shape[1:]
        self.ndim = base.ndim
        self.nbytes = len(self._rows) * base[:1].nbytes

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        rows, *rest = key if isinstance(key, tuple) else (key,)
        chosen = self._rows[rows]
        if rest and self._all:
            return self._base[rows, *rest].astype(self.dtype, copy=False)
        if rest or not chosen.ndim:
            return self._base[chosen, *rest].astype(self.dtype, copy=False)
        return LazyVectors(self._base, chosen)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.astype(self.dtype if dtype is None else dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        first, *others = inputs
        if ufunc is np.matmul and isinstance(first, LazyVectors):
            # Batch by batch, for the sake of memory.
            other = np.asarray(*others)
            parts = [np.asarray(first[rows]) @ other for rows in batches(len(first))]
            return np.concatenate(parts) if parts else np.asarray(first) @ other
        arrays = (np.asarray(one) if isinstance(one, LazyVectors) else one for one in inputs)
        return getattr(ufunc, method)(*arrays, **options)

    def astype(self, dtype: Any) -> np.ndarray:
        """A new array of that type."""
        return self._base[self._rows].astype(dtype, copy=False)

    def copy(self) -> np.ndarray:
        """A new array."""
        return self.astype(self.dtype)


class MappedVectors(LazyVectors):
    """Vectors [n, r] that are ``base @ matrix + offset``, computed only when they are asked for."""

    def __init__(self, base: LazyVectors, matrix: np.ndarray, offset: np.ndarray) -> None:
        self.base, self.matrix, self.offset = base, matrix, offset
        self.dtype = base.dtype
        self.shape = len(base), matrix.shape[1]
        self.ndim = 2

    def __getitem__(self, key: Any) -> Any:
        rows, *columns = key if isinstance(key, tuple) else (key,)
        found = self.base[rows, :] @ self.matrix + self.offset
        return found[..., *columns] if columns else found

    def astype(self, dtype: Any) -> np.ndarray:
        return np.concatenate([self[rows].astype(dtype) for rows in batches(len(self))])


def choose_rows(vectors: np.ndarray, rows: np.ndarray | slice) -> Any:
    """``vectors[rows]``, which takes no memory where these are many; a slice is of all."""
    count = len(vectors) if isinstance(rows, slice) else len(rows)
    if not is_many(count):
        return vectors[rows]
    return LazyVectors(vectors, None if isinstance(rows, slice) else rows)
