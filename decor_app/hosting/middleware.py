"""What stands before Streamlit on a hosted server: headers, and limits on what is sent to it.

Pages refuse with friendly words; the gate refuses earlier and more bluntly what no page of ours
would send, before it takes any memory.
"""

import asyncio
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decor_app.hosting.admission import connected, server, uploaded_bytes
from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS

_UPLOAD = "/_stcore/upload_file/"
_STREAM = "/_stcore/stream"
_CLOSED = ("/_stcore/metrics",)
_SLOWEST_UPLOAD = 180.0  # seconds
_FRAMING = 64 * 1024  # bytes that a browser adds around a file
_TRY_AGAIN_LATER = 1013


class Gate:
    """An ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._coming: dict[str, int] = {}  # bytes on their way, by session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "websocket" and _is_crowded():
            METRICS.count("refused: connections")
            await receive()
            await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif path.endswith(_CLOSED):
            await PlainTextResponse("Not found", 404)(scope, receive, _with_headers(send))
        elif scope["method"] == "PUT" and _UPLOAD in path:
            await self._upload(scope, receive, _with_headers(send))
        else:
            await self._app(scope, receive, _with_headers(send))

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let an upload through that there is room for, in a bearable time."""
        session = scope["path"].partition(_UPLOAD)[2].partition("/")[0]
        length = Headers(scope=scope).get("content-length", "")
        refused = self._refusal(session, length)
        if refused:
            METRICS.count("refused: uploads at the gate")
            await refused(scope, receive, send)
            return
        self._coming[session] = self._coming.get(session, 0) + int(length)
        try:
            async with asyncio.timeout(_SLOWEST_UPLOAD):
                await self._app(scope, receive, send)
        except TimeoutError:
            METRICS.count("refused: uploads too slow")
            await PlainTextResponse("This upload took too long.", 408)(scope, receive, send)
        finally:
            self._coming[session] -= int(length)
            if not self._coming[session]:
                del self._coming[session]

    def _refusal(self, session: str, length: str) -> PlainTextResponse | None:
        """What to answer instead; pages say it in time to everybody who uses only them."""
        if not (length.isascii() and length.isdigit()):
            return PlainTextResponse("An upload must say how long it is.", 411)
        size, limits = int(length[:15]), server_config()
        if size > limits.upload_mb * 2**20 + _FRAMING:
            return PlainTextResponse(f"A file may have {limits.upload_mb} MB at most.", 413)
        own = self._coming.get(session, 0) + _held_by(session)
        if own + size > 2 * limits.session_mb * 2**20:
            return PlainTextResponse("These are too many uploads for one visitor.", 413)
        every = sum(self._coming.values()) + uploaded_bytes()
        if every + size > 1.5 * limits.total_mb * 2**20:
            return PlainTextResponse("The server is full of uploads; try again later.", 503)
        return None


def _is_crowded() -> bool:
    """Whether even the line outside is full: twice as many as there is room for."""
    return len(connected()) >= 2 * server_config().sessions


def _held_by(session: str) -> int:
    """Bytes of the uploads of one session."""
    here = server()
    files = here.uploaded_file_mgr.file_storage.get(session, {}) if here else {}
    return sum(len(file.data) for file in list(files.values()))


def _with_headers(send: Send) -> Send:
    """``send``, which adds our headers where an answer begins."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in security_headers(server_config().frame_ancestors.split()):
                headers[name] = value
        await send(message)

    return sent


def security_headers(frames: Iterable[str] = ()) -> list[tuple[str, str]]:
    """What every answer carries; ``frames`` are sites that may show the app in a frame.

    Streamlit writes styles and scripts into its pages and its charts make functions from text, so
    both are allowed from the page itself; nothing is from elsewhere.
    """
    frames = list(frames)
    policy = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' blob: mediastream:",
        "connect-src": "'self' ws: wss: data: blob:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-src": "'none'",
        "frame-ancestors": " ".join(["'self'", *frames]),
    }
    headers = [
        ("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in policy.items())),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), payment=(), usb=()"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ]
    if not frames:  # the older header knows no list of sites
        headers.append(("X-Frame-Options", "SAMEORIGIN"))
    return headers
