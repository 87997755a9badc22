"""The bodies that ornament is put on: turned vessels, plates, panels, cushions."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image

from .pen import Pen, Sheet, ramp
from .scene import CLOTH, GLAZE, Material, Scene, bevel, lathe, plane, relief, stencil, unrolled
from .shapes import Points, circle, closed


class Wrap:
    """The sheet that goes half around a turned body; heights are those of its profile."""

    def __init__(self, knots: Sequence[complex], ground: str) -> None:
        self.knots = knots
        self._heights, self._lengths = unrolled(knots)
        self.half = np.pi * max(np.real(knots)) / 2
        self._sheet = Sheet(2 * self.half, float(self._lengths[-1]), ground)
        self.pen, self.image = self._sheet.pen, self._sheet.image

    def level(self, height: float) -> float:
        """The place on the sheet, upwards from its middle, that comes to ``height``."""
        length = np.interp(height, self._heights, self._lengths)
        return float(length - self._lengths[-1] / 2)

    def zone(self, low: float, high: float, color: str) -> None:
        """Fill all around between two heights."""
        ends = np.array([-self.half, self.half, self.half, -self.half])
        levels = np.array([self.level(low)] * 2 + [self.level(high)] * 2)
        self.pen.fill(ends + 1j * levels, color)

    def stripes(self, *rows: tuple[float, float, str]) -> None:
        """Stripes all around: (height, width, color) each."""
        for height, width, color in rows:
            y = 1j * self.level(height)
            self.pen.line(np.array([y - self.half, y + self.half]), width, color)

    def row(self, height: float, step: float, turn: float = 0) -> Iterator[Pen]:
        """Pens about ``step`` apart all around at ``height``, one of them in the middle."""
        n = int(self.half / step) + 1
        for i in range(-n, n + 1):
            yield self.pen.at(complex(i * step, self.level(height)), 1, turn)


def flat_ring(radius: float, tilt: float) -> Points:
    """A circle seen from the side, ``tilt`` as high as wide."""
    ring = circle(radius, n=160)
    return ring.real + 1j * tilt * ring.imag


def vessel(
    wrap: Wrap,
    material: Material,
    lip: str,
    inside: tuple[str, str],
    tilt: float = 0.13,
    behind: Callable[[Scene], None] | None = None,
) -> Scene:
    """An open vessel on its shadow; its mouth in the color ``lip``, shaded ``inside``.

    ``behind`` draws what the body hides in part, such as a handle.
    """
    scene = Scene()
    foot, mouth = wrap.knots[0], wrap.knots[-1]
    ground_shadow(scene, foot, tilt)
    if behind:
        behind(scene)
    opening = 1j * mouth.imag + flat_ring(mouth.real, tilt)
    scene.pen().fill(opening, lip)
    deep = complex(0.35 * mouth.real, mouth.imag - 0.5 * tilt * mouth.real)
    hollow = 1j * mouth.imag + flat_ring(mouth.real * 0.95, tilt * 0.96)
    scene.pen().shade(hollow, ramp(*inside, 90), deep)
    scene.add(lathe(wrap.image, wrap.knots, material, tilt))
    return scene


def ground_shadow(scene: Scene, foot: complex, tilt: float) -> None:
    """Shadow of a round foot: a wide soft one and a close dark one."""
    place = 1j * foot.imag
    scene.shadow(place + 0.1 - 0.02j + flat_ring(foot.real * 1.35, tilt * 0.9), 0.08, 0.3)
    scene.shadow(place - 0.012j + flat_ring(foot.real * 1.02, tilt), 0.025, 0.5)


def plate(
    sheet: Image.Image, outline: Points, well: float = 0.55, material: Material = GLAZE
) -> Scene:
    """A plate seen from above; ``well`` is the radius where its rim begins."""
    scene = Scene()
    scene.shadow(outline + 0.035 - 0.05j, 0.07, 0.45)
    mask = stencil(outline)
    rho = abs(plane())
    step = np.clip((rho - well) / 0.1, 0, 1)
    height = 0.035 * step**2 * (3 - 2 * step) + 0.05 * (rho / 0.9) ** 2
    height += bevel(mask, 0.035, 0.03)
    scene.add(relief(sheet, mask, height, material))
    return scene


def panel(
    sheet: Image.Image,
    outline: Points,
    material: Material,
    thick: float = 0.025,
    edge: float = 0.02,
    side: str = "#8a5a2c",
) -> Scene:
    """A board, tile or card lying flat, ``thick`` units high with a softened edge."""
    scene = Scene()
    scene.shadow(outline + 0.04 - 0.06j, 0.07, 0.5)
    scene.pen().fill(outline + complex(thick * 0.5, -thick), side)
    mask = stencil(outline)
    sway = 0.03 * (plane().real * -0.6 + plane().imag * 0.8)
    scene.add(relief(sheet, mask, bevel(mask, edge, edge * 0.8) + sway, material))
    return scene


def pillow_outline(half: float = 0.86, inward: float = 0.07) -> Points:
    """A cushion: four sides drawn in between its corners."""
    t = np.linspace(-1, 1, 60)
    side = half * t + 1j * (half - inward * (1 - t**2) + 0.02 * (t**8))
    return np.concatenate([side[::-1] * 1j**i for i in range(4)])


def pillow(sheet: Image.Image, outline: Points, seam: str) -> Scene:
    """A stuffed cushion with a piped seam."""
    scene = Scene()
    scene.shadow(outline * 0.98 + 0.03 - 0.06j, 0.1, 0.5)
    mask = stencil(outline)
    x, y = plane().real / 0.86, plane().imag / 0.86
    dome = np.sqrt(((1 - x**2).clip(0) * (1 - y**2).clip(0)).clip(0))
    folds = 0.012 * np.sin(9 * np.arctan2(y, x)) * np.hypot(x, y) ** 4
    scene.add(relief(sheet, mask, 0.3 * dome**0.8 + folds, CLOTH))
    scene.pen().line(closed(outline), 0.014, seam)
    return scene
