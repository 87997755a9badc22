"""The addresses beside the pages that the labeler talks to: a key press runs no page anew.

Who has the address of a labeling, which is a secret of its page, may use it: cookies are not sent
in frames of other sites.
"""

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Annotated, Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from decor_app.api.limits import BodyLimits
from decor_app.api.problems import Problem, handle_problems
from decor_app.state.labeling_session import Labeling, labeling_at
from decor_core.datasets.label_steps import (
    AddClass,
    Label,
    Order,
    Redo,
    RemoveClass,
    RenameClass,
    Undo,
)
from decor_core.errors import DataError, PictureError
from decor_core.images.decode import load_picture
from decor_core.images.encode import encode_webp

PATH = "/labeling"
_SIDE = 1024
_MAX_BYTES, _MAX_BYTES_AT_ONCE = 4 * 2**20, 64 * 2**20  # of a request: 100,000 ids; of all at once
_decoding = BoundedSemaphore(2)  # a large picture takes hundreds of megabytes for a moment
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_NOW = {"Cache-Control": "no-store"}


class _Steps(msgspec.Struct, frozen=True):
    """The body of a POST to …/steps: what is known already, and what to do."""

    steps: list[Label | AddClass | RenameClass | RemoveClass | Order | Undo | Redo]
    revision: Annotated[int, msgspec.Meta(ge=0)] = 0
    proposals_revision: int = -1


def labeling_routes(base: str = "") -> Mount:
    """…/labeling below the path ``base``."""
    routes = [
        Route("/{address}/state", _state),
        Route("/{address}/steps", _steps, methods=["POST"]),
        Route("/{address}/thumb/{picture}", _thumb),
        Route("/{address}/picture/{picture}", _picture),
    ]
    app = Starlette(routes=routes)
    handle_problems(app)
    return Mount(base + PATH, BodyLimits(app, _MAX_BYTES, _MAX_BYTES_AT_ONCE))


def _state(request: Request) -> Response:
    since, known = (
        _number(request, name, usual) for name, usual in (("since", 0), ("proposals", -1))
    )
    return _json(lambda: _labeling(request).state(since, known))


async def _steps(request: Request) -> Response:
    labeling = _labeling(request)
    try:
        asked = msgspec.json.decode(await request.body(), type=_Steps)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(422, f"The body is not as expected: {error}.") from error

    def answer() -> dict[str, Any]:
        return labeling.append_steps(asked.steps, asked.revision, asked.proposals_revision)

    return await run_in_threadpool(_json, answer)


def _thumb(request: Request) -> Response:
    try:
        found = _labeling(request).unlabeled.thumb(request.path_params["picture"])
    except DataError as error:
        raise Problem(404, str(error)) from error
    if not found:
        raise Problem(404, "This picture is gone.")
    return Response(found, media_type="image/webp", headers=_FOREVER)


def _picture(request: Request) -> Response:
    unlabeled = _labeling(request).unlabeled
    try:
        file = unlabeled.file_of(request.path_params["picture"])
        with _decoding:
            picture = load_picture(unlabeled.catalog.read(file), max_side=_SIDE)
            shown = encode_webp(picture, _SIDE)
    except (DataError, PictureError) as error:
        raise Problem(404, str(error)) from error
    return Response(shown, media_type="image/webp", headers=_FOREVER)


def _labeling(request: Request) -> Labeling:
    found = labeling_at(request.path_params["address"])
    if found is None:
        raise Problem(404, "These pictures are not open here (any more); load the page again.")
    return found


def _number(request: Request, name: str, usual: int) -> int:
    try:
        return int(request.query_params.get(name, usual))
    except ValueError:
        raise Problem(422, f"Expected a whole number for {name}.") from None


def _json(answer: Callable[[], dict[str, Any]]) -> Response:
    try:
        content = msgspec.json.encode(answer())
    except DataError as error:  # the disk refuses, or the pictures were deleted
        raise Problem(503, str(error)) from error
    return Response(content, media_type="application/json", headers=_NOW)
