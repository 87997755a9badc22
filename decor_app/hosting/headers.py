"""ASGI middleware that sends the headers browsers want, and closes what is nobody's business."""

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decor_app.hosting.config import server_config

_CLOSED = ("/_stcore/metrics",)
# Streamlit writes styles and scripts into its pages and its charts make functions from text, so
# both are allowed from the page itself; nothing is from elsewhere.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob: mediastream:",
        "connect-src 'self' ws: wss: data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-src 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class SecurityHeaders:
    """Adds our headers to every answer; closes addresses that are nobody's business."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        frames = server_config().frame_ancestors.split()  # sites that may show the app in a frame
        policy = " ".join([f"{_POLICY}; frame-ancestors 'self'", *frames])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers["Content-Security-Policy"] = policy
                if not frames:  # the older header knows no list of sites
                    headers["X-Frame-Options"] = "SAMEORIGIN"
            await send(message)

        closed = scope["path"].endswith(_CLOSED)
        answer = PlainTextResponse("Not found", 404) if closed else self._app
        await answer(scope, receive, send_with_headers)
