"""Colors as people see them: CIE L*a*b*, and its histogram."""

from collections.abc import Iterator

import numpy as np

BINS = (5, 9, 9)
RANGES = ((0.0, 100.0), (-60.0, 70.0), (-60.0, 70.0))

_SHARE = np.arange(256) / 255
_LINEAR = np.where(_SHARE <= 0.04045, _SHARE / 12.92, ((_SHARE + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
# sRGB to XYZ (IEC 61966-2-1), each row divided by the white point D65.
TO_XYZ = np.array(
    [
        [0.4339530, 0.3762194, 0.1898275],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0177579, 0.1094769, 0.8727652],
    ],
    np.float32,
)


def lab(pixels: np.ndarray) -> np.ndarray:
    """L*a*b* (D65) [..., 3], float32, of sRGB pixels [..., 3], uint8."""
    # Plane by plane in memory, which NumPy goes through several times faster than color by color.
    xyz = np.tensordot(TO_XYZ, _LINEAR.take(np.moveaxis(pixels, -1, 0)), 1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + np.float32(16 / 116))
    return np.moveaxis(np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)]), 0, -1)


def histogram(colors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Shares [Π BINS] of L*a*b* ``colors`` [n, 3], each counting ``weights`` [n] times."""
    sums = np.zeros(int(np.prod(BINS)))
    for bins, shares in interpolated_bins(colors):
        sums += np.bincount(bins, weights * shares, minlength=len(sums))
    return sums / max(sums.sum(), 1e-9)


def interpolated_bins(colors: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The eight nearest bins [n] of L*a*b* ``colors`` [n, 3], each with its shares [n].

    The shares go by closeness, so that a slight shift of color is a slight change of the
    histogram; those of a color sum to 1.
    """
    low, high = np.transpose(np.array(RANGES, np.float32))[..., None]
    most = np.array(BINS, np.float32)[:, None] - 1
    places = np.clip(
        (np.ascontiguousarray(colors.T) - low) / (high - low) * most, 0, most - np.float32(1e-4)
    )
    floors = np.floor(places)
    above = places - floors
    near = 1 - above, above
    _, width, depth = BINS
    first = np.array([width * depth, depth, 1], np.int32) @ floors.astype(np.int32)
    for i, j, k in np.ndindex(2, 2, 2):
        yield first + (i * width + j) * depth + k, near[i][0] * near[j][1] * near[k][2]
