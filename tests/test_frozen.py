"""The frozen graph: run as TensorFlow for Poets' label_image runs it, it answers as the app."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decor_core import backbone, foreground
from decor_core.__main__ import main
from decor_core.bundle import SHIPPED, load_bundle
from decor_core.embedding import VIEWS
from decor_core.errors import BackboneError, BundleError
from decor_core.frozen import export_graph
from decor_core.images import load_picture
from decor_core.predictor import Predictor

SAMPLES = Path(__file__).parents[1] / "models" / "samples"
LISTED = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))

tf = pytest.importorskip("tensorflow")


class LabelImage:
    """What the script label_image does with a graph and a picture, step by step."""

    def __init__(self, path):
        self.graph = tf.Graph()
        definition = tf.compat.v1.GraphDef()
        definition.ParseFromString(path.read_bytes())
        with self.graph.as_default():
            tf.import_graph_def(definition)
        self.session = tf.compat.v1.Session(graph=self.graph)

    def tensor(self, pixels):
        floats = tf.expand_dims(tf.cast(pixels, tf.float32), 0)
        resized = tf.compat.v1.image.resize_bilinear(floats, [224, 224])
        return tf.divide(tf.subtract(resized, [128]), [128]).numpy()

    def run(self, tensor):
        found, fed = (
            self.graph.get_operation_by_name(f"import/{name}") for name in ("final_result", "input")
        )
        return self.session.run(found.outputs[0], {fed.outputs[0]: tensor})

    def __call__(self, pixels):
        return np.squeeze(self.run(self.tensor(pixels)))


@pytest.fixture(scope="module")
def shipped():
    return load_bundle(SHIPPED / "decor-style")


@pytest.fixture(scope="module")
def label_image(shipped, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "retrained_graph.pb"
    export_graph(shipped, path)
    return LabelImage(path)


def test_names_what_the_app_names_on_every_sample(shipped, label_image):
    predictor = Predictor(shipped)
    for sample in LISTED:
        path = SAMPLES / sample["file"]
        answer = label_image(tf.io.decode_jpeg(path.read_bytes(), channels=3))
        vector = predictor.embed(load_picture(path))
        scores = {s.label: s.probability for s in predictor.predict(vector[None])[0].scores}
        app = np.array([scores[label] for label in shipped.taxonomy.labels])
        assert answer.argmax() == app.argmax(), sample["file"]
        np.testing.assert_allclose(answer, app, atol=0.25)


def test_names_what_the_app_names_on_real_products(shipped, label_image, decor_data):
    predictor = Predictor(shipped)
    table = pd.read_csv(decor_data / "decor.csv")
    agreed = []
    for file in table[table["type"] == "product"].groupby("decor")["file"].first():
        picture = load_picture(decor_data / "images" / file)
        answer = label_image(np.asarray(picture))
        app = predictor.predict(predictor.embed(picture)[None])[0].verdict
        agreed.append(shipped.taxonomy.labels[answer.argmax()] == app)
    assert len(agreed) == 7 and all(agreed)


def test_probabilities_of_a_batch_are_those_of_its_pictures(label_image):
    random = np.random.default_rng(0)
    pictures = random.uniform(-1, 1, (3, 224, 224, 3)).astype(np.float32)
    together = label_image.run(pictures)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    for picture, row in zip(pictures, together, strict=True):
        np.testing.assert_allclose(label_image.run(picture[None])[0], row, atol=1e-4)


def test_pictures_of_one_colour_get_numbers(label_image):
    for level in (-1.0, 0.0, 0.99):
        assert np.isfinite(label_image.run(np.full((1, 224, 224, 3), level))).all()


def test_graph_holds_the_network_once(shipped, tmp_path):
    export_graph(shipped, tmp_path / "graph.pb")
    network = backbone.BackboneSpec.named(shipped.embedding.architecture).path.stat().st_size
    assert (tmp_path / "graph.pb").stat().st_size < 1.1 * network
    assert [path.name for path in tmp_path.iterdir()] == ["graph.pb"]


def test_ornament_counts_and_plain_ground_does_not():
    pixels = np.full((1, 224, 224, 3), 240, np.float32)
    pixels[:, 80:140, 80:140] = (20, 30, 160)
    weights = export._ornament_weights(export._lab(pixels)).numpy()[0, ..., 0]
    assert weights[100, 100] == 1 and weights[10, 10] == 0
    busy = np.random.default_rng(0).uniform(0, 255, pixels.shape).astype(np.float32)
    assert (export._ornament_weights(export._lab(busy)).numpy() == 1).all()
    faint = np.full_like(pixels, 240)
    faint[:, :8, :8] = 0
    assert np.mean(faint == 0) < foreground.LEAST_WEIGHT
    assert (export._ornament_weights(export._lab(faint)).numpy() == 1).all()


@pytest.mark.parametrize("view", [VIEWS[0], VIEWS[2]])
def test_views_are_cut_and_mirrored_as_in_the_app(view):
    ramp = np.tile(np.arange(224, dtype=np.float32), (224, 1))[None, ..., None]
    number = VIEWS.index(view)
    seen = export._views(ramp, number + 1, 100, "bilinear").numpy()[number, 0, :, 0]
    edges = sorted((seen[0], seen[-1]))
    np.testing.assert_allclose(edges, [view[0] * 224, view[2] * 224], atol=2)
    assert (seen[0] > seen[-1]) == view[4]


def test_network_in_tensorflow_is_the_network_on_litert():
    network = backbone.load_backbone()
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    scaled = (pixels[None].astype(np.float32) - network.spec.mean) / network.spec.scale
    ours = read_network(network.spec.path)(tf.constant(scaled))
    for mine, theirs in zip(ours, network.stage_maps(pixels), strict=True):
        np.testing.assert_allclose(mine[0], theirs, atol=1e-4 * np.abs(theirs).max())


def test_unknown_operation_is_refused(tmp_path):
    class Square(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 4, 4, 3))])
        def call(self, pixels):
            return tf.sin(pixels)

    tf.saved_model.save(Square(), str(tmp_path / "saved"))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    (tmp_path / "sine.tflite").write_bytes(converter.convert())
    with pytest.raises(BackboneError, match="cannot be exported"):
        read_network(tmp_path / "sine.tflite")(tf.zeros((1, 4, 4, 3)))


def test_model_of_another_network_is_refused(shipped, tmp_path):
    with pytest.raises(BundleError, match="another version of efficientnet_lite0"):
        export_graph(replace(shipped, backbone_digest="0" * 16), tmp_path / "graph.pb")
    old = replace(shipped, embedding=replace(shipped.embedding, version=0))
    with pytest.raises(BackboneError, match="of version 0"):
        export_graph(old, tmp_path / "graph.pb")
    assert not list(tmp_path.iterdir())


def test_command_line_writes_graph_and_labels(painted, tmp_path, capfd):
    graph, labels = tmp_path / "retrained_graph.pb", tmp_path / "retrained_labels.txt"
    for folder, name in zip(sorted(painted.iterdir()), ("Gżel", "Изник", "Хохлома"), strict=True):
        shutil.copytree(folder, tmp_path / "pictures" / name)
    code = main(["retrain", "--image_dir", str(tmp_path / "pictures"), "--views", "1",
                 "--head", "lda", "--output_graph", str(graph), "--output_labels", str(labels),
                 "--bundle", str(tmp_path / "model")])  # fmt: skip
    assert code == 0, capfd.readouterr().err
    names = labels.read_text(encoding="utf-8").splitlines()
    assert names == ["Gżel", "Изник", "Хохлома"]
    run, predictor = LabelImage(graph), Predictor(load_bundle(tmp_path / "model"))
    for file in sorted(painted.glob("*/*0?.png")):
        picture = load_picture(file)
        app = predictor.predict(predictor.embed(picture)[None])[0].verdict
        assert names[run(np.asarray(picture)).argmax()] == app
