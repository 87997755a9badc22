"""Khokhloma: red and gold flowers, berries and grass on black lacquer."""

import numpy as np
from PIL import Image

from .pen import Pen, ramp
from .products import Wrap, ground_shadow, vessel
from .scene import LACQUER, Scene, lathe
from .shapes import along, circle, curl, curve, petal, scallop, swell

BLACK, RED, DEEP, GOLD, LIGHT = "#15100c", "#cf2317", "#8c130e", "#d69a2d", "#f6cf62"
GREEN, ORANGE = "#4d7f2b", "#ea6a24"


def flower(pen: Pen) -> None:
    """A red flower of radius 1 with gold edges and a gold eye."""
    for p in pen.around(6):
        outer = petal(0.98, 0.7, 0.5)
        p.fill(outer, GOLD)
        p.shade(outer * 0.95, ramp("#e2481f", RED, 5) + ramp(RED, DEEP, 5), 0.08)
        for side in (-0.13j, 0, 0.13j):
            p.stroke(
                curve(0.4 + side * 0.6, 0.62 + side * 1.3, 0.84 + side * 1.6), swell(0.045), LIGHT
            )
    pen.fill(scallop(12, 0.25, 0.36), BLACK)
    pen.shade(scallop(12, 0.2, 0.3), ramp(GOLD, LIGHT, 4), 0)
    pen.dot(0, 0.11, DEEP)
    for p in pen.around(12, 0.2):
        p.dot(0, 0.028, BLACK)


def leaf(pen: Pen, warm: bool = True) -> None:
    """A lobed gold (or green) leaf of length 1 with dark veins."""
    dark, bright = (GOLD, LIGHT) if warm else ("#2f5d22", "#86a83c")
    for turn, size in ((0, 1), (38, 0.66), (-38, 0.66)):
        pen.at(0.12, size, turn).shade(petal(0.5, 0.48, 0.75), ramp(dark, bright, 6), 0.5 + 0.1j)
    for turn, size in ((0, 0.95), (38, 0.66), (-38, 0.66)):
        pen.at(0.1, size, turn).line(np.array([0, 0.85]), 0.03, DEEP if warm else BLACK)
        for t in (0.35, 0.55, 0.72):
            for side in (1j, -1j):
                pen.at(0.1, size, turn).line(
                    np.array([t, t + 0.13 + 0.12 * side]), 0.02, DEEP if warm else BLACK
                )


def berries(pen: Pen) -> None:
    """A bunch of rowan berries about 0, radius 1."""
    spots = [
        0,
        *(0.52 * np.exp(1j * np.arange(6) * np.pi / 3)),
        *(0.9 * np.exp(1j * (np.arange(5) * np.pi / 3 + 0.55))),
    ]
    for place in spots:
        p = pen.at(complex(place), 0.27)
        p.shade(circle(), ramp(DEEP, RED, 3) + ramp(RED, ORANGE, 4), -0.3 + 0.35j)
        p.dot(-0.3 + 0.35j, 0.22, LIGHT)
        p.dot(0.25 - 0.3j, 0.15, BLACK)


def strawberry(pen: Pen) -> None:
    """A hanging strawberry of length 1, stalk at 0."""
    pen.shade(petal(0.86, 0.4, 0.6), ramp(DEEP, RED, 4) + ramp(RED, ORANGE, 4), 0.45 + 0.14j)
    for t in np.arange(0.2, 0.9, 0.15):
        for side in np.arange(-0.24, 0.25, 0.12):
            if abs(side) < 0.36 * np.sin(np.pi * t):
                pen.dot(t + 1j * (side + 0.06 * (round(t * 20 / 3) % 2)), 0.024, LIGHT)
    for turn in (-70, -35, 0, 35, 70):
        pen.at(turn=turn).fill(petal(0.3, 0.5, 0.8) * 0.3, GREEN)


def grass(pen: Pen, color: str, turn: float = 260) -> None:
    """A thick-and-thin grass curl of length 1 with side blades."""
    spine = curl(turn, 1.9)
    pen.stroke(spine, np.array([0.01, 0.04, 0.065, 0.05, 0.035, 0.025, 0.01]), color)
    pen.dot(spine[-1], 0.035, color)
    sense = np.sign(turn)
    for t, size, side in ((0.12, 0.26, 48), (0.2, 0.3, -42), (0.36, 0.24, -48)):
        place, heading = along(spine, 2, t, 1)[0]
        blade = pen.at(place, size, heading + side * sense).bent(-70 * sense * np.sign(-side))
        blade.fill(petal(0.26, 0.4, 0.8), color)


def _spray(pen: Pen) -> None:
    """One repeat of the vine, a unit wide, half above and half below its stem."""
    stem = curve(-0.5, -0.25 + 0.13j, 0, 0.25 - 0.13j, 0.5)
    for p in (pen.at(-0.25), pen.at(0.25, 1, 180)):
        for q in p.mirrored():
            grass(q.at(0.03 + 0.1j, 0.44, 70), GOLD, -330)
            grass(q.at(0.1 - 0.16j, 0.34, -50), GOLD, 330)
            grass(q.at(0.16 + 0.12j, 0.3, 50), RED, 330)
    pen.line(stem, 0.014, GOLD)
    for p in (pen.at(-0.25), pen.at(0.25, 1, 180)):
        for x in (-0.15, 0.15):
            leaf(p.at(x + 0.03j, 0.22, 90 - 330 * x), warm=x < 0)
        strawberry(p.at(0.16 - 0.1j, 0.14, -60))
        strawberry(p.at(-0.16 - 0.1j, 0.14, -120))
        flower(p.at(-0.06j, 0.17))
        berries(p.at(0.25j, 0.09))
        for q in p.mirrored():
            for place, color in (
                (0.23 + 0.2j, LIGHT),
                (0.2 - 0.3j, ORANGE),
                (0.1 + 0.36j, LIGHT),
                (0.06 - 0.3j, LIGHT),
                (0.3 + 0.08j, ORANGE),
            ):
                q.dot(place, 0.013, color)


def _border(wrap: Wrap, height: float) -> None:
    wrap.stripes((height, 0.1, LIGHT), (height, 0.076, RED))
    for p in wrap.row(height, 0.075):
        p.fill(petal(0.6, 0.5, 0.8) * 0.06 - 0.03, LIGHT)
        p.dot(0.0375, 0.008, BLACK)


def bowl() -> Image.Image:
    """A wide black bowl on a red foot, gold within."""
    wrap = Wrap(
        (
            0.37 - 0.62j,
            0.37 - 0.57j,
            0.29 - 0.52j,
            0.3 - 0.47j,
            0.56 - 0.34j,
            0.74 - 0.06j,
            0.81 + 0.2j,
            0.82 + 0.36j,
        ),
        BLACK,
    )
    for x in (-1, 0, 1):
        _spray(wrap.pen.at(complex(x, wrap.level(0.0)), 0.98))
    for i, p in enumerate(wrap.row(-0.335, 0.165, 90)):
        leaf(p.at(-0.03, 0.15), warm=i % 2 == 0)
        grass(p.at(0.0825j - 0.05, 0.17), GOLD, 300)
        grass(p.upended().at(0.0825j - 0.05, 0.17), RED, 300)
    _border(wrap, 0.28)
    wrap.stripes((0.345, 0.04, RED), (-0.43, 0.045, RED), (-0.4, 0.018, LIGHT))
    wrap.zone(-0.7, -0.545, RED)
    wrap.stripes((-0.545, 0.02, LIGHT), (-0.595, 0.02, LIGHT))
    return vessel(wrap, LACQUER, RED, ("#6e4310", "#efc25a"), 0.27).finish()


def jar() -> Image.Image:
    """A tall jar with a domed lid and a red knob."""
    body = Wrap(
        (
            0.5 - 0.82j,
            0.5 - 0.76j,
            0.45 - 0.72j,
            0.46 - 0.5j,
            0.46 + 0.2j,
            0.45 + 0.28j,
            0.49 + 0.31j,
            0.49 + 0.36j,
        ),
        BLACK,
    )
    for x in (-0.8, 0, 0.8):
        _spray(body.pen.at(complex(x, body.level(0)), 0.86))
        _spray(body.pen.at(complex(x - 0.4, body.level(-0.46)), 0.86))
    body.zone(-0.9, -0.6, RED)
    body.zone(0.2, 0.4, RED)
    _border(body, 0.22)
    _border(body, -0.62)
    lid = _lid()
    scene = Scene()
    ground_shadow(scene, body.knots[0], 0.13)
    scene.add(lathe(body.image, body.knots, LACQUER))
    scene.add(lathe(lid.image, lid.knots, LACQUER))
    return scene.finish()


def _lid() -> Wrap:
    wrap = Wrap(
        (
            0.5 + 0.36j,
            0.5 + 0.4j,
            0.44 + 0.44j,
            0.36 + 0.54j,
            0.2 + 0.63j,
            0.07 + 0.66j,
            0.05 + 0.7j,
            0.1 + 0.76j,
            0.1 + 0.81j,
            0.05 + 0.86j,
            0.005 + 0.875j,
        ),
        BLACK,
    )
    for p in wrap.row(0.5, 0.26):
        grass(p.at(0.13 - 0.08j, 0.26, 100), GOLD, 300)
        grass(p.upended().mirrored()[1].at(0.13 - 0.1j, 0.2, 100), RED, 300)
        flower(p.at(0, 0.095))
        berries(p.at(0.13 + 0.02j, 0.05))
    for i, p in enumerate(wrap.row(0.6, 0.13, 90)):
        leaf(p.at(-0.02, 0.13), warm=i % 2 == 0)
        p.dot(-0.03 + 0.065j, 0.014, RED)
    wrap.zone(0.3, 0.425, RED)
    wrap.zone(0.64, 1, RED)
    wrap.stripes((0.425, 0.02, LIGHT), (0.635, 0.03, LIGHT), (0.7, 0.02, LIGHT))
    return wrap
