"""The frozen graph: how it finds objects, what it refuses, and the command that writes it.

Whether it answers as the app: test_formats.py.
"""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from decor_core.__main__ import main
from decor_core.errors import BackboneError, BundleError
from decor_core.export.frozen_graph import export_graph, find_objects, whole_frames
from decor_core.images import localize
from decor_core.images.decode import load_picture
from decor_core.images.views import object_square
from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.predictor import ImagePredictor

tf = pytest.importorskip("tensorflow")


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
    assert np.mean(faint != 240) < localize.MIN_WEIGHT
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


def test_model_of_another_network_is_refused(tmp_path):
    shipped = load_bundle()
    with pytest.raises(BundleError, match="another version of efficientnet_lite0"):
        export_graph(replace(shipped, backbone_digest="0" * 16), tmp_path / "graph.pb")
    old = replace(shipped, embedding=replace(shipped.embedding, version=0))
    with pytest.raises(BackboneError, match="of version 0"):
        export_graph(old, tmp_path / "graph.pb")
    assert not list(tmp_path.iterdir())


def test_command_line_writes_graph_and_labels(painted, tiny_training, networks, tmp_path, capfd):
    """On a small network, which is traced at once; the shipped one is in test_formats.py."""
    network = save_bundle(tiny_training.bundle, tmp_path / "network")
    graph, labels = tmp_path / "retrained_graph.pb", tmp_path / "retrained_labels.txt"
    for folder, name in zip(sorted(painted.iterdir()), ("Gżel", "Изник", "Хохлома"), strict=True):
        shutil.copytree(folder, tmp_path / "pictures" / name)
    code = main(["retrain", "--image_dir", str(tmp_path / "pictures"), "--views", "1",
                 "--architecture", str(network), "--copies", "0", "--head", "lda",
                 "--output_graph", str(graph), "--output_labels", str(labels),
                 "--bundle", str(tmp_path / "model")])  # fmt: skip
    assert code == 0, capfd.readouterr().err
    names = labels.read_text(encoding="utf-8").splitlines()
    assert names == ["Gżel", "Изник", "Хохлома"]
    # Those of an earlier training may be replaced: it is the pictures that another one lacks.
    capfd.readouterr()
    again = ["--output_graph", str(graph), "--output_labels", str(labels)]
    assert main(["retrain", "absent", *again]) == 2 and "absent" in capfd.readouterr().err
    from label_image import LabelImage

    run, predictor = LabelImage(graph), ImagePredictor(load_bundle(tmp_path / "model"))
    for file in sorted(painted.glob("*/*05.png")):
        picture = load_picture(file)
        app = predictor.predict(predictor.embed(picture)[None])[0].verdict
        assert names[run(file).argmax()] == app
