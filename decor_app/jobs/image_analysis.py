"""A picture as a page shows it: vector, colors in words, evidence for each label, small copies."""

from dataclasses import dataclass

import numpy as np

from decor_core.errors import PictureError
from decor_core.images.decode import LIMITS, Limits, open_picture
from decor_core.images.encode import encode_jpeg, encode_webp
from decor_core.model.color_names import name_colors
from decor_core.model.explain import Explanation, split_scores
from decor_core.model.predictor import ImagePredictor

_PREVIEW_SIDE = 512
_THUMB_SIDE = 160


@dataclass(frozen=True)
class ImageAnalysis:
    """What was seen in a picture: vector [d], colors in words, a JPEG preview and a small WebP.

    Or, in ``error``, why it cannot be read. ``evidence`` is there where it was asked for; ``notes``
    tell, a sentence each, what was left out of the file or assumed for it.
    """

    vector: np.ndarray | None = None
    colors: str = ""
    preview: bytes = b""
    thumb: bytes = b""
    evidence: Explanation | None = None
    error: str = ""
    notes: tuple[str, ...] = ()


def analyze_image(
    predictor: ImagePredictor, data: bytes, limits: Limits = LIMITS, deep: bool = True
) -> ImageAnalysis:
    """Look at a picture file; a ``deep`` look says what in it speaks for each label, too."""
    embedder, bundle = predictor.embedder, predictor.bundle
    try:
        opened = open_picture(data, limits, embedder.working_side)
    except PictureError as error:
        return ImageAnalysis(error=str(error))
    upright = opened.picture
    look = embedder.feature_maps(upright)
    labels = bundle.taxonomy.labels
    return ImageAnalysis(
        look.vector(),
        str(name_colors(look)),
        encode_jpeg(upright, _PREVIEW_SIDE),
        encode_webp(upright, _THUMB_SIDE),
        split_scores(look, embedder.blocks, bundle.head, labels, upright.size) if deep else None,
        notes=opened.notes,
    )
