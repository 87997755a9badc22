"""The benchmark of growth: the vectors that it makes."""

import numpy as np

from benchmarks.growth import CLASSES, make
from decor_core.features.embeddings import Embeddings


def test_made_vectors_are_a_data_set_and_the_first_are_the_same_of_any_number(tmp_path, embeddings):
    for count in (45, 60):
        make(count, tmp_path / f"{count}.npz", embeddings)
    few, more = (Embeddings.load(tmp_path / f"{count}.npz") for count in (45, 60))
    assert np.bincount(more.target("class")[1]).tolist() == [3] * CLASSES
    assert more.vectors.shape == (60, embeddings.vectors.shape[1])
    np.testing.assert_array_equal(few.vectors, more.vectors[:45])
    assert not np.array_equal(few.vectors[0], few.vectors[CLASSES])
