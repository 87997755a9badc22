"""The addresses of the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from decor_app.api.analyzer import Analyzer
from decor_app.api.answers import Answers
from decor_app.api.bodies import CONTENTS, PictureFile, read_pictures
from decor_app.api.keys import KeyCheck, client_id
from decor_app.api.limits import RateLimit
from decor_app.api.mcp import add_mcp
from decor_app.api.models import Models, find_model
from decor_app.api.problems import described
from decor_app.api.schemas import (
    Classification,
    ClassifyOptions,
    Embedding,
    EmbedOptions,
    Health,
    ModelDescription,
    ModelList,
    Readiness,
    TaxonomyLevel,
)
from decor_app.hosting.config import ServerConfig
from decor_core import __version__
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


# What routes that take pictures have in common.
_OF_PICTURES: dict[str, Any] = {
    "tags": ["pictures"],
    "responses": _problems(*_MEANINGS),
    "openapi_extra": {"requestBody": {"required": True, "content": CONTENTS}},
}


def api_routes(models: Models, analyzer: Analyzer, config: ServerConfig) -> APIRouter:
    """All routes below /v1; with keys where ``config`` has them."""
    rate, keys = RateLimit(config.api_rate), KeyCheck(config.api_keys)
    locked = [Depends(keys)] if config.api_keys.strip(", ") else []
    router, answers = APIRouter(prefix="/v1"), Answers(models, analyzer)

    async def pictures_of(request: Request) -> list[PictureFile]:
        """The pictures in a request, within all limits."""
        client = client_id(request)
        rate.spend(client, 1)
        files = await read_pictures(request, config.upload_pictures)
        rate.spend(client, len(files) - 1)
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
        return await answers.classify(request, options, pictures_of)

    def spend_one(request: Request) -> None:
        rate.spend(client_id(request), 1)

    add_mcp(router, answers, config.api_origins, [*locked, Depends(spend_one)])

    @router.post(
        "/embed", summary="Give the vectors of pictures", dependencies=locked, **_OF_PICTURES
    )
    async def embed(request: Request, options: Annotated[EmbedOptions, Query()]) -> Embedding:
        """Give the vectors of one picture or many, to search among or to train on."""
        return await answers.embed(request, options, pictures_of)

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
