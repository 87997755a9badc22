"""What is quick to have at hand of visitors' pictures, in bounded memory however many come."""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import streamlit as st

from decor_app import session_keys as keys
from decor_app.hosting.config import server_config

_LOOKS_BYTES = 32 * 2**20
_ORIGINALS_BYTES, _HOSTED_ORIGINALS_BYTES = 64 * 2**20, 24 * 2**20


class Pool:
    """Things of all sessions, ``most`` bytes together: what was used least lately goes first.

    A session owns what it has put in as long as it lives; nobody else can get it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[weakref.ref, Hashable], tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return self._bytes

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Keep this session's ``value`` of so many bytes; the latest even where it is too large."""
        place = _owner(), key
        with self._lock:
            self._drop(place)
            self._kept[place] = value, size
            self._bytes += size
            while self._bytes > self._most and len(self._kept) > 1:
                self._drop(next(iter(self._kept)))

    def get(self, key: Hashable) -> Any:
        """What this session has put in under ``key``; None where that has gone."""
        place = _owner(), key
        with self._lock:
            if place not in self._kept:
                return None
            self._kept.move_to_end(place)
            return self._kept[place][0]

    def empty(self) -> None:
        """Let go of all that this session has put in."""
        session = _owner()
        with self._lock:
            for place in [place for place in self._kept if place[0] == session]:
                self._drop(place)

    def sweep(self) -> None:
        """Let go of what belonged to sessions that are no more."""
        with self._lock:
            for place in [place for place in self._kept if place[0]() is None]:
                self._drop(place)

    def _drop(self, place: tuple[weakref.ref, Hashable]) -> None:
        _, size = self._kept.pop(place, (None, 0))
        self._bytes -= size


class Owner:
    """Stands for a session, and goes with it."""


def _owner() -> weakref.ref:
    return weakref.ref(keys.CACHE_OWNER.setdefault(Owner()))


@st.cache_resource(show_spinner=False)
def looks() -> Pool:
    """What pictures look like and what is seen in them; it can be had again from the pictures."""
    return Pool(_LOOKS_BYTES)


@st.cache_resource(show_spinner=False)
def originals() -> Pool:
    """Pictures as they came, in case that one is put right; mostly Streamlit's own copy."""
    return Pool(_HOSTED_ORIGINALS_BYTES if server_config().hosted else _ORIGINALS_BYTES)


def sweep() -> None:
    """Let go of what belonged to sessions that are no more."""
    looks().sweep()
    originals().sweep()
