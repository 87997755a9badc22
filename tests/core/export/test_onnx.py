"""A model as one ONNX file answers as the app does, on ONNX Runtime."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decor_core import errors
from decor_core.errors import BundleError, DecorError
from decor_core.export.formats import export_model
from decor_core.images.decode import load_picture
from decor_core.images.views import VIEWS, WORKING_SIDE, cut, region_square
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import ImagePredictor

onnxruntime = pytest.importorskip("onnxruntime")
onnx_model = pytest.importorskip("decor_core.export.onnx_model").onnx_model

SAMPLES = sorted((Path(__file__).parents[3] / "models" / "samples").glob("*.jpg"))


@pytest.fixture(scope="module")
def shipped():
    return load_bundle()


def _answers(bundle, pictures):
    """The model's probabilities and, where it gives it, novelty, of each picture; and the app's."""
    session = onnxruntime.InferenceSession(onnx_model(bundle), providers=["CPUExecutionProvider"])
    shapes = {one.name: one.shape for one in session.get_inputs()}
    (count, side, *_), (_, places, *_) = shapes["views"], shapes["weights"]
    predictor = ImagePredictor(bundle)
    for picture in pictures:
        square, mask, _ = region_square(picture, bundle.embedding.region)
        parts = (
            [np.asarray(cut(plane, view, size), np.float32) for view in VIEWS[:count]]
            for plane, size in ((square, side), (mask, places))
        )
        pixels, weights = map(np.stack, parts)
        both = np.dstack([np.asarray(square), np.asarray(mask)]).astype(np.float32)
        fed = {"object": both[None], "views": pixels, "weights": weights[..., None]}
        yield session.run(None, fed), predictor.probabilities(predictor.embed(picture)[None])


def test_it_answers_as_the_app_does(shipped):
    pictures = [load_picture(file, max_side=WORKING_SIDE) for file in SAMPLES[::4]]
    for found, app in _answers(shipped, [*pictures, pictures[0].resize((30, 40))]):
        for mine, theirs in zip(found, app, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_a_model_of_whole_frames_without_novelty(training, ornament):
    frames = replace(training.bundle.embedding, region="frame")
    bare = replace(training.bundle, novelty=None, embedding=frames)
    for (found,), (app, _) in _answers(bare, [ornament(3, "navy", 200), ornament(4)]):
        np.testing.assert_allclose(found, app, atol=1e-4)


def test_a_model_that_carries_its_network(tiny_training, ornament):
    for found, app in _answers(tiny_training.bundle, [ornament(3, "navy", 200), ornament(4)]):
        for mine, theirs in zip(found, app, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_one_color_gives_numbers(shipped):
    session = onnxruntime.InferenceSession(onnx_model(shipped), providers=["CPUExecutionProvider"])
    shapes = {one.name: [n if isinstance(n, int) else 30 for n in one.shape]
              for one in session.get_inputs()}  # fmt: skip
    for level in (0, 255):
        fed = {name: np.full(shape, level, np.float32) for name, shape in shapes.items()}
        assert all(np.isfinite(value).all() for value in session.run(None, fed))


def test_what_cannot_be_exported_is_refused(shipped, monkeypatch, tmp_path):
    with pytest.raises(BundleError, match="another version of efficientnet_lite0"):
        onnx_model(replace(shipped, backbone_digest="0" * 16))
    monkeypatch.setattr(errors, "find_spec", lambda name: None)
    with pytest.raises(DecorError, match=r"needs the package onnx, .*decor-classifier\[onnx\]"):
        export_model(shipped, "onnx", tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []
