"""Łowicz cut-outs: layer upon layer of bright paper, flowers and roosters."""

import numpy as np
from PIL import Image

from .pen import Pen, Sheet
from .products import panel, pillow, pillow_outline
from .scene import PAPER
from .shapes import burst, circle, curve, loop, petal, scallop, swell

WHITE, BLACK = "#fdfcf8", "#17130f"
GREEN, LIME, DARK = "#128a3e", "#8cc63f", "#0b5a2c"
WARM = ("#c4161c", "#ee2a24", "#f7941d", "#ffd23c", "#fff3b8")
ROSE = ("#a3117e", "#e0218a", "#f46fae", "#fbc3da", "#ffe94a")
COOL = ("#1b2f8c", "#1d62c4", "#25a5dc", "#a5def2", "#ffffff")
VIOLET = ("#4b1a78", "#8a2fa5", "#d74bb2", "#f9a1c6", "#ffe37a")
SUN = ("#e3451f", "#f7941d", "#ffc31f", "#fff04d", "#d3202a")
TINTS = (WARM, ROSE, COOL, SUN, VIOLET)


def rosette(pen: Pen, tint: int = 0, lobes: int = 14) -> None:
    """A round flower of radius 1 from five papers, each cut smaller."""
    papers = TINTS[tint % len(TINTS)]
    for size, depth, color in zip(
        (1, 0.8, 0.6, 0.42, 0.26), (0.16, 0.3, 0.2, 0.34, 0.1), papers, strict=True
    ):
        cut = scallop(lobes, depth, size) if depth < 0.3 else burst(lobes * 2, depth * 0.5, size)
        pen.fill(cut, color)
    for p in pen.around(lobes, 0.69):
        p.fill(petal(0.7, 0.5) * 0.2 - 0.1, papers[3])
    for p in pen.around(8, 0.13):
        p.fill(petal(0.4, 0.5) * 0.16, papers[0])
    pen.dot(0, 0.1, papers[1])


def bell(pen: Pen, tint: int = 0) -> None:
    """A fan flower of length 1 with pointed petals, seen from the side."""
    papers = TINTS[tint % len(TINTS)]
    for size, papers_n, spread in ((1, 0, 74), (0.78, 1, 66), (0.56, 2, 56), (0.38, 3, 46)):
        for turn in np.linspace(-spread, spread, 7):
            pen.at(0, size, turn).fill(petal(0.42, 0.64, 0.7), papers[papers_n])
        if papers_n == 1:
            for turn in np.linspace(-spread, spread, 7):
                pen.at(0, 0.97, turn).dot(0.84, 0.03, papers[4])
    pen.fill(circle(0.2, 0.06), GREEN)
    pen.fill(scallop(8, 0.2, 0.13) + 0.06, papers[4])


def leaf(pen: Pen, flip: bool = False) -> None:
    """A feathered leaf of length 1: dark paper, green paper, light veins."""
    p = pen.bent(-45 if flip else 45)
    p.fill(petal(0.44, 0.48, 0.8), DARK)
    p.fill(petal(0.36, 0.48, 0.85) * 0.92 + 0.03, GREEN)
    p.fill(petal(0.13, 0.45, 1) * 0.8 + 0.06, LIME)
    for t in np.arange(0.2, 0.8, 0.1):
        for side in (1j, -1j):
            p.stroke(
                np.array([t, t + 0.09 + 0.14 * side * np.sin(np.pi * t)]),
                np.array([0.045, 0.01]),
                LIME,
            )


def rooster(pen: Pen) -> None:
    """A rooster of height about 1 facing right, its tail a fan of paper plumes."""
    plumes = (
        (112, 0.66, GREEN),
        (136, 0.74, DARK),
        (158, 0.74, GREEN),
        (180, 0.64, DARK),
        (203, 0.5, GREEN),
    )
    for i, (turn, size, color) in enumerate(plumes):
        p = pen.at(-0.16 - 0.02j, size, turn).bent(-62 if turn < 150 else 58)
        papers = TINTS[(i + 1) % 5]
        p.fill(petal(0.34, 0.68, 0.65), color)
        p.fill(petal(0.24, 0.68, 0.65) * 0.9 + 0.06, papers[1])
        p.fill(petal(0.15, 0.66, 0.7) * 0.8 + 0.12, papers[3])
        p.fill(petal(0.07, 0.66, 0.7) * 0.66 + 0.22, papers[0])
    for x in (-0.04, 0.1):
        pen.stroke(curve(x - 0.26j, x + 0.01 - 0.42j, x + 0.03 - 0.5j), 0.045, WARM[0])
        for toe in (-0.1, 0.02, 0.12):
            foot = x + 0.03 - 0.47j
            pen.stroke(foot + np.linspace(0, toe - 0.09j, 12), swell(0.045), WARM[0])
    body = loop(
        -0.32 + 0.08j,
        -0.1 + 0.04j,
        0.03 + 0.2j,
        0.09 + 0.46j,
        0.22 + 0.56j,
        0.34 + 0.48j,
        0.34 + 0.3j,
        0.37 + 0.06j,
        0.25 - 0.24j,
        0.02 - 0.34j,
        -0.22 - 0.22j,
    )
    middle = 0.12 - 0.02j
    for size, color in ((1, BLACK), (0.9, "#d3202a"), (0.68, "#f7941d"), (0.46, "#ffd23c")):
        pen.fill(middle + (body - middle) * size, color)
    for i, place in enumerate((0.16 + 0.34j, 0.2 + 0.24j, 0.2 + 0.14j)):
        pen.at(place, 0.13 - 0.005 * i, -90).fill(scallop(7, 0.3), TINTS[2 - i % 2][1 + i % 2])
        pen.at(place, 0.06, 0).fill(scallop(7, 0.3), "#fff04d")
    rosette(pen.at(0.08 - 0.1j, 0.19), 2, 10)
    for turn in (60, 88, 116, 144):
        pen.at(0.2 + 0.5j, 0.25, turn).fill(petal(0.42, 0.66, 0.6), "#d3202a")
        pen.at(0.2 + 0.5j, 0.18, turn).fill(petal(0.3, 0.66, 0.6), "#f46fae")
    pen.fill(loop(0.32 + 0.5j, 0.45 + 0.46j, 0.32 + 0.42j), "#ffc31f")
    pen.at(0.32 + 0.42j, 0.16, -85).fill(petal(0.6, 0.7, 0.6), "#d3202a")
    pen.dot(0.25 + 0.48j, 0.04, WHITE)
    pen.dot(0.255 + 0.48j, 0.02, BLACK)


def _tree(pen: Pen) -> None:
    pen.stroke(curve(-0.62j, -0.2j, 0.4j), 0.028, DARK)
    for y, size, turn in ((-0.5, 0.24, 22), (-0.36, 0.2, 30), (-0.08, 0.17, 36), (0.1, 0.22, 30)):
        for p in pen.mirrored():
            leaf(p.at(1j * y, size, turn))
    rosette(pen.at(0.46j, 0.19), 1)
    rosette(pen.at(0.16j, 0.085), 3, 10)
    rosette(pen.at(-0.14j, 0.075), 2, 10)
    rosette(pen.at(-0.6j, 0.15), 4)


def rosette_card() -> Image.Image:
    """A round cut-out with two roosters at a flowering tree."""
    sheet = Sheet(2, 2, WHITE)
    pen = sheet.pen
    pen.fill(scallop(48, 0.05, 0.88), DARK)
    pen.fill(burst(96, 0.04, 0.835), LIME)
    pen.fill(circle(0.8), GREEN)
    pen.fill(circle(0.785), WHITE)
    for i, p in enumerate(pen.around(48, 0.84)):
        p.dot(0, 0.014, ("#ffd23c", "#e0218a")[i % 2])
    for p in pen.mirrored():
        leaf(p.at(0.3 - 0.42j, 0.26, 20), True)
        leaf(p.at(0.56 + 0.16j, 0.2, 70))
        for place, size, tint in (
            (0.32 + 0.54j, 0.125, 0),
            (0.55 + 0.4j, 0.11, 2),
            (0.35 - 0.55j, 0.135, 1),
            (0.59 - 0.38j, 0.1, 3),
        ):
            for turn in (-60, 60, 150, 210):
                away = np.degrees(np.angle(place)) + turn
                leaf(p.at(place, size * 1.75, away), turn in (60, 210))
            rosette(p.at(place, size), tint, 12)
        bell(p.at(0.17 - 0.43j, 0.13, 60), 0)
        leaf(p.at(0.02 + 0.66j, 0.26, -6))
        rooster(p.at(-0.33 - 0.02j, 0.6))
    _tree(pen.at(-0.02j))
    return panel(sheet.image, circle(0.92, n=200), PAPER, 0.012, 0.01, "#d9d5cc").finish()


def black_pillow() -> Image.Image:
    """A black cushion strewn with flowers in full color."""
    sheet = Sheet(2, 2, BLACK)
    pen = sheet.pen
    for i, p in enumerate(pen.around(4, 0, 45)):
        p.line(curve(0.1, 0.4 + 0.06j, 0.9), 0.02, GREEN)
        for t, side in ((0.34, 1), (0.34, -1), (0.56, 1), (0.56, -1)):
            leaf(p.at(t, 0.36, side * 58), side < 0)
        rosette(p.at(0.84, 0.23), i % 2 * 3 + 1)
        rosette(p.at(0.5, 0.13), 2 - i % 2, 12)
        for side in (1, -1):
            bell(p.at(0.68 + 0.26j * side, 0.2, 30 * side), (0, 4)[i % 2])
            leaf(p.at(0.95 + 0.2j * side, 0.22, 70 * side), side < 0)
    for i, p in enumerate(pen.around(4, 0, 90)):
        for side in (1, -1):
            leaf(p.at(0.32, 0.42, side * 40), side > 0)
            leaf(p.at(0.6, 0.3, side * 66), side < 0)
        rosette(p.at(0.66, 0.17), (2, 3)[i % 2])
        p.line(np.array([0.3, 0.5]), 0.02, GREEN)
    for p in pen.around(8, 0.22, 22.5):
        leaf(p.at(-0.04, 0.22))
    rosette(pen.at(0, 0.29), 0, 16)
    return pillow(sheet.image, pillow_outline(), "#000000").finish()
