"""Start the API alone, as ``decor serve`` does: host, port, and folders of models."""

import socket
import sys


def main(host: str, port: str, *models: str) -> int:
    # Here, as Ctrl-C may come while they are imported, too.
    import uvicorn

    from decor_app.api.protocol import Protocol
    from decor_app.api.server import create_server
    from decor_core.errors import DecorError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        app = create_server(models)
        listener = socket.create_server((host, int(port)), family=family, backlog=2048)
    except DecorError as error:
        print(f"decor: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"decor: Port {port} of {host} cannot be opened ({error.strerror}); choose another "
            "with --port, or another address with --host.",
            file=sys.stderr,
        )
        return 2
    shown = f"[{host}]" if ":" in host else host
    print(f"Decor's API is at http://{shown}:{port}/api/docs (Ctrl-C ends it)", file=sys.stderr)
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:  # uvicorn raises it once more when all is shut down
        sys.exit(0)
