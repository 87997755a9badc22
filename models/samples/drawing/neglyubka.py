"""Neglyubka: towels woven in bands of red and black rhombs on white linen."""

import numpy as np
from PIL import Image

from .pen import PIXELS
from .scene import CLOTH, SIDE, Scene, plane, relief, stencil
from .shapes import Points

WHITE, RED, BLACK = 0, 1, 2
_COLORS = np.array([[243, 236, 226], [186, 22, 30], [38, 20, 24]], np.uint8)
_CELL = 14  # pixels of one thread crossing on the sheet


def _rhombs(width: int, rows: int, motif: int) -> np.ndarray:
    """A band of nested rhombs, ``rows`` threads high; ``motif`` picks its heart."""
    period = rows - 1 + rows % 2
    x = (np.arange(width) - width // 2) % period
    x = np.minimum(x, period - x)[None, :]
    y = abs(np.arange(rows) - rows // 2)[:, None]
    ring = x + y
    half = rows // 2
    band = np.full((rows, width), RED)
    band[(ring >= half - 1) & (ring <= half)] = WHITE
    band[ring == half - 3] = BLACK
    band[(ring < half - 4) & (ring % 4 < 2)] = WHITE
    if motif:
        band[(ring < half - 3) & ((x == y) | (x * y == 0) & (ring > 1))] = (RED, BLACK)[motif - 1]
    corner = (half - x) + (half - y)
    band[(corner <= half - 2) & (corner % 4 == 1)] = BLACK
    band[(corner < half - 2) & (corner % 4 == 3)] = WHITE
    return band


def _stars(width: int, rows: int) -> np.ndarray:
    """Eight-pointed stars in red on white, black rhombs between."""
    period = rows + 5
    x = (np.arange(width) - width // 2) % period
    x = np.minimum(x, period - x)[None, :]
    y = abs(np.arange(rows) - rows // 2)[:, None]
    big, small = np.maximum(x, y), np.minimum(x, y)
    half = rows // 2
    band = np.full((rows, width), WHITE)
    spread = half - half // 3
    band[(big <= spread) & (small <= big) & (big + small < half + 2)] = RED
    band[(small > 0) & (big > spread) & (big - spread + small <= spread // 2 + 1)] = RED
    band[(small == 0) & (big <= half)] = WHITE
    band[(big == small) & (big < spread)] = WHITE
    band[(x + y) <= 1] = BLACK
    band[(period // 2 - x) + y <= 2] = BLACK
    return band


def _zigzag(width: int, rows: int) -> np.ndarray:
    """Zigzag of red and black between red grounds."""
    x = np.arange(width) - width // 2
    wave = abs(x % (2 * rows - 2) - (rows - 1))[None, :] - np.arange(rows)[:, None]
    return np.choose((wave // 2) % 4, (RED, WHITE, BLACK, WHITE))


def _checks(width: int, rows: int) -> np.ndarray:
    """A narrow band of crosses."""
    x = abs((np.arange(width) - width // 2) % 8 - 4)[None, :]
    y = abs(np.arange(rows) - rows // 2)[:, None]
    return np.where((x == y) | (x + y == 4), RED, WHITE)


def _stripe(width: int, *colors: int) -> np.ndarray:
    return np.repeat(np.array(colors)[:, None], width, 1)


def _towel(width: int, height: int, order: str) -> np.ndarray:
    """Threads of a towel from its fringe upwards; letters in ``order`` name the bands."""
    line = _stripe(width, RED, RED, BLACK, WHITE, RED, RED, WHITE)
    kinds = {
        "r": _rhombs(width, 31, 1),
        "R": _rhombs(width, 43, 2),
        "n": _rhombs(width, 17, 0),
        "s": _stars(width, 23),
        "z": _zigzag(width, 9),
        "c": _checks(width, 7),
        "l": line,
        "w": _stripe(width, *[WHITE] * 9),
        "b": _stripe(width, *[RED] * 7),
        "k": _stripe(width, BLACK, RED, RED, RED, BLACK),
    }
    threads = np.concatenate([kinds[letter] for letter in order])
    linen = np.full((max(0, height - len(threads)), width), WHITE)
    return np.concatenate([threads, linen])[:height][::-1]


def _woven(threads: np.ndarray) -> np.ndarray:
    """Threads to pixels, each crossing a small hump of light."""
    pixels = _COLORS[threads].repeat(_CELL, 0).repeat(_CELL, 1).astype(np.float32)
    bump = np.sin(np.linspace(0.25, np.pi - 0.25, _CELL))
    weave = 0.88 + 0.14 * np.sqrt(bump[:, None] * bump[None, :] ** 0.5)
    rng = np.random.default_rng(7)
    tone = rng.normal(1, 0.02, threads.shape).repeat(_CELL, 0).repeat(_CELL, 1)
    tiles = np.tile(weave, threads.shape) * tone
    return (pixels * tiles[..., None]).clip(0, 255).astype(np.uint8)


def _hang(
    scene: Scene, threads: np.ndarray, left: float, top: float, folds: float, phase: float
) -> None:
    """Hang a towel from (left, top), its folds ``folds`` to a unit, with a knotted fringe."""
    pixels = _woven(threads)
    high, wide = pixels.shape[0] / PIXELS, pixels.shape[1] / PIXELS
    outline = _edge(left, top, wide, high)
    scene.shadow(outline + 0.03 - 0.03j, 0.06, 0.5)
    _fringe(scene, left, top - high, wide)
    sheet = Image.new("RGB", (SIDE, SIDE), "#f3ece2")
    sheet.paste(Image.fromarray(pixels), (round((left + 1) * PIXELS), round((1 - top) * PIXELS)))
    x, y = plane().real - left, plane().imag
    depth = 0.024 * np.sin(folds * 2 * np.pi * x + phase + 0.35 * y)
    depth += 0.012 * np.sin(folds * 3.1 * np.pi * x - phase + 0.5 * y)
    scene.add(relief(sheet, stencil(outline), depth, CLOTH))


def _edge(left: float, top: float, wide: float, high: float) -> Points:
    t = np.linspace(0, high, 60)
    sway = 0.004 * np.sin(t * 9)
    down = 1j * (top - t)
    return np.concatenate([left + sway + down, (left + wide - sway + down)[::-1]])


def _fringe(scene: Scene, left: float, bottom: float, wide: float, drop: float = 0.13) -> None:
    rng = np.random.default_rng(3)
    pen = scene.pen()
    for i, x in enumerate(np.linspace(left + 0.012, left + wide - 0.012, int(wide / 0.02))):
        lean = rng.normal(0, 0.012)
        thread = np.array(
            [
                complex(x, bottom + 0.01),
                complex(x + lean * 0.3, bottom - drop * 0.5),
                complex(x + lean, bottom - drop * rng.uniform(0.85, 1.05)),
            ]
        )
        pen.stroke(thread, np.array([0.016, 0.014, 0.007]), ("#e4dccf", "#f2ebe0")[i % 2])


def towel() -> Image.Image:
    """One broad towel, its end woven full of rhombs."""
    scene = Scene()
    threads = _towel(123, 158, "lczlbnblRlbsblnclkzlb")
    _hang(scene, threads, -0.673, 0.95, 1.4, 0.4)
    return scene.finish()


def towel_pair() -> Image.Image:
    """Two narrow towels side by side on a rod."""
    scene = Scene()
    left = _towel(77, 152, "lznzlrlcscbkRlbzblrlckwlw")
    right = _towel(77, 152, "bczcklslkrkzslrzblnlkcbwlwl")
    _hang(scene, left, -0.9, 0.86, 1.9, 0.2)
    _hang(scene, right, 0.06, 0.86, 2.1, 1.5)
    pen = scene.pen()
    for width, color in ((0.07, "#6b4426"), (0.05, "#8d5f38"), (0.02, "#b98a5c")):
        pen.line(np.array([-0.97 + 0.88j, 0.97 + 0.88j]), width, color)
    return scene.finish()
