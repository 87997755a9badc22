"""Analyses and originals of visitors' pictures, cached in bounded memory.

Not Streamlit's cache of each session (``scope="session"``, ``max_entries``), which bounds entries
and not bytes: 200 pictures take 13 MB (a preview 40 kB, vector and thumbnail 25 kB), so 50 visitors
with as many would take 650 MB where one bound for all holds them to 32.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from functools import cache
from typing import Any

from decor_app import session_keys as keys
from decor_app.hosting.config import server_config

_ANALYSES_BYTES = 32 * 2**20
_ORIGINALS_BYTES, _HOSTED_ORIGINALS_BYTES = 64 * 2**20, 24 * 2**20


class SharedCache:
    """Entries of all sessions, ``max_bytes`` together; the one used least lately goes first.

    A session gets its own only, as long as it lives. For all threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[weakref.ref, Hashable], tuple[Any, int]] = OrderedDict()
        self.size = 0  # bytes that are held

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Keep this session's ``value`` of so many bytes; the latest even where it is too large."""
        place = _owner(), key
        with self._lock:
            self._drop([place])
            self._entries[place] = value, size
            self.size += size
            while self.size > self._max_bytes and len(self._entries) > 1:
                self._drop([next(iter(self._entries))])

    def get(self, key: Hashable) -> Any:
        """This session's entry of ``key``; None where it is gone."""
        place = _owner(), key
        with self._lock:
            if place not in self._entries:
                return None
            self._entries.move_to_end(place)
            return self._entries[place][0]

    def empty(self) -> None:
        """Let go of all that this session has put in."""
        owner = _owner()
        with self._lock:
            self._drop([place for place in self._entries if place[0] == owner])

    def sweep(self) -> None:
        """Let go of what belonged to sessions that are no more."""
        with self._lock:
            self._drop([place for place in self._entries if place[0]() is None])

    def _drop(self, places: Iterable[tuple[weakref.ref, Hashable]]) -> None:
        for place in places:
            self.size -= self._entries.pop(place, (None, 0))[1]


class Owner:
    """Stands for a session, and goes with it."""


def _owner() -> weakref.ref:
    return weakref.ref(keys.CACHE_OWNER.setdefault(Owner()))


@cache
def analyses() -> SharedCache:
    """Vectors, thumbnails, previews and attributions; they can be computed again."""
    return SharedCache(_ANALYSES_BYTES)


@cache
def originals() -> SharedCache:
    """Pictures as they came, for corrections; mostly Streamlit's own copy."""
    return SharedCache(_HOSTED_ORIGINALS_BYTES if server_config().hosted else _ORIGINALS_BYTES)


def sweep() -> None:
    """Let go of what belonged to sessions that are no more."""
    analyses().sweep()
    originals().sweep()
