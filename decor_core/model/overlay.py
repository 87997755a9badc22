"""An attribution map laid over its image: orange speaks for a label, violet against it.

The two are told apart with every kind of color vision, and neither is mistaken for the image,
which goes gray below them.
"""

import numpy as np
from PIL import Image

FOR, AGAINST = (230, 97, 0), (94, 60, 153)
OPACITY = 0.6

_FADE = 0.8  # how far the image goes gray where nothing speaks
_GRAIN = 2  # cells of the map; what is finer is noise to the eye


def overlay(
    image: Image.Image, attribution: np.ndarray, scale: float, opacity: float = OPACITY
) -> Image.Image:
    """An RGB image under a map [h, w] of what speaks for (> 0) and against (< 0) a label.

    Values of ``scale`` and beyond get the full ``opacity``, 0 to 1; 0 gives the image.
    """
    coarse = Image.fromarray(attribution.astype(np.float32)).reduce(_GRAIN)
    smooth = coarse.resize(image.size, Image.Resampling.BICUBIC)
    strength = np.clip(np.asarray(smooth) / np.float32(scale), -1, 1)
    amount = np.abs(strength) * np.float32(opacity)
    violet, orange = (Image.new("RGB", image.size, color) for color in (AGAINST, FOR))
    ink = Image.composite(orange, violet, Image.fromarray(strength > 0))
    gray = image.convert("L").convert("RGB")
    faded = Image.composite(gray, image, _mask(np.maximum(amount, _FADE * opacity)))
    return Image.composite(ink, faded, _mask(amount))


def _mask(shares: np.ndarray) -> Image.Image:
    """Shares of 0 to 1 as an image to compose by."""
    return Image.fromarray((shares * 255 + np.float32(0.5)).astype(np.uint8))
