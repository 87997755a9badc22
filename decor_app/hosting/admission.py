"""How many sessions are let in at once; the others wait, and are let in as soon as one leaves."""

import threading

import streamlit as st

from decor_app import session_keys as keys
from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS
from decor_app.hosting.streamlit_internals import is_connected, is_served, session_id

_TRY_AGAIN_SECONDS = 4.0


class Admission:
    """The sessions that are in. For all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: set[str] = set()

    def admit(self, session: str, limit: int) -> bool:
        """Whether ``session`` is in, now or since earlier; who has left makes room."""
        with self._lock:
            self._inside = {one for one in self._inside if one == session or is_connected(one)}
            if session not in self._inside and len(self._inside) < limit:
                self._inside.add(session)
                METRICS.count("sessions")
            return session in self._inside

    def count(self) -> int:
        """How many are in and connected."""
        with self._lock:
            return sum(map(is_connected, self._inside))


ADMISSION = Admission()


def admit_session() -> None:
    """Let this session in; where the server is full, its page says so and tries again."""
    session, limit = session_id(), server_config().sessions
    if session and is_served() and not ADMISSION.admit(session, limit):
        METRICS.count("refused: server full")
        _show_busy(session, limit)
        st.stop()


@st.fragment(run_every=_TRY_AGAIN_SECONDS)
def _show_busy(session: str, limit: int) -> None:
    if keys.WAITS_OUTSIDE.value and ADMISSION.admit(session, limit):
        keys.WAITS_OUTSIDE.clear()
        st.rerun()
    keys.WAITS_OUTSIDE.value = True
    people = "1 person is" if limit == 1 else f"{limit} people are"
    st.info(
        f"Decor is full just now: {people} here, as many as this server can do well by. "
        "This page lets you in by itself as soon as somebody leaves.",
        icon=":material/door_front:",
    )
