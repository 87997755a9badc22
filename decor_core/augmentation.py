"""Distorted copies of a picture to train on: mirrored, cropped, scaled, brighter or darker.

The distortions and their percentages are those of TensorFlow for Poets.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from .errors import TrainingError


@dataclass(frozen=True)
class Augmentation:
    """How copies differ: ``crop``, ``scale`` and ``brightness`` are percentages, 0 for none.

    A copy loses a random margin of up to ``crop`` %, is enlarged by up to ``scale`` %, and its
    pixels are multiplied by 1 ± up to ``brightness`` %; with ``flip`` half are mirrored.
    """

    flip: bool = False
    crop: float = 0
    scale: float = 0
    brightness: float = 0
    copies: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("crop", "scale", "brightness"):
            value = getattr(self, name)
            if not 0 <= value <= 100:
                raise TrainingError(f"The random {name} is a percentage, 0 to 100, not {value}.")

    @property
    def active(self) -> bool:
        return self.flip or any((self.crop, self.scale, self.brightness))

    @property
    def tag(self) -> str:
        """A short name that differs when the distortions do."""
        return f"{self.flip:d}-{self.crop:g}-{self.scale:g}-{self.brightness:g}-{self.seed}"


def distort(picture: Image.Image, augmentation: Augmentation, key: str, copy: int) -> Image.Image:
    """Copy number ``copy`` of a picture; ``key`` (its content hash) seeds the dice with it."""
    dice = np.random.default_rng([augmentation.seed, copy, int(key[:16], 16)])
    enlarged = (1 + augmentation.crop / 100) * dice.uniform(1, 1 + augmentation.scale / 100)
    width, height = (round(side / enlarged) for side in picture.size)
    left = dice.integers(picture.width - width + 1)
    upper = dice.integers(picture.height - height + 1)
    copied = picture.crop((left, upper, left + width, upper + height))
    if augmentation.flip and dice.random() < 0.5:
        copied = ImageOps.mirror(copied)
    factor = 1 + dice.uniform(-1, 1) * augmentation.brightness / 100
    return copied.point(lambda value: min(255, round(value * factor)))
