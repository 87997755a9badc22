"""Whether what a command is to write can be written: looked at before its work, not after it."""

import tempfile
from pathlib import Path

from decor_core.errors import DecorError, unwritable


def check_new_file(path: Path, flag: str = "--out") -> None:
    """DecorError where a file would be written over, or the disk refuses one."""
    if path.is_dir():
        raise DecorError(f"“{path}” is a folder; expected the name of a file to write ({flag}).")
    if path.exists():
        raise DecorError(f"“{path}” exists already; give {flag} another name, or delete it.")
    check_writable(path.parent)


def check_writable(folder: Path) -> None:
    """DecorError where nothing can be written into a folder, which is made where there is none."""
    with unwritable(DecorError, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
