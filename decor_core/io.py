"""Folders that are replaced in one move: who reads sees the old one or the new one, never half."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".decor-new-"
_NEW = ".decor-new"  # no folder that is replaced is called so
_ABANDONED_SECONDS = 60.0  # writing takes far less: whoever began it has been killed


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new, empty folder to write into, which becomes ``folder`` at the end of the block.

    If the block or the disk fails, ``folder`` is as before. Raises OSError where it cannot be
    written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_PREFIX) as beside:
        new, old = Path(beside, _NEW), Path(beside, folder.name)
        new.mkdir()
        yield new
        try:
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
        finally:
            if old.exists() and not folder.exists():
                old.rename(folder)


def recover(parent: Path) -> None:
    """Put back what a killed process had set aside under ``parent``, and clear what it had begun.

    Never raises: what cannot be cleared stays.
    """
    for beside in parent.glob(f"{_PREFIX}*"):
        try:
            if time.time() - beside.stat().st_mtime < _ABANDONED_SECONDS:
                continue
            for old in beside.iterdir():
                if old.name != _NEW and not (parent / old.name).exists():
                    old.rename(parent / old.name)
        except OSError:
            continue
        shutil.rmtree(beside, ignore_errors=True)
