"""Gorodets: roses, birds and horses on warm wood, brought to life with white strokes."""

import numpy as np
from PIL import Image

from .pen import Pen, Sheet, ramp
from .products import Wrap, ground_shadow, panel
from .scene import WOOD, Scene, lathe
from .shapes import box, circle, closed, curl, curve, loop, petal, scallop, swell

WOODY, RED, CRIMSON, PINK = "#ecd3a0", "#c9252b", "#96142c", "#ee8e9a"
BLUE, SKY, GREEN, MOSS = "#2f4f9e", "#7fa6dc", "#25633a", "#5d9a4c"
WHITE, BLACK = "#fffaf0", "#201a1c"
ROSES = (
    (RED, CRIMSON, PINK),
    (PINK, RED, "#fbd5d2"),
    (SKY, BLUE, "#d5e4f7"),
    ("#e9703c", "#a32a20", "#f7bd8e"),
)


def rose(pen: Pen, tint: int = 0) -> None:
    """The Gorodets rose of radius 1: a disc, a dark core, rings of scallops and white lines."""
    disc, core, pale = ROSES[tint % len(ROSES)]
    for p in pen.around(12):
        p.shade(circle(0.26, 0.76), ramp(disc, pale, 4), 0.92)
        p.line(0.76 + 0.2 * np.exp(1j * np.linspace(-1.4, 1.4, 14)), 0.035, WHITE)
    pen.fill(circle(0.76), disc)
    pen.fill(scallop(12, 0.16, 0.72), core)
    for p in pen.around(12):
        p.line(0.5 + 0.13 * np.exp(1j * np.linspace(-1.3, 1.3, 12)), 0.035, pale)
    pen.fill(scallop(8, 0.2, 0.44), disc)
    for p in pen.around(8, start=110):
        p.stroke(curve(0.16, 0.27 + 0.05j, 0.37), swell(0.06), WHITE)
    pen.dot(0, 0.17, "#f0b93c")
    pen.dot(0, 0.09, core)
    for p in pen.around(12, 0.98, 105):
        p.dot(0, 0.03, WHITE)


def bud(pen: Pen, tint: int = 0) -> None:
    """A kupavka: a round bud of radius 1 with its core to one side."""
    disc, core, pale = ROSES[tint % len(ROSES)]
    pen.fill(circle(), disc)
    for p in pen.at(-0.2).around(7, start=-66):
        p.line(0.72 + 0.3 * np.exp(1j * np.linspace(-1.3, 1.3, 12)), 0.06, WHITE)
    pen.fill(circle(0.52, -0.38), core)
    for turn in (-50, -18, 18, 50):
        pen.at(-0.4, 1, turn).stroke(np.linspace(0.62, 1.1, 8), swell(0.1), pale)
    pen.line(-0.38 + 0.36 * np.exp(1j * np.linspace(-1.2, 1.2, 12)), 0.06, WHITE)
    pen.dot(-0.5, 0.13, "#f0b93c")


def leaves(pen: Pen, n: int = 5, spread: float = 120) -> None:
    """A fan of ``n`` leaves of length 1 with light halves, dark veins and white ticks."""
    for i, turn in enumerate(np.linspace(-spread / 2, spread / 2, n)):
        p = pen.at(0, 1 - 0.28 * abs(i - (n - 1) / 2) / n * 2, turn).bent(turn * 0.5)
        p.fill(petal(0.42, 0.5, 0.8), GREEN)
        p.fill(petal(0.3, 0.5, 0.9) * 0.9 + 0.02 + 0.05j, MOSS)
        p.stroke(np.linspace(0, 0.86, 12), swell(0.05, 0.3), BLACK)
        for t in (0.3, 0.46, 0.62):
            p.stroke(np.array([t, t + 0.06 + 0.06j, t + 0.13 + 0.1j]), swell(0.04), WHITE)
        p.dot(1.07, 0.04, WHITE)


def horse(pen: Pen) -> None:
    """A black horse of height about 1 facing right, with red harness and white lines."""
    _tail(pen)
    for hip, hoof, kink in (
        (-0.34 - 0.06j, -0.5 - 0.52j, -0.42 - 0.3j),
        (-0.26 - 0.08j, -0.24 - 0.54j, -0.18 - 0.32j),
        (0.2 - 0.06j, 0.22 - 0.54j, 0.18 - 0.3j),
        (0.24 - 0.02j, 0.5 - 0.3j, 0.44 - 0.1j),
    ):
        pen.stroke(curve(hip, kink, hoof), np.array([0.2, 0.12, 0.055, 0.05, 0.06]), BLACK)
        pen.at(hoof).fill(box(0.1, 0.05), BLACK)
        pen.line(hoof + 0.06j + np.array([-0.04, 0.04]), 0.014, WHITE)
    pen.fill(
        loop(
            -0.46 + 0.06j,
            -0.36 + 0.18j,
            -0.12 + 0.12j,
            0.06 + 0.16j,
            0.12 + 0.34j,
            0.2 + 0.5j,
            0.33 + 0.56j,
            0.36 + 0.62j,
            0.39 + 0.55j,
            0.46 + 0.46j,
            0.53 + 0.33j,
            0.47 + 0.29j,
            0.38 + 0.36j,
            0.35 + 0.3j,
            0.37 + 0.1j,
            0.3 - 0.1j,
            0.1 - 0.13j,
            -0.1 - 0.09j,
            -0.3 - 0.14j,
            -0.45 - 0.08j,
        ),
        BLACK,
    )
    for t in np.linspace(0, 1, 9):
        root = curve(0.04 + 0.2j, 0.1 + 0.36j, 0.32 + 0.6j)[int(t * 47)]
        pen.stroke(root + curve(0, -0.1 + 0.04j, -0.17 - 0.06j), swell(0.05), CRIMSON)
        pen.line(root + curve(0, -0.09 + 0.035j, -0.15 - 0.05j), 0.008, PINK)
    pen.fill(loop(-0.22 + 0.15j, -0.02 + 0.15j, 0.02 - 0.04j, -0.1 - 0.1j, -0.22 - 0.04j), RED)
    rose(pen.at(-0.1 + 0.03j, 0.08), 1)
    for spine in (
        curve(0.3 + 0.5j, 0.36 + 0.44j, 0.42 + 0.33j),
        curve(0.38 + 0.5j, 0.36 + 0.44j),
        curve(0.12 + 0.16j, 0.24 + 0.02j, 0.37 + 0.08j),
        curve(-0.24 + 0.02j, -0.38 + 0.02j, -0.46 + 0.05j),
    ):
        pen.line(spine, 0.02, RED)
        pen.line(spine, 0.006, WHITE)
    pen.dot(0.385 + 0.48j, 0.014, WHITE)
    pen.line(curve(0.2 - 0.08j, 0.3 + 0.06j, 0.29 + 0.22j), 0.01, WHITE)
    pen.line(curve(-0.42 - 0.04j, -0.32 + 0.04j, -0.3 + 0.14j), 0.01, WHITE)


def _tail(pen: Pen) -> None:
    for i, turn in enumerate((150, 165, 180, 196)):
        p = pen.at(-0.42 + 0.1j, 0.5 - 0.05 * i, turn)
        p.stroke(curl(95, 1.2), swell(0.16, 0.6), BLACK)
        p.line(curl(95, 1.2), 0.015, PINK)


def _garland(pen: Pen, tint: int = 0, below: bool = True) -> None:
    """A rose between buds on a bed of leaves, 1 wide; small buds above and ``below``."""
    for p in pen.mirrored():
        leaves(p.at(0.1 + 0.1j, 0.24, 50), 4, 90)
        leaves(p.at(0.1 - 0.1j, 0.24 if below else 0.2, -40), 4, 90)
        leaves(p.at(0.36, 0.2, 5), 5, 150)
        p.stroke(curl(-300, 1.6) * 0.2 + 0.3 + 0.12j, swell(0.018), GREEN)
        p.stroke(curl(300, 1.6) * 0.2 + 0.3 - 0.12j, swell(0.018), GREEN)
        bud(p.at(0.31, 0.115), tint + 2)
        bud(p.at(0.21 + 0.2j, 0.07, 45), tint + 1)
        if below:
            bud(p.at(0.21 - 0.2j, 0.07, -45), tint + 3)
    rose(pen.at(0, 0.215), tint)


def _edging(pen: Pen, outline: np.ndarray, step: float) -> None:
    """White flowers with blue eyes all along a closed outline."""
    closed = np.append(outline, outline[:1])
    length = np.concatenate([[0], np.cumsum(abs(np.diff(closed)))])
    pen.line(closed, 0.014, WHITE)
    for at in np.linspace(0, length[-1], round(length[-1] / step), endpoint=False):
        place = complex(np.interp(at, length, closed.real), np.interp(at, length, closed.imag))
        pen.fill(place + scallop(5, 0.3, 0.026), WHITE)
        pen.dot(place, 0.01, BLUE)


def _board_outline() -> np.ndarray:
    right = curve(
        0.94j,
        0.09 + 0.925j,
        0.135 + 0.85j,
        0.12 + 0.72j,
        0.16 + 0.62j,
        0.36 + 0.565j,
        0.52 + 0.52j,
        0.57 + 0.4j,
        0.57 - 0.2j,
        0.57 - 0.78j,
        0.5 - 0.89j,
        0.3 - 0.915j,
        -0.92j,
    )
    return np.concatenate([right, -np.conj(right[-2:0:-1])])


def board() -> Image.Image:
    """A cutting board with a horse between two garlands."""
    outline = _board_outline()
    sheet = Sheet(2, 2, WOODY)
    pen = sheet.pen
    _grain(pen)
    for place in outline:
        pen.dot(complex(place), 0.068, RED)
    _edging(pen, outline * 0.965 - 0.002j, 0.083)
    inner = box(0.9, 1.24, 0.1) - 0.2j
    pen.line(closed(inner), 0.016, BLUE)
    _garland(pen.at(0.23j, 0.8), 0, below=False)
    _garland(pen.at(-0.63j, 0.8).upended(), 0, below=False)
    horse(pen.at(-0.02 - 0.23j, 0.45))
    for p in pen.mirrored():
        leaves(p.at(0.37 - 0.2j, 0.12, 100), 5, 140)
        leaves(p.at(0.37 - 0.2j, 0.11, -80), 3, 100)
        bud(p.at(0.37 - 0.19j, 0.055, 90), 2)
    leaves(pen.at(0.53j, 0.17, 90), 5, 140)
    bud(pen.at(0.54j, 0.085, 90), 0)
    scene = panel(sheet.image, outline, WOOD)
    scene.pen().fill(circle(0.036, 0.8j), "#f6f4f1", CRIMSON, 0.016)
    return scene.finish()


def _grain(pen: Pen) -> None:
    for i in range(46):
        x = -0.7 + i * 0.031 + 0.012 * np.sin(i * 2.4)
        sway = 0.012 * np.sin(np.linspace(0, 5, 30) + i)
        pen.line(x + sway + 1j * np.linspace(-1, 1, 30), 0.004, ("#e2c48c", "#e6cb96")[i % 2])


def round_box() -> Image.Image:
    """A round lidded box, roses and buds about its side and on its lid."""
    side = Wrap(
        (
            0.66 - 0.8j,
            0.66 - 0.71j,
            0.62 - 0.65j,
            0.63 - 0.35j,
            0.62 - 0.12j,
            0.66 - 0.06j,
            0.66 + 0.02j,
        ),
        WOODY,
    )
    for i, x in enumerate((-1.28, -0.64, 0, 0.64, 1.28)):
        _garland(side.pen.at(complex(x, side.level(-0.38)), 0.84), i % 2 * 2)
    side.zone(-0.9, -0.66, RED)
    side.zone(-0.09, 0.1, RED)
    side.stripes((-0.64, 0.02, BLUE), (-0.11, 0.02, BLUE))
    _flowers(side, -0.76, -0.02)
    lid = _lid()
    scene = Scene()
    ground_shadow(scene, side.knots[0], 0.22)
    scene.add(lathe(side.image, side.knots, WOOD, 0.22))
    scene.add(lathe(lid.image, lid.knots, WOOD, 0.22))
    return scene.finish()


def _lid() -> Wrap:
    wrap = Wrap(
        (
            0.68 + 0.02j,
            0.69 + 0.05j,
            0.68 + 0.13j,
            0.6 + 0.2j,
            0.4 + 0.33j,
            0.2 + 0.4j,
            0.09 + 0.42j,
            0.07 + 0.47j,
            0.12 + 0.55j,
            0.1 + 0.62j,
            0.005 + 0.645j,
        ),
        WOODY,
    )
    for i, p in enumerate(wrap.row(0.265, 0.36)):
        for q in p.mirrored():
            leaves(q.at(0.14, 0.14, 35), 3, 90)
            leaves(q.at(0.14, 0.14, -35), 3, 90)
        rose(p.at(0, 0.135), i)
        bud(p.at(0.18 + 0.04j, 0.06, 90), i + 2)
    wrap.zone(0, 0.14, RED)
    wrap.zone(0.405, 1, RED)
    wrap.stripes((0.15, 0.02, BLUE), (0.4, 0.025, BLUE))
    _flowers(wrap, 0.085)
    return wrap


def _flowers(wrap: Wrap, *heights: float) -> None:
    for height in heights:
        for p in wrap.row(height, 0.083):
            p.fill(scallop(5, 0.3, 0.026), WHITE)
            p.dot(0, 0.01, BLUE)
