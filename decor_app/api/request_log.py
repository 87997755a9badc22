"""ASGI middleware around the API: an id for each request, a line in the log, counts, times."""

import re
import time
import uuid

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decor_app.hosting.logging import log_event
from decor_app.hosting.metrics import METRICS

REQUEST_ID = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class RequestLog:
    """Gives each request its id, that which it came with where that is a sane one.

    A request that has one already is another's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "request_id" in scope.get("state", {}):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        state = {**scope.get("state", {}), "request_id": request_id}
        scope = {**scope, "state": state}
        started, status = time.monotonic(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                if "etag" not in headers:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            seconds = time.monotonic() - started
            found = scope.get("route")  # never the path itself, which may hold anything
            route = found.path if isinstance(found, APIRoute) else "elsewhere"
            METRICS.count(f"api: {status}")
            METRICS.observe(f"api: {route}", seconds)
            log_event(
                "api request",
                id=request_id,
                route=route,
                status=status,
                pictures=state.get("pictures"),
                milliseconds=round(1000 * seconds),
            )
