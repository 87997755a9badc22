"""Outlines and spines as complex arrays: real axis forward, imaginary axis to the left."""

import numpy as np

Points = np.ndarray


def polar(radius: float, degrees: float) -> complex:
    """The point at ``radius`` in the direction ``degrees`` (90 is up)."""
    return complex(radius * np.exp(1j * np.radians(degrees)))


def circle(radius: float = 1.0, center: complex = 0, n: int = 72) -> Points:
    """Outline of a circle."""
    return center + radius * np.exp(1j * np.linspace(0, 2 * np.pi, n, endpoint=False))


def closed(outline: Points) -> Points:
    """The outline with its first point again at its end, to be drawn as a line."""
    return np.append(outline, outline[:2])


def box(width: float, height: float, corner: float = 0.0) -> Points:
    """Outline of an upright rectangle about 0, its corners rounded with radius ``corner``."""
    quarter = corner * np.exp(1j * np.linspace(0, np.pi / 2, 12))
    middle = complex(width / 2 - corner, height / 2 - corner)
    middles = (middle, -middle.conjugate(), -middle, middle.conjugate())
    return np.concatenate([m + quarter * 1j**i for i, m in enumerate(middles)])


def petal(width: float = 0.5, peak: float = 0.5, blunt: float = 1.0, n: int = 40) -> Points:
    """Petal or leaf from 0 to 1, widest at ``peak``; a smaller ``blunt`` rounds its ends."""
    t = (1 - np.cos(np.linspace(0, np.pi, n))) / 2
    half = width / 2 * np.sin(np.pi * t ** (np.log(0.5) / np.log(peak))).clip(0) ** blunt
    return np.concatenate([t + 1j * half, (t - 1j * half)[::-1]])


def scallop(lobes: int, depth: float = 0.2, radius: float = 1.0) -> Points:
    """Round outline of ``lobes`` arcs that meet in cusps."""
    angle = np.linspace(0, 2 * np.pi, lobes * 16, endpoint=False)
    return radius * (1 - depth + depth * abs(np.cos(lobes * angle / 2))) * np.exp(1j * angle)


def burst(points: int, depth: float = 0.3, radius: float = 1.0) -> Points:
    """Star outline with straight edges."""
    angle = np.arange(2 * points) * np.pi / points
    return radius * np.where(np.arange(2 * points) % 2, 1 - depth, 1) * np.exp(1j * angle)


def heart() -> Points:
    """Heart of height 1 with its tip at 0, opening forward."""
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    forward = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t) + 17
    return (forward + 16j * np.sin(t) ** 3) / 29


def toothed(shape: Points, teeth: int, depth: float) -> Points:
    """The outline with ``teeth`` slanting cuts of ``depth`` towards its middle, as on a leaf."""
    n = np.arange(teeth * 8)
    at = n / len(n) * len(shape)
    side = np.interp(at, np.arange(len(shape)), shape.imag)
    return np.interp(at, np.arange(len(shape)), shape.real) + 1j * side * (1 - depth * (n % 8) / 8)


def curve(*knots: complex, n: int = 24) -> Points:
    """Smooth line (Catmull–Rom) through the knots."""
    p = np.array([2 * knots[0] - knots[1], *knots, 2 * knots[-1] - knots[-2]])
    t = np.linspace(0, 1, n, endpoint=False)[:, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    parts = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
    smooth = (parts + (3 * b - a - 3 * c + d) * t**3) / 2
    return np.append(smooth.T.ravel(), knots[-1])


def loop(*knots: complex, n: int = 16) -> Points:
    """Smooth closed outline through the knots."""
    whole = curve(*knots[-2:], *knots, *knots[:2], n=n)
    return whole[2 * n : (len(knots) + 2) * n]


def curl(degrees: float = 300.0, growth: float = 2.0, n: int = 60) -> Points:
    """Spine of length 1 from 0 that sets off forward and turns ever tighter, ``degrees`` in all."""
    s = (np.arange(n) + 0.5) / n
    steps = np.exp(1j * np.radians(degrees) * s**growth) / n
    return np.concatenate([[0], np.cumsum(steps)])


def ribbon(spine: Points, widths: float | Points) -> Points:
    """Outline of a brush stroke along ``spine``; ``widths`` is one number or a profile."""
    across = 1j * np.gradient(spine)
    across /= abs(across) + 1e-12
    half = _stretched(widths, len(spine)) / 2
    return np.concatenate([spine + across * half, (spine - across * half)[::-1]])


def _stretched(widths: float | Points, n: int) -> Points:
    profile = np.atleast_1d(np.asarray(widths, float))
    return np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(profile)), profile)


def swell(width: float, peak: float = 0.4, n: int = 40) -> Points:
    """Width profile of a comma stroke: nothing, full at ``peak``, nothing again."""
    t = np.linspace(0, 1, n) ** (np.log(0.5) / np.log(peak))
    return width * np.sin(np.pi * t).clip(0)


def along(spine: Points, n: int, first: float = 0.0, last: float = 1.0) -> list[tuple]:
    """``n`` places on the spine, evenly from ``first`` to ``last``: (point, direction degrees)."""
    at = np.linspace(first, last, n) * (len(spine) - 1)
    heading = np.degrees(np.angle(np.gradient(spine)))
    low = np.floor(at).astype(int).clip(0, len(spine) - 2)
    points = spine[low] + (at - low) * (spine[low + 1] - spine[low])
    return [(complex(p), float(heading[i])) for p, i in zip(points, low, strict=True)]
