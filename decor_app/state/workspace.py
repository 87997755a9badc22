"""State of one visitor: jobs, runs, the model in use; found again after a reload.

All tabs of a browser share a workspace; decor_app/hosting/visitor.py tells browsers apart.
"""

import tempfile
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decor_app import session_keys as keys
from decor_app.hosting.config import server_config
from decor_app.hosting.streamlit_internals import is_connected, session_id
from decor_app.hosting.visitor import visitor_id
from decor_app.state.corrections import Correction, CorrectionTraining
from decor_core.features.embeddings import Embeddings
from decor_core.model.predictor import VectorPredictor
from decor_core.runs.run import Run
from decor_core.runs.store import MemoryRuns
from decor_core.text import format_bytes

if TYPE_CHECKING:
    from decor_app.jobs.dataset_tasks import MapCoordinates
    from decor_app.state.first_model import FirstModel
    from decor_app.state.labeling_session import Labeling
    from decor_app.state.session_job import SessionJob
    from decor_core.training.fine_tuning import FineTuning
    from decor_core.training.search import CurvePoint

_KEPT_WORKSPACES = 200
_TOUCH_SECONDS = 1.0
_IDLE_SECONDS = 60.0
_RUN_BYTES = 600_000  # weights, and what tells strange pictures


@dataclass(eq=False)
class Workspace:
    """State of one visitor; ``owner`` names it in the queues of jobs."""

    owner: str
    runs: MemoryRuns = field(default_factory=MemoryRuns)
    model: VectorPredictor | None = None  # that answers instead of the shipped one
    data_set: str = ""  # id of the one that is open
    labeling: str = ""  # id of the unlabeled set that is being labeled
    labelings: dict[str, "Labeling"] = field(default_factory=dict)  # that were, by id
    controls: dict[str, Any] = field(default_factory=dict)  # of Retrain, as they stood
    pictures: int = 0  # that were looked at, as there is a limit
    vectors: OrderedDict[tuple, Embeddings] = field(default_factory=OrderedDict)  # used lately

    # Jobs by their purpose; by id of a job, the run that has come of it.
    jobs: dict[str, "SessionJob"] = field(default_factory=dict)
    collected: dict[str, str] = field(default_factory=dict)

    # Of data sets that were brought in, by their ids.
    first_models: dict[str, "FirstModel"] = field(default_factory=dict)

    # What came of jobs: by run, by data set, by data set and model (label and probability of each
    # picture); the latest training with corrections.
    learning_curves: dict[str, "list[CurvePoint]"] = field(default_factory=dict)
    maps: dict[str, "MapCoordinates"] = field(default_factory=dict)
    predictions: dict[str, dict[str, tuple[str, float]]] = field(default_factory=dict)
    correction_training: CorrectionTraining | None = None
    fine_tunings: dict[str, "FineTuning"] = field(default_factory=dict)  # the latest, by job

    corrected: dict[str, Correction] = field(default_factory=dict)  # by digest of the picture

    # Held while what came of jobs is taken over: another tab of the same browser waits.
    lock: Any = field(default_factory=threading.RLock, repr=False)

    sessions: set[str] = field(default_factory=set)  # of Streamlit: the tabs that have used it
    touched: float = float("-inf")  # when it was last used
    seen: float = float("-inf")  # when a tab was last open
    is_forgotten: bool = False

    @property
    def own_runs(self) -> list[Run]:
        """Runs that were trained or imported here, newest first."""
        return [run for run in self.runs.list() if not run.read_only]

    @property
    def weight(self) -> int:
        """About how many bytes its models and vectors take."""
        kept = sum(one.vectors.nbytes + one.copies.nbytes for one in list(self.vectors.values()))
        return len(self.own_runs) * _RUN_BYTES + kept + self.network_bytes

    @property
    def network_bytes(self) -> int:
        """Bytes of the networks that its models carry."""
        networks = [run.bundle.network for run in self.own_runs]
        return sum(network.size for network in networks if network)

    @property
    def folder(self) -> Path:
        """A place on the disk that goes with the workspace."""
        return Path(self._temporary.name)

    @property
    def is_here(self) -> bool:
        """Whether a tab of this visitor is open."""
        self.sessions = set(filter(is_connected, self.sessions))
        return bool(self.sessions)

    def forget(self) -> None:
        """Let go of all that takes memory or disk; Streamlit may hold the workspace for longer."""
        blank = Workspace(self.owner, lock=self.lock, is_forgotten=True)
        for one in fields(self):
            setattr(self, one.name, getattr(blank, one.name))
        if "_temporary" in self.__dict__:
            self._temporary.cleanup()

    @cached_property
    def _temporary(self) -> tempfile.TemporaryDirectory:
        return tempfile.TemporaryDirectory(prefix="decor-", ignore_cleanup_errors=True)


class WorkspaceRegistry:
    """Workspaces by owner: as long as a tab of its visitor is open, and for a while after that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: OrderedDict[str, Workspace] = OrderedDict()  # the one used last comes last

    def get(self, owner: str) -> Workspace:
        """The owner's workspace, a new one if there is none (any more)."""
        with self._lock:
            self._forget_old()
            return self._all.get(owner) or Workspace(owner)

    def touch(self, workspace: Workspace, session: str | None = None) -> None:
        """Keep ``workspace``, which a script of the Streamlit session uses."""
        with self._lock:
            workspace.touched = workspace.seen = time.monotonic()
            workspace.sessions |= {session} if session else set()
            self._all[workspace.owner] = workspace
            self._all.move_to_end(workspace.owner)

    def owners(self) -> set[str]:
        """Everybody who is here, or may still come back."""
        with self._lock:
            self._forget_old()
            return set(self._all)

    def room(self, workspace: Workspace) -> int:
        """How many runs it may hold now: fewer where all have many together, but one."""
        with self._lock:
            others = [one for one in self._all.values() if one is not workspace]
        left = server_config().total_runs - sum(len(one.own_runs) for one in others)
        return max(1, min(server_config().session_runs, left))

    def network_refusal(self, workspace: Workspace, run: Run) -> str:
        """Why there is no room for the network that a run brings along; "" where there is."""
        network, config = run.bundle.network, server_config()
        if network is None:
            return ""
        size = network.size
        if workspace.network_bytes + size > config.session_mb * 2**20:
            return (
                f"Its network has {format_bytes(size)}, and all that the models of this session "
                f"bring may have {format_bytes(config.session_mb * 2**20)}; please delete a model "
                "with a network of its own first."
            )
        with self._lock:
            others = [one for one in self._all.values() if one is not workspace]
        if workspace.network_bytes + size + sum(one.network_bytes for one in others) > (
            config.total_mb * 2**20
        ):
            return "There is no room for its network on this server just now; try again later."
        return ""

    def evict(self, most: float) -> None:
        """Forget those used longest ago where models and vectors take more than ``most`` bytes.

        Of connected visitors only vectors go, as they can be made again, and only after a minute
        without a request.
        """
        with self._lock:
            total = sum(one.weight for one in self._all.values())
            for one in sorted(self._all.values(), key=lambda one: one.is_here):
                if total <= most:
                    return
                before = one.weight
                if before and not one.is_here:
                    self._forget(one)
                elif one.touched < time.monotonic() - _IDLE_SECONDS:
                    one.vectors = OrderedDict()
                total -= before - one.weight

    def forget_all(self) -> None:
        """Let go of everybody, with what each has on the disk: the server ends."""
        with self._lock:
            for one in list(self._all.values()):
                self._forget(one)

    def _forget_old(self) -> None:
        now, away = time.monotonic(), []
        for one in self._all.values():
            if one.is_here:
                one.seen = now
            else:
                away.append(one)
        for place, one in enumerate(away):
            is_old = one.seen <= now - 60 * server_config().forget_minutes
            if is_old or len(away) - place > _KEPT_WORKSPACES:
                self._forget(one)

    def _forget(self, one: Workspace) -> None:
        del self._all[one.owner]
        one.forget()


REGISTRY = WorkspaceRegistry()


def workspace() -> Workspace:
    """This visitor's workspace; at a new session's first call that of the same browser before."""
    found = keys.WORKSPACE.value
    if found is None or found.is_forgotten:
        found = keys.WORKSPACE.value = REGISTRY.get(visitor_id() or uuid.uuid4().hex)
    if time.monotonic() - found.touched > _TOUCH_SECONDS:  # a page asks some fifty times
        REGISTRY.touch(found, session_id())
    return found
