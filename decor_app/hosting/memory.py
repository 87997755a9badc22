"""The server's process: memory that goes back to the system, a collector with little to do."""

import ctypes
import gc
import sys
from typing import Any

# Of glibc's mallopt. Each answer takes some big arrays for a moment, on a thread of its own; left
# alone, glibc keeps them in a heap for each thread, and lets the limit beyond which it gives memory
# back grow with them: 440 MB after a few uploads instead of 280.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_SETTINGS = {_ARENA_MAX: 2, _MMAP_THRESHOLD: 2**18, _TRIM_THRESHOLD: 2**18}


def tune_malloc() -> None:
    """Once for a server, before its first visitor sees anything."""
    mallopt = _glibc("mallopt")
    for setting, value in _SETTINGS.items() if mallopt else ():
        mallopt(setting, value)


def freeze_heap() -> None:
    """Let ``collect_garbage`` look only at what comes from now on: 1 ms instead of 60.

    Nearly all that is there stays for good. What does not, such as a visitor's session, is
    collected when this is called again.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def collect_garbage() -> None:
    """Collect cycles of references, of which runs of pages leave many; give memory back."""
    gc.collect()
    if trim := _glibc("malloc_trim"):
        trim(0)


def _glibc(name: str) -> Any:
    """One of its functions; None on other systems, and where there is another C library."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
