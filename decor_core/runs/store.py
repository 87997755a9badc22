"""Runs in memory for a session, or on disk: listed, renamed, noted, deleted and brought back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from decor_core.config import data_directory
from decor_core.errors import DecorError, RunError, check_kind, checked_path, unwritable
from decor_core.io import in_trash, locked, move_to_trash, recover, replacing, unique_name
from decor_core.model.bundle import SHIPPED, list_bundles
from decor_core.runs.run import (
    MODEL_FOLDER,
    RUN_FILE,
    Run,
    check_title,
    damaged_run,
    load_run,
    run_of_bundle,
    write_run,
)

_shipped_runs: dict[str, Run] = {}


def runs_directory() -> Path:
    """Where runs are kept."""
    return data_directory() / "runs"


class RunStore(ABC):
    """Runs by id, newest first; behind them, read-only, the models that ship.

    Every method raises RunError for a run that is not there, and where a read-only one would be
    changed. One deleted run can be restored: the last.
    """

    def list(self) -> list[Run]:
        """All runs, newest first, then those that ship; damaged ones are left out."""
        own = sorted(self._own().values(), key=lambda run: run.created, reverse=True)
        return [*own, *_shipped().values()]

    def get(self, run_id: str) -> Run:
        """The run of that id."""
        check_kind(run_id, str, "the id of a run", RunError)
        run = self._own().get(run_id) or _shipped().get(run_id)
        if run is None:
            raise RunError(f"There is no run “{run_id}” (any more); see the list of runs.")
        return run

    def find(self, name: str) -> Run:
        """The run whose id begins with ``name``, or whose title it is; RunError if several are."""
        check_kind(name, str, "the id or title of a run", RunError)
        runs = self.list()
        exact = [run for run in runs if name in (run.id, run.title)]
        found = exact or [run for run in runs if name and run.id.startswith(name)]
        if len(found) > 1:
            ids = ", ".join(run.id for run in found)
            raise RunError(f"“{name}” may be any of the runs {ids}; give the id.")
        return found[0] if found else self.get(name)

    def free_title(self, title: str) -> str:
        """``title``, with a number behind where a run has it already."""
        check_kind(title, str, "a title", RunError)
        taken = {run.title for run in self.list()}
        return unique_name(title, taken, number=" ({})", match_case=True)

    def save(self, run: Run) -> Run:
        """Keep ``run``, in place of an earlier one of its id."""
        check_kind(run, Run, "a Run, as “run_of_training” makes one", RunError)
        self._check_own(run)
        with self._locked():
            self._put(run)
        return run

    def _check_own(self, run: Run) -> None:
        if run.read_only or run.id in _shipped():
            raise RunError(f"“{run.title}” ships with Decor and cannot be changed.")

    def update(self, run_id: str, change: Callable[[Run], Run]) -> Run:
        """Keep what ``change`` makes of a run as it stands, whoever has changed it before."""
        with self._locked():
            run = self.get(run_id)
            self._check_own(run)
            return self.save(change(run))

    def rename(self, run_id: str, title: str) -> Run:
        """Give a run, and its model, another title."""
        return self.update(run_id, lambda run: run.titled(check_title(title)))

    def note(self, run_id: str, text: str) -> Run:
        """Write a note to a run, in place of an earlier one."""
        check_kind(text, str, "a text", RunError)
        return self.update(run_id, lambda run: replace(run, note=text.strip()))

    def delete(self, run_id: str) -> Run:
        """Remove a run; until the next one is removed, ``restore`` brings it back."""
        with self._locked():
            run = self.get(run_id)
            if run.read_only:
                raise RunError(f"“{run.title}” ships with Decor and cannot be deleted.")
            self._remove(run)
        return run

    @abstractmethod
    def restore(self, run_id: str) -> Run:
        """Bring back the run that was deleted last."""

    def _not_restorable(self, run_id: str, latest: str | None) -> RunError:
        """Why: only the ``latest`` of the deleted runs, if there is one, can be brought back."""
        if run_id in self._own():
            return RunError(f"The run “{run_id}” is not deleted.")
        if latest is None:
            return RunError(f"No deleted run “{run_id}” is known: there is nothing to bring back.")
        return RunError(
            f"The run “{run_id}” cannot be brought back: of all that were deleted only the last "
            f"one can, “{latest}”."
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else changes a run in the block."""
        yield

    @abstractmethod
    def _own(self) -> Mapping[str, Run]: ...

    @abstractmethod
    def _put(self, run: Run) -> None: ...

    @abstractmethod
    def _remove(self, run: Run) -> None: ...


def _shipped() -> Mapping[str, Run]:
    """The models that ship, as runs; looked for again as long as there are none."""
    if not _shipped_runs:
        _shipped_runs.update(
            (folder.name, run_of_bundle(bundle, id=folder.name, read_only=True))
            for folder, bundle in list_bundles(SHIPPED).items()
        )
    return _shipped_runs


class MemoryRuns(RunStore):
    """The runs of one session; they are gone when it ends."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs = {run.id: run for run in runs}
        self._deleted: Run | None = None

    def restore(self, run_id: str) -> Run:
        run = self._deleted
        if run is None or run.id != run_id:
            raise self._not_restorable(run_id, run and run.id)
        self._deleted = None
        return self.save(run)

    def _own(self) -> Mapping[str, Run]:
        return self._runs

    def _put(self, run: Run) -> None:
        self._runs[run.id] = run

    def _remove(self, run: Run) -> None:
        self._deleted = self._runs.pop(run.id)


class DiskRuns(RunStore):
    """Runs in folders ``root/<id>/``, which several processes, or servers, may share.

    Each is written beside its place and renamed into it; later changes replace file by file.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = runs_directory()
        if root is not None:
            self.root = checked_path(root, "a folder of runs", RunError)
        self._read: dict[str, tuple[int, Run]] = {}

    def model_folder(self, run: Run) -> Path:
        """The folder of the run's model, for “label --bundle”."""
        check_kind(run, Run, "a Run", RunError)
        return SHIPPED / run.id if run.read_only else self.root / run.id / MODEL_FOLDER

    def restore(self, run_id: str) -> Run:
        check_kind(run_id, str, "the id of a run", RunError)
        with self._locked():
            trashed = in_trash(self.root)
            if run_id not in trashed:
                raise self._not_restorable(run_id, next(iter(trashed), None))
            trashed[run_id].rename(self.root / run_id)
            return self.get(run_id)

    def _own(self) -> Mapping[str, Run]:
        recover(self.root)
        found = {}
        for file in self.root.glob(f"[!.]*/{RUN_FILE}"):
            try:
                found[file.parent.name] = self._load(file.parent)
            except DecorError:
                continue  # a damaged neighbor must not hide the good ones
        return found

    def _load(self, folder: Path) -> Run:
        with damaged_run(folder):
            written = (folder / RUN_FILE).stat().st_mtime_ns
        known = self._read.get(folder.name)
        if known is None or known[0] != written:
            known = self._read[folder.name] = written, load_run(folder)
        return known[1]

    def _put(self, run: Run) -> None:
        folder = self.root / run.id
        if folder.exists():  # never away, not for a moment: others may be about to read it
            for left in folder.rglob("*.partial"):  # by a process that was killed
                left.unlink()
            write_run(run, folder)
        else:
            with replacing(folder) as new:
                write_run(run, new)

    def _remove(self, run: Run) -> None:
        move_to_trash(self.root / run.id)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with unwritable(RunError, self.root), locked(self.root):
            yield
