"""Start the API alone, as ``decor serve`` does: host, port, and folders of models."""

import sys
from pathlib import Path

import uvicorn

from decor_app.api.protocol import Protocol
from decor_app.api.server import create_server
from decor_core.errors import DecorError


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
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
