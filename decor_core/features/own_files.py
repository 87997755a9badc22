"""A network in a file of one's own: TensorFlow Lite, Keras or a SavedModel → an OwnNetwork.

Its stages are found as those of keras.applications are. The scale of its input is known from the
file where that is of eight bits or a Keras model scales pixels itself, else from whoever names it.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import is_zipfile

import numpy as np
from ai_edge_litert.schema_py_generated import TensorType

from decor_core.errors import BackboneError, DamagedFile, DecorError, require_package
from decor_core.features.backbone_spec import BackboneSpec
from decor_core.features.backbones import load_backbone, named_spec
from decor_core.features.own_networks import OwnNetwork, keep_network
from decor_core.features.stage_maps import read_network, with_stage_maps

_KERAS_ENDINGS = ".keras", ".h5", ".hdf5"
_INPUT = re.compile(
    r"(?P<file>.+)@(?P<mean>-?[\d.]+(e-?\d+)?),(?P<scale>[\d.]+(e-?\d+)?)(,(?P<side>\d+))?"
)
_DEFAULT_MEAN, _DEFAULT_SCALE, _DEFAULT_SIDE = 127.5, 127.5, 224
_SCALING_LAYERS = {"Rescaling", "Normalization"}
_EXPECTED = (
    "FILE, or FILE@MEAN,SCALE where pixels are fed as (pixel - MEAN) / SCALE, or "
    "FILE@MEAN,SCALE,SIDE where it takes pictures of any size"
)


class FoundNetwork(NamedTuple):
    """The name by which a network is found from now on, and what was assumed of it, if anything."""

    name: str
    assumed: str = ""


def find_network(text: str) -> FoundNetwork:
    """The network that ``text`` means: a name, or a file of one.

    A file is read, checked and, but on a public server, kept, so that vectors it made can be
    used later. BackboneError says why it cannot be used.
    """
    match = _INPUT.fullmatch(text)
    path = Path(match["file"] if match else text).expanduser()
    if not _is_file_of_network(path):
        try:
            return FoundNetwork(named_spec(text).name)
        except BackboneError as error:
            if wrong := _what_is_wrong(text):
                raise BackboneError(wrong) from error
            raise
    if not path.exists():
        raise BackboneError(f"There is no file “{path}”; expected {_EXPECTED}.")
    if path.suffix.lower() == ".keras" and not is_zipfile(path):  # sooner than TensorFlow starts
        raise BackboneError(f"“{path}” is no Keras model, or is damaged; save it again.")
    try:
        network, assumed = _read(path, match)
        load_backbone(network.name)  # which checks it
    except DamagedFile as error:
        raise BackboneError(f"The network in “{path}” cannot be used: {error}.") from error
    keep_network(network)
    return FoundNetwork(network.name, assumed)


def _is_file_of_network(path: Path) -> bool:
    endings = ".tflite", *_KERAS_ENDINGS
    return path.suffix.lower() in endings or (path / "saved_model.pb").exists()


def _what_is_wrong(text: str) -> str:
    """Reason why it is no file of a network, with or without numbers behind it; "" for a name."""
    before, at, numbers = text.rpartition("@")
    path = Path(text).expanduser()
    if path.exists() and text:
        kind = "a folder" if path.is_dir() else "a file"
        return (
            f"“{text}” is {kind}, but none of a network; expected a .tflite file, a Keras model "
            "(.keras), the folder of a SavedModel or of a model, or a name that “decor networks” "
            "lists."
        )
    if at and _is_file_of_network(Path(before).expanduser()):
        return f"“{numbers}” is not what may stand behind @; expected {_EXPECTED}."
    if at:
        return (
            f"Only a file of a network has “@{numbers}” behind it; expected a name, or {_EXPECTED}."
        )
    return ""


def _read(path: Path, given: re.Match | None) -> tuple[OwnNetwork, str]:
    """The network, and what was assumed."""
    scales_itself = False
    if path.suffix.lower() == ".tflite":
        content = path.read_bytes()
    else:
        require_package(f"Reading the network “{path.name}”", "tensorflow", "train")
        side = int(given["side"]) if given and given["side"] else None
        content, scales_itself = _converted(path, side)
    content = with_stage_maps(content)
    _, graph = read_network(content)
    pixels = graph.tensors[graph.inputs[0]]
    shape = tuple(map(int, pixels.shape))
    if len(shape) != 4 or shape[0] != 1 or shape[1] != shape[2] or shape[3] != 3:
        raise DamagedFile(
            f"it takes {shape}; expected one square picture in color, (1, side, side, 3)"
        )
    mean, scale, assumed = _input(pixels, given, scales_itself)
    if assumed:
        assumed = f"“{path.name}” was assumed to take {assumed}; if not, name it as {_EXPECTED}."
    return OwnNetwork(content, shape[1], mean, scale, path.stem[:80]), assumed


def _input(pixels: Any, given: re.Match | None, scales_itself: bool) -> tuple[float, float, str]:
    """Mean and scale, and what was assumed."""
    if pixels.type == TensorType.INT8 and pixels.quantization is not None:
        step, zero = pixels.quantization.scale[0], pixels.quantization.zeroPoint[0]
        return float(zero + 128), float(1 / step), ""
    if pixels.type != TensorType.FLOAT32:
        raise DamagedFile("expected an input of single precision, or of eight bits with sign")
    if given:
        mean, scale = float(given["mean"]), float(given["scale"])
        if not (scale > 0 and np.isfinite((mean, scale)).all()):
            raise DamagedFile(f"a scale of {scale:g} makes no sense; expected {_EXPECTED}")
        return mean, scale, ""
    if scales_itself:
        return 0.0, 1.0, "pixels of 0 to 255, which it scales itself"
    return _DEFAULT_MEAN, _DEFAULT_SCALE, "pixels of −1 to 1"


def _converted(path: Path, side: int | None) -> tuple[bytes, bool]:
    """The TFLite file of a Keras model or SavedModel, and whether it begins by scaling pixels."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from decor_core.features.convert import to_tflite

    try:
        if path.is_dir():
            call, known, scales_itself = _of_saved_model(path)
        else:
            model = tf.keras.models.load_model(path, compile=False)
            known, call = model.inputs[0].shape[1], model
            kinds = [type(layer).__name__ for layer in model.layers[1:2]]
            scales_itself = bool(_SCALING_LAYERS & set(kinds))
        spec = BackboneSpec(path.name, known or side or _DEFAULT_SIDE, 0.0, 1.0)
        pixels = tf.TensorSpec((1, spec.side, spec.side, 3), tf.float32, name="pixels")
        traced = tf.function(call, autograph=False).get_concrete_function(pixels)
        frozen = convert_variables_to_constants_v2(traced)
        content = to_tflite(frozen, spec, None)
    except DecorError:
        raise
    except Exception as error:
        # TensorFlow and Keras tell of damage, of layers and operators by errors of any kind.
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error)
        raise BackboneError(
            f"TensorFlow cannot read or convert the network in “{path}” ({reason}); expected a "
            "Keras model (.keras), a SavedModel folder or a .tflite file."
        ) from error
    return content, scales_itself


def _of_saved_model(path: Path) -> tuple[Any, int | None, bool]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"] if loaded.signatures else loaded
    _, inputs = signature.structured_input_signature
    if len(inputs) != 1:
        raise ValueError(f"it takes {len(inputs)} inputs; expected one")
    ((name, spec),) = inputs.items()

    def call(pixels: Any, loaded: Any = loaded) -> Any:  # which keeps its variables alive
        return signature(**{name: pixels})

    return call, spec.shape[1] if spec.shape.rank == 4 else None, False
