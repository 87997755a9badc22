"""An attribution map laid over its image: orange speaks for a label, violet against it.

The two are told apart with every kind of color vision, and neither is mistaken for the image,
which goes gray below them.
"""

import base64
import io
from urllib.parse import quote

import numpy as np
from PIL import Image

from decor_core.errors import DataError, PictureError, check_kind

FOR, AGAINST = (230, 97, 0), (94, 60, 153)
OPACITY = 0.6

_FADE = 0.8  # of the opacity: how far the image goes gray
_GRAY = (0.299, 0.587, 0.114)  # red, green, blue; as in Pillow's mode L
_STEPS = 127  # of the colors in an SVG, from nothing to full
_PALETTE = bytes(
    value
    for step in range(-_STEPS, _STEPS + 1)
    for value in (*(FOR if step > 0 else AGAINST), round(255 * abs(step) / _STEPS))
)


def overlay(
    image: Image.Image, attribution: np.ndarray, scale: float, opacity: float = OPACITY
) -> Image.Image:
    """An image, in RGB, under a map [h, w] of what speaks for (> 0) and against (< 0) a label.

    Values of ``scale`` and beyond get the full ``opacity``, 0 to 1; 0 gives the image. PictureError
    for what is no image, DataError for what is no map and for numbers out of range.
    """
    check_kind(image, Image.Image, "a PIL image, as “load_picture” gives one", PictureError)
    attribution = np.asarray(attribution)
    if attribution.ndim != 2 or attribution.dtype.kind not in "iuf" or not attribution.size:
        raise DataError(
            "Expected a map of numbers [h, w], as “attribution” of an Explanation gives one, but "
            f"got {attribution.dtype} of shape {attribution.shape}."
        )
    for name, value in (("scale", scale), ("opacity", opacity)):
        check_kind(value, float | int | np.number, f"a number as {name}", DataError)
    if not (scale > 0 and 0 <= opacity <= 1):
        raise DataError(
            f"Expected a scale above 0 and an opacity from 0 to 1, but got {scale} and {opacity}."
        )
    image = image.convert("RGB")
    amount = _clipped(attribution, scale) * np.float32(opacity)
    painted = Image.blend(image, image.convert("L").convert("RGB"), _FADE * opacity)
    for color, shares in ((FOR, amount), (AGAINST, -amount)):
        levels = (np.maximum(shares, 0) * 255 + np.float32(0.5)).astype(np.uint8)
        # Enlarged in eight bits, which is faster.
        mask = Image.fromarray(levels).resize(image.size, Image.Resampling.BICUBIC)
        painted.paste(color, mask=mask)
    return painted


def overlay_url(
    jpeg: bytes, attribution: np.ndarray, scale: float, opacity: float = OPACITY
) -> str:
    """The overlay of a JPEG as a data URL: an SVG that a browser puts together."""
    with Image.open(io.BytesIO(jpeg)) as image:
        width, height = image.size
    gray, colored = _FADE * opacity, 1 - _FADE * opacity
    rows = [[gray * share + colored * (row == column) for column, share in enumerate(_GRAY)]
            for row in range(3)]  # fmt: skip
    matrix = " ".join(f"{x:.3f} {y:.3f} {z:.3f} 0 0" for x, y, z in rows)
    size = f'width="{width}" height="{height}"'
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
        '<filter id="fade" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">'
        f'<feColorMatrix values="{matrix} 0 0 0 1 0"/></filter>'
        f'<image {size} filter="url(#fade)" href="data:image/jpeg;base64,',
        f'"/><image {size} preserveAspectRatio="none" opacity="{opacity:g}" '
        'href="data:image/png;base64,',
        '"/></svg>',
    )
    before, between, after = map(quote, parts)
    picture, colors = (base64.b64encode(file).decode() for file in (jpeg, _png(attribution, scale)))
    return f"data:image/svg+xml,{before}{picture}{between}{colors}{after}"


def _png(attribution: np.ndarray, scale: float) -> bytes:
    """The map as colors that are the less transparent the more speaks for or against the label."""
    steps = (_clipped(attribution, scale) * _STEPS).round() + _STEPS
    colors = Image.fromarray(steps.astype(np.uint8)).convert("P")
    colors.putpalette(_PALETTE, "RGBA")
    packed = io.BytesIO()
    colors.save(packed, "PNG", compress_level=1)
    return packed.getvalue()


def _clipped(attribution: np.ndarray, scale: float) -> np.ndarray:
    """The map as shares of -1 to 1, float32."""
    return np.clip(attribution.astype(np.float32) / np.float32(scale), -1, 1)
