"""“None of these”: the hull of what is known, its limit, and the verdict it leads to."""

import numpy as np
import pytest
from PIL import Image

from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.novelty import (
    FALSE_ALARMS,
    UNKNOWN,
    Novelty,
    NoveltyDetector,
    fit_density,
    limit_from,
)
from decor_core.model.predictor import ImagePredictor, Prediction, Score, load_predictor
from decor_core.model.training_config import TrainingConfig
from decor_core.training.train import train


@pytest.fixture
def hull():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(400, 12)) * np.linspace(3, 0.3, 12)
    return vectors, fit_density(vectors, np.arange(400) % 2, np.ones(400), slice(0, 12))


def test_distance_by_hand():
    known = Novelty(
        slice(1, 3), np.zeros(2), np.array([[1.0], [0.0]]), np.array([4.0]), rest=0.25, limit=2.0
    )
    vectors = np.array([[99.0, 2.0, 0.0], [99.0, 0.0, 1.0]])
    np.testing.assert_allclose(known.distances(vectors), [0.5, 2.0])
    np.testing.assert_allclose(known.scores(vectors)[1], 0.5)


def test_known_vectors_lie_at_distance_one_on_average(hull):
    vectors, known = hull
    assert known.distances(vectors).mean() == pytest.approx(1, abs=0.15)


def test_narrow_directions_count_more_than_wide_ones(hull):
    _, known = hull
    wide, narrow = np.eye(12)[[0, 11]] * 3
    assert known.distances(np.array([narrow]))[0] > 20 * known.distances(np.array([wide]))[0]


def test_limit_lets_the_stated_share_of_known_pictures_through():
    distances = np.arange(1000.0)
    assert (distances > limit_from(distances)).mean() == pytest.approx(FALSE_ALARMS, abs=0.002)


def test_a_flat_set_has_no_nan():
    known = fit_density(np.ones((6, 4)), np.arange(6) % 2, np.ones(6), slice(0, 4))
    assert np.isfinite(known.distances(np.zeros((1, 4)))).all()


def test_the_detector_raises_few_false_alarms_and_finds_strangers(hull):
    vectors, _ = hull
    detector = NoveltyDetector().fit(vectors[:300])
    assert (detector.predict(vectors[300:]) == -1).mean() < 0.1
    assert (detector.predict(vectors[300:] + 9) == -1).all()
    scores = detector.density_.scores(vectors)
    np.testing.assert_array_equal(scores > 0.5, detector.predict(vectors) == -1)


def test_the_density_is_that_of_a_full_eigendecomposition(hull):
    vectors = hull[0] @ np.random.default_rng(1).normal(size=(12, 60))
    vectors += 0.1 * np.random.default_rng(2).normal(size=vectors.shape)
    found = fit_density(vectors, np.zeros(400, int), np.ones(400), slice(0, 60))
    centered = vectors - vectors.mean(axis=0)
    values, axes = np.linalg.eigh(centered.T @ centered / 400)
    assert abs(np.diag(axes[:, -1:-13:-1].T @ found.axes[:, :12])).min() > 0.999


def test_trained_models_know_what_they_do_not_know(embeddings, tmp_path):
    bundle = train(embeddings, TrainingConfig(head="lda"), "style").bundle
    kept = load_bundle(save_bundle(bundle, tmp_path / "model"))
    np.testing.assert_array_equal(kept.novelty.axes, bundle.novelty.axes)
    far = embeddings.vectors[:1] + 5 * np.random.default_rng(0).normal(
        size=embeddings.vectors[:1].shape
    ).astype(np.float32)
    for level in ("style", "country"):
        near, strange = ImagePredictor(kept).predict(
            np.concatenate([embeddings.vectors[:1], far]), level
        )
        assert near.verdict == near.scores[0].label and near.novelty < 0.5
        assert strange.verdict == UNKNOWN and strange.novelty > 0.5 and len(strange.scores) > 1


def test_shipped_model_refuses_what_is_no_decor():
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 255, (150, 150, 3), np.uint8))
    ramp = np.linspace(0, 255, 150)[:, None, None] * np.ones((150, 150, 3))
    stripes = np.where(np.arange(150) // 10 % 2, 230, 30)[:, None, None] * np.ones((1, 150, 3))
    pictures = [noise, *(Image.fromarray(a.astype(np.uint8)) for a in (ramp, stripes))]
    predictor = load_predictor()
    vectors = np.stack([predictor.embed(picture) for picture in pictures])
    assert [answer.verdict for answer in predictor.predict(vectors)] == [UNKNOWN] * 3


def test_damaged_hull_is_refused(embeddings, tmp_path):
    from dataclasses import replace

    from decor_core.errors import BundleError

    bundle = train(embeddings, TrainingConfig(head="lda"), "style").bundle
    broken = replace(bundle, novelty=replace(bundle.novelty, mean=bundle.novelty.mean[:-1]))
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(save_bundle(broken, tmp_path / "model"))


def test_a_label_called_unknown_is_a_label_like_any_other():
    prediction = Prediction("class", (Score("unknown", 0.9), Score("plate", 0.1)), novelty=0.2)
    assert prediction.verdict == "unknown" and not prediction.unknown
