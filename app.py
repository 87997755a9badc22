"""The app as a web server: ``streamlit run app.py``, public with DECOR_HOSTED=1.

Streamlit runs decor_app/main.py for each visitor; here is what there is once for all of them.
"""

import sys
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from decor_app.api.application import create_api
from decor_app.hosting import memory
from decor_app.hosting.admin import password
from decor_app.hosting.config import server_config
from decor_app.hosting.headers import SecurityHeaders
from decor_app.hosting.logging import log_event, use_json_logging
from decor_app.hosting.metrics_route import metrics_route
from decor_app.hosting.middleware import ConnectionLimit, UploadLimits
from decor_app.hosting.streamlit_internals import (
    finish_callbacks,
    ignore_clicks_of_automatic_reruns,
    keep_messages,
    keep_page_changes,
    limit_uploads,
    send_downloads_from_urls,
    skip_runs_of_former_fragments,
)
from decor_app.hosting.tempdir import server_tempdir
from decor_app.hosting.visitor import VisitorCookie
from decor_app.state.cleanup import clean_up
from decor_app.state.downloads import download_route
from decor_app.state.labeling_routes import labeling_routes
from decor_app.state.models import shipped_predictor
from decor_app.state.processes import (
    inference_pool,
    job_queues,
    warm_inference,
    warm_training_process,
)
from decor_app.state.server_stats import register_gauges
from decor_app.state.workspace import REGISTRY
from decor_core.errors import SettingsError
from decor_core.model.bundle import DEFAULT_BUNDLE

try:
    server_config()
except SettingsError as error:
    sys.exit(f"Decor cannot start: {error}")


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[None]:
    config, ends = server_config(), threading.Event()
    if config.hosted:
        use_json_logging()
    limit_uploads(config.upload_mb)
    skip_runs_of_former_fragments()
    ignore_clicks_of_automatic_reruns()
    keep_messages()
    finish_callbacks()
    keep_page_changes()
    send_downloads_from_urls()
    memory.tune_malloc()
    register_gauges()
    if config.api:
        _api()
    with server_tempdir():
        log_event("started", hosted=config.hosted, streamlit=version("streamlit"))
        for work in (_warm_up, lambda: clean_up(ends)):
            threading.Thread(target=work, daemon=True).start()
        if not st.get_option("server.headless"):
            threading.Timer(1.0, webbrowser.open, [_address()]).start()
        yield
        ends.set()
        for background in (inference_pool(), *job_queues().values()):
            background.close()
        REGISTRY.forget_all()
    log_event("stopped")


def _warm_up() -> None:
    """Do what the first page needs, so that whoever comes first need not wait for it."""
    warm_inference()
    warm_training_process()
    for name in ("gallery", "prediction_view", "uploads"):
        import_module(f"decor_app.classify.{name}")


def _address() -> str:
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"{scheme}://localhost:{st.get_option('server.port')}/{base}"


def _routes() -> list[BaseRoute]:
    """What is served beside the pages."""
    base = f"/{st.get_option('server.baseUrlPath').strip('/')}".rstrip("/")
    return [
        metrics_route(password, base),
        labeling_routes(base),
        download_route(base),
        Mount(f"{base}/api", _serve_api),
    ]


@cache
def _api() -> ASGIApp:
    """Made when the server starts: only by then are Streamlit's secrets variables, such as keys."""
    return create_api(inference_pool, {DEFAULT_BUNDLE.name: shipped_predictor})


async def _serve_api(scope: Scope, receive: Receive, send: Send) -> None:
    answer = _api() if server_config().api else PlainTextResponse("Not found", 404)
    await answer(scope, receive, send)


app = st.App(
    str(files("decor_app") / "main.py"),
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(ConnectionLimit),
        Middleware(UploadLimits),
        Middleware(VisitorCookie),
    ],
    routes=_routes(),
    lifespan=_lifespan,
)
