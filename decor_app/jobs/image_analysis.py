"""A picture as a page shows it: vector, colors in words, evidence for each label, small copies."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from decor_app.jobs.tasks import Report, Task
from decor_core.errors import PictureError
from decor_core.images.decode import open_picture
from decor_core.images.encode import encode_jpeg, encode_webp
from decor_core.images.limits import LIMITS, Limits
from decor_core.model.bundle import Bundle
from decor_core.model.color_names import name_colors
from decor_core.model.events import ShouldStop
from decor_core.model.explain import Explanation, split_scores
from decor_core.model.predictor import ImagePredictor

_PREVIEW_SIDE = 512
_THUMB_SIDE = 160


@dataclass(frozen=True)
class ImageAnalysis:
    """Analysis of a picture: vector [d], colors in words, a JPEG preview and a small WebP.

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


@dataclass(frozen=True)
class AnalyzeTask(Task):
    """Analyze a picture file with the model ``data``; without one, only the vector of a blank one.

    A ``deep`` look says what in it speaks for each label, too; without ``previews`` there is
    nothing to be shown of it.
    """

    kind: ClassVar[str] = "analyze"

    data: Bundle
    picture: bytes | None = None
    limits: Limits = LIMITS
    deep: bool = True
    previews: bool = True

    def run(self, report: Report, should_stop: ShouldStop) -> ImageAnalysis:
        predictor = ImagePredictor(self.data)
        if self.picture is None:
            return ImageAnalysis(predictor.embed_blank())
        embedder, head, labels = predictor.embedder, self.data.head, self.data.taxonomy.labels
        try:
            opened = open_picture(self.picture, self.limits, embedder.working_side)
        except PictureError as error:
            return ImageAnalysis(error=str(error))
        upright = opened.picture
        features = embedder.feature_maps(upright)
        return ImageAnalysis(
            features.vector(),
            str(name_colors(features)),
            encode_jpeg(upright, _PREVIEW_SIDE) if self.previews else b"",
            encode_webp(upright, _THUMB_SIDE) if self.previews else b"",
            split_scores(features, embedder.blocks, head, labels, upright.size)
            if self.deep
            else None,
            notes=opened.notes,
        )
