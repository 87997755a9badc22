"""What visitors who have gone leave behind is cleared away: sessions, uploads, jobs, models."""

import itertools
import threading
import time
from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.runtime import Runtime

from decor_app.hosting.admission import connected, server, uploaded_bytes
from decor_app.hosting.config import server_config
from decor_app.hosting.logging import log_event, use_json_logging
from decor_app.hosting.memory import freeze, tidy
from decor_app.jobs.trainer import Trainer
from decor_app.state.cache import sweep
from decor_app.state.dataset_jobs import dataset_queue
from decor_app.state.models import training_queue
from decor_app.state.workspace import WorkspaceRegistry, registry

_TIDY_SECONDS = 5.0
_TURNS_FROZEN = 3
_GRACE_SECONDS = 40.0  # in which a lost connection may come back, however many have left
# Of the bytes that all uploads may have: what those of who has left may, and models may besides.
_LEFT_SHARE, _MODELS_SHARE = 1 / 8, 1 / 2


@st.cache_resource(show_spinner=False)
def start_cleanup() -> None:
    """Begin to clear up after visitors who have gone; once for a server."""
    if server_config().hosted:
        use_json_logging()  # again: Streamlit has made more loggers since the start
    places = registry(), (training_queue(), dataset_queue())
    threading.Thread(target=_tidy, args=places, name="decor-tidy", daemon=True).start()


def _tidy(workspaces: WorkspaceRegistry, processes: Sequence[Trainer]) -> None:
    orphans: set[str] = set()
    time.sleep(_TIDY_SECONDS)  # whoever has come first shall not wait for this
    for turn in itertools.count():
        if not (here := server()):
            return
        if turn % _TURNS_FROZEN == 0:
            freeze()
        before = uploaded_bytes()
        _expire_sessions(here)
        tidy()
        sweep()
        orphans = _drop_uploads(here, orphans)
        if uploaded_bytes() < before:
            log_event("uploads freed", still_bytes=uploaded_bytes())
        workspaces.evict(server_config().total_mb * 2**20 * _MODELS_SHARE)
        for jobs in processes:
            forget_gone(workspaces, jobs)
        time.sleep(_TIDY_SECONDS)


def forget_gone(workspaces: WorkspaceRegistry, jobs: Trainer) -> None:
    """Let go of the jobs, and what came of them, of everybody who will not come back."""
    gone = jobs.owners() - workspaces.owners()
    if gone:
        jobs.forget(gone)
        log_event("visitors forgotten", n=len(gone))


def _expire_sessions(here: Runtime) -> None:
    """Streamlit drops sessions that were left only when the next one is left."""
    left = here._session_mgr._session_storage._cache
    loop = here._get_async_objs().eventloop  # which alone may touch its store

    def expire() -> None:
        left.expire()
        files = here.uploaded_file_mgr.file_storage
        theirs = {one: list(files.get(one, {}).values()) for one in left._data}
        held = {one: sum(len(file.data) for file in own) for one, own in theirs.items()}
        went = {one: ends - left.ttl for one, ends in left._expirations.items()}
        most = server_config().total_mb * 2**20 * _LEFT_SHARE
        for session in too_many(held, went, left.timer() - _GRACE_SECONDS, most):
            del left[session]

    loop.call_soon_threadsafe(expire)
    if left._data:
        time.sleep(0.2)


def too_many(
    held: Mapping[str, int], went: Mapping[str, float], before: float, most: float
) -> list[str]:
    """Who, of those that left, shall be let go of at once: they hold more than ``most`` bytes.

    Those who left longest ago are; nobody who went not ``before`` that time.
    """
    total, gone = sum(held.values()), []
    for session in sorted(went, key=went.__getitem__):
        if total <= most or went[session] >= before:
            break
        gone.append(session)
        total -= held.get(session, 0)
    return gone


def _drop_uploads(here: Runtime, orphans: set[str]) -> set[str]:
    """Free the uploads of those ``orphans`` that are still without a session; return all such."""
    files = here.uploaded_file_mgr
    left = set(here._session_mgr._session_storage._cache._data)
    now = set(files.file_storage) - left - connected()
    for session in now & orphans:  # seen twice: not one that is just moving from one to the other
        files.remove_session_files(session)
    return now - orphans
