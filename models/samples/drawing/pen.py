"""A sheet to draw ornament on, and the pen that places, bends and repeats motifs on it."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from .shapes import Points, circle, ribbon

PIXELS = 1280  # pixels for one unit, at four times the size of the finished picture


def ramp(first: str, last: str, n: int = 9) -> list[str]:
    """``n`` colors from ``first`` to ``last`` (#rrggbb)."""
    ends = np.array([ImageColor.getrgb(first), ImageColor.getrgb(last)], float)
    mixed = ends[0] + (ends[1] - ends[0]) * np.linspace(0, 1, n)[:, None]
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in mixed.round().astype(int)]


class Pen:
    """Draws outlines through a mapping of its own plane to the pixels of a picture."""

    def __init__(self, draw: ImageDraw.ImageDraw, warp: Callable, scale: float) -> None:
        self._draw, self._warp, self.scale = draw, warp, scale

    def at(self, place: complex = 0, size: float = 1.0, turn: float = 0.0) -> "Pen":
        """A pen whose origin is at ``place``, ``size`` times as large, turned by degrees."""
        factor = size * np.exp(1j * np.radians(turn))
        return Pen(self._draw, lambda z: self._warp(place + factor * z), self.scale * size)

    def bent(self, degrees: float) -> "Pen":
        """A pen whose forward axis is an arc that turns ``degrees`` over its first unit."""
        k = np.radians(degrees) or 1e-6

        def arc(z: Points) -> Points:
            heading = np.exp(1j * k * np.real(z))
            return self._warp((heading - 1) / (1j * k) + 1j * np.imag(z) * heading)

        return Pen(self._draw, arc, self.scale)

    def mirrored(self) -> tuple["Pen", "Pen"]:
        """This pen and its left-right mirror image."""
        return self, Pen(self._draw, lambda z: self._warp(-np.conj(z)), self.scale)

    def upended(self) -> "Pen":
        """This pen mirrored top to bottom."""
        return Pen(self._draw, lambda z: self._warp(np.conj(z)), self.scale)

    def around(self, n: int, radius: float = 0.0, start: float = 90.0) -> Iterator["Pen"]:
        """``n`` pens on a circle, each with its forward axis outwards."""
        for i in range(n):
            turn = start + 360 * i / n
            yield self.at(radius * np.exp(1j * np.radians(turn)), 1, turn)

    def fill(self, shape: Points, color: str, edge: str | None = None, width: float = 0.02):
        """Fill an outline, with a line of ``width`` around it where ``edge`` is given."""
        pixels = self._pixels(shape)
        self._draw.polygon(pixels, fill=color)
        if edge:
            self._line([*pixels, *pixels[:2]], edge, width)

    def shade(self, shape: Points, colors: Sequence[str], towards: complex = 0.5) -> None:
        """Fill an outline in ever smaller copies about ``towards``, one for each color."""
        for i, color in enumerate(colors):
            self.fill(towards + (shape - towards) * (1 - i / len(colors)), color)

    def stroke(self, spine: Points, width: float | Points, color: str) -> None:
        """A brush stroke along ``spine``; ``width`` may be a profile."""
        self._draw.polygon(self._pixels(ribbon(spine, width)), fill=color)

    def line(self, spine: Points, width: float, color: str) -> None:
        """A line of even width along ``spine``."""
        self._line(self._pixels(spine), color, width)

    def dot(self, place: complex, radius: float, color: str) -> None:
        """A round spot."""
        self.fill(circle(radius, place, 28), color)

    def _pixels(self, shape: Points) -> list[tuple[float, float]]:
        z = self._warp(np.asarray(shape, complex))
        return list(zip(z.real.tolist(), z.imag.tolist(), strict=True))

    def _line(self, pixels: list, color: str, width: float) -> None:
        self._draw.line(pixels, fill=color, width=max(1, round(width * self.scale)), joint="curve")


class Sheet:
    """A flat picture of ``width`` × ``height`` units, its origin in the middle, y upwards."""

    def __init__(self, width: float, height: float, ground: str) -> None:
        size = round(width * PIXELS), round(height * PIXELS)
        self.image = Image.new("RGB", size, ground)
        middle = complex(size[0] / 2, size[1] / 2)
        draw = ImageDraw.Draw(self.image)
        self.pen = Pen(draw, lambda z: middle + PIXELS * np.conj(z), PIXELS)
