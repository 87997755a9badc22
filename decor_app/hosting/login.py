"""The administrator's password, with delays against guessing. Without Streamlit."""

import hashlib
import hmac
import os
import threading
import time

from decor_app.hosting.logging import log_event
from decor_app.hosting.metrics import METRICS

VARIABLE = "DECOR_ADMIN_PASSWORD"
_FREE_TRIES = 3
_LONGEST_WAIT = 60.0


def environment_password() -> str:
    """The password from the environment; "" where there is none."""
    return os.environ.get(VARIABLE, "").strip()


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
        same = hmac.compare_digest(digest(tried), digest(right))
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


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


LOGIN = LoginLimiter()
