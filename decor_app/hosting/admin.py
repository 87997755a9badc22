"""Who runs the server: known by a password from the secrets, guessed at only slowly."""

import hashlib
import hmac
import os
import threading
import time

import streamlit as st

from decor_app import session_keys as keys
from decor_app.hosting.logging import log_event
from decor_app.hosting.metrics import METRICS

VARIABLE, SECRET = "DECOR_ADMIN_PASSWORD", "admin_password"
_FREE_TRIES = 3
_LONGEST_WAIT = 60.0


def password() -> str:
    """The password that whoever runs the server has chosen; "" where there is none."""
    chosen = os.environ.get(VARIABLE, "")
    if not chosen and st.secrets.load_if_toml_exists():
        chosen = str(st.secrets.get(SECRET, ""))
    return chosen.strip()


class LoginLimiter:
    """Verifies passwords; after some wrong tries, whoever's, each next one has to wait longer.

    All who try share the wait: an address can be changed, and nobody needs to be told apart here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong = 0
        self._locked_until = 0.0

    def wait(self) -> float:
        """Seconds until the next try counts."""
        with self._lock:
            return max(self._locked_until - time.monotonic(), 0.0)

    def verify(self, tried: str, right: str) -> bool:
        """Whether ``tried`` is right, in the same time whatever it is; never while it must wait."""
        same = hmac.compare_digest(_digest(tried), _digest(right))
        with self._lock:
            now = time.monotonic()
            if not right or now < self._locked_until:
                return False
            if same:
                self._wrong = 0
                return True
            self._wrong += 1
            if self._wrong >= _FREE_TRIES:
                seconds = min(2.0 ** (self._wrong - _FREE_TRIES), _LONGEST_WAIT)
                self._locked_until = now + seconds
        METRICS.count("admin: wrong password")
        log_event("wrong admin password", tries=self._wrong)
        return False


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


LOGIN = LoginLimiter()


def is_admin() -> bool:
    """Whether this session has given the password that counts now; asks for it where it has not."""
    right = password()
    if right and keys.ADMIN_PASSWORD.value == _digest(right):
        return True
    with st.form("admin-form", width=360):
        tried = st.text_input("Password", type="password")
        if not st.form_submit_button("Open"):
            return False
    if LOGIN.verify(tried, right):
        keys.ADMIN_PASSWORD.value = _digest(right)
        st.rerun()
    seconds = LOGIN.wait()
    again = f" The next try counts in {seconds:.0f} s." if seconds >= 1 else ""
    st.error(f"That is not the password.{again}", icon=":material/lock:")
    return False
