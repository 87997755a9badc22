"""Vectors of an unlabeled set, computed once and kept with it: what fits to labels need."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from decor_core.data.scan import ShouldStop
from decor_core.datasets.storage import VECTORS
from decor_core.datasets.unlabeled_set import UnlabeledSet
from decor_core.errors import DamagedFile
from decor_core.features.embedder import EmbeddingSpec
from decor_core.io import read_arrays, write_arrays
from decor_core.training.active_learning import ActiveLearner
from decor_core.training.region import embed_pictures

_FILE = "heap-vectors-{}.npz"


def embed_unlabeled_set(
    unlabeled: UnlabeledSet,
    spec: EmbeddingSpec,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> None:
    """Embed an unlabeled set; keep vectors, coordinates, and which pictures look alike.

    Stopped where ``should_stop`` says so.
    """
    cache = unlabeled.folder / VECTORS
    found = embed_pictures(
        unlabeled.catalog, spec, cache=cache, progress=progress, should_stop=should_stop
    )
    if len(found.vectors) > 1:  # one alone cannot be told from others
        learner = ActiveLearner(found.vectors, found.blocks)
        write_unlabeled_vectors(unlabeled.folder, learner.coordinates, learner.look_alikes())


def write_unlabeled_vectors(folder: Path, coordinates: np.ndarray, clusters: np.ndarray) -> None:
    """Keep the coordinates [n, r] of all n pictures, and the cluster [n] of each."""
    written = _file(folder, len(coordinates))
    write_arrays(written, coordinates=coordinates, clusters=clusters)
    for older in set(folder.glob(_FILE.format("*"))) - {written}:
        older.unlink(missing_ok=True)


def _file(folder: Path, pictures: int) -> Path:
    """Named after their number: an unlabeled set never loses a picture, but some may be added."""
    return folder / _FILE.format(pictures)


def has_unlabeled_vectors(unlabeled: UnlabeledSet) -> bool:
    """Whether ``read_unlabeled_vectors`` finds something."""
    return _file(unlabeled.folder, len(unlabeled.ids)).exists()


def read_unlabeled_vectors(folder: Path, pictures: int) -> tuple[ActiveLearner, np.ndarray]:
    """A learner on the n ``pictures`` in ``folder``, and the cluster [n] of each.

    OSError or DamagedFile where what ``write_unlabeled_vectors`` wrote cannot be read.
    """
    file = _file(folder, pictures)
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(file: Path, _changed: int) -> tuple[ActiveLearner, np.ndarray]:
    arrays = read_arrays(file)
    coordinates, clusters = arrays["coordinates"], arrays["clusters"]
    if coordinates.ndim != 2 or clusters.shape != coordinates.shape[:1]:
        raise DamagedFile(f"“{file.name}” has arrays of shapes that do not fit each other")
    return ActiveLearner.of_coordinates(coordinates), clusters
