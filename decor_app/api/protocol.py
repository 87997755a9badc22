"""HTTP/1.1 of the API's own server: what Uvicorn answers in words of its own, or waits for forever.

Beside the app, Streamlit starts Uvicorn as it is; there the proxy in front has such limits.
"""

import asyncio
import sys
import uuid
from typing import Any

import h11
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from decor_app.api import limits
from decor_app.api.problems import Problem
from decor_app.hosting.logging import log_event
from decor_app.hosting.metrics import METRICS

_DETAILS = {
    408: "The request came too slowly; send it again.",
    431: "The headers are too long; send shorter ones.",
    501: "The body may be sent in chunks or with its length; no other transfer encoding is known.",
}
_LINGER = 2.0  # seconds for who is refused to read why
_NO_HTTP = "This is no HTTP/1.1 request that can be read."


class Protocol(H11Protocol):
    """A connection that is given up when no request comes, or no answer is taken.

    What cannot be read as HTTP is answered with a problem, as everything else is.
    """

    _waiting: asyncio.TimerHandle | None = None  # for what the client is to do next
    _refused = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def on_response_complete(self) -> None:
        self._wait()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait()

    def _wait(self) -> None:
        """Give the client time: for its next request, or to take an answer as slow as a body."""
        self._stop_waiting()
        unread = self.transport.get_write_buffer_size()
        seconds = limits.BODY_TIMEOUT if unread else limits.IDLE_TIMEOUT
        self._waiting = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()

    def _give_up(self) -> None:
        """End the connection unless a request is under way."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        elif self.cycle is None or self.cycle.response_complete:
            if self.conn.trailing_data[0] and self.conn.our_state is h11.IDLE:
                self._refuse(408)
            else:
                self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._refuse(getattr(sys.exc_info()[1], "error_status_hint", 400))

    def _refuse(self, status: int) -> None:
        """Answer with a problem unless an answer has begun, and end the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            request_id = uuid.uuid4().hex
            request = Request({"type": "http", "headers": [], "state": {"request_id": request_id}})
            problem = Problem(
                status,
                _DETAILS.get(status, _NO_HTTP),
                {"Connection": "close", "X-Request-ID": request_id, "Cache-Control": "no-store"},
            ).response(request)
            for event in (
                h11.Response(status_code=status, headers=problem.raw_headers),
                h11.Data(data=bytes(problem.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
            METRICS.count(f"api: {status}")
            log_event("api request", id=request_id, route="elsewhere", status=status)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._refused = True
        try:
            self.transport.write_eof()
        except (OSError, NotImplementedError):  # nobody is there; or it is encrypted
            self.transport.close()
        else:  # who still sends would not hear the answer if all ended now
            self._stop_waiting()
            self._waiting = self.loop.call_later(_LINGER, self.transport.abort)
