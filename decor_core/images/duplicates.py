"""Pictures → fingerprints → pairs that show the same photograph, or all but the same."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from decor_core.images.foreground import foreground_mask

_WORK_SIDE = 192
_GRID = 16
_BULK = (0.01, 0.99)
_FLAT = 2.0  # gray levels: less contrast than this has no shape to compare
_MIN_SIMILARITY = 0.835
_AT_ONCE = 512
_MAX_PARTNERS = 100


def fingerprint(picture: Image.Image) -> np.ndarray:
    """Where the object is light, colored and edged: float32 [16, 16, 4], of length 1.

    The object is cut out first, so padding and scale do not count. Colors and edges have
    half the weight each; a flat picture is all zeros and resembles nothing.
    """
    picture = picture.copy()
    picture.thumbnail((_WORK_SIDE, _WORK_SIDE), Image.Resampling.BOX)
    mask = foreground_mask(picture)
    on_white = Image.composite(
        picture, Image.new("RGB", picture.size, "white"), Image.fromarray(mask)
    )
    small = on_white.resize((_GRID, _GRID), Image.Resampling.BOX, box=_bulk(mask))
    colors = np.asarray(small, np.float32)
    edges = np.sqrt(np.hypot(*np.gradient(colors.mean(axis=2))))[..., None]
    if colors.std(axis=(0, 1)).max() < _FLAT:
        return np.zeros((_GRID, _GRID, 4), np.float32)
    return np.concatenate([_unit(colors), _unit(edges)], axis=2) * np.float32(np.sqrt(0.5))


def near_duplicates(
    fingerprints: Sequence[np.ndarray], progress: Callable[[int, int], object] | None = None
) -> list[tuple[int, int]]:
    """All pairs (i < j) of near duplicates, mirrored ones too, as positions in ``fingerprints``.

    Found are copies re-encoded, rescaled, padded, mirrored or slightly cropped, and the same
    object photographed the same way. The threshold was set by looking at the closest pairs of
    the decor pictures: above it are the same objects, below it others of the same outline. Of
    the pictures after i the first hundred are named. Memory grows with their number, not with its
    square. ``progress`` is called with (pictures compared with all after them, their number).
    """
    count = len(fingerprints)
    # What a mirror leaves and what it turns round: the products of both, added or subtracted, are
    # those with the picture and with its mirror image.
    even, odd = np.empty((2, count, _GRID * _GRID // 2 * 4), np.float32)
    for i, one in enumerate(fingerprints):
        left, right = one[:, : _GRID // 2], one[:, : _GRID // 2 - 1 : -1]
        even[i], odd[i] = (left + right).ravel(), (left - right).ravel()
    pairs = []
    for start in range(0, count, _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        named = np.zeros((len(even[rows]), 1), np.int64)
        found = []
        for column in range(start, count, _AT_ONCE):
            others = slice(column, column + _AT_ONCE)
            similarity = even[rows] @ even[others].T + np.abs(odd[rows] @ odd[others].T)
            alike = similarity >= 2 * _MIN_SIMILARITY
            if not alike.any():
                continue
            alike = np.triu(alike, 1 + start - column)
            order = named + alike.cumsum(axis=1)
            at = np.argwhere(alike & (order <= _MAX_PARTNERS))
            found += [(start + int(i), column + int(j)) for i, j in at]
            named = order[:, -1:]
        pairs += sorted(found)
        if progress:
            progress(min(start + _AT_ONCE, count), count)
    return pairs


def _bulk(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Box around nearly all of the foreground: a stray speck must not shift the whole print."""
    rows, columns = np.nonzero(mask)
    (upper, lower), (left, right) = (np.quantile(at, _BULK) for at in (rows, columns))
    return left, upper, right + 1, lower + 1


def _unit(values: np.ndarray) -> np.ndarray:
    centered = values - values.mean()
    return centered / max(float(np.linalg.norm(centered)), 1e-6)
