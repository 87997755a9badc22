"""How much may come at once: bytes and seconds of a body, pictures waiting, pictures a minute."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Gauge
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decor_app.api.problems import Problem, too_busy
from decor_app.hosting.metrics import METRICS
from decor_core.text import format_bytes

_WAITING = Gauge(
    "decor_api_waiting", "Pictures of the API that wait or are looked at", registry=METRICS.registry
)
IDLE_TIMEOUT, BODY_TIMEOUT = 20.0, 180.0  # seconds: between two parts of a body, and for all of it
MAX_WAIT = 45.0  # seconds that a picture may have to wait; clients and proxies give up after 60


class BodyLimits:
    """ASGI middleware that takes bodies of ``most`` bytes, and of ``total`` all at once.

    What comes is counted, whatever the header Content-Length says. Nothing is read ahead: a client
    that sends faster than it is read waits. One that does not read its answer is left.
    """

    def __init__(self, app: ASGIApp, most: int, total: int) -> None:
        self._app, self._most, self._total = app, most, total
        self._held = 0  # bytes of all requests that are not answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:15]) > self._most:
            await self._too_large().response(Request(scope))(scope, receive, send)
            return
        came, complete, deadline = 0, False, time.monotonic() + BODY_TIMEOUT

        async def receive_within() -> Message:
            nonlocal came, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout(min(IDLE_TIMEOUT, deadline - time.monotonic())):
                    message = await receive()
            except TimeoutError:
                METRICS.count("api: refused: too slow")
                raise Problem(
                    408, "The body came too slowly; send it again.", {"Connection": "close"}
                ) from None
            size = len(message.get("body", b""))
            complete = not message.get("more_body", False)
            came, self._held = came + size, self._held + size
            if came > self._most:
                raise self._too_large()
            if self._held > max(self._total, self._most):
                METRICS.count("api: refused: bytes of all")
                raise too_busy("The server holds as many bytes as it can; come again soon.", 5)
            return message

        gone = False

        async def send_within(message: Message) -> None:
            nonlocal gone
            if gone:
                return
            try:
                async with asyncio.timeout(BODY_TIMEOUT):
                    await send(message)
            except TimeoutError:
                METRICS.count("api: answers not read")
                gone = True

        try:
            await self._app(scope, receive_within, send_within)
        finally:
            self._held -= came

    def _too_large(self) -> Problem:
        METRICS.count("api: refused: bytes of one request")
        return Problem(
            413, f"A request may have {format_bytes(self._most)} at most; send fewer pictures."
        )


class ConcurrencyLimiter:
    """A bounded number of pictures that wait or are looked at; who finds it full comes again.

    On a slow machine it is full sooner: before a client or a proxy would give up.
    """

    def __init__(self, most: int, at_once: int) -> None:
        self._most, self._at_once = most, at_once
        self._inside = 0
        self._each = 0.1  # seconds that a picture takes, as the last ones did

    @property
    def is_full(self) -> bool:
        return self._inside >= self._most or self._seconds > MAX_WAIT

    @property
    def _seconds(self) -> float:
        """How long who comes now would wait."""
        return self._inside * self._each / self._at_once

    @contextmanager
    def admit(self, pictures: int) -> Iterator[None]:
        """Room until the end of the block; more than there is room for at all come in alone."""
        if self._inside and (self._inside + pictures > self._most or self._seconds > MAX_WAIT):
            METRICS.count("api: refused: pictures waiting")
            raise too_busy(
                f"{self._inside} pictures are waiting, as many as this server can do well by; "
                "come again soon.",
                self._seconds,
            )
        self._inside += pictures
        _WAITING.inc(pictures)
        try:
            yield
        finally:
            self._inside -= pictures
            _WAITING.dec(pictures)

    def observe(self, seconds: float) -> None:
        """Take note of how long a picture took."""
        self._each += (seconds - self._each) / 20


class RateLimit:
    """So many pictures a minute for each who asks."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def spend(self, client: str, pictures: int) -> None:
        """Count pictures of ``client``; Problem where they are too many."""
        if pictures and not self._limiter.hit(self._item, client, cost=pictures):
            METRICS.count("api: refused: rate")
            reset = self._limiter.get_window_stats(self._item, client).reset_time - time.time()
            raise Problem(
                429,
                f"This is more than {self._item.amount} pictures a minute; come again later.",
                {"Retry-After": str(max(round(reset), 1))},
            )
