"""The folder for all temporary files of a server: gone with it, and with the next if it crashed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "decor-server-"


@contextmanager
def server_tempdir() -> Iterator[Path]:
    """Let all temporary files of this process, and of its children, go into a folder of its own.

    What servers that are gone have left is removed.
    """
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{_PREFIX}*"):
        process = left.name.removeprefix(_PREFIX).partition("-")[0]
        if process.isdigit() and not _lives(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = os.environ["TMPDIR"] = str(root)
        shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    """Whether another process of this number runs; in a container ours is always the same."""
    if os.name == "nt":
        return True  # asking would end it there
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
