"""Files that people drop, choose or paste: pictures, and zips of pictures."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from decor_app import session_keys as keys
from decor_app.components.samples import leave_sample
from decor_app.format import time_left
from decor_app.hosting.config import server_config
from decor_app.hosting.streamlit_internals import drop_previous_value
from decor_app.hosting.uploads import file_limit, release_uploads, upload_quota_error
from decor_app.page import asset
from decor_app.state.pictures import (
    Picture,
    Seen,
    forget_originals,
    look_at,
    network_key,
    refused,
    remember,
)
from decor_core.data.sources import Source, open_zip
from decor_core.errors import DecorError
from decor_core.images.decode import content_hash, is_picture_name

_FEW = 3


def uploads() -> list[Seen]:
    """What was uploaded, looked at; empty before."""
    st.file_uploader(
        "Upload images",
        accept_multiple_files=True,
        key=keys.UPLOADS,
        on_change=forget_uploads,
        max_upload_size=server_config().upload_mb,
    )
    files = keys.UPLOADS.value  # what the widget returns is a copy, bytes and all
    drop_previous_value(keys.UPLOADS)
    with st.container(key="paste"):
        _paste()(data={"limit": file_limit()})
    most = server_config().upload_pictures
    st.caption(f"Up to {most} pictures, or a zip of them. Pasting works too.")
    batch = keys.BATCH.value
    if batch is None or batch.stale(files):
        batch = keys.BATCH.value = _look_at_files(_that_fit(files))
    if batch.total > len(batch.seen):
        st.info(
            f"These are {batch.total} pictures; the first {len(batch.seen)} are classified. At "
            f"most {most} go at once: drop the others afterwards."
        )
    return list(batch.seen)


def _that_fit(files: list[UploadedFile]) -> list[UploadedFile]:
    """The files, or none of them with the reason, where they are more than there is room for."""
    reason = upload_quota_error(sum(file.size for file in files))
    if not reason:
        return files
    release_uploads(files)
    st.error(reason, icon=":material/error:")
    return []


def speed() -> float | None:
    """Pictures a second of the last uploads, where they were enough to tell."""
    batch = keys.BATCH.value
    return batch.speed if batch else None


def forget_uploads() -> None:
    """The files changed: what was chosen before no longer counts."""
    keys.BATCH.clear()
    keys.OPENED.clear()
    leave_sample()


@dataclass(frozen=True)
class Batch:
    """Uploaded files as one model's network saw them; ``total`` counts those left out, too."""

    files: tuple[str, ...]
    network: tuple
    seen: tuple[Seen, ...]
    total: int
    speed: float | None

    def stale(self, files: list[UploadedFile]) -> bool:
        """Whether it must be made again.

        The drop zone comes back empty from another page; what was in it still counts.
        """
        other = bool(files) and self.files != _ids(files)
        return other or self.network != network_key()


def _ids(files: list[UploadedFile]) -> tuple[str, ...]:
    return tuple(file.file_id for file in files)


def _look_at_files(files: list[UploadedFile]) -> Batch:
    forget_originals()
    total = sum(map(_count, files))
    wanted = min(total, server_config().upload_pictures)
    bar = st.progress(0.0) if wanted > _FEW else None
    started, seen, new = time.monotonic(), [], 0
    for picture in islice(_pictures(files), wanted):
        if bar:
            bar.progress(len(seen) / wanted, _progress_words(len(seen), wanted, started))
        if isinstance(picture, Picture):
            new += remember(content_hash(picture.data)) is None
            picture = look_at(picture, deep=wanted == 1)
        seen.append(picture)
    if bar:
        bar.empty()
    rate = new / max(time.monotonic() - started, 1e-3) if new > _FEW else None
    return Batch(_ids(files), network_key(), tuple(seen), total, rate)


def _progress_words(done: int, total: int, started: float) -> str:
    words = f"Looking at picture {done + 1} of {total}"
    if done < _FEW:
        return f"{words} …"
    left = (time.monotonic() - started) / done * (total - done)
    return f"{words}: {time_left(left)}"


def _pictures(files: list[UploadedFile]) -> Iterator[Picture | Seen]:
    """Every picture of the files, one at a time; what cannot be opened comes as refused."""
    for file in files:
        if not _is_zip(file):
            yield Picture(file.name, file.getvalue())
            continue
        try:
            source = _zip(file)
        except DecorError as error:
            yield refused(file.name, str(error))
            continue
        names = [name for name in source.names if is_picture_name(name)]
        if not names:
            yield refused(file.name, "There is no picture in the zip.")
        for name in names:
            try:
                yield Picture(name, source.read(name))
            except DecorError as error:
                yield refused(name, str(error))


def _count(file: UploadedFile) -> int:
    """How many answers the file gets; a zip that gives none gets its reason."""
    if not _is_zip(file):
        return 1
    try:
        return sum(map(is_picture_name, _zip(file).names)) or 1
    except DecorError:
        return 1


def _zip(file: UploadedFile) -> Source:
    return open_zip(file, file.name, server_config().source_limits)


def _is_zip(file: UploadedFile) -> bool:
    return file.getvalue()[:4] == b"PK\3\4" and file.name.lower().endswith(".zip")


@st.cache_resource(show_spinner=False)
def _paste():
    """Pictures pasted from the clipboard go into the drop zone, as if they were dropped there."""
    return st.components.v2.component(
        "decor-paste",
        html='<p role="status"></p>',
        css=asset("told.css"),
        js=asset("large.js") + asset("paste.js"),
    )
