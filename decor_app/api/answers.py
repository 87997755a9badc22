"""The answers of the API, made from the analyses of pictures."""

import base64
import io
from collections.abc import Awaitable, Callable

from PIL import Image
from starlette.requests import Request

from decor_app.api.analyzer import Analyzer
from decor_app.api.bodies import PictureFile
from decor_app.api.models import Models, find_model
from decor_app.api.problems import InvalidPart, Problem
from decor_app.api.schemas import (
    MAX_EVIDENCE,
    Classification,
    ClassifiedPicture,
    ClassifyOptions,
    EmbeddedPicture,
    Embedding,
    EmbedOptions,
    LabelScore,
    UnreadablePicture,
)
from decor_app.jobs.image_analysis import ImageAnalysis
from decor_core.errors import DataError
from decor_core.model.overlay import overlay
from decor_core.model.predictor import Prediction, VectorPredictor

# The pictures that a request is about; Problem where there are none, or too many.
FilesOf = Callable[[Request], Awaitable[list[PictureFile]]]


class Answers:
    """Answers requests about pictures by ``models``."""

    def __init__(self, models: Models, analyzer: Analyzer) -> None:
        self._models, self._analyzer = models, analyzer

    async def classify(
        self, request: Request, options: ClassifyOptions, files_of: FilesOf
    ) -> Classification:
        """Classify pictures; Problem where the only one cannot be read."""
        name, model = find_model(self._models, options.model)
        taxonomy = _taxonomy(model, options.taxonomy)
        files = await files_of(request)
        if options.evidence and len(files) > MAX_EVIDENCE:
            raise _invalid("evidence", f"Evidence is for {MAX_EVIDENCE} pictures at most.")

        def classify_one(file: PictureFile) -> ClassifiedPicture | UnreadablePicture:
            analysis = self._analyzer.analyze(model.bundle, file, options.evidence)
            return classified(file, analysis, model, taxonomy, options.top)

        pictures = await self._analyzer.each(request, files, classify_one)
        _check_single(pictures)
        return Classification(model=name, taxonomy=taxonomy, pictures=pictures)

    async def embed(self, request: Request, options: EmbedOptions, files_of: FilesOf) -> Embedding:
        """Give the vectors of pictures; Problem where the only one cannot be read."""
        name, model = find_model(self._models, options.model)
        files = await files_of(request)

        def embed_one(file: PictureFile) -> EmbeddedPicture | UnreadablePicture:
            return embedded(file, self._analyzer.analyze(model.bundle, file), options.encoding)

        pictures = await self._analyzer.each(request, files, embed_one)
        _check_single(pictures)
        return Embedding(
            model=name,
            dimensions=len(model.bundle.head.weights),
            encoding=options.encoding,
            pictures=pictures,
        )


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


def _invalid(parameter: str, detail: str) -> Problem:
    return Problem(422, detail, errors=[InvalidPart(parameter=parameter, detail=detail)])


def _taxonomy(model: VectorPredictor, name: str | None) -> str:
    trained = model.bundle.taxonomy
    try:
        return trained.level(trained.name if name is None else name).name
    except DataError as error:
        raise _invalid("taxonomy", str(error)) from None


def _check_single(pictures: list) -> None:
    """Problem where the only picture of a request cannot be read."""
    if len(pictures) == 1 and isinstance(pictures[0], UnreadablePicture):
        raise Problem(422, pictures[0].error)
