"""Heads and the space they train in: values worked out by hand, guards, seeds, divergence."""

import numpy as np
import pytest

from decor_core.errors import TrainingError
from decor_core.features.embedder import Block
from decor_core.model.calibration import Fitter
from decor_core.model.evaluation import fit_temperature
from decor_core.model.heads import (
    class_means,
    cross_entropy,
    fit_lda,
    fit_softmax,
    probabilities,
)
from decor_core.model.training_config import HEADS, TrainingConfig
from decor_core.model.whitened_folds import Examples, prepare_examples
from decor_core.model.whitening import Subspace, fit_whitening, pca_basis


@pytest.fixture(scope="module")
def clouds():
    """Vectors [90, 6] of three classes that overlap a little, and the classes [90]."""
    random = np.random.default_rng(7)
    classes = np.repeat([0, 1, 2], [50, 30, 10])
    centres = 3 * random.normal(size=(3, 6))
    return centres[classes] + random.normal(size=(90, 6)) * [1, 1, 2, 0.5, 1, 3], classes


def examples(vectors, classes, folds=3, blocks=(slice(0, 6),)):
    """Examples without copies, dealt to ``folds`` inner folds."""
    of_fold = np.arange(len(classes)) % folds if folds else np.full(len(classes), -1)
    named = [Block(f"part {k}", b.start, b.stop) for k, b in enumerate(blocks, start=1)]
    return Examples(vectors, classes, named, of_fold, np.zeros(len(classes), bool))


# Closed form


def test_lda_by_hand():
    # Means (0, 0), (2, 0), (0, 4); spread 2: weights are mean / 4, bias -|mean|² / 8.
    vectors = np.array([[-1, 0], [1, 0], [1, 1], [3, -1], [0, 4.0]])
    (weights,), bias = fit_lda([vectors], np.array([0, 0, 1, 1, 2]), spread=2.0)
    np.testing.assert_allclose(weights, [[0, 0.5, 0], [0, 0, 1]])
    np.testing.assert_allclose(bias, [0, -0.5, -2])


def test_lda_of_several_blocks_is_lda_of_all_columns(clouds):
    vectors, classes = clouds
    whole, bias = fit_lda([vectors], classes, 1.5)
    parts, same = fit_lda([vectors[:, :2], vectors[:, 2:]], classes, 1.5)
    np.testing.assert_allclose(np.concatenate(parts), whole[0])
    np.testing.assert_allclose(same, bias)


def test_weighted_examples_count_as_often(clouds):
    vectors, classes = clouds
    weights = np.where(np.arange(90) % 3 == 0, 2, 1)
    repeated = np.repeat(np.arange(90), weights)
    np.testing.assert_allclose(
        class_means(vectors, classes, weights), class_means(vectors[repeated], classes[repeated])
    )


def test_probabilities_and_cross_entropy_by_hand():
    probs = probabilities(np.log([[1.0, 3.0], [2.0, 2.0]]))
    np.testing.assert_allclose(probs, [[0.25, 0.75], [0.5, 0.5]])
    assert cross_entropy(np.log([[1.0, 3.0], [2.0, 2.0]]), np.array([1, 0])) == pytest.approx(
        -(np.log(0.75) + np.log(0.5)) / 2
    )


def test_huge_scores_overflow_nowhere():
    np.testing.assert_array_equal(probabilities(np.array([[1e4, -1e4]])), [[1, 0]])
    assert np.isfinite(cross_entropy(np.array([[1e4, -1e4]]), np.array([1])))


# Whitening and span


def test_whitened_classes_are_round_balls_of_variance_1():
    # So many examples that hardly anything is shrunk.
    random = np.random.default_rng(0)
    classes = np.arange(60_000) % 2
    mixing = np.array([[2.0, 0, 0], [1, 0.3, 0], [0, 1, 5]])
    vectors = random.normal(size=(60_000, 3)) @ mixing + 10 * classes[:, None]
    whitening = fit_whitening([vectors], classes, [3])
    (whitened,) = whitening.apply([vectors])
    within = whitened - class_means(whitened, classes)[classes]
    covariance = within.T @ within / len(within)
    np.testing.assert_allclose(covariance, np.eye(3), atol=0.02)


@pytest.mark.parametrize("n", [30, 100])
def test_of_many_axes_the_longest_are_kept(n):
    random = np.random.default_rng(4)
    vectors = random.normal(size=(n, 50)) * np.linspace(9, 0.1, 50)
    basis = pca_basis(vectors, most=20)
    np.testing.assert_allclose(basis.T @ basis, np.eye(20), atol=1e-9)
    lengths = np.linalg.svd(vectors, compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(vectors @ basis), np.linalg.norm(lengths[:20]))


def test_undone_whitening_gives_the_same_scores(clouds):
    vectors, classes = clouds
    parts = [vectors[:, :4], vectors[:, 4:]]
    whitening = fit_whitening(parts, classes, [4, 2])
    whitened = whitening.apply(parts)
    weights, bias = fit_lda(whitened, classes, 1.0)
    raw, raw_bias = whitening.undo(weights, bias)
    np.testing.assert_allclose(
        sum(p @ w for p, w in zip(parts, raw, strict=True)) + raw_bias,
        sum(p @ w for p, w in zip(whitened, weights, strict=True)) + bias,
        atol=1e-4,
    )


def test_vectors_lie_about_10_from_their_mean_whatever_blocks_are_chosen(clouds):
    vectors, classes = clouds
    prepared = prepare_examples(examples(vectors, classes, 3, [slice(0, 2), slice(2, 6)]))
    for chosen in ([0], [1], [0, 1]):
        scales, spread = prepared.scales(chosen)
        ranks = np.array([2, 4])[chosen]
        assert spread * np.sqrt(ranks.sum()) == pytest.approx(10)
        assert np.average(scales**2, weights=ranks) == pytest.approx(spread**2)


def test_constant_columns_are_whitened_to_finite_numbers(clouds):
    vectors, classes = clouds
    flat = np.hstack([vectors, np.full((90, 1), 5.0)])
    (whitened,) = fit_whitening([flat], classes, [7]).apply([flat])
    assert np.isfinite(whitened).all()


def test_span_keeps_all_distances():
    # Fewer vectors than columns in one block, more in the other.
    vectors = np.random.default_rng(0).normal(size=(8, 30))
    span = Subspace.of(vectors, [slice(0, 25), slice(25, 30)])
    parts = span.apply(vectors)
    assert span.dimensions == (25, 5)
    assert [part.shape[1] for part in parts] == [8, 5]
    joined = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(joined @ joined.T, vectors @ vectors.T)


def test_expanded_head_scores_like_the_one_in_the_span():
    random = np.random.default_rng(1)
    vectors = random.normal(size=(6, 20))
    span = Subspace.of(vectors, [slice(0, 20)])
    weights, bias = random.normal(size=(6, 3)), random.normal(size=3)
    head = span.expand([weights], bias)
    assert head.weights.shape == (20, 3)
    np.testing.assert_allclose(
        head.logits(vectors), span.apply(vectors)[0] @ weights + bias, rtol=1e-4, atol=1e-5
    )


# Gradient descent


def test_softmax_learns_and_tells_so(clouds):
    vectors, classes = clouds
    events = []
    weights, bias = fit_softmax(
        [vectors],
        classes,
        TrainingConfig("softmax", steps=95, learning_rate=0.05, eval_interval=10),
        validation=([vectors[::3]], classes[::3]),
        on_event=events.append,
    )
    assert [event.step for event in events] == [*range(10, 91, 10), 95]
    assert events[-1].train_cross_entropy < events[0].train_cross_entropy / 2
    assert events[-1].train_accuracy >= 0.95
    assert events[-1].validation_accuracy >= 0.9
    right = (vectors @ weights[0] + bias).argmax(axis=1) == classes
    assert right.mean() == pytest.approx(events[-1].train_accuracy)


def test_same_seed_same_bits_other_seed_others(clouds):
    vectors, classes = clouds
    runs = [
        fit_softmax(
            [vectors], classes, TrainingConfig("softmax", steps=20, learning_rate=0.1, seed=seed)
        )
        for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(runs[0][0][0], runs[1][0][0])
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
    assert not np.array_equal(runs[0][0][0], runs[2][0][0])


def test_watching_does_not_change_the_outcome(clouds):
    vectors, classes = clouds
    config = TrainingConfig("softmax", steps=40, learning_rate=0.1, eval_interval=7)
    alone = fit_softmax([vectors], classes, config)
    watched = fit_softmax([vectors], classes, config, on_event=lambda event: None)
    np.testing.assert_allclose(alone[0][0], watched[0][0], rtol=1e-6)


def test_without_validation_there_is_no_validation_curve(clouds):
    events = []
    fit_softmax([clouds[0]], clouds[1], TrainingConfig("softmax", steps=1), on_event=events.append)
    assert (events[0].validation_accuracy, events[0].validation_cross_entropy) == (None, None)


def test_batches_draw_classes_evenly(clouds):
    # One step from nearly nothing: the bias moves by rate * (share of the batch - 1/3).
    _, classes = clouds
    nothing = np.zeros((90, 1))
    config = TrainingConfig("softmax", steps=1, learning_rate=1.0, batch_size=10_000)
    _, bias = fit_softmax([nothing], classes, config)
    np.testing.assert_allclose(bias, 0, atol=0.02)  # by pictures it would be 0.22, 0, -0.22


def test_batches_draw_members_by_weight():
    # Of class 0 one member lies at 1, one at -1 and counts a third: their mean is 0.5.
    vectors, classes = np.array([[1.0], [-1.0], [0.0]]), np.array([0, 0, 1])
    config = TrainingConfig("softmax", steps=1, learning_rate=1.0, batch_size=10_000)
    (weights,), _ = fit_softmax([vectors], classes, config, weights=np.array([0.75, 0.25, 1]))
    # Half the batch is of class 0, its probability is 1/2: slope 0.5 * 0.5 * mean.
    np.testing.assert_allclose(weights[0], [0.125, -0.125], atol=0.02)


def test_weight_decay_pulls_towards_zero(clouds):
    sizes = [
        np.abs(
            fit_softmax(
                [clouds[0]],
                clouds[1],
                TrainingConfig("softmax", steps=50, learning_rate=0.1, weight_decay=decay),
            )[0][0]
        ).sum()
        for decay in (0.0, 1.0)
    ]
    assert sizes[1] < sizes[0] / 2


def test_stopped_training_gives_what_it_has(clouds):
    events = []
    fit_softmax(
        [clouds[0]],
        clouds[1],
        TrainingConfig("softmax", steps=1000, eval_interval=5),
        on_event=events.append,
        should_stop=lambda: len(events) == 2,
    )
    assert [event.step for event in events] == [5, 10]


def test_too_high_a_learning_rate_is_said_to_diverge():
    vectors = np.random.default_rng(0).normal(size=(20, 2)) * 1e30
    with pytest.raises(TrainingError, match="diverged at step 20.*smaller learning rate"):
        fit_softmax(
            [vectors], np.arange(20) % 2, TrainingConfig("softmax", steps=20, learning_rate=10)
        )


# The whole fit


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("folds", [0, 3])
def test_fitted_head_tells_classes_apart(clouds, head, folds):
    vectors, classes = clouds
    fitter = Fitter(examples(vectors, classes, folds, [slice(0, 2), slice(2, 6)]))
    fitted = fitter.fit(TrainingConfig(head=head, steps=100, learning_rate=0.05)).head
    assert fitted.weights.shape == (6, 3) and fitted.weights.dtype == np.float32
    assert (fitted.logits(vectors).argmax(axis=1) == classes).mean() >= 0.95


def test_block_of_noise_counts_less(clouds):
    vectors, classes = clouds
    noise = np.random.default_rng(5).normal(size=(90, 6))
    joined = np.hstack([vectors, noise])
    fitter = Fitter(examples(joined, classes, 3, [slice(0, 6), slice(6, 12)]))
    head = fitter.fit(TrainingConfig(head="lda")).head
    telling, useless = np.abs(head.weights[:6]).sum(), np.abs(head.weights[6:]).sum()
    assert useless < telling / 10


@pytest.mark.parametrize("name", ["auto", "lda", "logistic"])
def test_confidence_is_tempered_out_of_fold(name):
    # Pure noise in many columns: in-sample all is right, in truth nothing can be known.
    random = np.random.default_rng(2)
    vectors, classes = random.normal(size=(60, 40)), np.arange(60) % 2
    head = Fitter(examples(vectors, classes, 5, [slice(0, 40)])).fit(TrainingConfig(head=name)).head
    unseen = probabilities(head.logits(random.normal(size=(200, 40))))
    assert unseen.max(axis=1).mean() < 0.65


def test_copies_train_but_are_not_asked(clouds):
    vectors, classes = clouds
    plain = examples(vectors, classes)
    nonsense = Examples(
        np.concatenate([vectors, vectors]),
        np.concatenate([classes, classes]),
        plain.blocks,
        np.concatenate([plain.folds, plain.folds]),
        np.repeat([False, True], 90),
    )
    config = TrainingConfig(head="lda")
    # Copies equal to their originals change no mean, so only the counts in the shrinkage differ.
    one, two = (Fitter(some).fit(config).head for some in (plain, nonsense))
    agree = one.logits(vectors).argmax(axis=1) == two.logits(vectors).argmax(axis=1)
    assert agree.mean() >= 0.98
    assert nonsense.weights.sum() == pytest.approx(90 * 1.5)


def test_folds_that_were_stopped_calibrate_nothing(clouds):
    vectors, classes = clouds
    seen, asked = [], []

    def should_stop():
        """Once the steps are done and calibration has begun."""
        if seen and seen[-1].step == 400:
            asked.append(True)
        return len(asked) > 1

    fitter = Fitter(examples(vectors, classes))
    config = TrainingConfig("softmax", steps=400, learning_rate=0.05)
    head = fitter.fit(config, on_event=seen.append, should_stop=should_stop).head
    # By its own pictures, then: which ask for no other temperature.
    assert fit_temperature(head.logits(vectors), classes) == pytest.approx(1, abs=0.01)
