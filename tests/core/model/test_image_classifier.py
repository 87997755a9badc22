"""The whole of Decor as one estimator: images of any kind in, and scikit-learn around it."""

import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from decor_core import ImageClassifier
from decor_core.errors import DataError, DecorError

ROOT = Path(__file__).parents[3]


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


def test_each_way_to_give_an_image_is_the_same(photos, model):
    path = photos[0][0]
    picture = Image.open(path)
    pixels = np.asarray(picture)
    alpha = np.full((96, 96, 1), 255, np.uint8)
    kinds = [path, Path(path), picture, pixels, Path(path).read_bytes()]
    kinds += [pixels.astype(int), np.dstack([pixels, alpha]), picture.convert("RGBX")]
    kinds += [picture.convert("RGBA").convert("RGBa")]
    probs = model.predict_proba(kinds)
    np.testing.assert_allclose(probs, np.repeat(probs[:1], len(kinds), axis=0), rtol=1e-5)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "I;16"])
def test_images_of_other_modes_are_read(photos, model, mode):
    picture = Image.open(photos[0][0])
    image = picture.convert("LA" if mode == "PA" else "L") if mode in ("PA", "I;16") else picture
    assert model.predict_proba([image.convert(mode)]).shape == (1, 2)


def test_an_open_photograph_is_turned_as_its_file_is(photos, model, tmp_path):
    notes = Image.Exif()
    notes[ExifTags.Base.Orientation] = 6
    Image.open(photos[0][0]).crop((0, 0, 96, 60)).save(tmp_path / "phone.jpg", exif=notes)
    from_path = model.predict_proba([tmp_path / "phone.jpg"])
    with Image.open(tmp_path / "phone.jpg") as opened:
        np.testing.assert_array_equal(model.predict_proba([opened]), from_path)


def test_each_way_to_give_many_is_the_same(photos, model):
    expected = model.predict(photos[0][:4]).tolist()
    paths = photos[0][:4]
    column = pd.Series(paths, index=[7, 3, 9, 1])
    pixels = np.stack([np.asarray(Image.open(path)) for path in paths])
    for many in (
        tuple(paths), iter(paths), np.array(paths), np.array(list(map(Path, paths)), object),
        np.array(paths)[:, None], column, column.to_frame("path"), pixels,
    ):  # fmt: skip
        assert model.predict(many).tolist() == expected
    assert column.apply(lambda path: model.predict([path])[0]).tolist() == expected
    assert model.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize(("images", "message"), [
    ([Image.new("RGB", (9, 9)), None], "Image 1: Expected a path.+, but got None"),
    ([float("nan")], "Image 0: Expected a path"),
    (["absent.jpg"], "Image 0, “absent.jpg”: The file is missing"),
    ([b"text"], "Image 0: "),
    ([np.zeros((9, 9, 3))], "whole numbers from 0 to 255, but its type is float64"),
    ([np.full((9, 9, 3), 300)], "whole numbers from 0 to 255, but its type is int64"),
    ([np.zeros((3, 90, 90), np.uint8)], r"\[height, width, 3\], but got 3 × 90 × 90"),
    ([Image.new("F", (9, 9))], "mode F cannot be read"),
    ("photo.jpg", "Expected a list of images, but got a single one"),
    (Path("photo.jpg"), "got a single one"),
    (b"bytes", "got a single one"),
    (bytearray(b"bytes"), "got a single one"),
    (io.BytesIO(b"bytes"), "got a single one"),
    ([io.BytesIO(b"bytes")], "Image 0: .*give what it reads, as bytes"),
    ([np.zeros((0, 9, 3), np.uint8)], "Image 0: Expected an array of pixels, but it is empty"),
    (Image.new("RGB", (9, 9)), "got a single one"),
    (np.zeros((9, 9, 3), np.uint8), "got a single one"),
    (np.zeros((9, 9), np.uint8), "got a single one"),
    (pd.DataFrame({"path": ["a"], "label": ["b"]}), "the table has 2; choose one"),
    (7, r"Expected a list of images, but got 7 \(int\)"),
])  # fmt: skip
def test_what_is_no_image_is_said(model, images, message):
    with pytest.raises(DecorError, match=message):
        model.predict(images)


@pytest.mark.parametrize(("labels", "message"), [
    (["red"], "2 images and 1 labels"),
    (None, "Expected a list of labels, but got None"),
    ("ab", "Expected a list of labels, but got 'ab'"),
    ([], "2 images and 0 labels"),
    (["red", "red"], "Two classes"),
    (["red", None], "Image 1 has no label, but None"),
    (["red", float("nan")], "Image 1 has no label, but nan"),
    (pd.Series(["red", None], dtype="string"), "Image 1 has no label"),
    (["", "red"], "Image 0 has no label, but ''"),
    (["red", " "], "Image 1 has no label, but ' '"),
    ([["red"], ["red", "blue"]], r"texts or numbers, but one is \['red'\]"),
    ([{"a": 1}, {"a": 2}], "texts or numbers, but one is {'a': 1}"),
    (["red", 1], "all texts or all numbers"),
    ([0.5, 1.5], "fractions"),
    (pd.DataFrame({"a": ["x", "y"], "b": ["x", "y"]}), "2 images and 2 × 2 labels"),
])  # fmt: skip
def test_what_are_no_labels_is_said(photos, labels, message):
    with pytest.raises(DataError, match=message):
        ImageClassifier().fit(photos[0][:2], labels)


def test_no_images_are_not_enough_to_learn_from_or_to_judge_by(photos, model):
    paths, labels = photos
    with pytest.raises(DataError, match="Two classes"):
        ImageClassifier().fit([], [])
    for images, weights in (([], None), (paths[:2], [0, 0]), (paths[:2], [1])):
        with pytest.raises(DataError, match="a weight of each"):
            model.score(images, labels[: len(images)], weights)


def test_bytes_may_lie_in_any_buffer(photos, model):
    data = Path(photos[0][0]).read_bytes()
    first, *others = model.predict_proba([data, bytearray(data), memoryview(data)])
    assert all((other == first).all() for other in others)


def test_labels_of_any_type_come_back_as_they_were(photos):
    paths, labels = photos[0][:8], np.array(photos[1][:8]) == "red"
    for given in (labels, labels.astype(int), pd.Categorical(np.where(labels, "r", "b"))):
        column = pd.Series(paths, range(8, 0, -1))
        model = ImageClassifier("lda", views=1, copies=0).fit(column, given)
        assert model.predict(paths).tolist() == list(given)
        assert model.score(paths, given, sample_weight=[1] * 4 + [0] * 4) == 1


def test_novelty_and_explanation(photos, model):
    paths, _ = photos
    assert (model.novelty(paths) < 0.5).mean() > 0.8
    prediction = model.predictions(paths[:1])[0]
    explanation = model.explain(paths[0])
    with pytest.raises(DataError, match="no label “green”; choose from: "):
        explanation.attribution("green")
    assert set(explanation.labels) == {score.label for score in prediction.scores}


def test_coarser_labels_are_told(photos):
    shipped = ImageClassifier.load()
    (answer,) = shipped.predictions(photos[0][:1], "country")
    assert answer.taxonomy == "country"
    assert set(shipped.explain(photos[0][0], "country").labels) == {s.label for s in answer.scores}
    with pytest.raises(DataError, match="choose from: style and country"):
        shipped.predictions(photos[0][:1], "colour")


def test_a_trained_bundle_classifies(model, photos):
    again = ImageClassifier.of(model.bundle_)
    np.testing.assert_array_equal(again.predict(photos[0]), model.predict(photos[0]))


def test_it_works_in_scikit_learns_cross_validation_and_pipelines(photos):
    paths, labels = pd.Series(photos[0], range(50, 26, -1)), pd.Series(photos[1], range(24))
    pipeline = make_pipeline(ImageClassifier("lda", views=1, copies=0))
    assert cross_val_score(pipeline, paths, labels, cv=2, scoring="roc_auc").min() > 0.8
    found = GridSearchCV(pipeline, {"imageclassifier__head": ["lda"]}, cv=2).fit(paths, labels)
    assert found.best_params_ == {"imageclassifier__head": "lda"}


def test_it_is_cloned_and_goes_to_other_processes(photos, model):
    assert is_classifier(model) and not hasattr(clone(model), "bundle_")
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(photos[0][:4]), model.predict(photos[0][:4]))
    check_is_fitted(again)


def test_it_must_be_fitted(photos):
    with pytest.raises(NotFittedError, match="call “fit” first"):
        ImageClassifier().predict(photos[0][:1])


def test_it_works_without_scikit_learn(photos):
    code = """if True:
        import sys
        sys.modules["sklearn"] = None
        from decor_core import DecorError, ImageClassifier
        paths, labels = sys.argv[1:], ["red", "blue"] * 3
        model = ImageClassifier("lda", views=1, copies=0).fit(paths, labels)
        assert model.predict(paths)[0] == "red"
        try:
            ImageClassifier().predict(paths)
        except DecorError as error:
            print(error)"""
    run = [sys.executable, "-c", code, *photos[0][:6]]
    told = subprocess.run(run, capture_output=True, encoding="utf-8", cwd=ROOT)
    assert "call “fit” first" in told.stdout, told.stderr
