"""The whole of Decor as one estimator: images of any kind in, and scikit-learn around it."""

import numpy as np
import pytest
from PIL import Image

from decor_core import ImageClassifier
from decor_core.errors import DataError


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Paths of 24 pictures of red or blue stripes, and their labels."""
    folder, random = tmp_path_factory.mktemp("stripes"), np.random.default_rng(0)
    paths, labels = [], []
    for number in range(24):
        pixels = random.integers(180, 256, (96, 96, 3), np.uint8)
        pixels[:, :: 3 + number % 5, 0 if number % 2 else 2] = random.integers(0, 90)
        paths.append(str(folder / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
        labels.append("blue" if number % 2 else "red")
    return paths, labels


@pytest.fixture(scope="module")
def model(photos):
    return ImageClassifier("lda", views=1, copies=1).fit(*photos)


def test_it_learns_and_is_saved_and_loaded(photos, model, tmp_path):
    paths, labels = photos
    assert model.classes_.tolist() == ["blue", "red"]
    assert model.score(paths, labels) > 0.9
    again = ImageClassifier.load(model.save(tmp_path / "model", "Stripes"))
    assert again.bundle_.title == "Stripes"
    np.testing.assert_array_equal(again.predict(paths), model.predict(paths))


def test_paths_images_arrays_and_bytes_are_the_same(photos, model):
    path = photos[0][0]
    picture = Image.open(path)
    with open(path, "rb") as file:
        kinds = [path, picture, np.asarray(picture), file.read()]
    probs = model.predict_proba(kinds)
    np.testing.assert_allclose(probs, np.repeat(probs[:1], 4, axis=0))


def test_novelty_and_explanation(photos, model):
    paths, _ = photos
    assert (model.novelty(paths) < 0.5).mean() > 0.8
    prediction = model.predictions(paths[:1])[0]
    explanation = model.explain(paths[0])
    assert set(explanation.labels) == {score.label for score in prediction.scores}


def test_it_works_in_scikit_learns_cross_validation_and_pipelines(photos):
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(ImageClassifier("lda", views=1, copies=0))
    assert cross_val_score(pipeline, *photos, cv=2).mean() > 0.8


def test_what_cannot_be_learned_is_said(photos):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(DataError, match="Two classes"):
        ImageClassifier().fit(photos[0][:2], ["red", "red"])
    with pytest.raises(DataError, match="2 images and 1 labels"):
        ImageClassifier().fit(photos[0][:2], ["red"])
    with pytest.raises(NotFittedError):
        ImageClassifier().predict(photos[0][:1])
