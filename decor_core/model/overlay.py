"""An attribution map laid over its image: orange speaks for a label, violet against it.

The two are told apart with every kind of color vision, and neither is mistaken for the image,
which goes gray below them.
"""

import numpy as np
from PIL import Image

FOR, AGAINST = (230, 97, 0), (94, 60, 153)
OPACITY = 0.6

_FADE = 0.8  # of the opacity: how far the image goes gray
_GRAIN = 2  # cells of the map; what is finer is noise to the eye


def overlay(
    image: Image.Image, attribution: np.ndarray, scale: float, opacity: float = OPACITY
) -> Image.Image:
    """An RGB image under a map [h, w] of what speaks for (> 0) and against (< 0) a label.

    Values of ``scale`` and beyond get the full ``opacity``, 0 to 1; 0 gives the image.
    """
    coarse = Image.fromarray(attribution.astype(np.float32)).reduce(_GRAIN)
    amount = np.clip(np.asarray(coarse) / np.float32(scale), -1, 1) * np.float32(opacity)
    painted = Image.blend(image, image.convert("L").convert("RGB"), _FADE * opacity)
    for color, shares in ((FOR, amount), (AGAINST, -amount)):
        painted.paste(color, mask=_mask(np.maximum(shares, 0), image.size))
    return painted


def _mask(shares: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Shares of 0 to 1 as an image to compose by; enlarged in eight bits, which is faster."""
    coarse = Image.fromarray((shares * 255 + np.float32(0.5)).astype(np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)
