"""The server's process: memory that goes back to the system, a collector with little to do."""

import ctypes
import gc
import sys

import streamlit as st

# Of glibc's mallopt. Each answer takes some big arrays for a moment, on a thread of its own; left
# alone, glibc keeps them in a heap for each thread, and lets the limit beyond which it gives memory
# back grow with them: 440 MB after a few uploads instead of 280.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_SETTINGS = {_ARENA_MAX: 2, _MMAP_THRESHOLD: 2**18, _TRIM_THRESHOLD: 2**18}


@st.cache_resource(show_spinner=False)
def settle() -> None:
    """Once for a server, before its first visitor sees anything."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        for setting, value in _SETTINGS.items() if mallopt else ():
            mallopt(setting, value)


def freeze() -> None:
    """Once for a server, when its modules are there and few of its visitors are.

    What is there now stays for good: not looking at it again makes collecting garbage a matter of a
    millisecond instead of sixty.
    """
    gc.collect()
    gc.freeze()
