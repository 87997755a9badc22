"""Files that people drop, choose or paste: pictures, and archives of pictures."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.components.v2 import component
from streamlit.runtime.uploaded_file_manager import UploadedFile

from decor_app import session_keys as keys
from decor_app.classify.sample_picker import leave_sample
from decor_app.format import escape_markdown, time_left
from decor_app.hosting.config import server_config
from decor_app.hosting.streamlit_internals import drop_previous_value
from decor_app.hosting.uploads import file_limit, held_files, release_uploads, upload_quota_error
from decor_app.page import asset
from decor_app.state.cache import originals
from decor_app.state.images import Analyzed, ImageFile, UnreadableFile, analyze_all, network_key
from decor_app.state.workspace import workspace
from decor_core.data.picture_files import split_pictures
from decor_core.data.sources.archive_kinds import archive_kind, is_archive_name
from decor_core.data.sources.source import open_archive
from decor_core.errors import DecorError
from decor_core.text import pluralize

ImageReader = tuple[str, Callable[[], bytes]]  # its name, and what reads it
_LEFT_OUT_LINES = 30
_SOON = 3  # pictures that need no bar of progress, and tell nothing of the speed


@dataclass(frozen=True)
class UploadBatch:
    """Uploaded files as one network analyzed them; ``total`` counts those beyond the limit, too.

    ``left_out`` are files in archives that are no pictures, with the reason. ``speed`` is in
    pictures a second, None where they were too few to tell.
    """

    files: tuple[str, ...]
    network: tuple
    images: tuple[Analyzed, ...]
    total: int
    left_out: Mapping[str, str]
    speed: float | None

    def is_stale(self, files: list[UploadedFile]) -> bool:
        """Whether it must be made again.

        The drop zone comes back empty from another page; what was in it still counts.
        """
        others = bool(files) and self.files != tuple(file.file_id for file in files)
        return others or self.network != network_key()


def uploaded_images() -> list[Analyzed]:
    """The uploads, analyzed; empty before there are any."""
    most = server_config().upload_pictures
    st.file_uploader(
        "Upload images",
        accept_multiple_files=True,
        key=keys.UPLOADS,
        on_change=_drop_batch,
        max_upload_size=server_config().upload_mb,
    )
    # What the widget returns is a copy, bytes and all.
    files, gone = held_files(keys.UPLOADS.value)
    drop_previous_value(keys.UPLOADS)
    with st.container(key="paste"):
        _paste_component()(data={"limit": file_limit()})
    st.caption(f"Up to {most} pictures, or a zip or tar.gz of them. Pasting works too.")
    if gone:
        st.info(gone, icon=":material/cloud_off:")
    batch = keys.BATCH.value
    if batch is None or batch.is_stale(files):
        if reason := upload_quota_error(sum(file.size for file in files)):
            release_uploads(files)
            st.error(reason, icon=":material/error:")
            files = []
        batch = keys.BATCH.value = _analyze_files(files)
    if batch.total > len(batch.images):
        st.info(
            f"These are {batch.total} pictures; the first {len(batch.images)} are classified. At "
            f"most {most} go at once: drop the others afterwards."
        )
    _show_left_out(batch.left_out)
    return list(batch.images)


def _drop_batch() -> None:
    """The files changed: what was chosen before no longer counts."""
    keys.BATCH.clear()
    keys.OPENED.clear()
    leave_sample()


def _analyze_files(files: list[UploadedFile]) -> UploadBatch:
    originals().empty()  # only what is shown can be corrected
    left_out: dict[str, str] = {}
    pictures = [picture for file in files for picture in _pictures(file, left_out)]
    wanted = min(len(pictures), server_config().upload_pictures)
    bar = st.progress(0.0) if wanted > _SOON else None
    images: list[Analyzed] = []
    started, before = time.monotonic(), workspace().pictures
    for image in analyze_all(map(_read, pictures[:wanted]), explain=wanted == 1):
        images.append(image)
        if bar and len(images) < wanted:
            words = f"Analyzing picture {len(images) + 1} of {wanted}"
            if len(images) >= _SOON:
                each = (time.monotonic() - started) / len(images)
                words += f": {time_left(each * (wanted - len(images)))}"
            bar.progress(len(images) / wanted, words)
    new = workspace().pictures - before
    if bar:
        bar.empty()
    speed = new / max(time.monotonic() - started, 1e-3) if new > _SOON else None
    ids = tuple(file.file_id for file in files)
    return UploadBatch(ids, network_key(), tuple(images), len(pictures), left_out, speed)


def _read(picture: ImageReader | UnreadableFile) -> ImageFile | UnreadableFile:
    if isinstance(picture, UnreadableFile):
        return picture
    name, read = picture
    try:
        return ImageFile(name, read())
    except DecorError as error:
        return UnreadableFile(name, str(error))


def _pictures(file: UploadedFile, left_out: dict[str, str]) -> list[ImageReader | UnreadableFile]:
    """The pictures of a file, itself or those of an archive; where there is none, the reason.

    What an archive holds besides goes into ``left_out``, with the reason.
    """
    if not (is_archive_name(file.name) and archive_kind(file)):
        return [(file.name, file.getvalue)]
    try:
        source = open_archive(file, file.name, server_config().source_limits)
    except DecorError as error:
        return [UnreadableFile(file.name, str(error))]
    names, others = split_pictures(source)
    left_out |= others
    found: list[ImageReader | UnreadableFile] = [(n, partial(source.read, n)) for n in names]
    return found or [UnreadableFile(file.name, "There is no picture in the zip or tar.")]


def _show_left_out(left_out: Mapping[str, str]) -> None:
    if not left_out:
        return
    with st.expander(f"{pluralize(len(left_out), 'file')} left out", icon=":material/info:"):
        lines = [
            f"- **{escape_markdown(name)}**: {escape_markdown(reason)}"
            for name, reason in list(left_out.items())[:_LEFT_OUT_LINES]
        ]
        more = len(left_out) - len(lines)
        st.markdown("\n".join(lines + ([f"- and {more} more"] if more else [])))


@st.cache_resource(show_spinner=False)
def _paste_component():
    """Pictures pasted from the clipboard go into the drop zone, as if they were dropped there."""
    return component(
        "decor-paste",
        html='<p role="status"></p>',
        css=asset("status.css"),
        js=asset("file_limit.js") + asset("paste_upload.js"),
    )
