"""Clears away what visitors leave behind: uploads, jobs, models, garbage."""

import itertools
import logging
import threading

import streamlit as st

from decor_app.hosting.config import server_config
from decor_app.hosting.logging import log_event, use_json_logging
from decor_app.hosting.memory import collect_garbage, freeze_heap
from decor_app.hosting.streamlit_internals import uploaded_bytes
from decor_app.hosting.uploads import UPLOADS
from decor_app.state import cache
from decor_app.state.processes import job_queues
from decor_app.state.workspace import REGISTRY

_SECONDS_BETWEEN = 5.0
_TURNS_FROZEN = 3
_GRACE_SECONDS = 40  # in which a lost connection may come back
_MODELS_SHARE = 1 / 2  # of the bytes that all uploads may have: what models may have besides
_log = logging.getLogger(__name__)


def clean_up(ends: threading.Event) -> None:
    """Clear away every few seconds until the server ``ends``; first when somebody can have come."""
    for turn in itertools.count():
        if ends.wait(_SECONDS_BETWEEN):
            return
        if turn == 0 and server_config().hosted:
            use_json_logging()  # again: Streamlit has made more loggers since the start
        if turn % _TURNS_FROZEN == 0:
            freeze_heap()
        for clear in (_clear_uploads, cache.sweep, _evict_models, _forget_visitors):
            try:
                clear()
            except Exception:  # a bug; the others go on, and this one is tried again
                _log.exception("clearing away failed")


def _clear_uploads() -> None:
    before = uploaded_bytes()
    UPLOADS.free_abandoned(min(_GRACE_SECONDS, st.get_option("server.disconnectedSessionTTL")))
    collect_garbage()
    if uploaded_bytes() < before:
        log_event("uploads freed", still_bytes=uploaded_bytes())


def _evict_models() -> None:
    REGISTRY.evict(server_config().total_mb * 2**20 * _MODELS_SHARE)


def _forget_visitors() -> None:
    for queue in job_queues().values():
        if gone := queue.owners() - REGISTRY.owners():  # who will not come back
            queue.forget(gone)
            log_event("visitors forgotten", n=len(gone))
