"""The pictures that the model in use learned from, where they are at hand."""

from dataclasses import replace

import streamlit as st

from decor_app.state.jobs import vectors_for
from decor_app.state.training_data import cached_vectors
from decor_core.features.embeddings import Embeddings
from decor_core.model.classifier import Judge
from decor_core.model.neighbors import NeighborIndex
from decor_core.model.training_data import TrainingData


def known_pictures(model: Judge) -> NeighborIndex | None:
    """What the model knows of them; None where it cannot be told, or not yet."""
    training_data, level = TrainingData.of(model.bundle), model.bundle.taxonomy.name
    if training_data is None:
        return None
    vectors = vectors_for(training_data, level)
    if vectors is None:  # corrections were made since; what they correct is there all the same
        vectors = cached_vectors(replace(training_data, corrections=""), level)
    if vectors is None or not NeighborIndex.fits(model.bundle, vectors):
        return None
    return _known(model, vectors)


def _first_column(vectors: Embeddings) -> bytes:
    """Tells pictures apart as well as their hashes do, and is hashed in no time."""
    return vectors.vectors[:, 0].tobytes()


@st.cache_resource(
    show_spinner=False,
    max_entries=20,
    hash_funcs={Judge: lambda model: model.identity, Embeddings: _first_column},
)
def _known(model: Judge, vectors: Embeddings) -> NeighborIndex:
    return NeighborIndex(model.bundle, vectors)
