"""Every error of the API as application/problem+json (RFC 9457)."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from decor_app.jobs.worker import OWN_FAULT

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class InvalidPart(BaseModel):
    """What is wrong with one part of a request."""

    parameter: str | None = Field(default=None, description="A parameter of the query.")
    pointer: str | None = Field(default=None, description="A place in the JSON body (RFC 6901).")
    detail: str


class ProblemDetails(BaseModel):
    """What went wrong, as RFC 9457 says it."""

    type: str = "about:blank"
    title: str = Field(description="The name of the status.")
    status: int
    detail: str = Field(description="What was expected, what came, and what to do.")
    request_id: str | None = Field(default=None, description="Stands in the server's log, too.")
    errors: list[InvalidPart] | None = None


class Problem(Exception):
    """A request that cannot be answered: a status, and a sentence for whoever asked."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[InvalidPart] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers, self.errors = dict(headers or {}), list(errors)

    def response(self, request: Request) -> Response:
        """The answer that tells it."""
        details = ProblemDetails(
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            request_id=getattr(request.state, "request_id", None),
            errors=self.errors or None,
        )
        content = details.model_dump(exclude_none=True)
        return JSONResponse(content, self.status, self.headers, MEDIA_TYPE)


def described(status: int, meaning: str) -> dict[str, Any]:
    """A problem as the OpenAPI description tells it."""
    example = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": f"{meaning} …",
        "request_id": "81eb3be452bc4a6c9c032f15f599426b",
    }
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        "description": meaning,
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def too_busy(detail: str, seconds: float) -> Problem:
    """A refusal for lack of room, with the seconds after which to come again."""
    return Problem(503, detail, {"Retry-After": str(max(round(seconds), 1))})


def invalid_json(error: ValidationError) -> Problem:
    """The mistakes in a JSON body; 400 where it is no JSON at all."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        return Problem(400, f"The body is no JSON: {found[0]['msg']}.")
    parts = []
    for one in found[:_MAX_MISTAKES]:
        names = [str(name).replace("~", "~0").replace("/", "~1") for name in one["loc"]]
        parts.append(InvalidPart(pointer="".join(f"/{name}" for name in names), detail=one["msg"]))
    return Problem(422, "The JSON body is not as expected; see errors.", errors=parts)


_MAX_MISTAKES = 20  # of a hundred mistakes the first tell enough


def handle_problems(app: Starlette) -> None:
    """Let every error of ``app`` be told as a problem."""
    app.add_exception_handler(Problem, _tell_problem)
    app.add_exception_handler(HTTPException, _tell_status)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(ClientDisconnect, _tell_nobody)
    app.add_exception_handler(Exception, _tell_fault)


def _tell_problem(request: Request, error: Any) -> Response:
    return error.response(request)


def _tell_status(request: Request, error: Any) -> Response:
    details = {
        404: f"There is nothing at {request.url.path}; the addresses are in v1/openapi.json.",
        405: f"{request.method} is not possible here; see the header Allow.",
    }
    detail = details.get(error.status_code, str(error.detail))
    return Problem(error.status_code, detail, error.headers).response(request)


def _tell_invalid(request: Request, error: Any) -> Response:
    parts = [
        InvalidPart(parameter=".".join(map(str, one["loc"][1:])) or None, detail=one["msg"])
        for one in error.errors()[:_MAX_MISTAKES]
    ]
    named = "; ".join(f"{one.parameter}: {one.detail}" for one in parts[:3])
    return Problem(422, f"The query is not as expected: {named}.", errors=parts).response(request)


def _tell_nobody(request: Request, error: Any) -> Response:
    return Problem(400, "The request ended before it was complete.").response(request)


def _tell_fault(request: Request, error: Any) -> Response:
    _log.error("a request failed", exc_info=error)
    return Problem(500, OWN_FAULT).response(request)
