"""Models to take along and to bring back: downloads of a run, its curves, import of one."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.missing_network import show_missing_network
from decor_app.components.progress import watch_job
from decor_app.format import escape_markdown
from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS
from decor_app.hosting.uploads import held_files
from decor_app.jobs.tensorflow_tasks import ExportTask, SummariesTask
from decor_app.session_keys import SessionKey
from decor_app.state.jobs import EXPORT, TENSORBOARD, job_for, submit
from decor_app.state.processes import inference_pool
from decor_app.state.runs import may_keep
from decor_app.state.toasts import toast
from decor_app.state.workspace import REGISTRY, workspace
from decor_core.errors import DecorError, LimitError, MissingNetwork
from decor_core.export.formats import FORMATS, export_bytes, export_name
from decor_core.features.backbones import is_at_hand
from decor_core.model.bundle import folder_name
from decor_core.runs.import_run import import_run
from decor_core.runs.run import Run
from decor_core.runs.tensorboard import require_tensorflow, summaries_directory, tensorboard_command
from decor_core.text import pluralize


def show_downloads(run: Run) -> None:
    """A menu of formats; making most of them takes TensorFlow, and some seconds."""
    with st.popover("Download", icon=":material/download:"):
        kind = st.radio(
            "Format",
            list(FORMATS),
            format_func=lambda name: FORMATS[name].label,
            key=keys.FORMAT.of(run.id),
        )
        if FORMATS[kind].ending == "zip":
            text = "A zip with the model, its model card and, except for Decor's own, an example."
        else:
            text = "Markdown with figures and limits, as Hugging Face shows it: README.md there."
        st.markdown(f":small[{text}]")
        job = job_for(EXPORT, run.id)
        this = job if job and job.task.format == kind else None
        if FORMATS[kind].is_light:
            _download_button(run, kind, lambda: export_bytes(run.bundle, kind))
        elif this and this.active:
            watch_job(EXPORT, run.id)
        elif this and this.status == "done":
            _download_button(run, kind, this.result)
        elif _is_able(FORMATS[kind].require_packages):
            if this and this.message:
                st.error(escape_markdown(this.message), icon=":material/error:")
            st.button(
                "Prepare",
                icon=":material/package_2:",
                on_click=lambda: submit(EXPORT, ExportTask(run.bundle, kind), run.id),
                disabled=job is not None and job.active,
                width="stretch",
            )


def _is_able(require: Callable[[], None]) -> bool:
    """Whether what is required is installed where Decor runs; else it is said what is not."""
    try:
        require()
    except DecorError as error:
        st.info(escape_markdown(str(error)), icon=":material/info:")
        return False
    return True


def _download_button(run: Run, kind: str, data: bytes | Callable[[], bytes]) -> None:
    st.download_button(
        "Download",
        data,
        export_name(run.bundle, kind),
        "application/zip" if FORMATS[kind].ending == "zip" else "text/markdown",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=keys.DOWNLOAD.of(run.id),
        width="stretch",
    )


def show_tensorboard(runs: Sequence[Run]) -> None:
    """The curves of all ``runs`` for TensorBoard, and how to start it."""
    runs = [run for run in runs if run.events]
    if not runs:
        return
    with st.expander("TensorBoard", icon=":material/monitoring:"):
        job = job_for(TENSORBOARD)
        if job and job.active:
            watch_job(TENSORBOARD)
            return
        if not _is_able(require_tensorflow):
            return
        if job and job.message:
            st.error(escape_markdown(job.message), icon=":material/error:")
        if job and job.status == "done":
            _show_summaries(job.result)
        folder = summaries_directory() if may_keep() else None
        curves = tuple((f"{folder_name(run.title)}-{run.id[:4]}", run.events) for run in runs)
        st.button(
            f"Write the curves of {pluralize(len(runs), 'run')}",
            icon=":material/edit_note:",
            on_click=lambda: submit(TENSORBOARD, SummariesTask(curves, folder)),
        )


def _show_summaries(written: Path | bytes) -> None:
    """Say where the curves are, or offer their download; how to look at them."""
    if isinstance(written, Path):
        st.caption("The curves are written. Start TensorBoard in a terminal:")
        st.code(tensorboard_command(written), language="bash")
        return
    st.download_button(
        "Download the curves",
        written,
        "curves.zip",
        "application/zip",
        on_click="ignore",
        icon=":material/download:",
    )
    st.caption("Unpack them and start TensorBoard in a terminal:")
    st.code(f"unzip curves.zip -d curves\n{tensorboard_command(Path('curves'))}", language="bash")


def show_import() -> None:
    """A place to drop a zip that was exported before; what is wrong with it is said."""
    with st.expander("Bring a model back", icon=":material/upload:"):
        key = keys.IMPORT.of(keys.IMPORTS.value)
        st.file_uploader(
            "Model",
            "zip",
            key=key,
            on_change=_import,
            args=(key,),
            max_upload_size=server_config().upload_mb,
            label_visibility="collapsed",
        )
        st.caption(
            "Decor's own format only. Nothing in the zip is run, and it stays in this session"
            + (" unless you keep it." if may_keep() else ".")
            + (" “decor import” takes larger ones." if not server_config().hosted else "")
        )
        missing = keys.MISSING_NETWORK.value
        if missing and is_at_hand(missing):
            words = f"The network {escape_markdown(missing)} is here now; bring the model again."
            st.success(words, icon=":material/check:")
        elif keys.IMPORT_REFUSED.value:
            st.error(escape_markdown(keys.IMPORT_REFUSED.value), icon=":material/error:")
            if missing:
                show_missing_network(missing, "import")


def _import(key: SessionKey) -> None:
    file = key.value
    keys.IMPORT_REFUSED.clear()
    keys.MISSING_NETWORK.clear()
    if file is None:
        return
    _, gone = held_files([file])
    if gone:
        keys.IMPORT_REFUSED.value = gone
        return
    try:
        own = len(workspace().own_runs)
        if own >= REGISTRY.room(workspace()):
            METRICS.count("refused: runs of one")
            raise LimitError(
                f"There are {own} runs in this session, as many as there is room for now; please "
                "delete one first."
            )
        most = server_config().upload_mb * 2**20
        run = import_run(file.getvalue(), inference_pool().check, most)
        if reason := REGISTRY.network_refusal(workspace(), run):
            METRICS.count("refused: networks")
            raise LimitError(reason)
        workspace().runs.save(run)
    except DecorError as error:
        keys.IMPORT_REFUSED.value = str(error)
        if isinstance(error, MissingNetwork):
            keys.MISSING_NETWORK.value = error.name
        return
    keys.IMPORTS.value += 1  # another uploader, and this one's bytes are let go
    toast(f"Imported: {escape_markdown(run.title)}", icon=":material/check:")
