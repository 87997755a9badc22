"""Evidence laid over its picture: orange speaks for a label, violet against it.

The two are told apart with every kind of colour vision, and neither is mistaken for the picture,
which goes grey below them.
"""

import numpy as np
from PIL import Image

FOR, AGAINST = (230, 97, 0), (94, 60, 153)
OPACITY = 0.6

_FADE = 0.8  # how far the picture goes grey where nothing speaks
_GRAIN = 2  # places; what is finer is noise to the eye


def paint(
    picture: Image.Image, heat: np.ndarray, strongest: float, opacity: float = OPACITY
) -> Image.Image:
    """An RGB picture under a map [h, w] of what speaks for (> 0) and against (< 0) a label.

    Values of ``strongest`` and beyond get the full ``opacity``, 0 to 1; 0 gives the picture.
    """
    coarse = Image.fromarray(heat.astype(np.float32)).reduce(_GRAIN)
    smooth = coarse.resize(picture.size, Image.Resampling.BICUBIC)
    strength = np.clip(np.asarray(smooth) / np.float32(strongest), -1, 1)
    amount = np.abs(strength) * np.float32(opacity)
    violet, orange = (Image.new("RGB", picture.size, colour) for colour in (AGAINST, FOR))
    ink = Image.composite(orange, violet, Image.fromarray(strength > 0))
    grey = picture.convert("L").convert("RGB")
    base = Image.composite(grey, picture, _mask(np.maximum(amount, _FADE * opacity)))
    return Image.composite(ink, base, _mask(amount))


def _mask(shares: np.ndarray) -> Image.Image:
    """Shares of 0 to 1 as a picture to compose by."""
    return Image.fromarray((shares * 255 + np.float32(0.5)).astype(np.uint8))
