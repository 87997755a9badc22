"""The space in which heads train, and linear discriminant analysis in it."""

import numpy as np
import pytest

from decor_core.model.heads import ShrinkageLDA, spherical_lda
from decor_core.model.whitening import BlockPCA, BlockWhitener, class_means


def test_lda_by_hand():
    # Means (0, 0), (2, 0), (0, 4); spread 2: weights are mean / 4, bias -|mean|² / 8.
    vectors = np.array([[-1, 0], [1, 0], [1, 1], [3, -1], [0, 4.0]])
    head = spherical_lda(vectors, np.array([0, 0, 1, 1, 2]), np.ones(5), 2.0)
    np.testing.assert_allclose(head.weights, [[0, 0.5, 0], [0, 0, 1]])
    np.testing.assert_allclose(head.bias, [0, -0.5, -2])


def test_squared_distances_are_logits_up_to_what_classes_have_in_common(clouds):
    vectors, classes = clouds
    lda = ShrinkageLDA().fit(vectors, classes)
    difference = lda.decision_function(vectors) + lda.squared_distances(vectors) / 2
    np.testing.assert_allclose(np.ptp(difference, axis=1), 0, atol=1e-9)


def test_weighted_examples_count_as_often(clouds):
    vectors, classes = clouds
    weights = np.where(np.arange(90) % 3 == 0, 2, 1)
    repeated = np.repeat(np.arange(90), weights)
    np.testing.assert_allclose(
        class_means(vectors, classes, weights), class_means(vectors[repeated], classes[repeated])
    )


def test_whitened_classes_are_round_balls_of_variance_1():
    # So many examples that hardly anything is shrunk.
    random = np.random.default_rng(0)
    classes = np.arange(60_000) % 2
    mixing = np.array([[2.0, 0, 0], [1, 0.3, 0], [0, 1, 5]])
    vectors = random.normal(size=(60_000, 3)) @ mixing + 10 * classes[:, None]
    whitened = BlockWhitener().fit_transform(vectors, classes)
    within = whitened - class_means(whitened, classes)[classes]
    np.testing.assert_allclose(within.T @ within / len(within), np.eye(3), atol=0.02)


@pytest.mark.parametrize("n", [30, 100])
def test_of_many_axes_the_longest_are_kept(n):
    random = np.random.default_rng(4)
    vectors = random.normal(size=(n, 50)) * np.linspace(9, 0.1, 50)
    pca = BlockPCA(max_axes=20).fit(vectors)
    (basis,) = pca.bases_
    np.testing.assert_allclose(basis.T @ basis, np.eye(20), atol=1e-9)
    lengths = np.linalg.svd(vectors, compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(pca.transform(vectors)), np.linalg.norm(lengths[:20]))


def test_a_head_on_vectors_scores_like_the_one_on_whitened_coordinates(clouds):
    vectors, classes = clouds
    wide = vectors @ np.random.default_rng(0).normal(size=(6, 300))
    blocks = [slice(0, 200), slice(200, 300)]
    pca = BlockPCA(blocks).fit(wide)
    coordinates = pca.transform(wide)
    whitener = BlockWhitener(pca.blocks_, pca.dimensions_).fit(coordinates, classes)
    whitened = whitener.transform(coordinates)
    head = spherical_lda(whitened, classes, np.ones(90))
    weights, bias = whitener.head_on_vectors(head.weights, head.bias)
    np.testing.assert_allclose(
        wide @ pca.weights_on_vectors(weights) + bias, head.logits(whitened), atol=1e-6
    )


def test_constant_columns_are_whitened_to_finite_numbers(clouds):
    vectors, classes = clouds
    flat = np.hstack([vectors, np.full((90, 1), 5.0)])
    assert np.isfinite(BlockWhitener().fit_transform(flat, classes)).all()


def test_coordinates_keep_all_distances():
    # Fewer vectors than columns in one block, more in the other.
    vectors = np.random.default_rng(0).normal(size=(8, 30))
    pca = BlockPCA([slice(0, 25), slice(25, 30)]).fit(vectors)
    coordinates = pca.transform(vectors)
    assert pca.dimensions_ == [25, 5] and pca.blocks_ == [slice(0, 8), slice(8, 13)]
    np.testing.assert_allclose(coordinates @ coordinates.T, vectors @ vectors.T)
