"""The API as an ASGI application, to be mounted at /api."""

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from decor_app.api.analyzer import Analyzer
from decor_app.api.docs_page import add_docs_page
from decor_app.api.limits import BodyLimits
from decor_app.api.models import Models
from decor_app.api.problems import ProblemDetails, handle_problems
from decor_app.api.request_log import REQUEST_ID, RequestLog
from decor_app.api.routes import api_routes
from decor_app.api.schemas import JsonPictures
from decor_app.hosting.config import server_config
from decor_app.jobs.inference_pool import InferencePool
from decor_core import __version__

_ABOUT = (
    "Classifies pictures as the app does, to the last bit. Every error is told as "
    "application/problem+json (RFC 9457)."
)


def create_api(pool: Callable[[], InferencePool], models: Models) -> ASGIApp:
    """The API over ``models``, of which the first is the default, by the settings as they are."""
    config = server_config()
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # not each broken form
    app = FastAPI(
        title="Decor",
        version=__version__,
        description=_ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(api_routes(models, Analyzer(pool), config))
    add_docs_page(app)
    handle_problems(app)
    # Half of what uploads may have: what was read of a body is there twice for a moment.
    app.add_middleware(BodyLimits, most=config.api_mb * 2**20, total=config.total_mb * 2**19)
    if origins := config.api_origins.split():
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key", REQUEST_ID],
            expose_headers=["Retry-After", REQUEST_ID],
        )
    _add_schemas(app.openapi())
    _add_model_names(app.openapi(), [*models])
    return RequestLog(app)


def _add_schemas(description: dict[str, Any]) -> None:
    """Add what no route names as its own: the body in JSON, and errors."""
    _, found = models_json_schema(
        [(JsonPictures, "validation"), (ProblemDetails, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    description["components"]["schemas"].update(found["$defs"])


def _add_model_names(description: dict[str, Any], names: list[str]) -> None:
    """Say which models there are to choose from."""
    for path in description["paths"].values():
        for parameter in path.get("post", {}).get("parameters", []):
            if parameter["name"] == "model":
                parameter["schema"]["anyOf"][0]["enum"] = names
