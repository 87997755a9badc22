"""Which runs a session sees: its own, those kept on disk, those that ship; and what it may do."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import streamlit as st

from decor_app.format import escape_markdown
from decor_app.hosting.config import hosting
from decor_app.state.workspace import workspace
from decor_core.errors import DecorError
from decor_core.model.evaluation import Evaluation
from decor_core.runs.run import Run
from decor_core.runs.store import DiskRuns, RunStore

MINE, KEPT, SHIPS = "This session", "Kept", "Ships with Decor"
_HERE = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Entry:
    """A run and where it is."""

    run: Run
    place: str

    @property
    def store(self) -> RunStore:
        return _kept_runs() if self.place == KEPT else workspace().runs


@st.cache_resource(show_spinner=False)
def _kept_runs() -> DiskRuns:
    return DiskRuns()


def may_keep() -> bool:
    """Whether this session sees the runs on disk.

    On a server of many visitors they would be everybody's: so only who sits at the computer that
    runs the app sees them, or all where whoever hosts it has chosen a folder ($DECOR_HOME). On a
    server for strangers ($DECOR_HOSTED) nothing is kept.
    """
    if hosting().hosted:
        return False
    if os.environ.get("DECOR_HOME"):
        return True
    url = st.context.url
    return st.context.ip_address is None and bool(url) and urlsplit(url).hostname in _HERE


def entries() -> list[Entry]:
    """Every run that the session may see, its own first, newest first."""
    own = workspace().runs.list()
    kept = _kept_runs().list() if may_keep() else []
    return [
        *(Entry(run, MINE) for run in own if not run.read_only),
        *(Entry(run, KEPT) for run in kept if not run.read_only),
        *(Entry(run, SHIPS) for run in own if run.read_only),
    ]


def find(run_id: str) -> Entry | None:
    """The run of that id, if the session may see it (still)."""
    return next((entry for entry in entries() if entry.run.id == run_id), None)


def judge(run_id: str, judged: Mapping[str, Evaluation]) -> None:
    """Write cross-validated figures beside a run that is still there."""
    entry = find(run_id)
    if entry:
        _tried(lambda: entry.store.save(entry.run.judged(judged)))


def keep(entry: Entry) -> None:
    """Move a run of the session to the disk."""

    def move() -> None:
        _kept_runs().save(entry.run)
        workspace().runs.delete(entry.run.id)

    if _tried(move):
        st.toast(f"Kept: {escape_markdown(entry.run.title)}", icon=":material/bookmark_added:")


def rename(entry: Entry, key: str) -> None:
    """Give a run the title that the control ``key`` holds."""
    title = st.session_state[key]
    if not _tried(lambda: entry.store.rename(entry.run.id, title)):
        st.session_state[key] = entry.run.title


def note(entry: Entry, key: str) -> None:
    """Write the note that the control ``key`` holds."""
    _tried(lambda: entry.store.note(entry.run.id, st.session_state[key]))


def delete(entry: Entry) -> None:
    """Remove a run; ``undo`` brings it back."""
    if _tried(lambda: entry.store.delete(entry.run.id)):
        st.session_state.deleted = entry


def deleted() -> Entry | None:
    """What was deleted last and can be brought back."""
    return st.session_state.get("deleted")


def undo() -> None:
    """Bring back what was deleted last."""
    entry = st.session_state.pop("deleted")
    _tried(lambda: entry.store.restore(entry.run.id))


def _tried(change: Callable[[], object]) -> bool:
    try:
        change()
    except DecorError as error:
        st.toast(escape_markdown(str(error)), icon=":material/error:", duration="long")
        return False
    return True
