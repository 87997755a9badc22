"""Who may come in, how much all of them may bring, and that what they leave is cleared away.

Streamlit knows its sessions and holds their uploads; what is asked of its inner parts is asked
here and in gate.py, nowhere else, and a test with a real server would notice if they changed.
"""

import threading
from collections.abc import Iterable, Sequence

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.stats import CACHE_MEMORY_FAMILY
from streamlit.runtime.uploaded_file_manager import UploadedFile

from decor_app import session_keys as keys
from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS

_TIDY_SECONDS = 5.0
_TURNS_FROZEN = 3
_TRY_AGAIN_SECONDS = 4.0
_GRACE_SECONDS = 40.0  # in which a lost connection may come back, however many have left
# Of the bytes that all uploads may have: what those of who has left may, and models may besides.
_LEFT_SHARE, _MODELS_SHARE = 1 / 8, 1 / 2


class Door:
    """The sessions that are in; the others wait outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: set[str] = set()

    def enter(self, session: str, present: Iterable[str], most: int) -> bool:
        """Whether ``session`` is in; ``present`` are those that are still connected."""
        with self._lock:
            self._inside &= {*present, session}
            if session not in self._inside and len(self._inside) < most:
                self._inside.add(session)
                METRICS.count("sessions")
            return session in self._inside


@st.cache_resource(show_spinner=False)
def _door() -> Door:
    return Door()


def admit_session() -> None:
    """Let this session in; where the server is full, its page says so and tries again."""
    context = get_script_run_ctx()
    if context is None or server() is None:
        return
    most = server_config().sessions
    if not _door().enter(context.session_id, connected(), most):
        METRICS.count("refused: server full")
        _show_busy(most)
        st.stop()


@st.fragment(run_every=_TRY_AGAIN_SECONDS)
def _show_busy(most: int) -> None:
    context = get_script_run_ctx()
    if keys.WAITS_OUTSIDE.value and _door().enter(context.session_id, connected(), most):
        keys.WAITS_OUTSIDE.clear()
        st.rerun()
    keys.WAITS_OUTSIDE.value = True
    people = "1 person is" if most == 1 else f"{most} people are"
    st.info(
        f"Decor is full just now: {people} here, as many as this server can do well by. "
        "This page lets you in by itself as soon as somebody leaves.",
        icon=":material/door_front:",
    )


def server() -> Runtime | None:
    """Streamlit's server; None where pages run without one, as in tests."""
    found = Runtime.instance() if Runtime.exists() else None
    return found if hasattr(found, "_session_mgr") else None


def connected() -> set[str]:
    """The ids of all sessions with an open connection."""
    here = server()
    if here is None:
        return set()
    return {info.session.id for info in here._session_mgr.list_active_sessions()}


def uploaded_bytes() -> int:
    """What the uploads of all sessions take."""
    here = server()
    if here is None:
        return 0
    stats = here.uploaded_file_mgr.get_stats()
    return sum(stat.byte_length for stat in stats.get(CACHE_MEMORY_FAMILY, []))


def upload_quota_error(size: int) -> str:
    """What to tell whoever brings ``size`` bytes that cannot stay; empty where they can."""
    limits = server_config()
    if size > limits.session_mb * 2**20:
        METRICS.count("refused: uploads of one")
        return (
            f"These files have {size / 2**20:.0f} MB together, more than the {limits.session_mb} "
            "MB that this server takes from one visitor at once; please drop fewer of them."
        )
    if uploaded_bytes() > limits.total_mb * 2**20:
        METRICS.count("refused: uploads of all")
        return (
            f"All visitors together have brought more than the {limits.total_mb} MB that this "
            "server holds at once; please try again in some minutes."
        )
    return ""


def file_limit() -> int:
    """How many bytes one upload may have; Streamlit's megabytes have a million."""
    return min(server_config().upload_mb, int(st.get_option("server.maxUploadSize"))) * 10**6


def release_uploads(files: Sequence[UploadedFile]) -> None:
    """Free the memory of uploads that are not wanted."""
    context, here = get_script_run_ctx(), server()
    if context is None or here is None:
        return
    for file in files:
        here.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
