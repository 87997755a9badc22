"""Vectors of images → coordinates on a plane, where images that look alike lie together."""

from typing import Any, cast

import numpy as np

from decor_core.features.embeddings import Embeddings

_COMPONENTS = 50  # enough for what is near whom, and tens of times faster than all dimensions
_PERPLEXITY = 30.0
_MIN_IMAGES = 4  # of less than that a map says nothing


def project(embeddings: Embeddings) -> np.ndarray:
    """Coordinates [n, 2], float32, −1 to 1: t-SNE (van der Maaten & Hinton, 2008) of the vectors.

    Labels play no part: an image among those of another class was put there by its looks.
    """
    vectors = embeddings.vectors
    if len(vectors) < _MIN_IMAGES:
        return np.stack([np.linspace(-1, 1, len(vectors)), np.zeros(len(vectors))], 1, dtype="f4")
    # Of the half second that they take to be imported only a map has a use.
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    components = min(_COMPONENTS, *vectors.shape)
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    with threadpool_limits(1):  # threads that spin for each other are slow on a busy machine
        pca = cast(Any, PCA(components, random_state=0))
        tsne = cast(Any, TSNE(perplexity=perplexity, init="pca", random_state=0))
        coordinates = tsne.fit_transform(pca.fit_transform(vectors))
    coordinates -= (coordinates.min(0) + coordinates.max(0)) / 2
    return (coordinates / max(float(np.abs(coordinates).max()), 1e-9)).astype(np.float32)
