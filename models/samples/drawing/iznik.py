"""Iznik: tulips, carnations and saz leaves in cobalt, turquoise and tomato red on white."""

import numpy as np
from PIL import Image

from .pen import Pen, Sheet
from .products import panel, plate
from .scene import GLAZE
from .shapes import along, box, circle, closed, curve, petal, ribbon, scallop, swell, toothed

WHITE, INK, COBALT, BLUE = "#f4f7f8", "#1a2140", "#1f3690", "#4a7fc4"
TEAL, RED, DARK, GREEN = "#2aa5b4", "#c8331f", "#8f2016", "#1f7a56"
LINE = 0.035


def tulip(pen: Pen, color: str = RED) -> None:
    """A slender tulip of length 1 with pointed petals."""
    for side in (-1, 1):
        spine = curve(
            0, 0.2 + 0.12j * side, 0.5 + 0.17j * side, 0.8 + 0.13j * side, 1.06 + 0.26j * side
        )
        pen.fill(ribbon(spine, swell(0.27, 0.38)), color, INK, LINE)
        pen.stroke(spine[16:78], swell(0.05), WHITE)
    heart = COBALT if color == RED else RED
    pen.fill(petal(0.34, 0.4, 0.9) * 0.92, color, INK, LINE)
    pen.fill(petal(0.19, 0.42, 0.9) * 0.72 + 0.1, heart)
    pen.stroke(np.linspace(0.24, 0.66, 9), swell(0.06), WHITE)
    for turn in (-40, 40):
        pen.at(-0.05, 0.26, turn).fill(petal(0.4, 0.6, 0.8), GREEN, INK, 0.08)


def carnation(pen: Pen, color: str = RED) -> None:
    """A carnation of length 1: a toothed fan over its calyx."""
    for i, turn in enumerate((-66, 66, -44, 44, -22, 22, 0)):
        edge = petal(0.44, 0.74, 0.5)
        frayed = edge * np.where(edge.real > 0.9, 1 - 0.05 * (np.arange(len(edge)) % 4 > 1), 1)
        pen.at(0.12, 0.86, turn).fill(frayed, color, INK if i % 2 else DARK, LINE)
        pen.at(0.12, 0.86, turn).stroke(np.linspace(0.44, 0.84, 9), swell(0.08), WHITE)
    for turn in np.linspace(-72, 72, 7):
        pen.at(0.12, 1, turn).dot(0.3, 0.035, WHITE)
    pen.fill(petal(0.5, 0.6, 0.6) * 0.36 - 0.1, GREEN, INK, LINE)
    pen.fill(petal(0.2, 0.6, 0.6) * 0.26 - 0.04, TEAL)


def saz(pen: Pen, bend: float = 70, color: str = GREEN) -> None:
    """A long saz leaf of length 1, toothed, with a red rib."""
    p = pen.bent(bend)
    p.fill(toothed(petal(0.3, 0.42, 0.8), 22, 0.22), color, INK, 0.028)
    p.stroke(np.linspace(0.05, 0.92, 12), swell(0.085, 0.3), TEAL if color != TEAL else COBALT)
    p.stroke(np.linspace(0.1, 0.86, 12), swell(0.035, 0.3), WHITE)


def palmette(pen: Pen) -> None:
    """The hatayi flower of radius 1: rings of petals about a red heart."""
    for p in pen.around(9):
        p.fill(petal(0.62, 0.7, 0.55), COBALT, INK, LINE)
        p.fill(petal(0.3, 0.7, 0.6) * 0.8 + 0.12, BLUE)
        p.stroke(np.linspace(0.56, 0.9, 8), swell(0.08), WHITE)
    for p in pen.around(9, start=110):
        p.fill(petal(0.42, 0.66, 0.6) * 0.62, TEAL, INK, LINE)
        p.dot(0.46, 0.045, WHITE)
    pen.fill(scallop(8, 0.2, 0.34), RED, INK, LINE)
    pen.fill(scallop(8, 0.25, 0.18), WHITE)
    pen.dot(0, 0.09, COBALT)


def blossom(pen: Pen, color: str = BLUE) -> None:
    """A five-petalled blossom of radius 1."""
    for p in pen.around(5):
        p.fill(circle(0.36, 0.58, 30), color, INK, 0.07)
        p.dot(0.66, 0.12, WHITE)
    pen.fill(circle(0.3), RED, INK, 0.05)
    pen.dot(0, 0.12, WHITE)


def _stem(pen: Pen, *knots: complex) -> tuple[complex, float]:
    spine = curve(*knots)
    pen.line(spine, 0.016, INK)
    pen.line(spine, 0.009, GREEN)
    return along(spine, 2)[-1]


def _rim(pen: Pen) -> None:
    """A cobalt rim with white blossoms, red tulips and turquoise leaves."""
    for radius, color in ((0.9, INK), (0.885, TEAL), (0.868, WHITE), (0.858, COBALT)):
        pen.fill(circle(radius, n=200), color)
    for p in pen.around(18, 0.76):
        for side in (1, -1):
            p.at(-0.02 + 0.025j * side, 0.13, 78 * side).fill(petal(0.36), TEAL, WHITE, 0.07)
            p.at(0.03 + 0.02j * side, 0.1, 62 * side).fill(petal(0.36), WHITE)
        blossom(p.at(0, 0.062), WHITE)
    for p in pen.around(18, 0.76, 100):
        p.at(-0.055, 0.11).fill(petal(0.5, 0.36, 0.8), RED, WHITE, 0.08)
        p.dot(0.075, 0.012, WHITE)
        p.dot(-0.075, 0.01, TEAL)
    for radius, color in ((0.67, WHITE), (0.66, INK), (0.652, TEAL), (0.637, INK), (0.631, WHITE)):
        pen.fill(circle(radius, n=200), color)


_SIDE = (
    (0.075 + 0.02j, 0.042, BLUE),
    (0.3 + 0.09j, 0.05, BLUE),
    (0.42 + 0.36j, 0.05, RED),
    (0.53 + 0.22j, 0.036, BLUE),
    (0.3 - 0.54j, 0.036, RED),
    (0.16 - 0.08j, 0.036, RED),
    (0.27 + 0.5j, 0.04, BLUE),
    (0.54 - 0.2j, 0.045, RED),
    (0.5 - 0.33j, 0.03, BLUE),
)
_LEAVES = (
    (0.33 - 0.02j, 60),
    (0.22 - 0.12j, 100),
    (0.4 + 0.2j, 20),
    (0.1 + 0.2j, 40),
    (0.16 - 0.5j, -20),
    (0.46 - 0.12j, 0),
    (0.3 + 0.36j, 70),
)


def spray_plate() -> Image.Image:
    """A plate with a spray of tulips and carnations in a cobalt rim."""
    sheet = Sheet(2, 2, WHITE)
    _rim(sheet.pen)
    pen, root = sheet.pen.at(-0.01j), -0.52j
    for p in pen.mirrored():
        saz(p.at(root + 0.02j, 0.66, 62), -75)
        saz(p.at(root + 0.02j, 0.46, 22), 70, TEAL)
        carnation(_flower_at(p, 0.24, -8, root, 0.1 - 0.2j, 0.24 + 0.04j, 0.25 + 0.16j))
        tulip(_flower_at(p, 0.32, 12, root, 0.14 - 0.3j, 0.34 - 0.14j, 0.42 - 0.04j))
        palmette(_flower_at(p, 0.12, 0, root, 0.2 - 0.44j, 0.4 - 0.36j))
        tulip(_flower_at(p, 0.2, -4, root, 0.05 - 0.1j, 0.07 + 0.28j, 0.15 + 0.39j), COBALT)
        for place, size, color in _SIDE:
            blossom(p.at(place, size, 40), color)
        for place, turn in _LEAVES:
            saz(p.at(place, 0.13, turn), 40)
    palmette(_flower_at(pen, 0.165, 0, root, -0.2j, 0.04j))
    tulip(pen.at(0.18j, 0.36, 90))
    for turn in np.linspace(20, 160, 7):
        pen.at(root - 0.03j, 0.13, turn).fill(petal(0.3), GREEN, INK, LINE)
    return plate(sheet.image, circle(0.9, n=240), 0.64).finish()


def _flower_at(pen: Pen, size: float, lean: float, *knots: complex) -> Pen:
    """A stem through the knots, and the pen for the flower at its end."""
    end, turn = _stem(pen, *knots)
    return pen.at(end, size, turn + lean)


def _ogive(pen: Pen) -> None:
    """A pointed white medallion of height 1 with a palmette and tulips."""
    right = curve(
        0.53j,
        0.045 + 0.44j,
        0.14 + 0.35j,
        0.27 + 0.26j,
        0.34 + 0.12j,
        0.35,
        0.34 - 0.12j,
        0.27 - 0.26j,
        0.14 - 0.35j,
        0.045 - 0.44j,
        -0.53j,
    )
    outline = np.concatenate([right, -np.conj(right[::-1])])
    for size, color in ((1.07, INK), (1.05, TEAL), (0.97, INK), (0.95, WHITE)):
        pen.fill(outline * size, color)
    for p in pen.mirrored():
        for flip in (p, p.upended()):
            saz(flip.at(0.05 + 0.08j, 0.34, 84), -62)
            flip.line(curve(0, 0.1 + 0.14j, 0.2 + 0.12j), 0.012, GREEN)
            blossom(flip.at(0.2 + 0.13j, 0.065, 40), BLUE)
            blossom(flip.at(0.06 + 0.3j, 0.035, 40), TEAL)
        tulip(p.at(0.14, 0.17))
    for flip in (pen, pen.upended()):
        tulip(flip.at(0.12j, 0.3, 90))
    palmette(pen.at(0, 0.17))


def _cross(pen: Pen) -> None:
    """What fills the cobalt ground between four medallions."""
    for p in pen.around(4, start=45):
        for q in (p, p.upended()):
            saz(q.at(0.03, 0.24, 12), 50, TEAL)
    for p in pen.around(4):
        p.line(np.array([0, 0.34]), 0.009, WHITE)
        carnation(p.at(0.05, 0.165))
        blossom(p.at(0.25, 0.04), WHITE)
    blossom(pen.at(0, 0.075), WHITE)


def tile() -> Image.Image:
    """A framed tile panel of white medallions on cobalt, carnations between."""
    sheet = Sheet(2, 2, COBALT)
    pen = sheet.pen
    for x in (-0.42, 0.42):
        for y in (-0.42, 0.42):
            _ogive(pen.at(complex(x, y), 0.8))
    for x in (-0.84, 0, 0.84):
        for y in (-0.84, 0, 0.84):
            _cross(pen.at(complex(x, y), 1.14))
    for x in (-0.84, 0, 0.84):
        for y in (-0.42, 0.42):
            palmette(pen.at(complex(x, y), 0.08))
    for width, color in ((0.15, INK), (0.14, TEAL), (0.095, INK), (0.087, WHITE), (0.055, COBALT)):
        pen.line(closed(box(1.8, 1.8)), width, color)
    for joint in (np.array([-0.9, 0.9]), np.array([-0.9j, 0.9j])):
        pen.line(joint, 0.005, "#8f9bb0")
    return panel(_mottled(sheet.image), box(1.8, 1.8, 0.02), GLAZE, 0.02, 0.02, "#c9c2b8").finish()


def _mottled(sheet: Image.Image, strength: float = 0.055) -> Image.Image:
    """The sheet under a glaze of uneven depth."""
    noise = np.random.default_rng(5).normal(1, strength, (90, 90)).astype(np.float32)
    depth = Image.fromarray(noise, "F").resize(sheet.size, Image.BICUBIC)
    pixels = np.asarray(sheet) * np.asarray(depth)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
