"""The runs that a session sees: its own, those kept on the disk, those that ship; edits of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import escape_markdown
from decor_app.hosting.config import server_config
from decor_app.state.errors import attempt
from decor_app.state.toasts import toast
from decor_app.state.workspace import REGISTRY, workspace
from decor_core.model.evaluation import Evaluation
from decor_core.runs.run import Run
from decor_core.runs.store import DiskRuns, RunStore

# Where a run is, as the table says it.
IN_SESSION, ON_DISK, SHIPPED = "This session", "Kept", "Ships with Decor"
_THIS_COMPUTER = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class RunEntry:
    """A run and where it is: IN_SESSION, ON_DISK or SHIPPED."""

    run: Run
    where: str

    @property
    def store(self) -> RunStore:
        return _disk_runs() if self.where == ON_DISK else workspace().runs


@st.cache_resource(show_spinner=False)
def _disk_runs() -> DiskRuns:
    return DiskRuns()


def may_keep() -> bool:
    """Whether this session sees the runs on the disk.

    On a server of many visitors they would be everybody's: so only who sits at the computer that
    runs the app sees them, or all where whoever hosts it has chosen a folder ($DECOR_HOME). On a
    public server ($DECOR_HOSTED) nothing is kept.
    """
    if server_config().hosted:
        return False
    if os.environ.get("DECOR_HOME"):
        return True
    url = st.context.url
    return st.context.ip_address is None and bool(url) and urlsplit(url).hostname in _THIS_COMPUTER


def run_entries() -> list[RunEntry]:
    """Every run that the session may see, its own first, newest first."""
    of_session = workspace().runs.list()
    on_disk = _disk_runs().list() if may_keep() else []
    return [
        *(RunEntry(run, IN_SESSION) for run in of_session if not run.read_only),
        *(RunEntry(run, ON_DISK) for run in on_disk if not run.read_only),
        *(RunEntry(run, SHIPPED) for run in of_session if run.read_only),
    ]


def find_run(run_id: str) -> RunEntry | None:
    """The run of that id, if the session may see it (still)."""
    return next((entry for entry in run_entries() if entry.run.id == run_id), None)


def save_cross_validation(run_id: str, found: Mapping[str, Evaluation]) -> None:
    """Write cross-validated figures beside a run that is still there."""
    entry = find_run(run_id)
    if entry:
        attempt(lambda: entry.store.update(run_id, lambda run: run.with_cross_validation(found)))


def save_run(run: Run) -> None:
    """Keep a run in the session; the oldest go where there is no room."""
    session = workspace()
    session.runs.save(run)
    for old in session.own_runs[REGISTRY.room(session) :]:
        session.runs.delete(old.id)
        toast(
            escape_markdown(f"“{old.title}” had to go: there is no room for more models."),
            icon=":material/info:",
        )


def keep_run(entry: RunEntry) -> None:
    """Move a run of the session to the disk."""

    def move() -> None:
        _disk_runs().save(entry.run)
        workspace().runs.delete(entry.run.id)

    if attempt(move):
        toast(f"Kept: {escape_markdown(entry.run.title)}", icon=":material/bookmark_added:")


def rename_run(entry: RunEntry) -> None:
    """Give a run the title that its control holds."""
    title = keys.TITLE.of(entry.run.id)
    if not attempt(lambda: entry.store.rename(entry.run.id, title.value)):
        title.value = entry.run.title


def save_note(entry: RunEntry) -> None:
    """Write the note that its control holds."""
    attempt(lambda: entry.store.note(entry.run.id, keys.NOTE.of(entry.run.id).value))


def delete_run(entry: RunEntry) -> None:
    """Remove a run; ``restore_run`` brings it back."""
    if attempt(lambda: entry.store.delete(entry.run.id)):
        keys.DELETED_RUN.value = entry


def restore_run() -> None:
    """Bring back what was deleted last."""
    entry = keys.DELETED_RUN.value
    keys.DELETED_RUN.clear()
    if entry:
        attempt(lambda: entry.store.restore(entry.run.id))
