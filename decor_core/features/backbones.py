"""Which network looks at a picture: its input, its preprocessing, its weights, its stage maps.

Every network runs on LiteRT from one TFLite file whose outputs are the feature maps at the end
of each stage (each resolution or width of the network).

To add a network: its name in NETWORKS, its input in BackboneSpec.named, and in convert.py a
function that gives its stage maps.
"""

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from decor_core.config import beside, cache_directory
from decor_core.errors import BackboneError, DecorError

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

MODELS = Path(os.environ.get("DECOR_MODELS") or beside("decor_core", "models"))
DEFAULT = "efficientnet_lite0"

_LITE_SIDES = {"0": 224, "1": 240, "2": 260}
_LITE = re.compile(r"efficientnet_lite([012])")
# The networks that an app may offer: the first ships, the next two come as packages, the last are
# downloaded.
NETWORKS = (
    DEFAULT,
    "efficientnet_lite1",
    "efficientnet_lite2",
    "mobilenet_1.0_224",
    "mobilenet_0.50_224",
)
_MOBILENET = re.compile(r"mobilenet_(0\.25|0\.50|0\.75|1\.0)_(128|160|192|224)")
_log = logging.getLogger(__name__)


@contextmanager
def restorable(path: Path) -> Iterator[None]:
    """Turn an error about ``path``, if it ships with Decor, into one that says how to put it back.

    Visitors see it: it names no place of this computer. The log has the reason.
    """
    try:
        yield
    except DecorError as error:
        if not path.is_relative_to(MODELS):
            raise
        _log_once(str(error))
        name = path.relative_to(MODELS).as_posix()
        raise type(error)(
            f"“models/{name}”, which ships with Decor, is missing or damaged. Whoever runs Decor "
            "can put it back, for instance by “git checkout models”; then try again. Nothing of "
            "yours is lost."
        ) from error


@cache  # pages try again and again
def _log_once(reason: str) -> None:
    _log.error("what ships cannot be read: %s", reason)


@dataclass(frozen=True)
class BackboneSpec:
    """A network by name: square input of ``side`` pixels, fed ``(pixel - mean) / scale``."""

    name: str
    side: int
    mean: float
    scale: float

    @classmethod
    def named(cls, name: str) -> "BackboneSpec":
        """The spec of ``efficientnet_lite{0,1,2}`` or ``mobilenet_<width>_<side>``."""
        name = name.lower().replace("-", "_")
        if match := _LITE.fullmatch(name):
            return cls(name, _LITE_SIDES[match[1]], mean=127.0, scale=128.0)
        if match := _MOBILENET.fullmatch(name):
            return cls(name, int(match[2]), mean=127.5, scale=127.5)
        raise BackboneError(
            f"There is no architecture “{name}”; choose efficientnet_lite0, efficientnet_lite1, "
            "efficientnet_lite2, or mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>."
        )

    @property
    def path(self) -> Path:
        """Its TFLite file: shipped under ``models/``, or converted once and kept.

        It is kept in $DECOR_BACKBONES, by default in the cache.
        """
        shipped = MODELS / "backbone" / f"{self.name}.tflite"
        kept = Path(os.environ.get("DECOR_BACKBONES") or cache_directory() / "backbone")
        return shipped if self.name == DEFAULT or shipped.exists() else kept / shipped.name


class Backbone:
    """A network in memory, ready to look at pictures; safe to share between threads.

    Each of several threads at once gets an interpreter of its own, with one thread: two threads
    for one picture compute a fifth more.
    """

    def __init__(
        self, spec: BackboneSpec, path: Path | None = None, weights: bytes | None = None
    ) -> None:
        self.spec = spec
        path = path or spec.path
        try:
            self.weights = path.read_bytes() if weights is None else weights
            interpreter = self._made()
            (pixels,) = interpreter.get_input_details()
            if tuple(pixels["shape"]) != (1, spec.side, spec.side, 3):
                raise ValueError(f"it takes {pixels['shape']}")
            outputs = interpreter.get_output_details()
            outputs.sort(key=lambda output: by_resolution(output["shape"]))
        except (OSError, ValueError, RuntimeError) as error:
            raise BackboneError(
                f"The network file of {spec.name} cannot be read or is damaged; delete “{path}” "
                "or fetch it again."
            ) from error
        self.digest = hashlib.sha256(self.weights).hexdigest()[:16]
        self._outputs = [output["index"] for output in outputs]
        self.shapes = tuple(tuple(map(int, output["shape"][1:])) for output in outputs)
        self._input = pixels["index"], pixels["dtype"]
        self._idle = [(interpreter, 1)]

    def _made(self) -> "Interpreter":
        from ai_edge_litert.interpreter import Interpreter

        made = Interpreter(model_content=self.weights, num_threads=1)
        made.allocate_tensors()
        return made

    def stage_maps(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Maps [n, h, w, channels] of every stage, float32, for pixels [n, side, side, 3] of 0–255.

        Several pictures at once take a little less time than one after the other.
        """
        try:
            interpreter, count = self._idle.pop()
        except IndexError:  # all are busy
            interpreter, count = self._made(), 1
        place, kind = self._input
        if count != len(pixels):
            interpreter.resize_tensor_input(place, pixels.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(place, preprocess(pixels, self.spec, kind))
        interpreter.invoke()
        stages = [interpreter.get_tensor(index) for index in self._outputs]
        self._idle.append((interpreter, len(pixels)))
        return stages


def preprocess(pixels: np.ndarray, spec: BackboneSpec, kind: type = np.float32) -> np.ndarray:
    """Pixels [n, side, side, 3], uint8, as a network takes them whose input is of that ``kind``.

    Float32, or int8: with a step for each level of the pixels.
    """
    if kind == np.int8:
        return (pixels ^ 128).view(np.int8)  # pixels - 128, without leaving eight bits
    scaled = pixels.astype(np.float32)
    scaled -= spec.mean
    scaled /= spec.scale
    return scaled


def by_resolution(shape: Sequence[int]) -> tuple[int, int]:
    """Sorts stage maps of shape [n, h, w, channels] from the first of a network to its last."""
    _, height, _, channels = shape
    return -height, channels


_given: dict[str, bytes] = {}


def give_weights(name: str, weights: bytes) -> None:
    """Have this process use the content of a TFLite file for a network, whatever file is here."""
    _given[name] = weights
    load_backbone.cache_clear()


@lru_cache(maxsize=2)
def load_backbone(name: str = DEFAULT) -> Backbone:
    """The network called ``name``, converted first where it does not ship.

    Raises BackboneError where the name is unknown or the weights cannot be had.
    """
    spec = BackboneSpec.named(name)
    if name in _given:
        return Backbone(spec, weights=_given[name])
    if not (name == DEFAULT or spec.path.exists()):
        from decor_core.features.convert import convert_backbone

        convert_backbone(spec, spec.path)
    with restorable(spec.path):
        return Backbone(spec)
