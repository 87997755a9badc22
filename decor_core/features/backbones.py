"""Backbones: networks with their input, preprocessing, weights and stage maps.

Every network runs on LiteRT from one TFLite file whose outputs are the feature maps at the end
of each stage (each resolution or width of the network). Most have a name, by which they are
found; one that has not, an OwnNetwork, is in the model that uses it.

To add a network of keras.applications: a row in known_networks.py; its preprocessing and its stages
are found. Any other: its row there, its input in named_spec, and in convert.py a function
that gives its stage maps. NETWORKS are the few that the app offers, and that a public server may
download.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from decor_core.config import is_hosted
from decor_core.errors import BackboneError, DamagedFile
from decor_core.features.backbone_spec import DEFAULT, BackboneSpec, preprocess
from decor_core.features.known_networks import KNOWN, known_network
from decor_core.features.own_networks import OWN, OwnNetwork, own_network, own_network_here
from decor_core.shipped import restorable

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

# The networks that an app may offer: the first ships, the next two come as packages, the last are
# downloaded.
NETWORKS = (
    DEFAULT,
    "efficientnet_lite1",
    "efficientnet_lite2",
    "mobilenet_1.0_224",
    "mobilenet_0.50_224",
)
_LITE_SIDES = {"0": 224, "1": 240, "2": 260}
_LITE = re.compile(r"efficientnet_lite([012])")
_MOBILENET = re.compile(r"mobilenet_(0\.25|0\.50|0\.75|1\.0)_(128|160|192|224)")


def named_spec(name: str) -> BackboneSpec:
    """The spec of ``efficientnet_lite{0,1,2}``, ``mobilenet_<width>_<side>`` or another that
    KNOWN has, as Decor or keras.applications spell it, or of an OwnNetwork that is here.
    """
    name = name.strip().lower().replace("-", "_")
    if name.startswith(OWN):
        return own_network_here(name).spec
    known = known_network(name)
    name = known.name if known else name
    if match := _LITE.fullmatch(name):
        return BackboneSpec(name, _LITE_SIDES[match[1]], mean=127.0, scale=128.0)
    if match := _MOBILENET.fullmatch(name):
        return BackboneSpec(name, int(match[2]), mean=127.5, scale=127.5)
    if known and known.keras:  # it does the rest itself
        return BackboneSpec(name, known.side, mean=0.0, scale=1.0)
    likely = get_close_matches(name, KNOWN, 3)
    raise BackboneError(
        f"There is no network “{name}”"
        + (f"; did you mean {' or '.join(likely)}? " if likely else "; ")
        + "“decor networks” lists all: efficientnet_lite0, efficientnet_lite1, "
        "efficientnet_lite2, mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128> and those of "
        "keras.applications."
    )


def is_at_hand(name: str) -> bool:
    """Whether the network called ``name`` can be used without a download or a conversion."""
    return own_network(name) is not None or named_spec(name).path.exists()


def network_title(name: str) -> str:
    """Title, for people, of the network called ``name``."""
    network = own_network(name)
    return network.title if network else name


class Backbone:
    """A network in memory, ready to look at pictures; safe to share between threads.

    Each of several threads at once gets an interpreter of its own, with one thread: two threads
    for one picture compute a fifth more.
    """

    def __init__(
        self,
        spec: BackboneSpec,
        path: Path | None = None,
        weights: bytes | None = None,
        *,
        takes_batches: bool = True,
    ) -> None:
        self.spec, self._takes_batches = spec, takes_batches
        path = path or spec.path
        try:
            self.weights = path.read_bytes() if weights is None else weights
            interpreter = self._made()
            (self.input,) = interpreter.get_input_details()
            pixels = self.input
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
        self._idle = [(interpreter, 1)]

    def _made(self) -> "Interpreter":
        from ai_edge_litert.interpreter import Interpreter

        made = Interpreter(model_content=self.weights, num_threads=1)
        made.allocate_tensors()
        return made

    def stage_maps(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Maps [n, h, w, channels] of every stage, float32, for pixels [n, side, side, 3] of 0–255.

        Several pictures at once take a little less time than one after the other; not every
        network takes them so.
        """
        if len(pixels) > 1 and not self._takes_batches:
            each = [self.stage_maps(pixels[i : i + 1]) for i in range(len(pixels))]
            return [np.concatenate(stages) for stages in zip(*each, strict=True)]
        try:
            interpreter, count = self._idle.pop()
        except IndexError:  # all are busy
            interpreter, count = self._made(), 1
        place, kind = self.input["index"], self.input["dtype"]
        if count != len(pixels):
            interpreter.resize_tensor_input(place, pixels.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(place, preprocess(pixels, self.spec, kind))
        interpreter.invoke()
        stages = [interpreter.get_tensor(index) for index in self._outputs]
        self._idle.append((interpreter, len(pixels)))
        return stages


def by_resolution(shape: Sequence[int]) -> tuple[int, int]:
    """Sorts stage maps of shape [n, h, w, channels] from the first of a network to its last."""
    _, height, _, channels = shape
    return -height, channels


_given: dict[str, bytes] = {}


def give_weights(name: str, weights: bytes) -> None:
    """Have this process use the content of a TFLite file for a network, whatever file is here."""
    _given[name] = weights
    load_backbone.cache_clear()


def provide_network(name: str, progress: Callable[[int, int | None], None] | None = None) -> None:
    """Have the network called ``name`` here, in a model or as a file: downloaded and converted.

    ``progress`` gets the bytes of a download that are here, and all. BackboneError as
    ``load_backbone``.
    """
    if own_network(name) or name in _given:
        return
    spec = named_spec(name)
    if spec.name == DEFAULT or spec.path.exists():
        return
    if is_hosted() and spec.name not in NETWORKS:  # strangers could have all downloaded
        raise BackboneError(
            f"This server does not fetch the network {spec.name}; choose {', '.join(NETWORKS)}."
        )
    from decor_core.features.convert import convert_backbone

    convert_backbone(spec, spec.path, progress=progress)


@lru_cache(maxsize=2)
def load_backbone(name: str = DEFAULT) -> Backbone:
    """The network called ``name``, converted first where it does not ship.

    Raises BackboneError where the name is unknown or the weights cannot be had.
    """
    if network := own_network(name):
        return _checked(network)
    spec = named_spec(name)
    if name in _given:
        return Backbone(spec, weights=_given[name])
    provide_network(name)
    with restorable(spec.path):
        # Those of keras.applications may hold shapes that are those of one picture.
        return Backbone(
            spec, takes_batches=bool(_LITE.match(spec.name) or _MOBILENET.match(spec.name))
        )


def _checked(network: OwnNetwork) -> Backbone:
    """A network that came with a model; what LiteRT sees of it is checked and written anew."""
    from decor_core.features.tflite_check import checked_network

    try:
        checked = checked_network(network.content, network.side)
        backbone = Backbone(
            network.spec, weights=checked.content, takes_batches=checked.takes_batches
        )
        _check_levels(backbone)
    except DamagedFile as error:
        raise BackboneError(
            f"The network “{network.title}” of the model is refused: {error}."
        ) from error
    backbone.digest = network.digest
    return backbone


def _check_levels(backbone: Backbone) -> None:
    """DamagedFile where an input of eight bits has other steps than the levels of a pixel."""
    pixels = backbone.input
    if pixels["dtype"] == np.int8:
        scale, zero = pixels["quantization"]
        mean, step = zero + 128, scale * backbone.spec.scale
        if abs(step - 1) > 1e-3 or abs(mean - backbone.spec.mean) > 1:
            raise DamagedFile("expected that its input counts the levels of a pixel")
