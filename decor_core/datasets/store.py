"""The data sets of a visitor or of a computer: begun, listed, opened, moved, deleted, restored."""

import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from decor_core.config import data_directory
from decor_core.datasets.dataset import Dataset, load_dataset
from decor_core.datasets.storage import HEAD, LABEL_LOG, UNLABELED_SET, read_head, read_state
from decor_core.datasets.unlabeled_set import UnlabeledSet, load_unlabeled_set
from decor_core.errors import DamagedFile, DataError, damaged_file, unwritable
from decor_core.io import in_trash, locked, move_to_trash

_UNFINISHED_SECONDS = 86_400


@dataclass(frozen=True)
class DatasetSummary:
    """A data set as a list shows it; ``changed`` in UTC, ISO 8601.

    ``levels`` are the names of its labels' levels, finest first.
    """

    id: str
    title: str
    levels: tuple[str, ...]
    pictures: int
    labels: int
    changed: str


def datasets_directory() -> Path:
    """Where data sets are kept."""
    return data_directory() / "datasets"


class DatasetStore:
    """Data sets in folders ``root/<id>/``, which several processes, or servers, may share.

    DataError where one is not there (any more).
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or datasets_directory()
        self._summaries: dict[tuple, DatasetSummary] = {}  # by stamp

    def list(self) -> list[DatasetSummary]:
        """All of them, last changed first; those being made and damaged ones are left out."""
        found = []
        for folder in self.root.glob("[!.]*/"):
            try:
                found.append(self._summary(folder))
            except (OSError, DamagedFile):
                continue
        return sorted(found, key=lambda one: one.changed, reverse=True)

    def _summary(self, folder: Path) -> DatasetSummary:
        stamp = set_id, title, number, _ = _stamp(folder)
        if stamp not in self._summaries:
            state = read_state(folder, number)
            labels = state.table[state.levels[0]]
            self._summaries[stamp] = DatasetSummary(
                set_id, title, tuple(state.levels), len(labels), len(set(labels)), state.changed
            )
        return self._summaries[stamp]

    def unlabeled_sets(self) -> "list[DatasetSummary]":
        """Pictures that are being labeled and are no data set yet, last changed first.

        ``labels`` counts those that have an answer.
        """
        found = []
        for file in self.root.glob(f"[!.]*/{UNLABELED_SET}"):
            if not self.is_unlabeled_set(file.parent.name):
                continue
            with suppress(OSError, DataError):  # deleted meanwhile, or damaged
                found.append(self._unlabeled_summary(file.parent))
        return sorted(found, key=lambda one: one.changed, reverse=True)

    def _unlabeled_summary(self, folder: Path) -> DatasetSummary:
        log = folder / LABEL_LOG
        latest = (log if log.exists() else folder / UNLABELED_SET).stat().st_mtime_ns
        stamp = folder.name, latest, (folder / UNLABELED_SET).stat().st_mtime_ns
        if stamp not in self._summaries:
            unlabeled = load_unlabeled_set(folder)
            changed = datetime.fromtimestamp(latest / 1e9, UTC).isoformat(timespec="seconds")
            self._summaries[stamp] = DatasetSummary(
                folder.name,
                unlabeled.title,
                ("class",),
                len(unlabeled.ids),
                len(unlabeled.log().labels),
                changed,
            )
        return self._summaries[stamp]

    def is_unlabeled_set(self, set_id: str) -> bool:
        """Whether these are pictures that are being labeled, and no data set yet."""
        folder = self.root / set_id
        return (folder / UNLABELED_SET).exists() and not (folder / HEAD).exists()

    def unlabeled_set(self, set_id: str) -> UnlabeledSet:
        """The pictures that a set was, or will be, labeled from."""
        return load_unlabeled_set(self.folder(set_id))

    def begin(self, title: str) -> Path:
        """A folder for a new set, named after ``title``; not made yet.

        What is left of sets whose making was broken off a day ago or earlier goes.
        """
        for folder in self.root.glob("[!.]*/"):
            with suppress(FileNotFoundError):  # another process has just cleared it
                begun = folder.stat().st_mtime < time.time() - _UNFINISHED_SECONDS
                if begun and not any((folder / name).exists() for name in (HEAD, UNLABELED_SET)):
                    shutil.rmtree(folder, ignore_errors=True)
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "pictures"
        return self.root / f"{stem}-{secrets.token_hex(3)}"

    def get(self, set_id: str) -> Dataset:
        """The set as it stands."""
        return load_dataset(self.folder(set_id))

    def stamp(self, set_id: str) -> tuple:
        """Differs whenever the set does, and is quickly told."""
        folder = self.folder(set_id)
        with damaged_file(DataError, f"The data set “{set_id}” is damaged"):
            return _stamp(folder)

    def find(self, name: str) -> Dataset:
        """The set of that id or title; DataError if there is none, or several."""
        ids = [one.id for one in self.list() if name in (one.id, one.title)]
        if len(ids) > 1:
            raise DataError(f"“{name}” may be any of the data sets {', '.join(ids)}; give the id.")
        if not ids and (titles := [one.title for one in self.list()]):
            raise DataError(f"There is no data set “{name}”; choose from: {', '.join(titles)}.")
        return self.get(ids[0] if ids else name)

    def delete(self, set_id: str) -> None:
        """Remove a set; until the next one is removed, ``restore`` brings it back."""
        with self.locked():
            move_to_trash(self.folder(set_id))

    def restore(self, set_id: str) -> Dataset | UnlabeledSet:
        """Bring back the set that was deleted last."""
        with self.locked():
            trashed = in_trash(self.root)
            if set_id not in trashed:
                raise DataError(f"The data set “{set_id}” cannot be brought back (any more).")
            left = self.root / set_id  # pictures of an edit that came too late
            if not any((left / name).exists() for name in (HEAD, UNLABELED_SET)):
                self.discard(set_id)
            trashed[set_id].rename(self.root / set_id)
            return self.unlabeled_set(set_id) if self.is_unlabeled_set(set_id) else self.get(set_id)

    def discard(self, set_id: str) -> None:
        """Remove what there is of a set for good, as of one whose making was stopped."""
        with self.locked():
            shutil.rmtree(self.root / set_id, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes, deletes or restores a set in the block; may be nested."""
        with unwritable(DataError, self.root), locked(self.root):
            yield

    def folder(self, set_id: str) -> Path:
        """Where a set, labeled or not, is; nothing outside of ``root`` is one, whatever its id."""
        folder = self.root / set_id
        if folder not in self.root.glob("[!.]*/"):
            raise DataError(f"There is no data set “{set_id}” (any more); see the list of them.")
        return folder


def _stamp(folder: Path) -> tuple[str, str, int, str]:
    """Id, title, number of the state, and what tells it from others of that number: after an undo
    the next edit writes one."""
    head = read_head(folder)
    return folder.name, head.title, head.number, head.revision
