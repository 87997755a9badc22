"""The app with a gate before it, for strangers: start with ``streamlit run server.py``.

What differs from app.py: limits on uploads and connections before they take memory, headers for
browsers, a log of JSON lines, and an end that waits for nobody.
"""

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import version

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config

from decor_app.hosting.config import server_config
from decor_app.hosting.logging import log_event, use_json_logging
from decor_app.hosting.middleware import Gate
from decor_app.hosting.tempdir import begin_scratch, end_scratch
from decor_app.state.dataset_jobs import dataset_queue
from decor_app.state.inference import get_ready, inference_pool
from decor_app.state.models import training_queue
from decor_app.state.workspace import registry
from decor_core.errors import SettingsError


@asynccontextmanager
async def _life(_app: st.App) -> AsyncIterator[None]:
    if server_config().hosted:
        use_json_logging()
    config.set_option("server.maxUploadSize", server_config().upload_mb)
    scratch = begin_scratch()
    log_event("started", hosted=server_config().hosted, streamlit=version("streamlit"))
    threading.Thread(target=_get_ready, name="decor-ready", daemon=True).start()
    yield
    for background in (inference_pool(), training_queue(), dataset_queue()):
        background.close()
    registry().forget_all()
    end_scratch(scratch)
    log_event("stopped")


def _get_ready() -> None:
    """Do what the first page needs, so that whoever comes first need not wait for it."""
    get_ready()
    for name in ("answer", "gallery", "relearning", "uploads"):
        import_module(f"decor_app.classify.{name}")


try:
    server_config()
except SettingsError as error:
    sys.exit(f"Decor cannot start: {error}")

app = st.App("app.py", middleware=[Middleware(Gate)], lifespan=_life)
