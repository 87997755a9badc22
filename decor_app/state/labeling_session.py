"""The labeling of one set as it stands: labels on the disk, and what is learned behind them.

A request writes steps down and answers with what is known. Fits run in a background process, one
at a time, always to the latest labels; whoever asks next finds what came of it.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from weakref import WeakValueDictionary

from decor_app.jobs.job import Job
from decor_app.jobs.labeling_tasks import EmbedUnlabeledTask, FitTask, LabelingFit
from decor_app.jobs.tasks import QueueName
from decor_app.jobs.worker import OWN_FAULT
from decor_app.state.labeling_answers import learned_json
from decor_app.state.processes import job_queues
from decor_core.datasets.label_log import LabelLog
from decor_core.datasets.label_steps import NONE, SKIP, Step
from decor_core.datasets.storage import UNLABELED_SET
from decor_core.datasets.unlabeled_set import UnlabeledSet, load_unlabeled_set
from decor_core.errors import DamagedFile, DecorError
from decor_core.io import read_json, write_json
from decor_core.text import pluralize
from decor_core.training.active_learning import MIN_CLASSES, MIN_PER_CLASS
from decor_core.training.labeling_progress import enough, with_point
from decor_core.training.unlabeled_vectors import has_unlabeled_vectors

# Seconds from one fit to the next: proposals that change with every key are no help, and are sent
# each time.
PAUSE = 1.0
_CURVE = "curve.json"


@dataclass(frozen=True)
class _RunningJob:
    """A job of a queue, and after how many steps it began."""

    queue: QueueName
    id: str
    revision: int


class Labeling:
    """An unlabeled set that somebody labels; ``address`` names it in the routes. For all threads.

    ``owner`` is whose turn it takes in the queues of jobs.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._file_read = _file_version(folder)
        self.unlabeled: UnlabeledSet = load_unlabeled_set(folder)
        self.log: LabelLog = self.unlabeled.log()
        self.address = secrets.token_urlsafe(18)
        self._owner, self._queues = owner, job_queues()
        self._row_of = {one: row for row, one in enumerate(self.unlabeled.ids)}
        self._lock = threading.RLock()
        self._running: _RunningJob | None = None
        self._fit: LabelingFit | None = None
        self._fits, self._fitted = 0, float("-inf")  # how many, and when the latest ended
        self._points = self._read_points()
        self._fit_error, self._failed_revision = "", -1  # the revision whose fit failed

    @property
    def id(self) -> str:
        return self.unlabeled.id

    @property
    def title(self) -> str:
        return self.unlabeled.title

    def rename(self, title: str) -> None:
        """Call it otherwise; DataError if that is empty."""
        self.unlabeled = self.unlabeled.retitled(title)

    @property
    def pictures(self) -> list[dict[str, str]]:
        """Id and title of each picture."""
        files = self.unlabeled.catalog.table["file"]
        return [
            {"id": one, "title": PurePosixPath(file).name}
            for one, file in zip(self.unlabeled.ids, files, strict=True)
        ]

    def refresh(self) -> None:
        """Take in what was done to the set elsewhere: pictures that were added, another title."""
        with self._lock:
            now = _file_version(self.unlabeled.folder)
            if now == self._file_read or not now:  # or it was deleted, which the log tells
                return
            known, self.unlabeled, self._file_read = (
                self.unlabeled.ids,
                load_unlabeled_set(self.unlabeled.folder),
                now,
            )
            if self.unlabeled.ids == known:
                return
            self.log.add_ids(self.unlabeled.ids)
            self._row_of = {one: row for row, one in enumerate(self.unlabeled.ids)}
            # What is learned, or just being learned, is of fewer pictures.
            self._running, self._fit, self._failed_revision, self._fit_error = None, None, -1, ""
            self._fits += 1

    def append_steps(self, steps: Sequence[Step], since: int, known: int) -> dict[str, Any]:
        """Write steps down, and return the ``state``."""
        self.refresh()
        refused = self.log.append(steps)
        return self.state(since, known) | ({"refused": refused} if refused else {})

    def state(self, since: int = 0, known: int = -1) -> dict[str, Any]:
        """How it stands, in JSON: labels that changed after the revision ``since``, all for 0.

        What was learned is told if it is not that of the number ``known``.
        """
        self.refresh()
        self.log.refresh()
        self._submit_next()
        log = self.log
        labels = log.labels if not since or since > log.revision else None
        with self._lock:
            fit, fits = self._fit, self._fits
            is_behind = fit is None or fit.revision != log.revision
            is_fitting = self._running is not None or (
                is_behind and self._failed_revision < log.revision
            )
        found = {
            "revision": log.revision,
            "classes": [{"name": name, "key": key} for name, key in log.classes.items()],
            "labels": log.changed_since(since) if labels is None else labels,
            "order": {"random": log.at_random},
            "can_undo": log.can_undo,
            "can_redo": log.can_redo,
            "fitting": is_fitting,
            "message": self._message(fit),
            "proposals_revision": fits,
        }
        learned = learned_json(
            fit if fits != known else None, self.unlabeled.ids, log, self._points
        )
        return found | learned

    def _message(self, fit: LabelingFit | None) -> str:
        if self._fit_error:
            return self._fit_error
        if not has_unlabeled_vectors(self.unlabeled):
            return "The pictures are being looked at; label meanwhile."
        if fit and fit.classes:
            return enough(fit.changed, len(fit.labels))
        counts = Counter(self.log.labels.values())
        if sum(counts[name] >= MIN_PER_CLASS for name in self.log.classes) < MIN_CLASSES:
            return (
                f"Proposals come as soon as two classes have {MIN_PER_CLASS} pictures each; "
                f"so far {pluralize(len(self.log.labels), 'picture')} are labeled."
            )
        return "The model is learning from the labels; proposals come in a moment."

    # What is learned

    def _submit_next(self) -> None:
        """Queue what is to be done next, unless something is."""
        with self._lock:
            if self._running:
                job = self._queues[self._running.queue].snapshot(self._running.id)
                if job and job.active:
                    return
                if job is None or job.status != "done":  # else its result is just being taken
                    self._fit_failed((job and job.message) or "Its process ended.")
            revision = self.log.revision
            early = time.monotonic() < self._fitted + PAUSE
            if self._running or self._failed_revision == revision or early:
                return
            if not has_unlabeled_vectors(self.unlabeled):
                self._submit("dataset", EmbedUnlabeledTask(self.unlabeled.folder), revision)
            elif self._fit is None or self._fit.revision != revision:
                self._submit("labeling", self._fit_task(revision), revision)

    def _fit_failed(self, why: str) -> None:
        if self._running:
            self._failed_revision = self._running.revision
            self._running = None
        self._fit_error = f"There are no new proposals: {why}"

    def _fit_task(self, revision: int) -> FitTask:
        given = self.log.labels
        # Pictures of nothing that is asked for would all be taken for one of the classes if they
        # were no class of their own; as of any class, a few are needed.
        none_is_class = list(given.values()).count(NONE) >= MIN_PER_CLASS
        no_class = {SKIP} if none_is_class else {NONE, SKIP}
        labels, left_out = {}, []
        for one, label in given.items():
            if label in no_class:
                left_out.append(self._row_of[one])
            else:
                labels[self._row_of[one]] = label
        unlabeled = self.unlabeled
        at_random = self.log.at_random
        return FitTask(
            unlabeled.folder, len(unlabeled.ids), revision, labels, tuple(left_out), at_random
        )

    def _submit(self, queue: QueueName, task: FitTask | EmbedUnlabeledTask, revision: int) -> None:
        try:
            job = self._queues[queue].submit(task, self._owner, self.id, self._on_job_done)
        except DecorError as error:  # too many wait: the next request tries again
            self._fit_error = str(error)
            return
        self._running = _RunningJob(queue, job, revision)

    def _on_job_done(self, job: Job) -> None:
        """Take what a job gave, on the thread of its queue."""
        running = self._running
        try:
            self._take_result(job)
        except Exception:
            with self._lock:  # else it would count as running, or be done again, for ever
                self._running = running
                self._fit_failed(OWN_FAULT)
            raise  # into the log
        self._submit_next()

    def _take_result(self, job: Job) -> None:
        with self._lock:
            if self._running is None or job.id != self._running.id:
                return  # pictures were added meanwhile
            if not has_unlabeled_vectors(self.unlabeled):
                self._fit_failed("there is a single picture, and two are needed.")
                return
            self._running, self._fit_error = None, ""
            if isinstance(job.result, LabelingFit):
                self._fit = job.result
                self._fits += 1
                self._fitted = time.monotonic()
                if self._fit.classes:
                    self._add_point(self._fit)

    def _read_points(self) -> list[tuple[int, int, int]]:
        try:
            return read_json(self.unlabeled.folder / _CURVE, list[tuple[int, int, int]])
        except (OSError, DamagedFile):  # none yet; it grows again
            return []

    def _add_point(self, fit: LabelingFit) -> None:
        self._points = with_point(self._points, fit.labels, fit.right)
        with suppress(OSError):  # the labels are what counts
            if self.unlabeled.folder.is_dir():
                write_json(self.unlabeled.folder / _CURVE, self._points)


def _file_version(folder: Path) -> tuple[int, int] | None:
    """Differs when the list of pictures does; None where there is none (any more)."""
    try:
        found = (folder / UNLABELED_SET).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


# One for each folder, whoever labels it: two at once would not know of each other's fits.
_open: WeakValueDictionary[Path, Labeling] = WeakValueDictionary()
_open_lock = threading.Lock()


def labeling_of(folder: Path, owner: str) -> Labeling:
    """The labeling of the unlabeled set in ``folder``; DataError if there is none."""
    with _open_lock:
        found = _open.get(folder)
        if found is None:
            found = _open[folder] = Labeling(folder, owner)
        return found


def labeling_at(address: str) -> Labeling | None:
    """The labeling of that address, if somebody has it open."""
    with _open_lock:
        every = list(_open.values())
    asked = address.encode(errors="replace")  # as text, only ASCII could be compared
    return next((one for one in every if secrets.compare_digest(one.address.encode(), asked)), None)
