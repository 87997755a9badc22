"""“None of these”: what is known of each class, the limit, and the verdict it leads to."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image

from decor_core.errors import BundleError
from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.novelty import MAX_DISCOUNT, UNKNOWN, Novelty, discount_by_novelty
from decor_core.model.novelty_detector import (
    FALSE_ALARMS,
    NoveltyDetector,
    fit_novelty,
    weighted_quantiles,
)
from decor_core.model.predictor import ImagePredictor, Prediction, Score
from decor_core.model.training_config import TrainingConfig
from decor_core.training.train import train


@pytest.fixture
def clouds():
    """Vectors of four classes and the distributions in two blocks that they came from."""
    random = np.random.default_rng(0)
    classes = np.arange(400) % 4
    centers = random.normal(size=(4, 12)) * 4
    vectors = centers[classes] + random.normal(size=(400, 12)) * np.linspace(3, 0.3, 12)
    blocks = [slice(0, 5), slice(5, 12)]
    return vectors, classes, fit_novelty(vectors, classes, np.ones(400), blocks)


def test_distance_by_hand():
    two = np.array([[0.0, 0.0], [9.0, 0.0]])
    known = Novelty(
        (slice(1, 3),), two, np.array([[1.0], [0.0]]), np.array([[4.0]]),
        np.array([0.25]), np.array([2.0]), limit=1.0,
    )  # fmt: skip
    along, across, second = [99.0, 2.0, 0.0], [99.0, 0.0, 1.0], [99.0, 9.0, 2.0]
    # Mahalanobis 0.5, 2 and 8, Euclidean 1, ¼ and 1, all per dimension and so far from the nearer.
    nearest = np.log([0.5 * 1.0, 2.0 * 0.25, 8.0 * 1.0]) / 2
    found = known.distances(np.array([along, across, second]))
    np.testing.assert_allclose(found, nearest, atol=1e-4)
    assert known.scores(np.array([along]))[0] < 0.5 < known.scores(np.array([[0, 99.0, 99.0]]))[0]


def test_euclidean_distance_may_be_left_out():
    known = Novelty(
        (slice(0, 2),), np.zeros((1, 2)), np.array([[1.0], [0.0]]), np.array([[4.0]]),
        np.array([0.25]), np.zeros(1),
    )  # fmt: skip
    found = known.distances(np.array([[2.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(found, np.log([0.5, 2.0]))


def test_blocks_that_disagree_are_farther_than_ones_that_agree(clouds):
    vectors, classes, known = clouds
    first, second = vectors[classes == 0][:50], vectors[classes == 1][:50]
    mixed = np.hstack([first[:, :5], second[:, 5:]])
    ours = np.median(known.distances(np.concatenate([first, second])))
    assert np.median(known.distances(mixed)) > ours + 0.5


def test_narrow_directions_count_more_than_wide_ones(clouds):
    _, _, known = clouds
    wide, narrow = known.means[:1] + 3 * np.eye(12)[[5, 11]]
    assert known.distances(narrow[None])[0] > known.distances(wide[None])[0]


def test_quantiles_by_weight():
    values, weights = np.array([3.0, 1.0, 2.0, 4.0]), np.array([1.0, 1.0, 1.0, 7.0])
    assert weighted_quantiles(values, weights, (0.1, 0.25, 0.5, 1.0)) == [1.0, 3.0, 4.0, 4.0]


def test_a_flat_set_has_no_nan():
    known = fit_novelty(np.ones((6, 4)), np.arange(6) % 2, np.ones(6), [slice(0, 4)])
    assert np.isfinite(known.distances(np.zeros((1, 4)))).all()


def test_the_detector_raises_few_false_alarms_and_finds_strangers(clouds):
    vectors, classes, _ = clouds
    detector = NoveltyDetector().fit(vectors[:300], classes[:300])
    assert (detector.predict(vectors[300:]) == -1).mean() < 0.1
    assert (detector.predict(vectors[300:] + 9) == -1).all()
    scores = detector.novelty_.scores(vectors)
    np.testing.assert_array_equal(scores > 0.5, detector.predict(vectors) == -1)


def test_the_limit_lets_the_stated_share_through(clouds):
    vectors, classes, _ = clouds
    fold_of = np.arange(400) // 4 % 5
    splits = [(np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)) for k in range(5)]
    novelty = NoveltyDetector().fit(vectors, classes, cv=splits).novelty_
    held_out = np.concatenate([
        fit_novelty(vectors[train], classes[train], np.ones(320), [slice(0, 12)])
        .distances(vectors[test]) for train, test in splits
    ])  # fmt: skip
    assert (held_out > novelty.limit).mean() == pytest.approx(FALSE_ALARMS, abs=0.005)
    assert np.median(held_out) == pytest.approx(novelty.median_distance, abs=0.01)


@pytest.mark.parametrize("classes", [2, 300])
def test_any_number_of_classes_and_few_of_each(classes):
    random = np.random.default_rng(0)
    centers = 5 * random.normal(size=(classes, 40)).astype(np.float32)
    y = np.repeat(np.arange(classes), 5)
    X = centers[y] + random.normal(size=(len(y), 40)).astype(np.float32)
    detector = NoveltyDetector([slice(0, 10), slice(10, 40)]).fit(X, y)
    again = centers + random.normal(size=centers.shape).astype(np.float32)
    assert (detector.predict(again) == 1).mean() > 0.8
    assert (detector.predict(20 * random.normal(size=(50, 40))) == -1).all()


def test_of_many_examples_each_class_keeps_some(monkeypatch):
    from decor_core.model import novelty_detector

    monkeypatch.setattr(novelty_detector, "_MAX_EXAMPLES", 100)
    random = np.random.default_rng(0)
    y = np.r_[np.zeros(900, int), np.ones(5, int), np.full(300, 2)]
    X = random.normal(size=(len(y), 6)) + 20 * np.eye(3)[y].repeat(2, axis=1)
    detector = NoveltyDetector().fit(X, y)
    assert len(detector.novelty_.means) == 3
    assert (detector.predict(X) == 1).mean() > 0.9 and (detector.predict(X[900:905]) == 1).all()
    assert (detector.predict(-X) == -1).all()


def test_the_axes_are_those_of_a_full_eigendecomposition():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(400, 12)) * np.linspace(3, 0.3, 12) @ random.normal(size=(12, 60))
    vectors += 0.1 * random.normal(size=vectors.shape)
    found = fit_novelty(vectors, np.zeros(400, int), np.ones(400), [slice(0, 60)])
    centered = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered / 400)
    assert abs(np.diag(axes[:, -1:-13:-1].T @ found.axes[:, :12])).min() > 0.999


def test_doubt_takes_from_the_certain_and_leaves_the_order():
    probs = np.array([[1.0, 0, 0], [0.6, 0.3, 0.1], [1.0, 0, 0]])
    found = discount_by_novelty(probs, np.array([0.1, 0.1, 0.99]))
    np.testing.assert_allclose(found[0], [0.9, 0.05, 0.05])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (np.argsort(-found[1]) == [0, 1, 2]).all()
    assert found[2, 0] == 1 - MAX_DISCOUNT
    of_two = discount_by_novelty(np.array([[1.0, 0.0]]), np.ones(1))
    np.testing.assert_allclose(of_two[0, 0], 1 - MAX_DISCOUNT)


@pytest.fixture(scope="module")
def trained(embeddings):
    return train(embeddings, TrainingConfig(head="lda"), "style").bundle


def test_trained_models_know_what_they_do_not_know(embeddings, trained, tmp_path):
    kept = load_bundle(save_bundle(trained, tmp_path / "model"))
    for field in fields(Novelty):
        found, written = (getattr(one.novelty, field.name) for one in (kept, trained))
        np.testing.assert_array_equal(found, written)
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
    predictor = ImagePredictor(load_bundle())
    vectors = np.stack([predictor.embed(picture) for picture in pictures])
    assert [answer.verdict for answer in predictor.predict(vectors)] == [UNKNOWN] * 3


@pytest.mark.parametrize(
    "change",
    [
        lambda known: {"means": known.means[:, :-1]},
        lambda known: {"means": known.means[:0]},
        lambda known: {"axes": known.axes[:, :-1]},
        lambda known: {"residual_variances": known.residual_variances[:-1]},
        lambda known: {"blocks": known.blocks[:-1]},
        lambda known: {"blocks": (*known.blocks[:-1], slice(9000, 9405))},
    ],
)
def test_damaged_arrays_are_refused(trained, tmp_path, change):
    broken = replace(trained, novelty=replace(trained.novelty, **change(trained.novelty)))
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(save_bundle(broken, tmp_path / "model"))


def test_models_of_earlier_versions_answer_as_they_did(trained, tmp_path):
    folder, random = save_bundle(trained, tmp_path / "model"), np.random.default_rng(0)
    d, limit, rest = len(trained.head.weights), 1.5, 0.5
    arrays = {"mean": random.normal(size=d), "axes": np.eye(d, 2), "variances": np.array([4.0, 2])}
    with np.load(folder / "head.npz") as file:
        head = {name: file[name] for name in ("weights", "bias")}
    np.savez(folder / "head.npz", **head, **arrays)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["novelty"] = {"columns": [0, d], "rest": rest, "limit": limit}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    known = load_bundle(folder).novelty
    centered = np.linspace(0.5, 1.1, 20)[:, None] * random.normal(size=(20, d))
    along = centered[:, :2] ** 2
    squares = (along / [4, 2]).sum(1) + ((centered**2).sum(1) - along.sum(1)) / rest
    unknown = known.scores(centered + arrays["mean"]) > 0.5
    np.testing.assert_array_equal(unknown, squares / d > limit)
    assert 0 < unknown.sum() < 20
    manifest["novelty"]["limit"] = -1
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match="make no sense"):
        load_bundle(folder)


def test_a_label_called_unknown_is_a_label_like_any_other():
    prediction = Prediction("class", (Score("unknown", 0.9), Score("plate", 0.1)), novelty=0.2)
    assert prediction.verdict == "unknown" and not prediction.unknown
