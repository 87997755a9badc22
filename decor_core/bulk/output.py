"""Rows are kept as they come, so that an interrupted run loses nothing and goes on.

Where ``answers.parquet`` is to be, the folder ``answers.parquet.parts`` holds the rows until all
are there: ``_decor.json`` says what they are made by and of which places, ``part-000000.parquet``
and so on are the rows in order. A part is there as a whole or not at all. At the end the parts are
joined into one file, and the folder is deleted, ``_decor.json`` first: a folder without it is what
a finished run has left. Where the output is a folder itself, it holds the same files and keeps
them; then ``_decor.json`` says whether the rows are complete.
"""

import logging
import os
import tempfile
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import numpy as np

from decor_core.bulk.places import (
    Folder,
    exists,
    joined,
    local_or_url,
    name_of,
    opened,
    put,
    scheme_of,
)
from decor_core.bulk.rows import Row, RowMaker
from decor_core.bulk.writers import WRITERS, Writer
from decor_core.errors import DamagedFile, DataError, damaged_file, unwritable
from decor_core.io import read_json

_STATE, _PART, _PARTIAL, _JOINED = "_decor.json", "part-", ".partial", "joined"
_MAX_ROWS_IN_MEMORY = 1000
# Rows are written after two seconds, and later after a hundredth of the time so far: a crash costs
# no more than that, and there are never very many parts.
_SECONDS_A_PART, _SHARE_A_PART = 2.0, 0.01
_MAX_NAME_LETTERS = 40
_log = logging.getLogger(__name__)


@dataclass
class _State:
    """What an unfinished output, or a folder of parts, says of itself."""

    made_by: dict[str, Any]
    places: list[str]
    complete: bool = False


class CompletedFiles:
    """Files that have a row: eight bytes for each, a hash of its name.

    Of two million files two have the same with a chance of one in ten million.
    """

    def __init__(self, hashes: "array[int]") -> None:
        self._hashes = np.sort(np.frombuffer(hashes, np.uint64))
        self._claimed = np.zeros(len(self._hashes), bool)

    def __len__(self) -> int:
        return len(self._hashes)

    def claim(self, file: str) -> bool:
        """Whether there is a row of this file; each row counts once, as a file given twice does."""
        name = np.uint64(hash_of(file))
        at = int(np.searchsorted(self._hashes, name))
        while at < len(self._hashes) and self._hashes[at] == name:
            if not self._claimed[at]:
                self._claimed[at] = True
                return True
            at += 1
        return False

    @property
    def left(self) -> int:
        """Rows whose file was not asked for."""
        return len(self._claimed) - int(self._claimed.sum())


def hash_of(file: str) -> int:
    """A number of 64 bits that stands for a name."""
    return int.from_bytes(blake2b(file.encode(), digest_size=8).digest(), "little")


class Output:
    """Takes rows, in order, for a file or folder ``place``, which may be a URL.

    With ``resume`` an interrupted run of the same rows and places goes on, and a finished one is
    left; without, nothing that is there is touched. ``rows`` and ``errors`` count all that are
    kept, ``done`` tells which files had a row before; it ``is_finished`` where there is nothing to
    go on with.
    DecorError where it cannot be written, exists, or was begun by another model or other options.
    """

    def __init__(
        self, place: str, maker: RowMaker, places: Sequence[str], *, resume: bool = False
    ) -> None:
        self.place = local_or_url(place)
        ending = PurePosixPath(self.place).suffix.lower()
        is_called_folder = place.endswith(("/", os.sep)) or not ending
        self._is_folder = is_called_folder or os.path.isdir(self.place)
        if not self._is_folder and ending not in WRITERS:
            raise DataError(
                f"“{place}” ends in “{ending}”; expected {', '.join(WRITERS)}, or a folder with a "
                "slash at the end."
            )
        writer = WRITERS[".parquet" if self._is_folder else ending]
        self._writer: Writer = writer(maker.columns, maker.made_by)
        self._folder = Folder(self.place if self._is_folder else f"{self.place}.parts")
        self._state = _State(maker.made_by, list(places))
        self._buffer: list[Row] = []
        self._begun = self._written = time.monotonic()
        self.rows = self.errors = self._next = 0
        self.done, self.is_finished, self._is_new = CompletedFiles(array("Q")), False, True
        self._open(resume)

    def _open(self, resume: bool) -> None:
        names = self._folder.names()
        if _STATE in names:
            self._resume(names, resume)
        elif self._is_folder and names:
            raise DataError(f"The folder “{self.place}” holds other files; expected an empty one.")
        elif not self._is_folder and exists(self.place):
            if not resume:
                raise DataError(
                    f"“{self.place}” exists already; give --out another name, or delete it."
                )
            self._check_finished()
            self.is_finished = True

    def _check_finished(self) -> None:
        """DataError where the file that is there is none that the same command has written."""
        what = f"“{self.place}” exists already and cannot be gone on with"
        advice = "give --out another name, or delete it"
        with damaged_file(DataError, what, advice), opened(self.place) as file:
            made_by = self._writer.made_by(file)
        if made_by is not None:
            self._check_made_alike(made_by, "made")

    def _resume(self, names: list[str], resume: bool) -> None:
        """Take up what is there, if it was made alike."""
        self._is_new = False
        with damaged_file(DataError, f"“{self._folder.place}/{_STATE}” cannot be read"):
            before = read_json(self._folder.read(_STATE), _State)
        if not resume:
            kind = "a finished" if before.complete else "an interrupted"
            raise DataError(
                f"“{self._folder.place}” holds {kind} run; go on with --resume, give --out another "
                "name, or delete it."
            )
        self._check_alike(before)
        hashes = array("Q")
        for name in names:
            if name.endswith(_PARTIAL):
                self._folder.remove([name])  # of a process that was killed
            elif name.startswith(_PART):
                try:
                    found = self._writer.files(self._folder.read(name))
                except DamagedFile as error:
                    _log.warning("“%s” is damaged (%s): its pictures are done again.", name, error)
                    self._folder.remove([name])
                    continue
                hashes.extend(hash_of(file) for file, _ in found)
                self.errors += sum(failed for _, failed in found)
                self._next = int(name.removeprefix(_PART).partition(".")[0]) + 1
        self.rows = len(hashes)
        self.done = CompletedFiles(hashes)

    def _check_made_alike(self, before: dict[str, Any], how: str) -> None:
        now = msgspec.json.decode(msgspec.json.encode(self._state.made_by))
        differ = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        if differ:
            words = " and ".join(_difference(name, before, now) for name in differ)
            raise DataError(
                f"“{self.place}” was {how} with {words}; give the same to go on, or give --out "
                "another name."
            )

    def _check_alike(self, before: _State) -> None:
        self._check_made_alike(before.made_by, "begun")
        given = set(self._state.places)
        if gone := [place for place in before.places if place not in given]:
            raise DataError(
                f"“{self.place}” was begun with the pictures in “{gone[0]}”; name them in the same "
                "way to go on, or give --out another name."
            )

    @property
    def kept_in(self) -> str:
        """The folder where rows are until it is finished."""
        return self._folder.place

    def begin(self) -> None:
        """Say what the rows are made by, before the first comes; what cannot be written shows."""
        if self._is_new and not self._is_folder:
            self._folder.remove(self._folder.names())  # what a finished run has left
        self._write_state()

    def _write_state(self) -> None:
        content = msgspec.json.format(msgspec.json.encode(self._state), indent=1)
        self._folder.write(_STATE, content)

    def add(self, row: Row) -> None:
        """Keep a row; it is written with the next part."""
        self._buffer.append(row)
        now = time.monotonic()
        if len(self._buffer) >= _MAX_ROWS_IN_MEMORY or (
            now - self._written >= max(_SECONDS_A_PART, _SHARE_A_PART * (now - self._begun))
        ):
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait.

        Interrupted anywhere, it writes them once or not at all: they are taken out before.
        """
        rows, self._buffer = self._buffer, []
        if not rows:
            return
        name = f"{_PART}{self._next:06}{self._writer.ending}"
        self._next += 1
        if exists(joined(self._folder.place, name)):
            raise DataError(f"Another process is writing to “{self.place}”; let it end first.")
        self._folder.write(name, self._writer.part(rows))
        self.rows += len(rows)
        self.errors += sum("error" in row for row in rows)
        self._written = time.monotonic()

    def stop(self) -> None:
        """Write what waits, to be gone on with; of a run without a row nothing stays."""
        self.flush()
        if self._is_new and not self.rows:
            self._folder.remove([_STATE])

    def finish(self) -> None:
        """Write what waits, and make the output what it is to be."""
        self.flush()
        if self._is_folder:
            self._state.complete = True
            self._write_state()
        else:
            self._join()
        self.is_finished = True

    def _join(self) -> None:
        """Make one file of all parts, in one move, and delete them."""
        names = self._folder.names()
        parts = (self._folder.read(name) for name in names if name.startswith(_PART))
        if scheme_of(self.place):
            with tempfile.TemporaryDirectory() as folder:
                whole = Path(folder, name_of(self.place))
                self._writer.join(parts, whole)
                put(whole, self.place)
        else:
            whole = Path(self._folder.place, _JOINED)
            try:
                with unwritable(DataError, Path(self.place)):
                    self._writer.join(parts, whole)
                    whole.replace(self.place)
            finally:
                whole.unlink(missing_ok=True)
        self._folder.remove([_STATE])
        self._folder.remove(self._folder.names())


def _difference(name: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    values = before.get(name), now.get(name)
    if any(isinstance(value, (dict, list)) for value in values):
        return f"other {name}"
    was, is_now = (str(value)[:_MAX_NAME_LETTERS] for value in values)
    return f"{name} “{was}”, not “{is_now}”"
