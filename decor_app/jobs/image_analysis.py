"""A picture as a page shows it: vector, colours in words, evidence for each label, small copies."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from decor_core.errors import PictureError
from decor_core.images.decode import LIMITS, Limits, load_picture
from decor_core.model.classifier import Predictor
from decor_core.model.color_names import palette
from decor_core.model.explain import Evidence, split_scores

_PREVIEW_SIDE = 512
_THUMB_SIDE = 160


@dataclass(frozen=True)
class ImageAnalysis:
    """What was seen in a picture: vector [d], colours in words, a JPEG preview and a small WebP.

    Or, in ``error``, why it cannot be read. ``evidence`` is there where it was asked for.
    """

    vector: np.ndarray | None = None
    colours: str = ""
    preview: bytes = b""
    thumb: bytes = b""
    evidence: Evidence | None = None
    error: str = ""


def analyze_image(
    predictor: Predictor, data: bytes, limits: Limits = LIMITS, deep: bool = True
) -> ImageAnalysis:
    """Look at a picture file; a ``deep`` look says what in it speaks for each label, too."""
    embedder, bundle = predictor.embedder, predictor.bundle
    try:
        upright = load_picture(data, limits, embedder.working_side)
    except PictureError as error:
        return ImageAnalysis(error=str(error))
    look = embedder.look(upright)
    labels = bundle.taxonomy.labels
    return ImageAnalysis(
        look.vector(),
        str(palette(look)),
        jpeg(_scaled(upright, _PREVIEW_SIDE)),
        webp(_scaled(upright, _THUMB_SIDE)),
        split_scores(look, embedder.blocks, bundle.head, labels, upright.size) if deep else None,
    )


def _scaled(upright: Image.Image, side: int) -> Image.Image:
    small = upright.copy()
    small.thumbnail((side, side))
    return small


def webp(picture: Image.Image) -> bytes:
    """A picture for the browser, packed quickly rather than tightly."""
    return _packed(picture, "WEBP", quality=82, method=1)


def jpeg(picture: Image.Image) -> bytes:
    """A picture for the browser, packed and unpacked five times as quickly as WebP."""
    return _packed(picture, "JPEG", quality=88)


def _packed(picture: Image.Image, kind: str, **options: int) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, kind, **options)
    return packed.getvalue()
