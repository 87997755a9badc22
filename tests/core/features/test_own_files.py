"""A network in a file of one's own looks at the pictures, or it is said why it cannot."""

import json
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image
from tiny_network import tiny_network

from decor_core import ImageClassifier
from decor_core.cli.main import main
from decor_core.errors import BackboneError
from decor_core.features import own_networks
from decor_core.features.backbones import load_backbone
from decor_core.features.own_files import find_network
from decor_core.features.own_networks import kept_networks, own_network
from decor_core.model.bundle import load_bundle

SIDE, LAYERS = 64, (4, 6, 8, 10)


@pytest.fixture(autouse=True)
def no_kept_networks(networks):
    yield
    own_networks._held.clear()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.tflite"
    path.write_bytes(
        tiny_network(lambda p: setattr(p.graph, "outputs", p.graph.outputs[-1:]), SIDE, LAYERS)
    )
    return path


def test_found_with_its_stages_and_kept(file, networks):
    found = find_network(f"{file}@127,128")
    network = own_network(found.name)
    assert (network.title, network.mean, network.scale, found.assumed) == ("mine", 127, 128, "")
    assert [shape[0] for shape in load_backbone(found.name).shapes] == [16, 8, 4]
    own_networks._held.clear()
    (kept,) = kept_networks()
    assert kept.name == found.name and kept.title == "mine"
    assert {path.name for path in networks.iterdir()} == {
        f"{kept.name}.tflite",
        f"{kept.name}.json",
    }


def test_what_is_assumed_is_said(file):
    assert "“mine.tflite” was assumed to take pixels of −1 to 1" in find_network(str(file)).assumed


def test_names_stay_names():
    assert find_network("ResNet50V2").name == "resnet50_v2"
    with pytest.raises(BackboneError, match="no network “alexnet”"):
        find_network("alexnet")


@pytest.mark.parametrize("numbers", ["1", "a,b", "0,255,-3", "nan,1", "inf,inf", "1,2,3,4", ""])
def test_numbers_that_make_no_sense_are_told_as_such(file, numbers):
    with pytest.raises(BackboneError, match=f"“{numbers}” is not .* behind @; expected FILE"):
        find_network(f"{file}@{numbers}")


def test_only_files_have_numbers_behind_them():
    with pytest.raises(BackboneError, match="Only a file of a network has “@0,1” behind it"):
        find_network("resnet50@0,1")


@pytest.mark.parametrize("name", ["folder", "notes.txt"])
def test_what_is_there_but_no_network_is_told_as_such(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(BackboneError, match=f"{name}” is a .*, but none of a network; expected"):
        find_network(str(tmp_path / name))


def test_a_damaged_keras_file_is_told_without_tensorflow(tmp_path):
    (tmp_path / "torn.keras").write_bytes(b"PK torn")
    with pytest.raises(BackboneError, match="is no Keras model, or is damaged"):
        find_network(str(tmp_path / "torn.keras"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gone.tflite", "There is no file “gone.tflite”; expected FILE, or FILE@MEAN,SCALE"),
        ("gone.keras@0,1", "There is no file “gone.keras”"),
    ],
)
def test_files_that_are_not_there(text, reason):
    with pytest.raises(BackboneError, match=reason.replace("(", r"\(")):
        find_network(text)


def test_a_scale_of_nothing(file):
    with pytest.raises(BackboneError, match="a scale of 0 makes no sense"):
        find_network(f"{file}@0,0")


def _unsigned(parts):
    parts.graph.tensors[parts.graph.inputs[0]].type = schema.TensorType.UINT8


def _wide(parts):
    parts.graph.tensors[parts.graph.inputs[0]].shape[2] = 80


def _sine(parts):
    last = parts.graph.outputs[-1]
    made = parts.tensor((1, 4, 4, 10))
    parts.operator("SIN", [last], made)
    parts.graph.outputs = [made]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_unsigned, "expected an input of single precision, or of eight bits with sign"),
        (_wide, r"it takes \(1, 64, 80, 3\); expected one square picture"),
        (_sine, "it holds the operator SIN, which is not allowed"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, change, reason):
    path = tmp_path / "odd.tflite"
    path.write_bytes(tiny_network(change, SIDE, LAYERS))
    with pytest.raises(BackboneError, match=reason):
        find_network(f"{path}@0,1")


def test_no_network_at_all(tmp_path):
    path = tmp_path / "odd.tflite"
    path.write_bytes(b"not a network")
    with pytest.raises(BackboneError, match="odd.tflite” cannot be used: it is no TFLite file"):
        find_network(str(path))


def test_trained_on_and_used(file, painted, networks, tmp_path, capsys):
    model, kept = tmp_path / "model", tmp_path / "kept"
    flags = ["--architecture", f"{file}@127.5,127.5", "--quick", "--out", str(model)]
    assert main(["train", str(painted), *flags, "--model_dir", str(kept)]) == 0
    assert any(kept.glob("*.tflite")) and not networks.exists()
    bundle = load_bundle(model)
    assert bundle.network.title == "mine" and bundle.training["architecture"] == bundle.network.name
    capsys.readouterr()
    picture = next((painted / "Khokhloma").iterdir())
    assert main(["label", str(picture), "--bundle", str(model), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "Khokhloma"


def test_the_estimator_takes_it_as_the_command_line_does(file, painted):
    paths = sorted(painted.rglob("*.*"))
    labels = [path.parent.name for path in paths]
    with pytest.warns(UserWarning, match="“mine.tflite” was assumed to take pixels of −1 to 1"):
        model = ImageClassifier("lda", architecture=str(file), views=1, copies=0).fit(paths, labels)
    assert model.bundle_.network.title == "mine" and model.predict(paths[:1])[0] in labels
    with pytest.raises(BackboneError, match="no network “alexnet”"):
        ImageClassifier(architecture="alexnet").fit(paths, labels)


def test_vectors_of_it_can_be_trained_on_later(file, painted, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    vectors = tmp_path / "vectors.parquet"
    assert (
        main(["embed", str(painted), "--architecture", f"{file}@0,255", "--out", str(vectors)]) == 0
    )
    own_networks._held.clear()  # as in another process
    load_backbone.cache_clear()
    model = tmp_path / "model"
    flags = ["--embeddings", str(vectors), "--classes_from", "folder", "--out", str(model)]
    assert main(["train", *flags]) == 0, capsys.readouterr().err
    assert load_bundle(model).network.title == "mine"


def test_listed(file, capsys, monkeypatch):
    monkeypatch.setattr("decor_core.cli.networks._SECONDS", 0.01)
    find_network(f"{file}@0,255")
    assert main(["networks", "--json"]) == 0
    *named, own = json.loads(capsys.readouterr().out)
    assert own["title"] == "mine" and own["at_hand"] and own["accuracy"] is None
    assert {"name": "inception_v3", "side": 299, "megabytes": 87, "accuracy": 77.9,
            "source": "keras.io", "published_at": "https://keras.io/api/applications",
            "at_hand": False} in named  # fmt: skip
    assert main(["networks", "--speed", "--fetch", str(file)]) == 0
    told = capsys.readouterr()
    assert "was assumed to take" in told.err
    table, addresses = told.out.split("\n\n")
    header, first, *rest = table.splitlines()
    assert "keras.io: https://keras.io/api/applications" in addresses
    assert header.endswith("pictures/s") and float(first.split()[-1]) > 0
    assert "(mine)" in rest[-1]


@pytest.fixture(scope="module")
def keras_model():
    tf = pytest.importorskip("tensorflow")
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    x = pixels = tf.keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 255)(x)
    for channels in LAYERS:
        x = layers.Conv2D(channels, 3, strides=2, padding="same", activation="swish")(x)
    return tf.keras.Model(pixels, layers.GlobalAveragePooling2D()(x))


def _as_keras(model, folder):
    path = folder / "mine.keras"
    model.save(path)
    return path


def _as_saved_model(model, folder):
    path = folder / "mine"
    model.export(path, verbose=False)
    return path


@pytest.mark.parametrize("save", [_as_keras, _as_saved_model])
def test_keras_and_saved_models(keras_model, save, tmp_path):
    path = save(keras_model, tmp_path)
    found = find_network(f"{path}@0,1,{SIDE}")
    backbone = load_backbone(found.name)
    pixels = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
    stages = backbone.stage_maps(pixels)
    assert [stage.shape[1:] for stage in stages] == [(16, 16, 6), (8, 8, 8), (4, 4, 10)]
    wanted = keras_model(pixels.astype(np.float32))
    np.testing.assert_allclose(stages[-1].mean(axis=(1, 2)), wanted, atol=1e-4)


def test_a_keras_model_that_scales_pixels_itself(keras_model, tmp_path):
    found = find_network(str(_as_keras(keras_model, tmp_path)))
    network = own_network(found.name)
    assert (network.side, network.mean, network.scale) == (224, 0, 1)
    assert "pixels of 0 to 255, which it scales itself" in found.assumed


def test_what_tensorflow_cannot_read(tmp_path):
    pytest.importorskip("tensorflow")
    with zipfile.ZipFile(tmp_path / "odd.keras", "w") as archive:
        archive.writestr("notes.txt", "no model")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"no model")
    for name in ("odd.keras", "saved"):
        with pytest.raises(BackboneError, match="TensorFlow cannot read or convert the network in"):
            find_network(str(tmp_path / name))


def test_a_blank_picture_does_not_end_it(file):
    from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder

    embedder = ImageEmbedder(EmbeddingSpec(find_network(f"{file}@0,255").name))
    assert np.isfinite(embedder.embed(Image.new("RGB", (40, 40), "white"))).all()
