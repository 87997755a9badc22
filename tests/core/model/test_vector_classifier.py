"""The whole fit on vectors: blocks, copies, confidence, folds; and as part of scikit-learn's."""

import numpy as np
import pytest

from decor_core.errors import TrainingError
from decor_core.features.embedder import Block
from decor_core.model.examples import Examples
from decor_core.model.linear_head import fit_temperature
from decor_core.model.training_config import HEADS, TrainingConfig
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitened_folds import WhitenedFolds


def examples(vectors, classes, folds=3, blocks=(slice(0, 6),), copies=0):
    """Examples, and copies that equal them, dealt to ``folds`` folds."""
    fold_of = np.arange(len(classes)) % folds if folds else np.full(len(classes), -1)
    named = [Block(f"part {k}", b.start, b.stop) for k, b in enumerate(blocks, start=1)]
    same = np.repeat(vectors[:, None], copies, axis=1)
    return Examples.with_copies(vectors, same, classes, named, fold_of)


def fit(head, *args, **options):
    folds = WhitenedFolds(examples(*args, **options))
    return VectorClassifier(head, steps=100, learning_rate=0.05).fit_folds(folds, np.arange(3))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("folds", [0, 3])
def test_fitted_head_tells_classes_apart(clouds, head, folds):
    model = fit(head, *clouds, folds, [slice(0, 2), slice(2, 6)])
    assert model.head_.weights.shape == (6, 3) and model.head_.weights.dtype == np.float32
    assert model.score(*clouds) >= 0.95


def test_labels_and_folds_are_found_by_itself(clouds):
    vectors, classes = clouds
    names = np.array(["c", "a", "b"])[classes]
    model = VectorClassifier("lda").fit(vectors, names)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.score(vectors, names) >= 0.95
    np.testing.assert_allclose(model.predict_proba(vectors).sum(axis=1), 1)
    assert len(model.choice_.candidates) == 1


def test_it_works_in_scikit_learns_pipelines_searches_and_cross_validation(clouds):
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), VectorClassifier("lda"))
    assert cross_val_score(pipeline, *clouds).mean() > 0.9
    search = GridSearchCV(VectorClassifier("softmax", steps=20), {"learning_rate": [1e-6, 0.1]})
    assert search.fit(*clouds).best_params_ == {"learning_rate": 0.1}


def test_settings_are_those_of_a_config_and_checked():
    config = TrainingConfig("softmax", 20, 0.5, 10, 0.1, 2, seed=3)
    assert VectorClassifier.of(config).get_params() == VectorClassifier(
        "softmax", steps=20, learning_rate=0.5, batch_size=10, weight_decay=0.1, eval_interval=2,
        random_state=3,
    ).get_params()  # fmt: skip
    with pytest.raises(TrainingError, match="training steps"):
        VectorClassifier(steps=0).fit(np.eye(6), np.arange(6) % 2)


def test_vectors_lie_about_10_from_their_mean_whatever_blocks_are_chosen(clouds):
    vectors, classes = clouds
    folds = WhitenedFolds(examples(vectors, classes, 3, [slice(0, 2), slice(2, 6)]))
    for chosen in ([0], [1], [0, 1]):
        inputs = folds.transform(vectors, chosen)
        means = np.stack([inputs[classes == c].mean(axis=0) for c in range(3)])
        lengths = ((inputs - means[classes]) ** 2).sum(axis=1)
        assert np.sqrt(lengths.mean()) == pytest.approx(10, rel=0.1)


def test_block_of_noise_counts_less(clouds):
    vectors, classes = clouds
    noise = np.random.default_rng(5).normal(size=(90, 6))
    joined = np.hstack([vectors, noise])
    head = fit("lda", joined, classes, 3, [slice(0, 6), slice(6, 12)]).head_
    telling, useless = np.abs(head.weights[:6]).sum(), np.abs(head.weights[6:]).sum()
    assert useless < telling / 10


@pytest.mark.parametrize("head", HEADS)
def test_confidence_is_calibrated_out_of_fold(head):
    # Pure noise in many columns: in-sample all is right, in truth nothing can be known.
    random = np.random.default_rng(2)
    vectors, classes = random.normal(size=(60, 40)), np.arange(60) % 2
    model = VectorClassifier(head).fit(vectors, classes)
    unseen = model.predict_proba(random.normal(size=(200, 40)))
    assert unseen.max(axis=1).mean() < 0.7


def test_copies_train_half_as_much_and_are_never_held_out(clouds):
    once, thrice = examples(*clouds), examples(*clouds, copies=2)
    assert thrice.weights.sum() == pytest.approx(90 * 1.5)
    for train, held_out in thrice.splits:
        assert (held_out < 90).all()
        assert not set(held_out) & {(row - 90) // 2 if row >= 90 else row for row in train}
    # Copies equal to their originals change no mean, so only the counts in the shrinkage differ.
    one, three = fit("lda", *clouds), fit("lda", *clouds, copies=2)
    assert len(once.splits) == len(thrice.splits) == 3
    assert (one.predict(clouds[0]) == three.predict(clouds[0])).mean() >= 0.98


def test_a_fold_that_would_know_nothing_of_a_class_is_not_used(clouds):
    vectors, classes = clouds
    fold_of = np.where(classes == 2, 0, 1)
    one = Examples.with_copies(
        vectors, np.zeros((90, 0, 6)), classes, [Block("all", 0, 6)], fold_of
    )
    model = VectorClassifier("lda").fit_folds(WhitenedFolds(one), np.arange(3))
    assert "too few pictures" in model.choice_.reason and model.score(*clouds) >= 0.95


def test_folds_that_were_stopped_calibrate_nothing(clouds):
    seen, asked = [], []

    def should_stop():
        """Once the steps are done and calibration has begun."""
        if seen and seen[-1].step == 400:
            asked.append(True)
        return len(asked) > 1

    model = VectorClassifier("softmax", steps=400, learning_rate=0.05)
    folds = WhitenedFolds(examples(*clouds))
    model.fit_folds(folds, np.arange(3), on_event=seen.append, should_stop=should_stop)
    # By its own pictures, then: which ask for no other temperature.
    logits = model.head_.logits(clouds[0])
    assert fit_temperature(logits, clouds[1]) == pytest.approx(1, abs=0.01)
