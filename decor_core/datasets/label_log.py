"""Labels given to pictures one step after the other: a log on the disk, and its undo.

Each line of the log is a step; what was given so far is what all of them do in turn. A step is
on the disk before it counts. Several processes may append: each first reads what the others wrote.
Steps come from browsers, too, so that disk, memory and time are bounded by the number of pictures.
"""

import os
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

import msgspec

from decor_core.datasets.editing import checked_label
from decor_core.datasets.label_steps import (
    NONE,
    SKIP,
    AddClass,
    Known,
    Label,
    Order,
    Redo,
    RemoveClass,
    RenameClass,
    Step,
    Undo,
)
from decor_core.errors import DamagedFile, DataError, damaged_file, unwritable
from decor_core.io import locked

# One for each class, in order; n, s and v are keys of the page's own.
_KEYS = "123456789abcdefghijklmopqrtuwxyz"
_MAX_CLASSES = 1_000  # beyond those that pictures have from elsewhere
# Of the log, and of the labels and classes that are held to undo steps: so many, and so many
# more for each picture.
_LOG_BYTES = 2**20, 1_000
_HELD = 10_000, 20


@dataclass(frozen=True)
class _Change:
    """What a step sets: labels ("" for none), which are confirmed, and all classes with keys."""

    labels: Mapping[str, str]
    confirmed: Mapping[str, bool]
    classes: Mapping[str, str]
    size: int = 0  # labels and classes that are held for it alone


@dataclass
class _State:
    """What the steps so far have come to; ``changed`` tells after which one each picture did."""

    classes: Mapping[str, str] = field(default_factory=dict)  # shared with changes: never mutated
    labels: dict[str, str] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    at_random: bool = False
    revision: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    done: deque[_Change] = field(default_factory=deque)
    held: int = 0  # what all that is ``done`` holds
    undone: list[_Change] = field(default_factory=list)


class LabelLog:
    """The log ``path`` of labels for the pictures ``ids``. For all threads.

    ``revision`` counts its steps. ``classes`` are keys by name, in the order in which they came.
    ``confirmed`` are pictures that were labeled again with their present label.
    """

    def __init__(self, path: Path, ids: Collection[str]) -> None:
        self._path, self._ids = path, frozenset(ids)
        self._most_bytes, self._most_held = (
            least + each * len(self._ids) for least, each in (_LOG_BYTES, _HELD)
        )
        self._lock = RLock()
        self._begin()
        self.refresh()

    def add_ids(self, ids: Collection[str]) -> None:
        """Take labels for these pictures as well: they were added."""
        self._ids |= frozenset(ids)

    @property
    def revision(self) -> int:
        return self._state.revision

    @property
    def classes(self) -> dict[str, str]:
        with self._lock:
            return dict(self._state.classes)

    @property
    def labels(self) -> dict[str, str]:
        """Every picture that has an answer, with it."""
        with self._lock:
            return dict(self._state.labels)

    @property
    def confirmed(self) -> set[str]:
        with self._lock:
            return set(self._state.confirmed)

    @property
    def at_random(self) -> bool:
        return self._state.at_random

    @property
    def can_undo(self) -> bool:
        return bool(self._state.done)

    @property
    def can_redo(self) -> bool:
        return bool(self._state.undone)

    def changed_since(self, revision: int) -> dict[str, str]:
        """Labels that are others than after so many steps, "" where there is none any more."""
        with self._lock:
            state = self._state
            return {
                one: state.labels.get(one, "")
                for one, changed in state.changed.items()
                if changed > revision
            }

    def append(self, steps: Sequence[Step]) -> list[str]:
        """Do ``steps`` and write them down; why some of them were refused, a sentence each.

        All of them are on the disk when it returns. DataError where the disk refuses: then none
        of them is done.
        """
        with self._lock, unwritable(DataError, self._path), self._locked():
            self._read_on()
            written, refused, size = [], [], 0
            try:
                for step in steps:
                    if step.id and step.id in self._state.seen:
                        continue
                    line = msgspec.json.encode(step) + b"\n"
                    try:
                        if self._end + size + len(line) > self._most_bytes:
                            raise DataError(
                                f"The log of these labels is full ({self._most_bytes:,} bytes);"
                                " finish them, and bring the other pictures by themselves."
                            )
                        self._apply(step)
                    except DataError as error:
                        refused.append(str(error))
                    else:
                        written.append(line)
                        size += len(line)
                self._write(b"".join(written))
            except OSError:
                with suppress(OSError):  # else the next step does it
                    os.truncate(self._path, self._end)
                self._begin()
                self._read_on()
                raise
            return refused

    def refresh(self) -> None:
        """Read what other processes have written."""
        with self._lock, unwritable(DataError, self._path):
            if self._size() != self._end:
                with self._locked():
                    self._read_on()

    def _begin(self) -> None:
        self._state, self._end = _State(), 0  # bytes that are read

    def _locked(self) -> AbstractContextManager[None]:
        if not self._path.parent.is_dir():
            raise DataError("These pictures are not there (any more): they were deleted.")
        return locked(self._path.parent)

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _read_on(self) -> None:
        """Do the steps that were written since; a last line that was broken off counts as none."""
        if self._size() <= self._end:
            return
        with self._path.open("rb") as file:
            file.seek(self._end)
            content = file.read()
        lines = content[: content.rfind(b"\n") + 1].splitlines(keepends=True)
        with damaged_file(DataError, f"The labels in “{self._path}” are damaged"):
            for line in lines:
                try:
                    step = msgspec.json.decode(line, type=Step)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    number = self._state.revision + 1
                    raise DamagedFile(f"line {number}: {error}") from error
                self._apply(step)
                self._end += len(line)

    def _write(self, lines: bytes) -> None:
        if not lines:
            return
        is_new = not self._path.exists()
        with self._path.open("r+b" if not is_new else "wb") as file:
            file.truncate(self._end)  # what was broken off
            file.seek(self._end)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _sync_folder(self._path.parent)
        self._end += len(lines)

    def _apply(self, step: Step) -> None:
        """Do a step; DataError where it cannot be done, which changes nothing."""
        state = self._state
        match step:
            case Undo():
                if not state.done:
                    raise DataError("There is nothing to undo.")
                change = state.done.pop()
                state.held -= change.size
                state.undone.append(self._set(change))
            case Redo():
                if not state.undone:
                    raise DataError("There is nothing to redo.")
                self._hold(self._set(state.undone.pop()))
            case Order():
                state.revision += 1
                state.at_random = step.random
            case Known():
                self._set(self._change(step))
            case _:
                self._hold(self._set(self._change(step)))
                state.undone.clear()
        if step.id:
            state.seen.add(step.id)

    def _hold(self, change: _Change) -> None:
        """Keep what takes a step back, and forget the oldest where that is too much."""
        state = self._state
        state.done.append(change)
        state.held += change.size
        while state.held > self._most_held and len(state.done) > 1:
            state.held -= state.done.popleft().size

    def _change(self, step: Label | AddClass | RenameClass | RemoveClass) -> _Change:
        known = self._state.classes
        classes = dict(known)
        match step:
            case Label():
                given = dict.fromkeys(step.ids, step.label) | step.labels
                if unknown := [one for one in given if one not in self._ids]:
                    raise DataError(f"There is no picture “{unknown[0]}” here (any more).")
                answers = dict.fromkeys(given.values())
                kept = {
                    one: one if one in (NONE, SKIP, "") else checked_label(one) for one in answers
                }
                for label in kept.values():
                    if label not in (NONE, SKIP, ""):
                        _add_class(classes, label)
                self._check_count(classes, step)
                labels = {one: kept[label] for one, label in given.items()}
                return self._labeled(labels, known if len(classes) == len(known) else classes)
            case AddClass():
                _add_class(classes, checked_label(step.name))
                self._check_count(classes, step)
                return self._labeled({}, classes)
            case RenameClass():
                self._check_class(step.name)
                to = checked_label(step.to)
                if to in classes and to != step.name:
                    del classes[step.name]
                else:
                    classes = {to if n == step.name else n: key for n, key in classes.items()}
                return self._relabeled(step.name, to, classes)
            case RemoveClass():
                self._check_class(step.name)
                del classes[step.name]
                return self._relabeled(step.name, "", classes)

    def _check_class(self, name: str) -> None:
        if name not in self._state.classes:
            raise DataError(f"There is no class “{name}” (any more).")

    def _check_count(self, classes: dict[str, str], step: Label | AddClass) -> None:
        most = max(_MAX_CLASSES, len(self._state.classes))
        if len(classes) > most and not isinstance(step, Known):
            raise DataError(f"There are {most:,} classes already, as many as can be given here.")

    def _labeled(self, labels: dict[str, str], classes: Mapping[str, str]) -> _Change:
        """Pictures get labels; those that have theirs already are confirmed."""
        known = self._state.labels
        confirmed = {one: bool(label) and known.get(one) == label for one, label in labels.items()}
        return _Change(labels, confirmed, classes)

    def _relabeled(self, before: str, label: str, classes: dict[str, str]) -> _Change:
        """The pictures of a class get another label; it stays as confirmed as it was."""
        state = self._state
        labels = {one: label for one, given in state.labels.items() if given == before}
        confirmed = {one: bool(label) and one in state.confirmed for one in labels}
        return _Change(labels, confirmed, classes)

    def _set(self, change: _Change) -> _Change:
        """Make a change; the one that takes it back."""
        state = self._state
        is_shared = change.classes is state.classes
        before = _Change(
            {one: state.labels.get(one, "") for one in change.labels},
            {one: one in state.confirmed for one in change.confirmed},
            state.classes,
            1 + len(change.labels) + (0 if is_shared else len(state.classes)),
        )
        state.revision += 1
        state.classes = change.classes
        for one, label in change.labels.items():
            state.changed[one] = state.revision
            if label:
                state.labels[one] = label
            else:
                state.labels.pop(one, None)
        for one, is_confirmed in change.confirmed.items():
            (state.confirmed.add if is_confirmed else state.confirmed.discard)(one)
        return before


def _add_class(classes: dict[str, str], name: str) -> None:
    """A class with the first key that is free, "" if none is."""
    if name not in classes:
        taken = set(classes.values())
        classes[name] = next((key for key in _KEYS if key not in taken), "")


def _sync_folder(folder: Path) -> None:
    """Have the disk know of a new file; not every system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
