"""Pictures before one camera, drawn: parts with a scratch, hand signs, a video that pans."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def part(number: int, scratched: bool) -> Image.Image:
    """A plate with holes that lies still; the scratch is somewhere else each time."""
    rng = np.random.default_rng(number + 1000 * scratched)
    plate = Image.new("RGB", (160, 160), (70, 72, 74))
    draw = ImageDraw.Draw(plate)
    draw.ellipse((20, 20, 140, 140), (150, 152, 156))
    draw.ellipse((60, 60, 100, 100), (30, 30, 32))
    for angle in np.arange(8) * np.pi / 4:
        x, y = 80 + 48 * np.cos(angle), 80 + 48 * np.sin(angle)
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), (20, 20, 22))
    if scratched:
        x, y = rng.integers(50, 90, 2)
        draw.line((x, y, x + 28, y + rng.integers(-6, 7)), (236, 226, 190), 2)
    return _noisy(plate, rng)


def hand(number: int, fingers: int, moving: bool = False) -> Image.Image:
    """A hand before a wall, in light that changes where it is moving."""
    rng = np.random.default_rng(number + 1000 * fingers)
    wall = Image.new("RGB", (160, 160), (208, 198, 182))
    draw = ImageDraw.Draw(wall)
    dx, dy = rng.integers(-6, 7, 2) * moving
    draw.rectangle((106 + dx, 8 + dy, 152 + dx, 50 + dy), (122, 152, 174))
    draw.rectangle((dx - 9, 106 + dy, 42 + dx, 170 + dy), (90, 58, 46))
    size = float(rng.uniform(0.5, 1.4)) if moving else 1.0
    x, y = rng.integers(-30, 31, 2) * moving + rng.integers(-2, 3, 2) + (50, 92)
    draw.rounded_rectangle((x, y, x + 64 * size, y + 58 * size), 8, (202, 150, 120))
    for finger in range(fingers):
        left = x + (4 + 15 * finger) * size
        draw.rounded_rectangle((left, y - 50 * size, left + 11 * size, y + 9), 5, (202, 150, 120))
    light = float(rng.uniform(0.5, 1.2)) if moving else 1.0
    return _noisy(wall.point(lambda value: int(value * light)), rng)


def frame(video: int, number: int) -> Image.Image:
    """One of a video that pans slowly over a wide pattern."""
    cells = np.random.default_rng(video).integers(0, 256, (7, 40, 3), np.uint8)
    wide = Image.fromarray(cells).resize((40 * 32, 7 * 32), Image.Resampling.BICUBIC)
    left = 8 * number
    return _noisy(wide.crop((left, 20, left + 160, 180)), np.random.default_rng(number))


def write(folder: Path, names: dict[str, Image.Image], **options: object) -> Path:
    """Write pictures as JPEG files by their names below ``folder``."""
    for name, picture in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(folder / name, "JPEG", quality=90, **options)
    return folder


def fixed_camera(folder: Path, count: int = 20, name: Callable = "{:03}.jpg".format) -> Path:
    """Class folders good and scratched, of so many parts each."""
    return write(
        folder,
        {f"{label}/{name(i)}": part(i, label == "scratched")
         for label in ("good", "scratched") for i in range(count)},
    )  # fmt: skip


def hand_signs(folder: Path, count: int = 24, moving: bool = False) -> Path:
    """Class folders of three hand signs, of so many frames each."""
    return write(
        folder,
        {f"{fingers} fingers/{i:03}.jpg": hand(i, fingers, moving)
         for fingers in (1, 2, 4) for i in range(count)},
    )  # fmt: skip


def _noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    noise = rng.normal(0, 4, (*picture.size[::-1], 3))
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))
