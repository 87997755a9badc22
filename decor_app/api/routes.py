"""The addresses of the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from decor_app.api.analyzer import Analyzer
from decor_app.api.answers import classified, embedded
from decor_app.api.bodies import CONTENTS, PictureFile, read_pictures
from decor_app.api.keys import KeyCheck, who_asks
from decor_app.api.limits import RateLimit
from decor_app.api.mcp import FilesOf, add_mcp
from decor_app.api.models import Models, find_model
from decor_app.api.problems import InvalidPart, Problem, described
from decor_app.api.schemas import (
    MOST_EVIDENCE,
    Classification,
    ClassifiedPicture,
    ClassifyOptions,
    EmbeddedPicture,
    Embedding,
    EmbedOptions,
    Health,
    ModelDescription,
    ModelList,
    Readiness,
    TaxonomyLevel,
    UnreadablePicture,
)
from decor_app.hosting.config import ServerConfig
from decor_core import __version__
from decor_core.errors import DataError
from decor_core.model.predictor import VectorPredictor

_MEANINGS = {
    400: "The body cannot be read",
    401: "A key is wanted",
    408: "The body came too slowly",
    413: "Too many bytes or pictures",
    415: "A body of another kind than expected",
    422: "An option that makes no sense, or a single picture that cannot be read",
    429: "Too many pictures a minute",
    503: "The server is busy or not ready; Retry-After says when to come again",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: described(status, _MEANINGS[status]) for status in statuses}


# What the routes have in common to which pictures are sent.
_OF_PICTURES: dict[str, Any] = {
    "tags": ["pictures"],
    "responses": _problems(*_MEANINGS),
    "openapi_extra": {"requestBody": {"required": True, "content": CONTENTS}},
}


def api_routes(models: Models, analyzer: Analyzer, config: ServerConfig) -> APIRouter:
    """All routes below /v1; with keys where ``config`` has them."""
    rate, keys = RateLimit(config.api_rate), KeyCheck(config.api_keys)
    locked = [Depends(keys)] if config.api_keys.strip(", ") else []
    router = APIRouter(prefix="/v1")

    async def pictures_of(request: Request) -> list[PictureFile]:
        """The pictures in a request, within all limits."""
        who = who_asks(request)
        rate.spend(who, 1)
        files = await read_pictures(request, config.upload_pictures)
        rate.spend(who, len(files) - 1)
        request.state.pictures = len(files)
        return files

    @router.post("/classify", summary="Classify pictures", dependencies=locked, **_OF_PICTURES)
    async def classify(
        request: Request, options: Annotated[ClassifyOptions, Query()]
    ) -> Classification:
        """Classify one picture or many.

        Of many, one that cannot be read gets its error in place of an answer; one that comes alone
        is answered with 422.
        """
        return await answer(request, options, pictures_of)

    async def answer(
        request: Request, options: ClassifyOptions, files_of: FilesOf
    ) -> Classification:
        name, model = find_model(models, options.model)
        taxonomy = _taxonomy(model, options.taxonomy)
        files = await files_of(request)
        if options.evidence and len(files) > MOST_EVIDENCE:
            raise _invalid("evidence", f"Evidence is for {MOST_EVIDENCE} pictures at most.")

        def classify_one(file: PictureFile) -> ClassifiedPicture | UnreadablePicture:
            analysis = analyzer.analyze(model.bundle, file, options.evidence)
            return classified(file, analysis, model, taxonomy, options.top)

        pictures = await analyzer.each(request, files, classify_one)
        _check_single(pictures)
        return Classification(model=name, taxonomy=taxonomy, pictures=pictures)

    def spend_one(request: Request) -> None:
        rate.spend(who_asks(request), 1)

    add_mcp(router, answer, config.api_origins, [*locked, Depends(spend_one)])

    @router.post(
        "/embed", summary="Give the vectors of pictures", dependencies=locked, **_OF_PICTURES
    )
    async def embed(request: Request, options: Annotated[EmbedOptions, Query()]) -> Embedding:
        """Give the vectors of one picture or many, to search among or to train on."""
        name, model = find_model(models, options.model)
        files = await pictures_of(request)

        def embed_one(file: PictureFile) -> EmbeddedPicture | UnreadablePicture:
            return embedded(file, analyzer.analyze(model.bundle, file), options.encoding)

        pictures = await analyzer.each(request, files, embed_one)
        _check_single(pictures)
        return Embedding(
            model=name,
            dimensions=len(model.bundle.head.weights),
            encoding=options.encoding,
            pictures=pictures,
        )

    @router.get(
        "/models",
        summary="List the models",
        tags=["models"],
        dependencies=locked,
        responses=_problems(401, 503),
    )
    def list_models() -> ModelList:
        """List the models that can be asked."""
        return ModelList(models=[_description(*find_model(models, name)) for name in models])

    @router.get("/health", summary="Does it live?", tags=["server"], responses=_problems(503))
    async def health() -> Health:
        """Tell that the server lives."""
        return Health(version=__version__)

    @router.get(
        "/ready",
        summary="Are pictures answered at once?",
        tags=["server"],
        responses=_problems(503),
    )
    async def ready() -> Readiness:
        """Tell whether pictures are answered at once."""
        analyzer.check_ready(next(iter(models.values())))
        return Readiness()

    return router


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


def _description(name: str, model: VectorPredictor) -> ModelDescription:
    bundle = model.bundle
    return ModelDescription(
        name=name,
        title=bundle.title,
        created=bundle.created,
        taxonomies=[
            TaxonomyLevel(name=level.name, labels=list(level.labels))
            for level in bundle.taxonomy.levels
        ],
        tells_unknown=bundle.novelty is not None,
        dimensions=len(bundle.head.weights),
    )
