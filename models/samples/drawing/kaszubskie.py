"""Kashubian embroidery: three blues, yellow, red, green and black, satin-stitched on white."""

import numpy as np
from PIL import Image

from .pen import Pen, Sheet, ramp
from .products import Wrap, pillow, pillow_outline, vessel
from .scene import GLAZE, Scene
from .shapes import along, circle, curl, curve, heart, petal, scallop, swell, toothed

WHITE, NAVY, BLUE, SKY = "#fdfdfb", "#1c2f80", "#2068c0", "#74b8e8"
YELLOW, RED, GREEN, MOSS, BLACK = "#f8cc30", "#d6262f", "#2f8a3c", "#8cba45", "#22222e"
LINE = 0.035


def tulip(pen: Pen, outer: str = BLUE, inner: str = YELLOW) -> None:
    """A tulip of length 1 on its stem end 0, petals nested in the three blues."""
    for side in (-1, 1):
        p = pen.at(turn=24 * side).bent(34 * side)
        p.fill(petal(0.5, 0.5, 0.7), outer, NAVY, LINE)
        p.fill(petal(0.28, 0.5, 0.8) * 0.8 + 0.08, SKY)
        _stitches(p, NAVY, 0.2, 0.85)
    pen.fill(petal(0.5, 0.5, 0.6) * 0.86, inner, NAVY, LINE)
    pen.fill(petal(0.3, 0.5, 0.6) * 0.62, RED if inner == YELLOW else YELLOW)
    pen.fill(petal(0.16, 0.5, 0.7) * 0.42, NAVY)
    for side in (-1, 0, 1):
        pen.line(curve(0.8, 0.98 + 0.08j * side, 1.1 + 0.18j * side), 0.025, BLACK)
        pen.dot(1.12 + 0.19j * side, 0.045, RED)
    _calyx(pen)


def _calyx(pen: Pen) -> None:
    for turn in (-58, -30, 30, 58):
        pen.at(-0.04, 1, turn).fill(petal(0.26, 0.6, 0.8) * 0.24, GREEN, BLACK, 0.016)


def _stitches(pen: Pen, color: str, first: float, last: float) -> None:
    for t in np.arange(first, last, 0.08):
        pen.line(np.array([t, t + 0.06 + 0.1j]), 0.014, color)
        pen.line(np.array([t, t + 0.06 - 0.1j]), 0.014, color)


def daisy(pen: Pen, color: str = BLUE, n: int = 9) -> None:
    """A daisy of radius 1."""
    for p in pen.around(n, 0.2):
        p.fill(petal(0.44, 0.66, 0.6) * 0.8, color, NAVY, LINE)
        p.line(np.array([0.12, 0.52]), 0.05, SKY if color == BLUE else NAVY)
    pen.fill(circle(0.3), YELLOW, NAVY, LINE)
    pen.fill(scallop(8, 0.2, 0.17), RED)


def rose(pen: Pen) -> None:
    """A round red flower of radius 1 with a golden heart."""
    pen.fill(scallop(9, 0.2), RED, BLACK, LINE)
    for p in pen.around(9):
        p.stroke(curve(0.5, 0.82), swell(0.1), "#f58a7a")
    pen.fill(scallop(9, 0.2, 0.56), YELLOW, BLACK, LINE)
    pen.fill(circle(0.26), BLUE, NAVY, LINE)
    pen.dot(0, 0.11, WHITE)


def pomegranate(pen: Pen) -> None:
    """The Kashubian pomegranate of length 1: a latticed heart between winged blues."""
    for side in (-1, 1):
        for size, turn, color in ((1, 30, NAVY), (0.96, 21, BLUE), (0.92, 12, SKY)):
            p = pen.at(0, size, turn * side).bent(42 * side)
            p.fill(petal(0.4, 0.55, 0.7), color, NAVY, 0.025)
        _stitches(pen.at(0, 1, 27 * side).bent(42 * side), SKY, 0.3, 0.85)
    pen.fill(petal(0.72, 0.45, 0.6) * 0.92, YELLOW, NAVY, LINE)
    pen.fill(petal(0.54, 0.45, 0.6) * 0.74 + 0.05, RED, NAVY, 0.02)
    for k in np.arange(-0.3, 0.9, 0.09):
        for side in (1, -1):
            t = np.linspace(0.14, 0.68, 28)
            line = t + 1j * side * (t - 0.14 - k)
            line = line[abs(line.imag) < 0.2 * np.sin(np.pi * (t - 0.05) / 0.74) ** 0.7]
            if len(line) > 1:
                pen.line(line, 0.018, YELLOW)
    for turn in (-34, -17, 0, 17, 34):
        pen.at(0.8, 0.34, turn).fill(petal(0.34, 0.6, 0.7), (GREEN, RED)[turn % 2], BLACK, 0.06)
    _calyx(pen)


def leaf(pen: Pen, flip: bool = False) -> None:
    """A toothed leaf of length 1, half dark and half light."""
    p = pen.bent(-40 if flip else 40)
    p.fill(toothed(petal(0.52, 0.45, 0.75), 14, 0.35), GREEN, "#1c5a2a", LINE)
    half = petal(0.36, 0.45, 0.8)
    p.fill(half.real + 1j * half.imag.clip(0), MOSS)
    p.line(np.array([0, 0.9]), 0.035, BLACK)


def bud(pen: Pen, color: str = RED) -> None:
    """A small drop-shaped bud of length 1."""
    pen.fill(petal(0.62, 0.55, 0.7), color, BLACK, 0.06)
    pen.fill(petal(0.26, 0.5, 0.8) * 0.7 + 0.05, YELLOW)
    for turn in (-40, 40):
        pen.at(turn=turn).fill(petal(0.4, 0.5, 0.8) * 0.5, GREEN)


def tendril(pen: Pen, turn: float = 400) -> None:
    """A thin black curl of length 1 with a berry."""
    spine = curl(turn, 1.7)
    pen.line(spine, 0.04, BLACK)
    pen.dot(spine[-1], 0.07, RED)


def _branch(pen: Pen, color: str = BLUE) -> None:
    """A bowed branch of length 1 with leaves, buds, curls and a flower at its end."""
    spine = curl(70, 1)
    pen.line(spine, 0.018, GREEN)
    for i, (place, turn) in enumerate(along(spine, 4, 0.16, 0.72)):
        side = 1 if i % 2 else -1
        leaf(pen.at(place, 0.26, turn + 52 * side), side < 0)
        bud(pen.at(place, 0.13, turn - 60 * side), (RED, YELLOW, BLUE, RED)[i])
        tendril(pen.at(place, 0.2, turn - 25 * side), -390 * side)
    end, turn = along(spine, 2)[-1]
    daisy(pen.at(end, 0.15, turn), color)


def white_pillow() -> Image.Image:
    """A white cushion embroidered with a cross of tulips about a rose."""
    sheet = Sheet(2, 2, WHITE)
    pen = sheet.pen
    for i, p in enumerate(pen.around(4, 0, 90)):
        p.line(np.array([0.1, 0.4]), 0.02, GREEN)
        for side in (1, -1):
            leaf(p.at(0.22, 0.24, 42 * side), side < 0)
            tendril(p.at(0.62 + 0.17j * side, 0.17, 20 * side), 400 * side)
            bud(p.at(0.46 + 0.14j * side, 0.1, 60 * side), (YELLOW, RED)[i % 2])
        (pomegranate if i % 2 else tulip)(p.at(0.4, 0.34))
    for i, p in enumerate(pen.around(4, 0, 45)):
        p.line(np.array([0.1, 0.62]), 0.018, GREEN)
        for side in (1, -1):
            leaf(p.at(0.4, 0.22, 64 * side), side > 0)
            leaf(p.at(0.58, 0.2, 50 * side), side < 0)
            tendril(p.at(0.52, 0.15, 24 * side), 390 * side)
            bud(p.at(0.86 + 0.1j * side, 0.12, 40 * side), (RED, BLUE)[i % 2])
            daisy(p.at(0.66 + 0.255j * side, 0.075), (SKY, YELLOW)[i % 2], 7)
            tendril(p.at(0.8 + 0.17j * side, 0.14, 80 * side), -390 * side)
            p.dot(0.98 + 0.05j * side, 0.012, BLUE)
        (rose if i % 2 else daisy)(p.at(0.74, 0.14))
        p.at(0.24, 0.12).fill(heart(), RED, BLACK, 0.06)
    daisy(pen.at(0, 0.17), BLUE, 12)
    return pillow(sheet.image, pillow_outline(), "#d9dbe2").finish()


def _spot(pen: Pen) -> None:
    pomegranate(pen.at(-0.02j, 0.46, 90))
    for p in pen.mirrored():
        _branch(p.at(-0.02j, 0.62, -12))
        _branch(p.at(0.04 - 0.02j, 0.4, -75), SKY)
        tulip(p.at(0.3 + 0.3j, 0.22, 62), SKY, RED)
        p.line(curve(0.04 - 0.04j, 0.2 + 0.12j, 0.3 + 0.3j), 0.012, GREEN)
        leaf(p.at(0.14 + 0.06j, 0.15, 80))
        tendril(p.at(0.12 + 0.38j, 0.14, 70), -390)
        bud(p.at(0.12 + 0.44j, 0.09, 70), YELLOW)
        leaf(p.at(0.06 - 0.4j, 0.2, -20))
        leaf(p.at(0.06 - 0.44j, 0.18, -62), True)
        daisy(p.at(0.34 - 0.38j, 0.075), YELLOW, 7)
        tendril(p.at(0.18 - 0.36j, 0.15, 60), -390)
        bud(p.at(0.44 - 0.28j, 0.1, 20), RED)
    p = pen.at(-0.3j, 0.15, 90)
    p.fill(heart(), RED, BLACK, 0.05)
    rose(pen.at(-0.42j, 0.1))


def mug() -> Image.Image:
    """A white mug with a pomegranate between branches."""
    wrap = Wrap((0.5 - 0.72j, 0.53 - 0.68j, 0.55 - 0.6j, 0.56, 0.56 + 0.6j, 0.57 + 0.68j), WHITE)
    for x in (-1.02, 0, 1.02):
        _spot(wrap.pen.at(complex(x, wrap.level(0.03)), 0.98))
    wrap.stripes((0.6, 0.035, BLUE), (0.55, 0.012, RED), (-0.6, 0.035, BLUE), (-0.555, 0.012, RED))
    return vessel(wrap, GLAZE, WHITE, ("#8f95a6", "#f6f7fa"), 0.16, behind=_handle).finish()


def _handle(scene: Scene) -> None:
    spine = curve(
        -0.5 + 0.42j, -0.74 + 0.4j, -0.86 + 0.22j, -0.85 - 0.08j, -0.72 - 0.3j, -0.5 - 0.4j
    )
    for i, color in enumerate(ramp("#b4b8c4", WHITE, 14)):
        scene.pen().stroke(spine + 0.003 * i, 0.15 - 0.01 * i, color)
