"""The model as one Keras graph: step by step what the app does with Pillow and NumPy."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from decor_core.errors import BackboneError, BundleError
from decor_core.export import keras_model as graph
from decor_core.features import embedder
from decor_core.images import color, views
from decor_core.model.bundle import Bundle
from decor_core.model.predictor import ImagePredictor

tf = pytest.importorskip("tensorflow")

NOISE = np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)


def _fed(picture):
    square, weights, _ = views.object_square(picture)
    return np.dstack([np.asarray(square), np.asarray(weights)])[None].astype(np.float32)


@pytest.fixture(scope="module")
def bundle(training) -> Bundle:
    """The painted model, but looking at all six views: the head does not mind."""
    spec = replace(training.bundle.embedding, views=len(views.VIEWS))
    return replace(training.bundle, embedding=spec)


@pytest.fixture(scope="module")
def model(bundle):
    """It is compiled: called as it is, Keras keeps what every layer gave, a gigabyte of it."""
    signature = [tf.TensorSpec((None, None, None, 4))]
    return tf.function(graph.build_model(bundle), input_signature=signature)


@pytest.mark.parametrize("side", [40, 150, 500])
def test_answers_are_those_of_the_app_whatever_the_size(model, bundle, ornament, side):
    predictor = ImagePredictor(bundle)
    for number, color_name in enumerate(("navy", "firebrick", "seagreen")):
        picture = ornament(number, color_name, side)
        vector = predictor.embed(picture)
        answer = model(_fed(picture))
        probs = {s.label: s.probability for s in predictor.predict(vector[None])[0].scores}
        app = [probs[label] for label in bundle.taxonomy.labels]
        np.testing.assert_allclose(answer[graph.PROBABILITIES][0], app, atol=1e-3)
        novelty = bundle.novelty.scores(vector[None])
        np.testing.assert_allclose(answer[graph.NOVELTY], novelty, atol=1e-3)


def test_a_model_that_carries_its_network(tiny_training, ornament):
    bundle = tiny_training.bundle
    predictor, model = ImagePredictor(bundle), graph.build_model(bundle)
    for picture in (ornament(3, "navy", 200), ornament(4)):
        app = predictor.probabilities(predictor.embed(picture)[None])
        answer = model(_fed(picture))
        for name, wanted in zip((graph.PROBABILITIES, graph.NOVELTY), app, strict=True):
            np.testing.assert_allclose(answer[name], wanted, atol=1e-3)


def test_a_batch_is_its_pictures(model, ornament):
    objects = [np.concatenate([NOISE, NOISE[:, ::-1, :1]], axis=2).astype(np.float32),
               _resized(ornament(3), 150)]  # fmt: skip
    together = model(np.stack(objects))[graph.PROBABILITIES].numpy()
    for one, row in zip(objects, together, strict=True):
        np.testing.assert_allclose(model(one[None])[graph.PROBABILITIES][0], row, atol=1e-4)


def _resized(picture, side):
    pixels = np.asarray(picture.resize((side, side)), np.float32)
    return np.dstack([pixels, np.full((side, side), 255, np.float32)])


def test_a_model_that_does_not_know_what_it_knows_gives_no_novelty(tiny_training):
    bundle = replace(tiny_training.bundle, novelty=None)
    assert set(graph.build_model(bundle).output) == {graph.PROBABILITIES}


@pytest.mark.parametrize("number", range(len(views.VIEWS)))
@pytest.mark.parametrize("side", [56, 100, 224])
def test_views_are_pillows_to_the_bit(number, side):
    ours = graph._views(NOISE[None].astype(np.float32), number + 1, side).numpy()[number]
    seen = views.cut(Image.fromarray(NOISE), views.VIEWS[number], side)
    np.testing.assert_array_equal(ours, np.asarray(seen))


@pytest.mark.parametrize("side", [7, 9, 14, 28, 33, 56])  # not all are parts of 112
def test_weights_of_a_stage_are_the_apps(side):
    mask = NOISE[:112, :112, 0]
    ours = graph._shares(mask[None, None].astype(np.float32), (side, side))[0, ..., 0]
    theirs = embedder._shares(Image.fromarray(mask), (side, side))
    # Where two passes are rounded, each in another order, a place may be one level off.
    level = 1.01 * theirs.max() / 128 if 112 % side else 1e-7
    np.testing.assert_allclose(ours, theirs, atol=level, rtol=0)


@pytest.mark.parametrize("side", [30, 64, 96, 150, 256])
def test_colors_are_counted_at_the_apps_places(side):
    picture = Image.fromarray(NOISE).resize((side, side))
    square, _, _ = views.object_square(picture)
    ours = graph._nearest(np.asarray(square, np.float32)[None])[0]
    np.testing.assert_array_equal(ours, embedder.nearest(np.asarray(square)))


def test_colors_are_the_apps():
    pixels = NOISE[None].astype(np.float32)
    np.testing.assert_allclose(graph.lab(pixels)[0], color.lab(NOISE), atol=0.01)
    weights = np.linspace(0, 1, NOISE[..., 0].size, dtype=np.float32).reshape(NOISE.shape[:2])
    theirs = np.sqrt(color.histogram(color.lab(NOISE).reshape(-1, 3), weights.ravel()))
    ours = graph._color_histogram(pixels, 255 * weights[None, ..., None])[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_pictures_of_one_color_get_numbers(model):
    for level in (0, 127, 255):
        for counts in (0, 255):
            fed = np.full((1, 30, 30, 4), level, np.float32)
            fed[..., 3] = counts
            assert all(np.isfinite(value).all() for value in model(fed).values())


def test_model_of_another_network_is_refused(bundle):
    with pytest.raises(BundleError, match="another version of efficientnet_lite0"):
        graph.build_model(replace(bundle, backbone_digest="0" * 16))
    old = replace(bundle, embedding=replace(bundle.embedding, version=0))
    with pytest.raises(BackboneError, match="of version 0"):
        graph.build_model(old)
