"""Networks of keras.applications with their published weights, whose input are plain pixels.

The preprocessing of each is put into its graph, as a convolution of 1 × 1: whoever runs it, also a
web page, feeds red, green and blue of 0 to 255.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np

from decor_core.errors import BackboneError, DamagedFile
from decor_core.features.downloads import Progress, fetch
from decor_core.features.known_networks import KnownNetwork

INSTEAD = "or choose efficientnet_lite0, which ships with Decor"
# Measured: converting takes some 900 MB, and nine times as much as the weights.
_MIN_MEMORY, _MEMORY_PER_BYTE = 900 * 2**20, 9


def build_network(known: KnownNetwork, folder: Path, progress: Progress | None = None) -> Any:
    """The Keras model: pixels [1, side, side, 3] of 0–255 → its last maps.

    Its weights are kept in ``folder``. BackboneError where they cannot be had, or memory is short.
    """
    _check_memory(known)
    import tensorflow as tf

    shape = (known.side, known.side, 3)
    with _fetching(known.name, folder, progress) as fetched:
        try:
            network = getattr(tf.keras.applications, known.keras)(
                include_top=False, weights="imagenet", input_shape=shape
            )
        except (OSError, KeyError, ValueError) as error:
            if not fetched:
                raise
            raise BackboneError(
                f"The weights file “{fetched[-1]}” is damaged; delete it and try again, {INSTEAD}."
            ) from error
    return with_preprocessing(network, known)


def with_preprocessing(network: Any, known: KnownNetwork) -> Any:
    """The network with its preprocessing before it."""
    import tensorflow as tf

    module = importlib.import_module(f"tensorflow.keras.applications.{known.module}")
    matrix, offset = _linear(module.preprocess_input)
    pixels = tf.keras.Input((known.side, known.side, 3), batch_size=1, name="pixels")
    if np.array_equal(matrix, np.eye(3)) and not offset.any():
        return tf.keras.Model(pixels, network(pixels))
    layer = tf.keras.layers.Conv2D(3, 1, name="preprocessing")
    layer.build(pixels.shape)
    layer.set_weights([matrix[None, None], offset])
    return tf.keras.Model(pixels, network(layer(pixels)))


def _linear(preprocess: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """``preprocess`` as a matrix [3, 3] and an offset [3]: it makes pixel @ matrix + offset.

    BackboneError where it is more than that.
    """

    def of(pixels: np.ndarray) -> np.ndarray:
        shaped = pixels.astype(np.float32).reshape(1, -1, 1, 3)  # it may write into what it gets
        return np.asarray(preprocess(shaped), np.float64).reshape(-1, 3)

    offset = of(np.zeros((1, 3)))[0]
    matrix = (of(255 * np.eye(3)) - offset) / 255
    some = np.random.default_rng(0).integers(0, 256, (50, 3))
    if not np.allclose(of(some), some @ matrix + offset, atol=1e-3):
        raise BackboneError("The preprocessing of this network is none that Decor can put into it.")
    matrix[np.abs(matrix) < 1e-9] = 0
    return matrix.astype(np.float32), offset.astype(np.float32)


@contextmanager
def _fetching(name: str, folder: Path, progress: Progress | None) -> Iterator[list[Path]]:
    """Let Keras download by ``fetch``: resumed, checked, with progress; gives the files it got.

    Its own function reports on stdout, begins anew each time and waits without end.
    Addresses and checksums are those in its source.
    """
    from keras.src.utils import file_utils

    fetched: list[Path] = []

    def get_file(
        fname: str, origin: str, *, file_hash: str | None = None, cache_subdir: str = ""
    ) -> str:
        path = folder / fname
        try:
            fetch(origin, path, file_hash or "", progress)
        except DamagedFile as error:
            raise BackboneError(
                f"The weights of {name}, “{path}”, are not those that were published ({error}); "
                "delete the file if it is there, and try again."
            ) from error
        except (OSError, HTTPException) as error:
            raise BackboneError(
                f"The weights of {name} could not be downloaded "
                f"({getattr(error, 'reason', error)}); connect to the internet and try again, "
                f"which goes on where it was interrupted, or put {fname} from {origin} into "
                f"“{folder}”, {INSTEAD}."
            ) from error
        fetched.append(path)
        return str(path)

    of_keras = file_utils.get_file
    file_utils.get_file = get_file
    try:
        yield fetched
    finally:
        file_utils.get_file = of_keras


def _check_memory(known: KnownNetwork) -> None:
    needed = _MIN_MEMORY + _MEMORY_PER_BYTE * known.megabytes * 1e6
    free = free_memory()
    if free is not None and free < needed:
        raise BackboneError(
            f"Converting {known.name} takes about {needed / 2**30:.1f} GiB of memory, and "
            f"{free / 2**30:.1f} are free here; choose a smaller network (“decor networks” lists "
            "them), or convert it on a larger machine and copy the file."
        )


def free_memory() -> int | None:
    """Bytes that a process may still take, where the system tells."""
    if sys.platform != "linux":
        return None
    try:
        meminfo = Path("/proc/meminfo").read_text("ascii")
        line = next(line for line in meminfo.splitlines() if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024
