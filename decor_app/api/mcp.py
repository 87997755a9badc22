"""A tool for agents: the Model Context Protocol over HTTP, as far as one tool needs it.

Of the transport “Streamable HTTP” it is what every server must have: one JSON-RPC message a
request, answered at once, without sessions and streams.
"""

import json
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from decor_app.api.answers import Answers
from decor_app.api.bodies import PictureFile, read_json
from decor_app.api.problems import Problem
from decor_app.api.schemas import ClassifiedPicture, ClassifyOptions
from decor_core import __version__

# The newest first; others differ in nothing that one tool needs.
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
TOOL = "classify_picture"

_PARSE_ERROR, _INVALID_REQUEST, _UNKNOWN_METHOD, _INVALID_PARAMETERS = (
    -32700,
    -32600,
    -32601,
    -32602,
)
_ABOUT = (
    "Tells in which folk style a product is decorated, or what else the server's model was trained "
    "on: the likeliest labels with calibrated probabilities, or that it is none of them."
)


class _Message(BaseModel):
    """A request, or without ``id`` a notification."""

    model_config = ConfigDict(extra="ignore")

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | None = None
    params: dict[str, Any] = {}


class ToolArguments(BaseModel):
    """Arguments of the tool."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    picture: Base64Bytes = Field(description="The file in base64: JPEG, PNG, WebP, HEIC, ….")
    model: str | None = Field(None, description="Which model; by default the first.")
    taxonomy: str | None = Field(None, description="Labels to tell, e.g. style or country.")
    top: int = Field(5, ge=1, le=100, description="Labels to list.")


class _Refused(Exception):
    """An error of JSON-RPC, with its number."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def add_mcp(router: APIRouter, answers: Answers, origins: str, locked: list[Any]) -> None:
    """Add the address of the protocol, by which ``answers`` are had.

    Pages of other sites may only ask where their origin is one of ``origins``.
    """

    @router.post("/mcp", dependencies=locked, include_in_schema=False)
    async def mcp(request: Request) -> Response:
        """Answer one message."""
        if (origin := request.headers.get("origin")) and origin not in origins.split():
            raise Problem(403, "Pages of this origin may not ask here; see DECOR_API_ORIGINS.")
        number = None
        try:
            message = _read(await read_json(request))
            number = message.id
            if message.id is None:  # a notification, which wants no answer
                return Response(status_code=202)
            reply = {"result": await _answer(request, message, answers)}
        except _Refused as error:
            reply = {"error": {"code": error.code, "message": str(error)}}
        return JSONResponse({"jsonrpc": "2.0", "id": number, **reply})


def _read(body: bytes) -> _Message:
    try:
        return _Message.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            raise _Refused(_PARSE_ERROR, "The body is no JSON.") from None
        raise _Refused(_INVALID_REQUEST, "Expected one JSON-RPC 2.0 message.") from None


async def _answer(request: Request, message: _Message, answers: Answers) -> dict[str, Any]:
    """The result of a request; _Refused where there is none."""
    match message.method:
        case "initialize":
            asked = message.params.get("protocolVersion")
            return {
                "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "decor", "title": "Decor", "version": __version__},
            }
        case "ping":
            return {}
        case "tools/list":
            return {"tools": [_tool()]}
        case "tools/call":
            return await _call(request, message.params, answers)
    raise _Refused(_UNKNOWN_METHOD, f"There is no method “{message.method[:100]}” here.")


def _tool() -> dict[str, Any]:
    return {
        "name": TOOL,
        "title": "Classify a picture",
        "description": _ABOUT,
        "inputSchema": ToolArguments.model_json_schema(),
        "outputSchema": ClassifiedPicture.model_json_schema(mode="serialization"),
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    }


async def _call(request: Request, params: dict[str, Any], answers: Answers) -> dict[str, Any]:
    """The result of the tool; a refused picture is one, too, so that the agent reads why."""
    if params.get("name") != TOOL:
        raise _Refused(_INVALID_PARAMETERS, f"The only tool is “{TOOL}”.")
    try:
        arguments = ToolArguments.model_validate(params.get("arguments") or {})
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False, include_input=False, include_context=False)
        return _failed(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")
    options = ClassifyOptions(
        model=arguments.model, taxonomy=arguments.taxonomy, top=arguments.top, evidence=False
    )

    async def files_of(request: Request) -> list[PictureFile]:
        request.state.pictures = 1  # for the log
        return [PictureFile(None, arguments.picture)]

    try:
        answer = await answers.classify(request, options, files_of)
    except Problem as problem:
        return _failed(problem.detail)
    reply = answer.pictures[0].model_dump(mode="json")
    text = json.dumps(reply, ensure_ascii=False)
    return {"content": [{"type": "text", "text": text}], "structuredContent": reply}


def _failed(why: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": why}], "isError": True}
