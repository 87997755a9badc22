"""From a sheet of ornament to a product: turned, embossed, lit, and set on a light ground."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .pen import PIXELS, Pen
from .shapes import Points, curve

SIDE = 2 * PIXELS  # a scene is 2 × 2 units, its origin in the middle
_COARSE = SIDE // 4  # light is smooth: computed at the size of the finished picture


@dataclass(frozen=True)
class Material:
    """How a surface answers light: the shares of even, directed and mirrored light."""

    even: float = 0.62
    directed: float = 0.5
    gloss: float = 0.35
    sharp: float = 40.0


GLAZE = Material(0.66, 0.42, 0.55, 60)
LACQUER = Material(0.6, 0.55, 0.38, 36)
WOOD = Material(0.66, 0.42, 0.2, 18)
CLOTH = Material(0.6, 0.52, 0.0, 1)
PAPER = Material(0.66, 0.44, 0.0, 1)
_LIGHT = np.array([-0.42, 0.55, 0.72]) / np.linalg.norm([-0.42, 0.55, 0.72])
_HALF = (_LIGHT + [0, 0, 1]) / np.linalg.norm(_LIGHT + [0, 0, 1])


def lathe(
    ornament: Image.Image, knots: Sequence[complex], material: Material, tilt: float = 0.13
) -> Image.Image:
    """A turned body, seen from slightly above, as a scene-sized RGBA layer.

    ``knots`` run from foot to lip: radius + 1j × height. ``ornament`` is wrapped half around;
    its width is π × the largest radius, its height the length of the profile.
    """
    x, y0, radius, slope = _visible(knots, tilt)
    inside = np.isfinite(y0) & (abs(x) < radius + 0.002)
    turn = np.arcsin(np.clip(x / np.maximum(radius, 1e-6), -1, 1))
    column = (turn / np.pi + 0.5) * (ornament.width - 1)
    heights, lengths = unrolled(knots)
    row = (1 - np.interp(np.nan_to_num(y0), heights, lengths / lengths[-1])) * ornament.height
    pixels = np.asarray(ornament)[_index(row, ornament.height), _index(column, ornament.width)]
    normal = np.stack([np.sin(turn), -slope, np.cos(turn)]) / np.sqrt(1 + slope**2)
    return _lit(pixels, *_light(np.nan_to_num(normal), material), inside)


def unrolled(knots: Sequence[complex]) -> tuple[Points, Points]:
    """Heights along the smooth profile, and the way to each from the foot along the surface."""
    heights, radii = _profile(knots)
    steps = np.hypot(np.diff(heights), np.diff(radii))
    return heights, np.concatenate([[0], np.cumsum(steps)])


def _profile(knots: Sequence[complex]) -> tuple[Points, Points]:
    smooth = curve(*knots, n=60)
    order = np.argsort(smooth.imag, kind="stable")
    heights = np.linspace(knots[0].imag, knots[-1].imag, 1600)
    return heights, np.interp(heights, smooth.imag[order], smooth.real[order])


def _index(value: np.ndarray, size: int) -> np.ndarray:
    return np.nan_to_num(value).round().astype(int).clip(0, size - 1)


def _visible(knots: Sequence[complex], tilt: float) -> tuple[np.ndarray, ...]:
    """For each pixel: x, height of the surface point seen there (NaN: none), radius, slope."""
    heights, radii = _profile(knots)
    slopes = np.gradient(radii, heights)
    x = (np.arange(SIDE) + 0.5) / PIXELS - 1
    y0 = np.full((SIDE, SIDE), np.nan, np.float32)
    for column in np.flatnonzero(abs(x) < radii.max()):
        y0[:, column] = _seen(heights, radii, x[column], tilt, -x)
    known = np.nan_to_num(y0)
    return (
        np.broadcast_to(x, y0.shape),
        y0,
        np.interp(known, heights, radii),
        np.interp(known, heights, slopes),
    )


def _seen(heights: Points, radii: Points, x: float, tilt: float, y: Points) -> Points:
    """Heights of the front-most points of one column of pixels: nearer parts hide lower ones."""
    here = radii > abs(x)
    # One sample more at each end, so that the outline is not cut short of the silhouette.
    here[1:], here[:-1] = here[1:] | here[:-1], here[1:] | here[:-1]
    screen = heights[here] - tilt * np.sqrt((radii[here] ** 2 - x**2).clip(0))
    screen = np.minimum.accumulate(screen[::-1])[::-1]
    return np.interp(y, screen, heights[here], left=np.nan, right=np.nan)


def relief(
    ornament: Image.Image, mask: Image.Image, height: np.ndarray, material: Material
) -> Image.Image:
    """A flat ornament (scene-sized) cut to ``mask``, lit over a coarse ``height`` map in units."""
    down, right = np.gradient(height, 2 / _COARSE)
    normal = np.stack([-right, down, np.ones_like(height)]) / np.sqrt(1 + right**2 + down**2)
    light, shine = (_fine(part) for part in _light(normal, material))
    return _lit(np.asarray(ornament), light, shine, np.asarray(mask) > 127)


def _light(normal: np.ndarray, material: Material) -> tuple[np.ndarray, np.ndarray]:
    """Factor of the own color, and share of white added, for normals [3, h, w]."""
    facing = np.tensordot(_LIGHT, normal, 1).clip(0)
    mirrored = np.tensordot(_HALF, normal, 1).clip(0) ** material.sharp
    window = np.exp(-(((normal[0] + 0.62) / 0.07) ** 2)) * (abs(normal[1]) < 0.6) * 0.35
    factor = material.even + material.directed * facing - 0.3 * (1 - normal[2].clip(0)) ** 2
    return factor, material.gloss * np.maximum(mirrored, window)


def _lit(
    pixels: np.ndarray, light: np.ndarray, shine: np.ndarray, inside: np.ndarray
) -> Image.Image:
    own = pixels[..., :3].astype(np.float32) * light[..., None].astype(np.float32)
    lit = own + (255 - own) * shine[..., None].astype(np.float32)
    alpha = inside.astype(np.uint8) * 255
    return Image.fromarray(np.dstack([lit.clip(0, 255).astype(np.uint8), alpha]), "RGBA")


def _fine(coarse: np.ndarray) -> np.ndarray:
    image = Image.fromarray(coarse.astype(np.float32), "F")
    return np.asarray(image.resize((SIDE, SIDE), Image.BILINEAR))


def plane() -> np.ndarray:
    """Coarse grid of the scene as complex numbers [h, w], for height maps."""
    line = (np.arange(_COARSE) + 0.5) / _COARSE * 2 - 1
    return line[None, :] - 1j * line[:, None]


def stencil(shape: Points) -> Image.Image:
    """Scene-sized mask of the inside of an outline."""
    mask = Image.new("L", (SIDE, SIDE))
    Pen(ImageDraw.Draw(mask), _to_pixels, PIXELS).fill(shape, "#ffffff")
    return mask


def _to_pixels(z: Points) -> Points:
    return complex(PIXELS, PIXELS) + PIXELS * np.conj(z)


def bevel(mask: Image.Image, width: float, height: float) -> np.ndarray:
    """Coarse height map of a plate with softened edges, ``width`` units wide."""
    small = mask.resize((_COARSE, _COARSE), Image.BOX)
    blurred = np.asarray(small.filter(ImageFilter.GaussianBlur(width * _COARSE / 2)), float) / 255
    return height * np.minimum(1, np.maximum(0, 2 * blurred - 1) * 1.6) ** 0.6


class Scene:
    """A light ground on which layers are laid; `finish` gives the picture."""

    def __init__(self, top: str = "#ffffff", bottom: str = "#f1efec") -> None:
        shade = Image.linear_gradient("L").resize((SIDE, SIDE))
        solid = [Image.new("RGB", (SIDE, SIDE), color) for color in (bottom, top)]
        self.image = Image.composite(*solid, shade)

    def pen(self) -> Pen:
        """A pen that draws on the scene itself."""
        return Pen(ImageDraw.Draw(self.image), _to_pixels, PIXELS)

    def shadow(self, shape: Points, blur: float = 0.05, strength: float = 0.4) -> None:
        """A soft shadow of the outline."""
        mask = stencil(shape).resize((_COARSE, _COARSE), Image.BOX)
        mask = mask.filter(ImageFilter.GaussianBlur(blur * _COARSE / 2)).point(
            lambda v: v * strength
        )
        dark = Image.new("RGB", self.image.size, "#5b5560")
        self.image.paste(dark, (0, 0), mask.resize((SIDE, SIDE), Image.BILINEAR))

    def add(self, layer: Image.Image) -> None:
        """Lay an RGBA layer of scene size on top."""
        self.image.paste(layer, (0, 0), layer)

    def finish(self, side: int = 600) -> Image.Image:
        """The picture, reduced."""
        return self.image.resize((side, side), Image.LANCZOS)
