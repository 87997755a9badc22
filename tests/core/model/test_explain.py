"""The explanation: parts that add up to the score, in their place, painted and told apart."""

import base64
import io
from dataclasses import replace
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageOps

from decor_core.errors import DataError
from decor_core.model.bundle import load_bundle
from decor_core.model.explain import SIDE, Explanation, explain, split_scores
from decor_core.model.linear_head import LinearHead, probabilities
from decor_core.model.overlay import AGAINST, FOR, overlay, overlay_url
from decor_core.model.predictor import ImagePredictor, shared_embedder


@pytest.fixture(scope="module")
def predictor(training):
    return ImagePredictor(training.bundle)


@pytest.fixture(scope="module")
def shipped():
    return ImagePredictor(load_bundle())


def _logits(predictor, picture):
    return predictor.bundle.head.logits(predictor.embed(picture)[None])[0]


@pytest.mark.parametrize("size", [(160, 160), (300, 60), (60, 300), (40, 900)])
def test_parts_add_up_to_the_score(shipped, ornament, size):
    picture = ImageOps.pad(ornament(3, "firebrick", side=200), size, color="white")
    explanation = explain(shipped, picture)
    np.testing.assert_allclose(explanation.scores, _logits(shipped, picture), atol=1e-4)
    assert explanation.labels == shipped.bundle.taxonomy.labels
    assert max(explanation.maps.shape[1:]) == SIDE


@pytest.mark.parametrize("kind", ["flat", "noise"])
def test_parts_add_up_for_odd_pictures(shipped, kind):
    pixels = np.full((90, 130, 3), 200, np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
    picture = Image.fromarray(pixels)
    explanation = explain(shipped, picture)
    np.testing.assert_allclose(explanation.scores, _logits(shipped, picture), atol=1e-4)


@pytest.mark.parametrize(("views", "region"), [(1, "object"), (2, "frame"), (6, "object")])
def test_parts_add_up_for_any_head_views_and_region(training, ornament, views, region):
    embedder = shared_embedder(replace(training.bundle.embedding, views=views, region=region))
    rng = np.random.default_rng(views)
    head = LinearHead(
        rng.normal(size=(embedder.dimensions, 4)).astype(np.float32),
        rng.normal(size=4).astype(np.float32),
    )
    picture = ImageOps.pad(ornament(5, "seagreen", side=120), (200, 120), color="pink")
    look = embedder.feature_maps(picture)
    explanation = split_scores(look, embedder.blocks, head, tuple("abcd"), picture.size)
    np.testing.assert_allclose(explanation.scores, head.logits(look.vector()[None])[0], atol=1e-4)


def _side_by_side(ornament, colors):
    both = Image.new("RGB", (400, 200), "white")
    for place, color in enumerate(colors):
        both.paste(ornament(100 * place, color, side=192), (4 + 200 * place, 4))
    return both


def test_of_two_ornaments_each_map_points_at_its_own(predictor, ornament):
    explanation = explain(predictor, _side_by_side(ornament, ("navy", "firebrick")))
    for label, half in (("Gzhel", np.s_[:, : SIDE // 2]), ("Khokhloma", np.s_[:, SIDE // 2 :])):
        positive = np.maximum(explanation.attribution(label), 0)
        assert positive[half].sum() > 0.75 * positive.sum()


def test_a_mirrored_picture_has_the_mirrored_map(predictor, ornament):
    both = _side_by_side(ornament, ("navy", "firebrick"))
    one = explain(predictor, both).attribution("Gzhel")
    other = explain(predictor, ImageOps.mirror(both)).attribution("Gzhel")[:, ::-1]
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_countries_are_the_mean_of_their_styles(predictor, ornament):
    picture = ornament(4, "firebrick", side=160)
    styles, countries = explain(predictor, picture), explain(predictor, picture, "country")
    assert countries.labels == ("Russia", "Turkey")
    probs = probabilities(styles.scores)
    shares = probs[:2] / probs[:2].sum()  # Gzhel and Khokhloma are Russia's
    expected = shares[0] * styles.maps[0] + shares[1] * styles.maps[1]
    np.testing.assert_allclose(countries.maps[0], expected, atol=1e-5)
    np.testing.assert_allclose(countries.maps[1], styles.maps[2], atol=1e-6)


def test_an_unknown_taxonomy_is_refused(predictor, ornament):
    with pytest.raises(DataError, match="no taxonomy “continent”"):
        explain(predictor, ornament(1), "continent")


def test_a_map_is_the_change_of_the_log_odds():
    maps = np.random.default_rng(0).normal(size=(3, 4, 5)) / 10
    explanation = Explanation(tuple("abc"), maps, np.array([0.5, 0.0, -1.0]))

    def log_odds(scores):
        return scores[1] - np.log(np.exp(scores[0]) + np.exp(scores[2]))

    step = 1e-6
    more = log_odds(explanation.scores + step * maps[:, 2, 3]) - log_odds(explanation.scores)
    assert explanation.attribution("b")[2, 3] == pytest.approx(more / step, abs=1e-4)


def test_with_one_label_its_own_map_is_all_there_is():
    explanation = Explanation(("a",), np.ones((1, 4, 5), np.float32), np.zeros(1))
    np.testing.assert_array_equal(explanation.attribution("a"), explanation.maps[0])


def test_overlay_is_orange_for_violet_against_and_nothing_at_opacity_zero():
    picture = Image.new("RGB", (64, 32), (90, 140, 120))
    heat = np.zeros((32, 64))
    heat[:, :24], heat[:, 40:] = 1, -1
    painted = np.asarray(overlay(picture, heat, 1.0, opacity=1.0))
    assert tuple(painted[16, 4]) == FOR and tuple(painted[16, 60]) == AGAINST
    assert np.ptp(painted[16, 32]) < 20 < np.ptp((90, 140, 120))  # all but gray between them
    np.testing.assert_array_equal(np.asarray(overlay(picture, heat, 1.0, opacity=0)), picture)


def test_the_overlay_for_browsers_holds_the_picture_and_the_colors(encoded):
    jpeg = encoded(Image.new("RGB", (64, 32), (90, 140, 120)), "JPEG")
    heat = np.zeros((8, 16))
    heat[:, :6], heat[:, 10:] = 1, -0.5
    kind, _, svg = overlay_url(jpeg, heat, 0.5, opacity=0.4).partition(",")
    assert kind == "data:image/svg+xml"
    root = ElementTree.fromstring(unquote(svg))
    picture, colors = root.findall("{*}image")
    assert [root.get(side) for side in ("width", "height")] == ["64", "32"]
    assert _embedded(picture) == jpeg and colors.get("opacity") == "0.4"
    with Image.open(io.BytesIO(_embedded(colors))) as found:
        pixels = np.asarray(found.convert("RGBA"))
    assert tuple(pixels[4, 0]) == (*FOR, 255) and tuple(pixels[4, 15]) == (*AGAINST, 255)
    assert (pixels[:, 6:10, 3] == 0).all()


def _embedded(image: ElementTree.Element) -> bytes:
    return base64.b64decode(image.get("href").partition(",")[2])
