"""Gzhel: cobalt brush strokes from nearly black to pale blue, on white porcelain."""

import numpy as np
from PIL import Image

from .pen import Pen, Sheet, ramp
from .products import Wrap, plate, vessel
from .scene import GLAZE
from .shapes import along, circle, closed, curl, curve, petal, scallop, swell

WHITE, PALE, MID, COBALT, INK = "#fbfcff", "#b3c4f0", "#4a66c6", "#1f2f98", "#121858"


def rose(pen: Pen) -> None:
    """The Gzhel rose of radius 1: broad strokes, dark on one side, about a dark heart."""
    for count, size, start, light, dark in ((7, 1, 90, PALE, COBALT), (6, 0.72, 64, MID, INK)):
        for p in pen.around(count, 0.04, start):
            p.fill(petal(0.9, 0.7, 0.5) * size, WHITE)
            p.shade(
                petal(0.86, 0.7, 0.5) * 0.97 * size, ramp(dark, light, 14), (0.8 + 0.16j) * size
            )
            for side in (-0.16, -0.02, 0.12):
                ray = curve(0.34, 0.6 + 0.7j * side, 0.86 + 1.3j * side)
                p.stroke(ray * size, swell(0.035), WHITE if side > 0 else INK)
    pen.fill(scallop(9, 0.2, 0.36), INK)
    for p in pen.around(9, start=80):
        p.stroke(curve(0.12, 0.22 + 0.05j, 0.33 + 0.01j), swell(0.06), "#dfe7fb")
    pen.dot(0, 0.09, WHITE)


def leaf(pen: Pen) -> None:
    """A leaf of length 1, dark on one side."""
    p = pen.bent(40)
    p.shade(petal(0.48, 0.42, 0.8), ramp(COBALT, PALE, 12), 0.55 + 0.16j)
    p.line(np.linspace(0.02, 0.9, 20), 0.025, INK)
    for t in np.arange(0.2, 0.85, 0.13):
        p.line(curve(t, t + 0.08 - 0.06j, t + 0.13 - 0.12j), 0.016, INK)
        p.line(curve(t, t + 0.08 + 0.06j, t + 0.13 + 0.11j), 0.016, COBALT)


def daisy(pen: Pen) -> None:
    """A small flower of radius 1 from comma strokes."""
    for p in pen.around(8, 0.2):
        p.shade(petal(0.56, 0.66, 0.6) * 0.8, ramp(COBALT, PALE, 6), 0.5 + 0.1j)
    pen.dot(0, 0.27, INK)
    pen.dot(0, 0.12, WHITE)


def sprig(pen: Pen, pairs: int = 5, turn: float = 95) -> None:
    """A curled stem of length 1 with pairs of comma leaves and a bud."""
    spine = curl(turn, 1.6)
    pen.line(spine, 0.025, COBALT)
    for i, (place, heading) in enumerate(along(spine, pairs, 0.25, 0.92)):
        size = 0.3 - 0.028 * i
        for side in (48, -48):
            pen.at(place, size, heading + side).shade(
                petal(0.44, 0.6, 0.8), ramp(COBALT, MID if i % 2 else PALE, 4), 0.7
            )
    end, heading = along(spine, 2)[-1]
    pen.at(end, 0.2, heading).shade(petal(0.7, 0.5, 0.7), ramp(INK, MID, 5), 0.6)


def tendril(pen: Pen, turn: float = 400) -> None:
    """A curl of length 1 with berries."""
    spine = curl(turn, 1.7)
    pen.stroke(spine, np.array([0.005, 0.07, 0.05, 0.03, 0.012]), COBALT)
    pen.dot(spine[-1], 0.06, COBALT)
    pen.dot(complex(spine[24]) + 0.1j * np.sign(turn), 0.035, MID)


def net(pen: Pen, width: float, height: float, step: float = 0.062) -> None:
    """The Gzhel net: crossed lines with a dot in each cell."""
    n = int((width + height) / step)
    for i in range(-n, n + 1):
        for slant in (1, -1):
            reach = complex(slant * height / 2, height / 2)
            pen.line(np.array([i * step - reach, i * step + reach]), 0.009, COBALT)
    for k in range(1, int(2 * height / step)):
        y = -height / 2 + k * step / 2
        for i in range(-n, n + 1):
            pen.dot(complex((i + k % 2 / 2) * step, y), 0.009, COBALT)


def comb(wrap: Wrap, height: float, size: float, up: bool = True) -> None:
    """A row of pointed strokes standing on (or hanging from) a height of the profile."""
    for p in wrap.row(height, size * 0.6, 90 if up else -90):
        p.at(0, size).shade(petal(0.55, 0.4, 0.7), ramp(COBALT, PALE, 6), 0.2)
        p.dot(1.12 * size, 0.1 * size, COBALT)


def bouquet(pen: Pen) -> None:
    """A great rose among leaves, sprigs and small flowers, about 1 wide and 0.9 high."""
    for p in pen.mirrored():
        sprig(p.at(0.04 + 0.2j, 0.34, 75), turn=-80)
        sprig(p.at(0.04 - 0.22j, 0.32, -78), turn=80)
        sprig(p.at(0.2 + 0.1j, 0.34, 38), 5, 60)
        sprig(p.at(0.2 - 0.1j, 0.34, -38), 5, -60)
        for place, size, turn in (
            (0.14 + 0.14j, 0.29, 40),
            (0.15 - 0.12j, 0.3, -62),
            (0.08 + 0.2j, 0.24, 72),
            (0.07 - 0.2j, 0.22, -100),
        ):
            leaf(p.at(place, size, turn))
        tendril(p.at(0.16 + 0.22j, 0.24, 78), -420)
        tendril(p.at(0.17 - 0.24j, 0.22, -74), 420)
        daisy(p.at(0.41 + 0.02j, 0.09))
        daisy(p.at(0.14 + 0.4j, 0.06))
        daisy(p.at(0.15 - 0.4j, 0.055))
        for place in (0.34 + 0.34j, 0.36 - 0.33j, 0.3 + 0.4j, 0.32 - 0.39j, 0.06 + 0.47j):
            p.dot(place, 0.013, COBALT)
    rose(pen.at(0, 0.27))


def vase() -> Image.Image:
    """A footed vase with bouquets and a net at the neck."""
    wrap = Wrap(
        (
            0.32 - 0.86j,
            0.31 - 0.81j,
            0.19 - 0.74j,
            0.2 - 0.66j,
            0.4 - 0.38j,
            0.53 + 0.0j,
            0.47 + 0.3j,
            0.27 + 0.5j,
            0.2 + 0.62j,
            0.24 + 0.76j,
            0.35 + 0.87j,
        ),
        WHITE,
    )
    low, high = wrap.level(0.43), wrap.level(0.63)
    net(wrap.pen.at(1j * (low + high) / 2), 2 * wrap.half, high - low)
    middle = 1j * wrap.level(-0.03)
    for i, x in enumerate((-0.98, 0, 0.98)):
        bouquet(wrap.pen.at(x + middle, 0.93))
        if i < 2:
            rose(wrap.pen.at(x + 0.49 + middle + 0.13j, 0.13))
            rose(wrap.pen.at(x + 0.49 + middle - 0.13j, 0.12))
    wrap.stripes(
        (0.43, 0.035, COBALT),
        (0.395, 0.012, MID),
        (0.635, 0.035, COBALT),
        (-0.6, 0.03, COBALT),
        (-0.57, 0.01, MID),
    )
    wrap.zone(-0.9, -0.79, INK)
    wrap.zone(-0.79, -0.72, COBALT)
    wrap.zone(0.845, 0.9, COBALT)
    comb(wrap, 0.655, 0.11)
    comb(wrap, 0.385, 0.075, up=False)
    comb(wrap, -0.56, 0.1)
    return vessel(wrap, GLAZE, COBALT, ("#6d7cb8", "#eef1fb"), 0.13).finish()


def platter() -> Image.Image:
    """A scalloped plate with a wreath about a bouquet of roses."""
    outline = scallop(16, 0.05, 0.92)
    sheet = Sheet(2, 2, WHITE)
    pen = sheet.pen
    pen.fill(scallop(16, 0.05, 0.92), INK)
    pen.shade(scallop(16, 0.05, 0.905), ramp(COBALT, PALE, 10)[:5], 0)
    pen.fill(scallop(16, 0.05, 0.82), WHITE)
    for i, p in enumerate(pen.around(16)):
        for turn in (-38, 0, 38):
            p.at(0.815, 1, turn).fill(petal(0.36, 0.6, 0.7) * 0.075, WHITE)
        p.dot(0.815, 0.012, COBALT)
        if i % 2:
            rose(p.at(0.715, 0.09))
        else:
            daisy(p.at(0.72, 0.06))
        for side in (1, -1):
            leaf(p.at(0.7 + 0.05j * side, 0.12, 75 * side))
            p.dot(0.8 + 0.1j * side, 0.01, COBALT)
    for radius, width, color in ((0.6, 0.02, COBALT), (0.57, 0.009, MID)):
        pen.line(closed(circle(radius, n=200)), width, color)
    for p in pen.around(48, 0.56):
        p.at(0, 0.06, 180).shade(petal(0.5, 0.4, 0.7), ramp(COBALT, PALE, 5), 0.2)
    _wreath(pen.at(-0.01j, 0.96))
    return plate(sheet.image, outline, 0.6).finish()


def _wreath(pen: Pen) -> None:
    for p in pen.around(3):
        sprig(p.at(0.2, 0.3, 14), turn=-70)
        sprig(p.at(0.2, 0.3, -14), turn=70)
    for p in pen.around(3, start=30):
        for turn in (-40, 0, 40):
            leaf(p.at(0.18, 0.28, turn))
        tendril(p.at(0.2, 0.3, 28), -420)
        tendril(p.at(0.2, 0.3, -28), 420)
        daisy(p.at(0.42, 0.07))
    for p in pen.around(3):
        rose(p.at(0.2, 0.225))
        daisy(p.at(0.49, 0.05))
    daisy(pen.at(0, 0.08))
