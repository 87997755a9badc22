"""A folder or zip of pictures → a data set: read, embedded, checked; requests for a child process.

They decode what strangers upload, so they run apart from the server and from TensorFlow.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from .augmentation import Augmentation
from .catalog import open_data_set, unfolded
from .embedding import EmbeddingSpec
from .errors import DataError, PictureError, Stopped
from .features import Embeddings, embed_catalog
from .fitting import ShouldStop
from .jobs import Report
from .picture_files import VECTORS, keep_aside, keep_picture
from .picture_set import PictureSet, load_set, new_set
from .projection import project
from .report import Entry
from .suspects import find_suspects
from .tables import Columns

# Parts of the time that reading, looking and checking take.
_SHARES = {"reading": 0.3, "looking": 0.65, "checking": 0.05}


@dataclass(frozen=True)
class Phase:
    """How far a request has come: ``done`` of ``total`` pictures in the phase of that name."""

    name: str
    done: int
    total: int


class _Phased:
    """What the requests have in common that go through pictures."""

    _phases: ClassVar[tuple[str, ...]] = ("looking",)

    def share(self, events: Sequence[Phase]) -> float:
        """Of the time, by what the phases usually take."""
        if not events:
            return 0.0
        last = events[-1]
        whole = sum(_SHARES[name] for name in self._phases)
        before = sum(_SHARES[name] for name in self._phases[: self._phases.index(last.name)])
        return (before + _SHARES[last.name] * last.done / max(last.total, 1)) / whole


@dataclass(frozen=True)
class IntakeRequest(_Phased):
    """Make a data set of the folder or zip ``data`` in the new folder ``into``; gives its folder.

    Stopped while it looks at pictures, it keeps the set: they can be looked at later.
    """

    kind: ClassVar[str] = "intake"
    _phases: ClassVar[tuple[str, ...]] = ("reading", "looking", "checking")

    data: Path
    into: Path
    title: str
    columns: Columns | None = None
    types: tuple[str, ...] | None = None
    spec: EmbeddingSpec = EmbeddingSpec()

    def run(self, report: Report, should_stop: ShouldStop) -> Path:
        made = take_in(self, report, should_stop)
        with suppress(DataError, Stopped):  # the set is there; its report says what it lacks
            made.judged(_suspects(made, self.spec, report, should_stop))
        return made.folder


@dataclass(frozen=True)
class CheckRequest(_Phased):
    """Look for mislabelled pictures and outliers in the set ``data``; gives report entries."""

    kind: ClassVar[str] = "check"
    _phases: ClassVar[tuple[str, ...]] = ("looking", "checking")

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec()
    title: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> tuple[Entry, ...]:
        return _suspects(load_set(self.data), self.spec, report, should_stop)


@dataclass(frozen=True)
class EmbedRequest(_Phased):
    """Embed the pictures of the set ``data`` and copies of them; gives Embeddings."""

    kind: ClassVar[str] = "embed"

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec()
    augmentation: Augmentation | None = None
    title: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> Embeddings:
        return embed_set(load_set(self.data), self.spec, self.augmentation, report, should_stop)


@dataclass(frozen=True)
class MapRequest(_Phased):
    """Lay the pictures of ``data`` out on a plane; gives positions [n, 2], see projection."""

    kind: ClassVar[str] = "map"
    _phases: ClassVar[tuple[str, ...]] = ("looking", "checking")

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec()
    title: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> np.ndarray:
        embeddings = embed_set(load_set(self.data), self.spec, None, report, should_stop)
        report(Phase("checking", 0, 1))
        return project(embeddings)


def take_in(request: IntakeRequest, report: Report, should_stop: ShouldStop) -> PictureSet:
    """Read the pictures of a folder or zip into a set; Stopped leaves nothing usable behind."""
    source = unfolded(request.data)
    catalog = open_data_set(
        source,
        columns=request.columns,
        types=request.types,
        progress=lambda done, total: report(Phase("reading", done, total)),
        should_stop=should_stop,
        on_picture=lambda data, upright: keep_picture(request.into, data, upright),
    )
    for entry in catalog.report.of("unreadable"):
        with suppress(PictureError):  # those damaged in the zip itself
            keep_aside(request.into, entry.file, source.read(entry.file))
    return new_set(request.into, request.title, catalog)


def embed_set(
    pictures: PictureSet,
    spec: EmbeddingSpec,
    augmentation: Augmentation | None,
    report: Report,
    should_stop: ShouldStop,
) -> Embeddings:
    """Vectors of a set, kept in its folder; Stopped where ``should_stop`` says so."""
    return embed_catalog(
        pictures.catalog,
        spec,
        augmentation=augmentation,
        cache=pictures.folder / VECTORS,
        progress=lambda done, total: report(Phase("looking", done, total)),
        should_stop=should_stop,
    )


def _suspects(
    pictures: PictureSet, spec: EmbeddingSpec, report: Report, should_stop: ShouldStop
) -> tuple[Entry, ...]:
    embeddings = embed_set(pictures, spec, None, report, should_stop)
    report(Phase("checking", 0, 1))
    return find_suspects(embeddings, pictures.level, should_stop=should_stop)
