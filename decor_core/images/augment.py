"""Distorted copies of a picture to train on: mirrored, cropped, scaled, of lower quality.

Mirroring, crop, scale and brightness, and their percentages, are those of TensorFlow for Poets.

To add a distortion: a field of Augmentation, with its check and in ``tag``; what it does, in
``distort``; in TrainingConfig a setting, which ``augmentation`` and ``_distorts`` there pass on; in
decor_app/training/augmentation.py its control; its words in ``_copies`` of model/training_data.py.
"""

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from decor_core.errors import TrainingError
from decor_core.images.foreground import foreground_mask


@dataclass(frozen=True)
class Augmentation:
    """How ``copies`` of a picture differ; ``crop``, ``scale``, ``brightness`` are percentages.

    A copy loses a margin of ``crop`` %, is enlarged by up to ``scale`` %, and its pixels are
    multiplied by 1 ± up to ``brightness`` %; with ``flip`` half are mirrored. With ``degrade``
    light and white balance differ, and one in four each is blurred, is a coarse JPEG, or has few
    pixels: as are the pictures of other people's cameras. With ``background`` every second copy
    shows the object on a background of other colors.
    """

    flip: bool = False
    crop: float = 0
    scale: float = 0
    brightness: float = 0
    degrade: bool = False
    background: bool = False
    copies: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("crop", "scale", "brightness"):
            value = getattr(self, name)
            if not 0 <= value <= 100:
                raise TrainingError(f"The random {name} is a percentage, 0 to 100, not {value}.")

    @property
    def tag(self) -> str:
        """A short name that differs when the distortions do."""
        percentages = f"{self.crop:g}-{self.scale:g}-{self.brightness:g}"
        return f"{self.flip:d}-{percentages}-{self.degrade:d}-{self.background:d}-{self.seed}"


# Two such copies of each picture make a model hold up against other people's photos, and cost
# nothing on clean ones (benchmarks/ACCURACY.md).
STANDARD = Augmentation(flip=True, scale=43, degrade=True, background=True, copies=2)


def standard(pictures: int) -> Augmentation:
    """STANDARD, with fewer copies where many pictures tell enough and would take long."""
    return replace(STANDARD, copies=2 if pictures <= 1000 else 1 if pictures <= 2000 else 0)


def distort(picture: Image.Image, augmentation: Augmentation, key: str, copy: int) -> Image.Image:
    """Copy number ``copy`` of an RGB picture; its content hash ``key`` seeds the distortions."""
    rng = np.random.default_rng([augmentation.seed, copy, int(key[:16], 16)])
    swapped = augmentation.background and copy % 2
    copied = _on_other_background(picture, rng) if swapped else _cropped(picture, augmentation, rng)
    if augmentation.flip and rng.random() < 0.5:
        copied = ImageOps.mirror(copied)
    factor = 1 + rng.uniform(-1, 1) * augmentation.brightness / 100
    copied = copied.point([min(255, round(value * factor)) for value in range(256)] * 3)
    return _degraded(copied, rng) if augmentation.degrade else copied


def _cropped(
    picture: Image.Image, augmentation: Augmentation, rng: np.random.Generator
) -> Image.Image:
    enlarged = (1 + augmentation.crop / 100) * rng.uniform(1, 1 + augmentation.scale / 100)
    width, height = (max(round(side / enlarged), 1) for side in picture.size)
    left = int(rng.integers(picture.width - width + 1))
    upper = int(rng.integers(picture.height - height + 1))
    return picture.crop((left, upper, left + width, upper + height))


def _on_other_background(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The object somewhere on a larger background: of one color, of large or of small blotches."""
    cells = int(rng.choice([1, 6, 24]))
    colors = Image.fromarray(rng.integers(256, size=(cells, cells, 3), dtype=np.uint8))
    margin = rng.uniform(1.05, 1.35)
    background = colors.resize([round(side * margin) for side in picture.size])
    left, upper = (
        int(rng.integers(outer - inner + 1))
        for outer, inner in zip(background.size, picture.size, strict=True)
    )
    background.paste(picture, (left, upper), Image.fromarray(foreground_mask(picture)))
    return background


def _degraded(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    gamma = np.exp(rng.normal(0, 0.2))
    gains = np.exp(rng.normal(0, 0.1, 3) + rng.normal(0, 0.12))
    light = (np.asarray(picture, np.float32) / 255) ** gamma * gains
    lit = Image.fromarray((light.clip(0, 1) * 255).astype(np.uint8))
    match rng.integers(4):
        case 0:
            # Measured for pictures 150 pixels wide.
            radius = rng.uniform(0.5, 1.8) * min(lit.size) / 150
            return lit.filter(ImageFilter.GaussianBlur(radius))
        case 1:
            packed = io.BytesIO()
            lit.save(packed, "JPEG", quality=int(rng.integers(12, 50)))
            return Image.open(packed, formats=["JPEG"]).convert("RGB")
        case 2:
            few = int(rng.integers(60, 120))
            return lit.resize((few, few * lit.height // lit.width or 1), Image.Resampling.BICUBIC)
    return lit
