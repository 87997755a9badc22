"""ASGI middleware before Streamlit: limits on what is sent to it.

Pages refuse with friendly words; these refuse earlier and more bluntly what no page of ours would
send, before it takes any memory.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS
from decor_app.hosting.streamlit_internals import uploaded_bytes
from decor_app.hosting.uploads import UPLOADS
from decor_core.text import format_bytes

_UPLOAD = "/_stcore/upload_file/"
_SLOWEST_UPLOAD = 180.0  # seconds
_FRAMING = 64 * 1024  # bytes that a browser adds around a file
_TRY_AGAIN_LATER = 1013


class ConnectionLimit:
    """Takes twice as many connections as there is room for: the others wait on a page of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._connections = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
        elif self._connections >= 2 * server_config().sessions:
            METRICS.count("refused: connections")
            await receive()
            await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})
        else:
            self._connections += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._connections -= 1


class UploadLimits:
    """Lets uploads through that there is room for, in a bearable time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._coming: dict[str, int] = {}  # bytes on their way, by session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "PUT" and _UPLOAD in scope["path"]:
            await self._upload(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        session, _, file_id = scope["path"].partition(_UPLOAD)[2].partition("/")
        length = Headers(scope=scope).get("content-length", "")
        if refused := self._refusal(session, length):
            METRICS.count("refused: uploads at the gate")
            await refused(scope, receive, send)
            return
        self._coming[session] = self._coming.get(session, 0) + int(length)
        try:
            async with asyncio.timeout(_SLOWEST_UPLOAD):
                await self._app(scope, receive, send)
            UPLOADS.add(session, file_id)
        except TimeoutError:
            METRICS.count("refused: uploads too slow")
            await PlainTextResponse("This upload took too long.", 408)(scope, receive, send)
        finally:
            self._coming[session] -= int(length)
            if not self._coming[session]:
                del self._coming[session]

    def _refusal(self, session: str, length: str) -> PlainTextResponse | None:
        """The answer instead; pages warn earlier, so their users never see it."""
        if not (length.isascii() and length.isdigit()):
            return PlainTextResponse("An upload must say how long it is.", 411)
        size, config = int(length[:15]), server_config()
        limit = config.upload_mb * 2**20
        if size > limit + _FRAMING:
            return PlainTextResponse(f"A file may have {format_bytes(limit)} at most.", 413)
        own = self._coming.get(session, 0) + UPLOADS.held_by(session)
        if own + size > 2 * config.session_mb * 2**20:
            return PlainTextResponse("These are too many uploads for one visitor.", 413)
        every = sum(self._coming.values()) + uploaded_bytes()
        if every + size > 1.5 * config.total_mb * 2**20:
            return PlainTextResponse("The server is full of uploads; try again later.", 503)
        return None
