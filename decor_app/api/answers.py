"""What the API says of a picture, from what was seen in it."""

import base64
import io

from PIL import Image

from decor_app.api.bodies import PictureFile
from decor_app.api.schemas import (
    ClassifiedPicture,
    EmbeddedPicture,
    LabelScore,
    UnreadablePicture,
)
from decor_app.jobs.image_analysis import ImageAnalysis
from decor_core.model.overlay import overlay
from decor_core.model.predictor import Prediction, VectorPredictor


def classified(
    file: PictureFile, analysis: ImageAnalysis, model: VectorPredictor, taxonomy: str, top: int
) -> ClassifiedPicture | UnreadablePicture:
    """The prediction for a picture in ``taxonomy``, with the ``top`` likeliest labels."""
    if analysis.vector is None:
        return UnreadablePicture(file=file.name, error=analysis.error)
    (prediction,) = model.predict(analysis.vector[None], taxonomy)
    decision, best = prediction.decision(), prediction.scores[0]
    return ClassifiedPicture(
        file=file.name,
        decision=decision.kind,  # pyright: ignore[reportArgumentType]
        labels=list(decision.labels),
        label=best.label,
        probability=best.probability,
        unknown=prediction.unknown,
        novelty=prediction.novelty,
        scores=[
            LabelScore(label=score.label, probability=score.probability)
            for score in prediction.scores[:top]
        ],
        colors=analysis.colors,
        notes=list(analysis.notes),
        evidence=_evidence(analysis, model, prediction),
    )


def embedded(
    file: PictureFile, analysis: ImageAnalysis, encoding: str
) -> EmbeddedPicture | UnreadablePicture:
    """The vector of a picture, as a list or as little-endian float32 in base64."""
    if analysis.vector is None:
        return UnreadablePicture(file=file.name, error=analysis.error)
    packed = base64.b64encode(analysis.vector.astype("<f4").tobytes()).decode()
    vector = packed if encoding == "base64" else analysis.vector.tolist()
    return EmbeddedPicture(file=file.name, vector=vector, notes=list(analysis.notes))


def _evidence(
    analysis: ImageAnalysis, model: VectorPredictor, prediction: Prediction
) -> str | None:
    """The picture under the attribution map of its likeliest label, as a PNG in base64."""
    if analysis.evidence is None:
        return None
    explanation = analysis.evidence.rolled_up(model.bundle.taxonomy, prediction.taxonomy)
    attribution = explanation.attribution(prediction.scores[0].label)
    packed = io.BytesIO()
    with Image.open(io.BytesIO(analysis.preview)) as picture:
        painted = overlay(picture.convert("RGB"), attribution, explanation.scale)
    painted.save(packed, "PNG", compress_level=1)
    return base64.b64encode(packed.getvalue()).decode()
