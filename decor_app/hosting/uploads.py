"""How much visitors may upload, and that what they leave behind is freed."""

import threading
import time
from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS
from decor_app.hosting.streamlit_internals import (
    drop_uploads,
    is_connected,
    session_id,
    upload_sizes,
    uploaded_bytes,
)
from decor_core.text import format_bytes


class UploadRegistry:
    """Ids of the files that each session has sent; Streamlit holds their bytes. For all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, set[str]] = {}
        self._left: dict[str, float] = {}  # when a session was first seen to be gone

    def add(self, session: str, file_id: str) -> None:
        """Take note of an upload that has arrived."""
        with self._lock:
            files = self._files.get(session, set())
            self._files[session] = {*upload_sizes(session, files), file_id}

    def held_by(self, session: str) -> int:
        """Bytes of the uploads of one session."""
        with self._lock:
            return sum(upload_sizes(session, self._files.get(session, ())).values())

    def free_abandoned(self, grace: float) -> None:
        """Free the uploads of sessions that have been gone for ``grace`` seconds.

        Streamlit frees them only when it closes the session, which it keeps for a reconnection.
        """
        now = time.monotonic()
        with self._lock:
            gone = [session for session in self._files if not is_connected(session)]
            self._left = {session: self._left.get(session, now) for session in gone}
            for session in [one for one, since in self._left.items() if now - since >= grace]:
                drop_uploads(session, self._files.pop(session))


UPLOADS = UploadRegistry()


def upload_quota_error(size: int) -> str:
    """The error for uploads of ``size`` bytes in all; empty where they can stay."""
    config = server_config()
    if size > config.session_mb * 2**20:
        METRICS.count("refused: uploads of one")
        return (
            f"These files have {format_bytes(size)} together, more than the "
            f"{format_bytes(config.session_mb * 2**20)} that this server takes from one visitor "
            "at once; please drop fewer of them."
        )
    if uploaded_bytes() > config.total_mb * 2**20:
        METRICS.count("refused: uploads of all")
        return (
            "All visitors together have brought more than the "
            f"{format_bytes(config.total_mb * 2**20)} that this server holds at once; please try "
            "again in some minutes."
        )
    return ""


def held_files(chosen: Sequence[UploadedFile | DeletedFile]) -> tuple[list[UploadedFile], str]:
    """Of the files in a drop zone those that are on this server; what to tell if some are not.

    A tab whose server began anew, or failed and left it to another one, shows what it had sent.
    """
    held = [file for file in chosen if isinstance(file, UploadedFile)]
    if len(held) == len(chosen):
        return held, ""
    is_one = len(chosen) - len(held) == 1
    gone, them = ("A file that was", "it") if is_one else ("Files that were", "them")
    return held, (
        f"{gone} brought before the connection to the server was lost cannot be used any more; "
        f"please bring {them} again."
    )


def file_limit() -> int:
    """How many bytes one upload may have; Streamlit's megabytes have a million."""
    return min(server_config().upload_mb, int(st.get_option("server.maxUploadSize"))) * 10**6


def release_uploads(files: Sequence[UploadedFile]) -> None:
    """Free the memory of uploads of this session that are not wanted."""
    if session := session_id():
        drop_uploads(session, [file.file_id for file in files])
