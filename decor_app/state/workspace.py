"""What belongs to one visitor: jobs, runs, the model in use; found again after a reload.

Streamlit forgets a session when the page is reloaded. The browser is known again by the cookie
that Streamlit itself sets against cross-site requests: a random number which every page load
brings along, before anything is drawn. A token in the address would hand a session to everybody
who is sent the link; one in the browser's storage would come only after a first, empty drawing.
Two tabs of one browser therefore share a workspace; where the cookie is missing (in a frame of
another site) a reload begins a new one.
"""

import hashlib
import tempfile
import threading
import time
import uuid
import weakref
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from decor_app import session_keys as keys
from decor_app.hosting.config import server_config
from decor_core.features.embeddings import Embeddings
from decor_core.model.classifier import Judge
from decor_core.runs.run import Run
from decor_core.runs.store import MemoryRuns

if TYPE_CHECKING:
    from decor_app.classify.corrections import Corrected
    from decor_app.classify.lessons import Lesson
    from decor_app.jobs.dataset_tasks import Places
    from decor_core.training.search import CurvePoint

_KEPT_WORKSPACES = 200
_COOKIE = "_streamlit_xsrf"
_TOKEN_BYTES = 16
_TOUCH_SECONDS = 1.0
_IDLE_SECONDS = 60.0
_RUN_BYTES = 600_000  # weights, and what tells strange pictures


@dataclass(eq=False)
class Workspace:
    """What one visitor has; ``owner`` names it in the queues of jobs."""

    owner: str
    runs: MemoryRuns = field(default_factory=MemoryRuns)
    model: Judge | None = None  # that answers instead of the shipped one
    data_set: str = ""  # id of the one that is open
    controls: dict[str, Any] = field(default_factory=dict)  # of Retrain, as they stood
    pictures: int = 0  # that were looked at, as there is a limit
    vectors: OrderedDict[tuple, Embeddings] = field(default_factory=OrderedDict)  # used lately

    # Ids of jobs by their purpose; by id, the run or data set that a job is about, and the run that
    # has come of it; by purpose, why a job could not even be begun.
    jobs: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    collected: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    # What came of jobs: by run, by data set, by data set and model (label and probability of each
    # picture), by set of corrections (the latest under "").
    learning_curves: dict[str, "list[CurvePoint]"] = field(default_factory=dict)
    maps: dict[str, "Places"] = field(default_factory=dict)
    predictions: dict[str, dict[str, tuple[str, float]]] = field(default_factory=dict)
    correction_trainings: dict[str, "Lesson"] = field(default_factory=dict)

    corrected: dict[str, "Corrected"] = field(default_factory=dict)  # by digest of the picture
    touched: float = float("-inf")  # when it was last used

    @property
    def own_runs(self) -> list[Run]:
        """What was trained or imported here, newest first."""
        return [run for run in self.runs.list() if not run.read_only]

    @property
    def weight(self) -> int:
        """About how many bytes its models and vectors take."""
        kept = sum(one.vectors.nbytes + one.copies.nbytes for one in list(self.vectors.values()))
        return len(self.own_runs) * _RUN_BYTES + kept

    @property
    def folder(self) -> Path:
        """A place on the disk that goes with the workspace."""
        return Path(self._temporary.name)

    def forget_folder(self) -> None:
        """Remove the folder, if there is one."""
        if "_temporary" in self.__dict__:
            self._temporary.cleanup()

    @cached_property
    def _temporary(self) -> tempfile.TemporaryDirectory:
        return tempfile.TemporaryDirectory(prefix="decor-", ignore_cleanup_errors=True)


class WorkspaceRegistry:
    """Workspaces by owner: as long as a session holds one, and for a while after it was seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: weakref.WeakValueDictionary[str, Workspace] = weakref.WeakValueDictionary()
        self._seen: OrderedDict[str, tuple[float, Workspace]] = OrderedDict()

    def get(self, owner: str) -> Workspace:
        """The owner's workspace, a new one if there is none (any more)."""
        with self._lock:
            self._forget_old()
            return self._all.get(owner) or Workspace(owner)

    def touch(self, workspace: Workspace) -> None:
        """Keep ``workspace`` for the time in which its visitor may come back."""
        with self._lock:
            workspace.touched = time.monotonic()
            self._all[workspace.owner] = workspace
            self._seen[workspace.owner] = workspace.touched, workspace
            self._seen.move_to_end(workspace.owner)
            self._forget_old()

    def owners(self) -> set[str]:
        """Everybody who is here, or may still come back."""
        with self._lock:
            self._forget_old()
            return {*self._all, *self._seen}

    def room(self, session: Workspace) -> int:
        """How many runs ``mine`` may hold now: fewer where all have many together, but one."""
        with self._lock:
            others = sum(
                len(one.own_runs) for one in list(self._all.values()) if one is not session
            )
        return max(1, min(server_config().session_runs, server_config().total_runs - others))

    def evict(self, most: float) -> None:
        """Forget those seen longest ago where models and vectors take more than ``most`` bytes.

        Of somebody whose session is still here, which holds its workspace, only vectors go, and
        only where nothing was done for a minute: they can be made again.
        """
        with self._lock:
            weights = {owner: one.weight for owner, (_, one) in self._seen.items()}
            total = sum(weights.values())
            for owner in filter(weights.get, weights):
                if total <= most:
                    break
                total -= weights[owner]
                del self._seen[owner]
            here = sorted(self._all.values(), key=lambda one: one.touched)
            total = sum(one.weight for one in here)
            for one in here:
                if total <= most or one.touched > time.monotonic() - _IDLE_SECONDS:
                    return
                total -= one.weight
                one.vectors = OrderedDict()
                total += one.weight

    def forget_all(self) -> None:
        """Let go of everybody, with what each has on the disk: the server ends."""
        with self._lock:
            for one in list(self._all.values()):
                one.forget_folder()
            self._seen.clear()

    def _forget_old(self) -> None:
        oldest = time.monotonic() - 60 * server_config().forget_minutes
        while self._seen:
            owner, (seen, _) = next(iter(self._seen.items()))
            if seen > oldest and len(self._seen) <= _KEPT_WORKSPACES:
                return
            del self._seen[owner]


@st.cache_resource(show_spinner=False)
def registry() -> WorkspaceRegistry:
    """The workspaces of this server."""
    return WorkspaceRegistry()


def workspace() -> Workspace:
    """This session's workspace; at a new session's first call that of the same browser before."""
    session = keys.WORKSPACE.value
    if session is None:
        browser = visitor(st.context.cookies.get(_COOKIE, ""))
        session = keys.WORKSPACE.value = registry().get(browser or uuid.uuid4().hex)
    if time.monotonic() - session.touched > _TOUCH_SECONDS:  # a page asks some fifty times
        registry().touch(session)
    return session


def visitor(cookie: str) -> str | None:
    """A name for the browser with this cookie, ``2|mask|masked token|time``, in hexadecimal.

    The mask changes with every page load, the token under it does not. None where there is no
    such cookie. The name is a hash: who learns it cannot make the cookie from it.
    """
    try:
        _, mask, masked, _ = cookie.split("|")
        pairs = zip(bytes.fromhex(masked), cycle(bytes.fromhex(mask)), strict=False)
        token = bytes(byte ^ other for byte, other in pairs)
    except ValueError:
        return None
    if len(token) < _TOKEN_BYTES:
        return None
    return hashlib.sha256(b"decor workspace " + token).hexdigest()
