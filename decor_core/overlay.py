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
    strength = np.clip(np.asarray(smooth) / strongest, -1, 1)[..., None]
    pixels = np.asarray(picture, np.float32)
    grey = pixels @ np.float32([[0.299], [0.587], [0.114]])
    amount = np.abs(strength) * opacity
    base = pixels + (grey - pixels) * np.maximum(amount, _FADE * opacity)
    ink = np.where(strength > 0, np.float32(FOR), np.float32(AGAINST))
    mixed = base + (ink - base) * amount
    return Image.fromarray(mixed.round().clip(0, 255).astype(np.uint8))
