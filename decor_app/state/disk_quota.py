"""Whether there is room on the disk for what a visitor brings to keep for a while."""

import os
import shutil
import tempfile
from pathlib import Path

from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS
from decor_app.state.runs import may_keep
from decor_core.errors import LimitError
from decor_core.text import format_bytes

_SPARE = 200 * 2**20  # bytes that must stay free on the disk, whatever else is allowed


def check_disk_quota(size: int, root: Path) -> None:
    """LimitError where ``size`` more bytes of pictures are too many under ``root``, or in all.

    ``root`` holds the data sets of the visitor, or those of the whole computer.
    """
    limits = server_config()
    held = _size_of(root)
    own = (limits.disk_mb if may_keep() else limits.dataset_mb) * 2**20
    if held + size > own:
        METRICS.count("refused: room for data sets")
        raise LimitError(
            f"These pictures take {format_bytes(size)}, your data sets {format_bytes(held)} "
            f"already; there is room for {format_bytes(own)}. Delete a data set, or bring fewer "
            "or smaller pictures."
        )
    if not may_keep() and _size_of(Path(tempfile.gettempdir())) + size > limits.disk_mb * 2**20:
        METRICS.count("refused: disk for all")
        raise LimitError(
            "The data sets of all visitors together fill the room that this server has for them; "
            "please try again later."
        )
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    if shutil.disk_usage(existing).free < 2 * size + _SPARE:
        METRICS.count("refused: disk full")
        raise LimitError(
            f"The disk has no room for {format_bytes(size)} more; free some space first."
        )


def _size_of(folder: Path) -> int:
    """Bytes of all files of Decor's under ``folder``; those that vanish meanwhile do not count."""
    total = 0
    for place, inside, files in os.walk(folder):
        if Path(place) == Path(tempfile.gettempdir()):
            inside[:] = [name for name in inside if name.startswith("decor-")]
            files = []
        for name in files:
            try:
                total += os.stat(os.path.join(place, name), follow_symlinks=False).st_size
            except OSError:
                continue
    return total
