"""Start the API alone, as ``decor serve`` does: host, port, and folders of models."""

import asyncio
import sys
from pathlib import Path

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from decor_app.api.server import create_server
from decor_core.errors import DecorError

_HEADERS_SECONDS = 20.0  # for the headers of a request


class PatientProtocol(H11Protocol):
    """Uvicorn's, but it ends connections on which the headers of a request come too slowly."""

    _watched = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._watch()

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self.loop.call_later(_HEADERS_SECONDS, self._end_if_without_request)

    def _end_if_without_request(self) -> None:
        self._watched = False
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


def main(host: str, port: str, *models: str) -> int:
    try:
        app = create_server([Path(folder) for folder in models])
    except DecorError as error:
        print(f"decor: {error}", file=sys.stderr)
        return 2
    shown = f"[{host}]" if ":" in host else host
    print(f"Decor's API is at http://{shown}:{port}/api/docs (Ctrl-C ends it)", file=sys.stderr)
    uvicorn.run(
        app,
        host=host,
        port=int(port),
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
