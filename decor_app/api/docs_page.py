"""The page on which people read and try the API: Swagger UI, from packages that are installed."""

from importlib.resources import files
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

_OURS = Path(str(files("decor_app") / "assets"))
_SWAGGER = Path(fastapi_offline.__file__).parent / "static"


def add_docs_page(app: FastAPI) -> None:
    """Let ``app`` have its page at /docs, and what that loads below it."""

    @app.get("/docs", include_in_schema=False)
    def page(request: Request) -> FileResponse:
        return FileResponse(_OURS / "api_docs.html")

    @app.get("/docs/start.js", include_in_schema=False)
    def script(request: Request) -> FileResponse:
        return FileResponse(_OURS / "api_docs.js")

    @app.get("/docs/icon.png", include_in_schema=False)
    def icon(request: Request) -> FileResponse:
        return FileResponse(_OURS / "icon.png")

    app.mount("/docs", StaticFiles(directory=_SWAGGER))
