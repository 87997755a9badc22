"""What only many vectors go through: half precision, batches, axes to few digits."""

from dataclasses import replace

import numpy as np
import pytest

from decor_core.data.catalog import open_dataset
from decor_core.features import embeddings as embeddings_module
from decor_core.features import vectors as vectors_module
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import Block
from decor_core.features.embeddings import Embeddings
from decor_core.features.vectors import LazyVectors, MappedVectors, batches
from decor_core.model import heads, whitening
from decor_core.model.heads import RidgeLogisticRegression
from decor_core.model.linear_head import LinearHead
from decor_core.model.novelty_detector import NoveltyDetector
from decor_core.model.training_config import TrainingConfig
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitening import BlockPCA, BlockWhitener, class_means
from decor_core.training.train import train


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(vectors_module, "BATCH", 7)


@pytest.fixture
def halves():
    return np.random.default_rng(0).normal(size=(23, 6)).astype(np.float16)


@pytest.fixture
def loaded_as_many(monkeypatch, embeddings, tmp_path):
    """The painted pictures' vectors as those of very many are saved and loaded."""
    monkeypatch.setattr(embeddings_module, "_MANY_NUMBERS", 1000)
    embeddings.save(tmp_path / "set.npz")
    return Embeddings.load(tmp_path / "set.npz")


def test_half_precision_reads_as_an_array_of_single_precision(small_batches, halves):
    vectors, same = LazyVectors(halves), halves.astype(np.float32)
    rows = np.array([5, 1, 22])
    assert (vectors.shape, vectors.dtype, len(vectors)) == (same.shape, same.dtype, 23)
    assert vectors.nbytes == halves.nbytes
    for key in (rows, same[:, 0] > 0, slice(3, 20), slice(0, 0)):
        assert isinstance(vectors[key], LazyVectors)
        np.testing.assert_array_equal(vectors[key], same[key])
        np.testing.assert_array_equal(vectors[key][:, 2:4], same[key][:, 2:4])
    np.testing.assert_array_equal(vectors[3], same[3])
    np.testing.assert_array_equal(vectors[rows, 1:3], same[rows, 1:3])
    np.testing.assert_allclose(vectors @ same[:4].T, same @ same[:4].T, rtol=1e-5)
    np.testing.assert_allclose(same[:4].T @ vectors[:4], same[:4].T @ same[:4], rtol=1e-5)
    assert (vectors[:0] @ same[:4].T).shape == (0, 4)
    assert (vectors - same[0]).dtype == np.float32
    np.testing.assert_array_equal(vectors - same[0], same - same[0])
    np.testing.assert_array_equal(np.concatenate([vectors, same]), np.tile(same, (2, 1)))
    head = LinearHead(same[:2].T, np.ones(2, np.float32))
    np.testing.assert_allclose(head.logits(vectors[rows]), head.logits(same[rows]), rtol=1e-5)


def test_very_many_stay_in_half_precision_and_are_saved_so(loaded_as_many, embeddings, tmp_path):
    half, whole = embeddings.vectors.astype(np.float16), loaded_as_many
    assert isinstance(whole.vectors, LazyVectors)
    np.testing.assert_array_equal(whole.vectors, half.astype(np.float32))
    chosen = whole.rows(np.array([4, 2]))
    chosen.save(tmp_path / "two.npz")
    np.testing.assert_array_equal(Embeddings.load(tmp_path / "two.npz").vectors, half[[4, 2]])
    assert len(whole.without_vectors().vectors) == 0
    joined = whole.rows(np.arange(5)).joined(whole.rows(np.arange(3, 9)))
    assert len(joined.vectors) == len(joined.table) == 9


def test_very_many_pictures_are_looked_at_into_half_precision(
    painted, own_cache, embeddings, monkeypatch
):
    monkeypatch.setattr(embeddings_module, "_MANY_NUMBERS", 1000)
    again = embed_catalog(open_dataset(painted), embeddings.spec)
    assert isinstance(again.vectors, LazyVectors) and again.copies.shape[1] == 0
    np.testing.assert_array_equal(again.vectors, embeddings.vectors.astype(np.float16))


def test_a_number_that_is_none_is_refused_in_half_precision_too(loaded_as_many):
    damaged = np.array(loaded_as_many.vectors, np.float16)
    damaged[3, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        train(replace(loaded_as_many, vectors=LazyVectors(damaged)), TrainingConfig("lda"), "style")


def test_batches_are_all_rows_once(small_batches):
    assert [(rows.start, rows.stop) for rows in batches(16)] == [(0, 7), (7, 14), (14, 16)]


@pytest.mark.parametrize("kind", [np.asarray, LazyVectors])
def test_in_batches_the_same_comes_out(monkeypatch, kind):
    random = np.random.default_rng(0)
    halves = (random.normal(size=(300, 40)) * np.linspace(3, 0.1, 40)).astype(np.float16)
    whole, classes, weights = halves.astype(np.float32), np.arange(300) % 4, np.ones(300)
    blocks = [slice(0, 8), slice(8, 40)]

    def found(vectors):
        pca = BlockPCA(blocks, max_axes=20).fit(vectors)
        coordinates = pca.transform(vectors)
        whitener = BlockWhitener(pca.blocks_).fit(coordinates, classes, weights)
        detector = NoveltyDetector(blocks).fit(vectors, classes)
        return (
            class_means(vectors, classes, weights),
            # Axes are as good where their ends are turned: what they keep is compared.
            pca.bases_[1] @ pca.bases_[1].T,
            np.linalg.norm(whitener.transform(coordinates), axis=1),
            detector.score_samples(vectors),
        )

    exact = found(whole)
    monkeypatch.setattr(vectors_module, "BATCH", 64)
    for one, same in zip(found(kind(halves) if kind is LazyVectors else whole), exact, strict=True):
        np.testing.assert_allclose(one, same, rtol=2e-3, atol=2e-3)


def test_logistic_regression_on_many_is_that_on_few(monkeypatch):
    random = np.random.default_rng(0)
    classes, weights = np.arange(400) % 3, random.choice([0.5, 1.0], 400)
    base = random.normal(size=(400, 10)) + 2 * random.normal(size=(3, 10))[classes]
    matrix, offset = random.normal(size=(10, 6)) / 3, random.normal(size=6)
    exact = RidgeLogisticRegression().fit(base @ matrix + offset, classes, weights)
    monkeypatch.setattr(vectors_module, "BATCH", 64)
    monkeypatch.setattr(heads, "_TOL_OF_MANY", 1e-4)
    rows = np.arange(400)
    for inputs in (
        base @ matrix + offset,
        MappedVectors(LazyVectors(base), matrix, offset),
        MappedVectors(LazyVectors(base, rows[::-1]), matrix, offset)[rows[::-1]],
    ):
        head = RidgeLogisticRegression().fit(inputs, classes, weights).head_
        np.testing.assert_allclose(head.weights, exact.head_.weights, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(head.bias, exact.head_.bias, rtol=1e-3, atol=1e-3)


def test_mapped_vectors_read_as_an_array():
    random = np.random.default_rng(0)
    base, matrix, offset = random.normal(size=(9, 4)), random.normal(size=(4, 3)), np.ones(3)
    mapped, same = MappedVectors(LazyVectors(base), matrix, offset), base @ matrix + offset
    assert (len(mapped), mapped.shape, mapped.dtype) == (9, (9, 3), same.dtype)
    for key in (slice(2, 5), (slice(2, 5), slice(1, 3)), np.array([3, 1])):
        np.testing.assert_allclose(mapped[key], same[key])
    np.testing.assert_allclose(mapped, same)
    np.testing.assert_allclose(
        class_means(mapped, np.arange(9) % 3), class_means(same, np.arange(9) % 3)
    )


@pytest.mark.parametrize("head", ["auto", "logistic", "lda", "softmax"])
def test_a_classifier_of_many_vectors_is_that_of_few(monkeypatch, clouds, head):
    vectors, classes = clouds
    model = VectorClassifier(head, steps=50, blocks=[Block("a", 0, 2), Block("b", 2, 6)])
    few = model.fit(*clouds).predict_proba(vectors)
    monkeypatch.setattr(vectors_module, "BATCH", 20)
    many = model.fit(*clouds).predict_proba(vectors)
    assert (many.argmax(axis=1) == few.argmax(axis=1)).mean() > 0.95
    assert np.abs(many - few).mean() < 0.1


def test_of_many_vectors_fewer_axes_are_kept(monkeypatch):
    monkeypatch.setattr(vectors_module, "BATCH", 50)
    monkeypatch.setattr(whitening, "_AXES_OF_MANY", 5)
    vectors = np.random.default_rng(0).normal(size=(60, 12)) * np.linspace(3, 0.1, 12)
    (basis,) = BlockPCA().fit(vectors).bases_
    lengths = np.linalg.svd(vectors, compute_uv=False)
    assert basis.shape == (12, 5)
    assert np.linalg.norm(vectors @ basis) == pytest.approx(np.linalg.norm(lengths[:5]), rel=1e-3)


@pytest.mark.parametrize("head", ["auto", "lda", "softmax"])
def test_a_training_on_many_is_as_right(monkeypatch, loaded_as_many, embeddings, head):
    config = TrainingConfig(head, steps=60, learning_rate=0.1)
    few = train(embeddings, config, "style").bundle
    monkeypatch.setattr(vectors_module, "BATCH", 16)
    many = train(loaded_as_many, config, "style").bundle
    assert few.evaluation and many.evaluation and few.novelty and many.novelty
    assert many.evaluation.accuracy >= few.evaluation.accuracy - 0.1
    assert many.head.weights.shape == few.head.weights.shape
    assert many.novelty.scores(embeddings.vectors).mean() < 0.5
