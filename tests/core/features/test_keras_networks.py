"""Networks of keras.applications: preprocessed as there, checked, refused in clear words."""

import hashlib
import importlib
from dataclasses import replace

import numpy as np
import pytest

from decor_core.errors import BackboneError
from decor_core.features import backbones, keras_networks
from decor_core.features.backbone_spec import BackboneSpec
from decor_core.features.backbones import load_backbone, named_spec, provide_network
from decor_core.features.known_networks import KNOWN, known_network

OF_KERAS = [network for network in KNOWN.values() if network.keras]


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


@pytest.mark.parametrize("spelled", ["ResNet50V2", "resnet50_v2", "resnet50-v2", "RESNET50V2"])
def test_names_as_here_or_as_in_keras(spelled):
    assert named_spec(spelled) == BackboneSpec("resnet50_v2", 224, 0.0, 1.0)


def test_another_name_gets_those_like_it():
    with pytest.raises(BackboneError, match="“efficientnet_b9”; did you mean efficientnet_b"):
        named_spec("EfficientNet-B9")
    with pytest.raises(BackboneError, match="no network “alexnet”; “decor networks” lists all"):
        named_spec("alexnet")


def test_every_network_is_one_that_keras_has_weights_of(tf):
    for known in OF_KERAS:
        function = getattr(tf.keras.applications, known.keras)
        assert callable(function), known
        module = importlib.import_module(f"tensorflow.keras.applications.{known.module}")
        assert callable(module.preprocess_input)
    missing = {name.lower() for name in dir(tf.keras.applications) if name[0].isupper()}
    assert missing - {known.keras.lower() for known in OF_KERAS} == {"mobilenet"}  # of its own


@pytest.mark.parametrize(
    "known", {known.module: known for known in OF_KERAS}.values(), ids=lambda known: known.module
)
def test_preprocessing_is_inside(tf, known):
    module = importlib.import_module(f"tensorflow.keras.applications.{known.module}")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3)).astype(np.float32)
    passed = tf.keras.Sequential([tf.keras.Input((8, 8, 3)), tf.keras.layers.Activation("linear")])
    found = keras_networks.with_preprocessing(passed, replace(known, side=8))(pixels)
    np.testing.assert_allclose(found, module.preprocess_input(pixels.copy()), atol=1e-3)


@pytest.fixture
def small(tf, tmp_path, monkeypatch):
    """In place of ResNet50 a small network that gets its weights as Keras does; what it is."""

    class Small:
        checksum, model = "", None

        @classmethod
        def build(cls):
            layers = tf.keras.layers
            x = pixels = tf.keras.Input((224, 224, 3))
            for channels in (4, 5, 6, 7, 8):
                x = layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
            return tf.keras.Model(pixels, x)

    def resnet50(*, include_top, weights, input_shape):
        assert (include_top, weights, input_shape) == (False, "imagenet", (224, 224, 3))
        from keras.src.utils import file_utils

        made = Small.build()
        told = {"cache_subdir": "models", "file_hash": Small.checksum}
        made.load_weights(file_utils.get_file("small.weights.h5", Small.url, **told))
        return made

    tf.keras.utils.set_random_seed(0)
    Small.model = Small.build()
    source = tmp_path / "small.weights.h5"
    Small.model.save_weights(source)
    Small.url, Small.checksum = source.as_uri(), hashlib.md5(source.read_bytes()).hexdigest()
    monkeypatch.setattr(tf.keras.applications, "ResNet50", resnet50)
    return Small


def test_fetched_converted_kept(small, networks, tf):
    pixels, seen = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8), []
    provide_network("ResNet50", lambda *told: seen.append(told))
    size = (networks / "small.weights.h5").stat().st_size
    assert seen[-1] in ((size, size), (size, None))
    stages = load_backbone("ResNet50").stage_maps(pixels)
    assert [stage.shape[1:] for stage in stages] == [
        (56, 56, 5),
        (28, 28, 6),
        (14, 14, 7),
        (7, 7, 8),
    ]
    caffe = pixels[..., ::-1].astype(np.float32) - [103.939, 116.779, 123.68]
    ends = [layer.output for layer in small.model.layers[2:]]
    for mine, theirs in zip(stages, tf.keras.Model(small.model.input, ends)(caffe), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-3 * np.abs(theirs).max())
    kept = sorted(path.name for path in networks.iterdir())
    assert kept == ["resnet50.tflite", "small.weights.h5"] and backbones.is_at_hand("resnet50")


def test_not_what_was_published(small, networks):
    small.checksum = "0" * 32
    with pytest.raises(BackboneError, match="not those that were published.*delete the file"):
        load_backbone("resnet50")
    assert not list(networks.glob("*"))


def test_offline(small, networks, monkeypatch):
    def fail(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(BackboneError) as told:
        load_backbone("resnet50")
    place = f"put small.weights.h5 from {small.url} into “{networks}”"
    for part in ("downloaded (no route to host)", "goes on where", place, "ships with Decor"):
        assert part in str(told.value)


def test_damaged_weights(small, networks):
    networks.mkdir()
    (networks / "small.weights.h5").write_bytes(b"<html>")
    small.checksum = hashlib.md5(b"<html>").hexdigest()
    with pytest.raises(BackboneError, match="small.weights.h5” is damaged; delete it"):
        load_backbone("resnet50")


def test_too_little_memory(tf, networks, monkeypatch):
    monkeypatch.setattr(keras_networks, "free_memory", lambda: 2**30)
    with pytest.raises(
        BackboneError, match=r"convnext_xlarge takes about 1\d\.\d GiB.*1\.0 are free"
    ):
        load_backbone("convnext_xlarge")


def test_a_server_for_strangers_fetches_only_what_it_offers(networks, monkeypatch):
    monkeypatch.setenv("DECOR_HOSTED", "1")
    with pytest.raises(
        BackboneError, match="does not fetch the network vgg16; choose efficientnet"
    ):
        load_backbone("vgg16")


def test_the_table_is_whole():
    for known in KNOWN.values():
        assert 100 < known.side <= 600 and 0 < known.megabytes < 1500
        assert 40 < known.accuracy < 90 and known_network(known.name) is known
    assert named_spec("inception_v3").side == 299
    assert named_spec("mobilenet").name == "mobilenet_1.0_224"
