"""The frozen graph: run as TensorFlow for Poets' label_image runs it, it answers as the app."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageOps

from decor_core.__main__ import main
from decor_core.errors import BackboneError, BundleError
from decor_core.export.frozen_graph import export_graph, find_objects, whole_frames
from decor_core.features import backbones as backbone
from decor_core.images import localize
from decor_core.images.decode import load_picture
from decor_core.images.views import object_square
from decor_core.model.bundle import SHIPPED, load_bundle
from decor_core.model.predictor import ImagePredictor

SAMPLES = Path(__file__).parents[3] / "models" / "samples"
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

    def read(self, path):
        """A file as its ending says; all of TensorFlow's decoders give red, green, blue."""
        content = tf.io.read_file(str(path))
        if path.suffix == ".png":
            return tf.io.decode_png(content, channels=3)
        if path.suffix == ".gif":
            return tf.squeeze(tf.io.decode_gif(content))
        if path.suffix == ".bmp":
            return tf.io.decode_bmp(content)
        return tf.io.decode_jpeg(content, channels=3)

    def __call__(self, path):
        return np.squeeze(self.run(self.tensor(self.read(path))))


@pytest.fixture(scope="module")
def shipped():
    return load_bundle(SHIPPED / "decor-style")


@pytest.fixture(scope="module")
def graph_file(shipped, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "retrained_graph.pb"
    export_graph(shipped, path)
    return path


@pytest.fixture(scope="module")
def label_image(graph_file):
    return LabelImage(graph_file)


def test_names_what_the_app_names_on_every_sample(shipped, label_image):
    predictor = ImagePredictor(shipped)
    for sample in LISTED:
        path = SAMPLES / sample["file"]
        answer = label_image(path)
        vector = predictor.embed(load_picture(path))
        scores = {s.label: s.probability for s in predictor.predict(vector[None])[0].scores}
        app = np.array([scores[label] for label in shipped.taxonomy.labels])
        assert answer.argmax() == app.argmax(), sample["file"]
        np.testing.assert_allclose(answer, app, atol=0.3)


def test_names_what_the_app_names_on_real_products(shipped, label_image, decor_data):
    predictor = ImagePredictor(shipped)
    table = pd.read_csv(decor_data / "decor.csv")
    agreed = []
    for file in table[table["type"] == "product"].groupby("decor")["file"].first():
        picture = load_picture(decor_data / "images" / file)
        answer = label_image(decor_data / "images" / file)
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


def test_pictures_of_one_color_get_numbers(label_image):
    for level in (-1.0, 0.0, 0.99):
        assert np.isfinite(label_image.run(np.full((1, 224, 224, 3), level))).all()


def test_graph_holds_the_network_once(shipped, graph_file):
    network = backbone.BackboneSpec.named(shipped.embedding.architecture).path.stat().st_size
    # Four bytes for each of its weights, and the head.
    assert graph_file.stat().st_size < 4.4 * network
    assert list(graph_file.parent.iterdir()) == [graph_file]


def _disc(ground, color=(20, 30, 160), box=(90, 80, 180, 140)):
    picture = Image.new("RGB", (224, 224), ground)
    ImageDraw.Draw(picture).ellipse(box, color)
    return np.asarray(picture, np.float32)[None]


def test_object_is_cut_out_on_a_plain_ground_and_nowhere_else():
    # 90 × 60 pixels, a seam less on each side, on a square of the ground.
    seen = find_objects(_disc((240, 240, 240))).numpy()[0]
    assert (seen[localize.SIDE // 2, 10:-10] == [20, 30, 160, 255]).all()
    assert (seen[[5, -5], localize.SIDE // 2] == [240, 240, 240, 0]).all()
    busy = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    all_of_it = tf.image.resize(busy, (localize.SIDE, localize.SIDE))
    np.testing.assert_allclose(find_objects(busy)[..., :3], all_of_it, atol=0.6)
    assert (find_objects(busy).numpy()[..., 3] == 255).all()


def test_pictures_of_next_to_nothing_count_as_a_whole():
    faint = _disc((240, 240, 240), box=(60, 60, 61, 61))
    assert np.mean(faint != 240) < localize.LEAST_WEIGHT
    assert (find_objects(faint).numpy()[..., 3] == 255).all()


def test_ground_that_is_white_in_some_light_is_made_white():
    pictures = np.concatenate([_disc((250, 235, 205)), _disc((60, 40, 30), (200, 30, 30))])
    light, dark = find_objects(pictures).numpy()[:, 2, 2]
    assert np.ptp(light[:3]) <= 1 and light[3] == 0
    np.testing.assert_allclose(dark, [60, 40, 30, 0], atol=0.6)  # too dark to be white


def test_objects_are_the_apps_on_a_plain_ground(ornament):
    picture = Image.new("RGB", (224, 224), (235, 225, 210))
    shape = ornament(5, "black", 120).convert("1")
    picture.paste(Image.new("RGB", shape.size, "navy"), (40, 70), ImageOps.invert(shape))
    square, weights, _ = object_square(picture)
    side = (localize.SIDE, localize.SIDE)
    theirs = np.dstack([square.resize(side), weights.resize(side)])
    ours = find_objects(np.asarray(picture, np.float32)[None]).numpy()[0]
    assert np.abs(ours - theirs).mean() < 6


def test_of_a_frame_every_pixel_counts():
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype(np.float32)
    fed = whole_frames(pictures).numpy()
    np.testing.assert_array_equal(fed[..., :3], pictures)
    assert (fed[..., 3] == 255).all()


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
                 "--copies", "0", "--head", "lda", "--output_graph", str(graph),
                 "--output_labels", str(labels), "--bundle", str(tmp_path / "model")])  # fmt: skip
    assert code == 0, capfd.readouterr().err
    names = labels.read_text(encoding="utf-8").splitlines()
    assert names == ["Gżel", "Изник", "Хохлома"]
    run, predictor = LabelImage(graph), ImagePredictor(load_bundle(tmp_path / "model"))
    for file in sorted(painted.glob("*/*05.png")):
        picture = load_picture(file)
        app = predictor.predict(predictor.embed(picture)[None])[0].verdict
        assert names[run(file).argmax()] == app
