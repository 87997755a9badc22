"""What is seen of the pictures of a heap, once, and kept with it: all that fits to labels need."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from decor_core.data.scan import ShouldStop
from decor_core.datasets.heap import Heap
from decor_core.datasets.storage import VECTORS
from decor_core.errors import DamagedFile
from decor_core.features.embedder import EmbeddingSpec
from decor_core.io import read_arrays, write_arrays
from decor_core.training.active_learning import ActiveLearner
from decor_core.training.region import embed_pictures


def look_at(
    heap: Heap,
    spec: EmbeddingSpec,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> None:
    """Embed the pictures of a heap; keep their vectors, coordinates, and which look alike.

    Stopped where ``should_stop`` says so.
    """
    cache = heap.folder / VECTORS
    found = embed_pictures(
        heap.catalog, spec, cache=cache, progress=progress, should_stop=should_stop
    )
    if len(found.vectors) > 1:  # one alone cannot be told from others
        learner = ActiveLearner(found.vectors, found.blocks)
        arrays = {"coordinates": learner.coordinates, "clusters": learner.look_alikes()}
        written = _file(heap.folder, len(heap.ids))
        write_arrays(written, **arrays)
        for older in set(heap.folder.glob("looks*.npz")) - {written}:
            older.unlink(missing_ok=True)


def _file(folder: Path, pictures: int) -> Path:
    """Named after their number: a heap never loses a picture, but some may be added."""
    return folder / f"looks-{pictures}.npz"


def was_looked_at(heap: Heap) -> bool:
    """Whether ``read_looks`` finds something."""
    return _file(heap.folder, len(heap.ids)).exists()


def read_looks(folder: Path, pictures: int) -> tuple[ActiveLearner, np.ndarray]:
    """A learner on the n ``pictures`` of the heap in ``folder``, and the cluster [n] of each.

    OSError or DamagedFile where what ``look_at`` wrote cannot be read.
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
