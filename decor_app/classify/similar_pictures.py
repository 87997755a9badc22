"""The training pictures most similar to a picture, and a sentence on its prediction."""

import html
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import streamlit as st

from decor_app.components.styles import style_of
from decor_app.format import escape_markdown
from decor_app.state.images import AnalyzedImage
from decor_app.state.jobs import vectors_for
from decor_app.state.models import predictor, shipped_predictor
from decor_app.state.thumbnails import thumbnails
from decor_app.state.training_vectors import cached_vectors
from decor_core.features.embeddings import Embeddings
from decor_core.model.neighbors import Neighbor, NeighborIndex
from decor_core.model.predictor import Decision, Prediction, VectorPredictor
from decor_core.model.training_data import TrainingData

_COUNT = 5
_CLEAR = 0.3  # nats by which a trait must prefer the runner-up to be worth a word
_TRAITS = {
    "texture": "its finest texture",
    "pattern": "its pattern",
    "shapes": "its shapes",
    "colours": "its colors",
}
_BEHIND = ((0.5, "close behind"), (0.1, "some way behind"), (0.0, "far behind"))


def _training_pictures() -> NeighborIndex | None:
    """The pictures that the model in use learned from; None where they are not here, or not yet."""
    model = predictor()
    training_data, level = TrainingData.of(model.bundle), model.bundle.taxonomy.name
    if training_data is None:
        return None
    vectors = vectors_for(training_data, level)
    if vectors is None:  # corrections were made since; what they correct is there all the same
        vectors = cached_vectors(replace(training_data, corrections=""), level)
    if vectors is None or not NeighborIndex.fits(model.bundle, vectors):
        return None
    return (_shipped_index if model is shipped_predictor() else _own_index)(model, vectors)


def _first_column(vectors: Embeddings) -> bytes:
    """Tells pictures apart as well as their hashes do, and is hashed in no time."""
    return vectors.vectors[:, 0].tobytes()


def _index(model: VectorPredictor, vectors: Embeddings) -> NeighborIndex:
    return NeighborIndex(model.bundle, vectors)


_HASHES = {VectorPredictor: lambda model: model.identity, Embeddings: _first_column}
_shipped_index = st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=_HASHES)(_index)
# The pictures of a visitor go with the visitor.
_own_index = st.cache_resource(
    show_spinner=False, max_entries=3, hash_funcs=_HASHES, scope="session"
)(_index)


def show_similar_pictures(image: AnalyzedImage, prediction: Prediction, decision: Decision) -> None:
    """A sentence, what the style is known by, and the training pictures, where they are here."""
    known = _training_pictures()
    with st.container(key="answer-like", gap="xsmall"):
        st.markdown(_sentence(image, prediction, decision, known))
        style = style_of(decision.labels[0]) if decision.kind == "confident" else None
        if style:
            st.caption(f"Look for: {style.look_for[0].lower()}{style.look_for[1:]}")
    with st.container(key="answer-known", gap="xsmall"):
        if known:
            neighbors = known.nearest(image.vector, _COUNT)
            _show_neighbors(neighbors)
            if any(one.key == image.digest for one in neighbors):
                st.caption("This very picture is among those that the model learned from.")


def _sentence(
    image: AnalyzedImage, prediction: Prediction, decision: Decision, known: NeighborIndex | None
) -> str:
    """E.g. “Looks like Khokhloma: red and gold on black; Gorodets is far behind.”"""
    names = " or ".join(escape_markdown(label) for label in decision.labels[:2])
    words = {
        "confident": f"Looks like {names}",
        "ambiguous": f"It could be {names}",
        "undecided": "It is much like several",
        "unknown": "It is like none of them",
    }[decision.kind]
    if image.colors:
        words += f": {image.colors}"
    if decision.kind in ("undecided", "unknown") or len(prediction.scores) < 2:
        return f"{words}."
    if decision.maybe_none:
        return f"{words}, though it looks unlike the training pictures."
    best, second = prediction.scores[:2]
    rival = escape_markdown(second.label)
    if decision.kind == "confident":
        words += f"; {rival} is {how_far_behind(prediction)}"
    if known and prediction.taxonomy == predictor().bundle.taxonomy.name:
        advantages = known.log_odds_by_trait(image.vector, second.label, best.label)
        trait, advantage = max(advantages.items(), key=lambda item: item[1])
        if advantage >= _CLEAR:
            words += f", though {_TRAITS.get(trait, 'its ' + trait)} would suit {rival} better"
    return f"{words}."


def how_far_behind(prediction: Prediction) -> str:
    """How far the runner-up is behind, in words."""
    ratio = prediction.scores[1].probability / max(prediction.scores[0].probability, 1e-9)
    return next(words for least, words in _BEHIND if ratio >= least)


def _show_neighbors(neighbors: Sequence[Neighbor]) -> None:
    thumbnail = thumbnails(TrainingData.of(predictor().bundle))
    items = []
    for neighbor in neighbors:
        label, file = html.escape(neighbor.label), html.escape(neighbor.file)
        thumb = thumbnail(neighbor.file, neighbor.key)
        shown = f'<img src="{thumb}" alt="{label}, {file}">' if thumb else ""
        alike = f"{max(neighbor.similarity, 0):.0%}"
        items.append(
            f"<li>{shown}<b>{label}</b><small>{PurePosixPath(file).stem}</small>"
            f'<span class="decor-likeness"><i style="width:{alike}"></i></span>'
            f"<small>{alike} similar</small></li>"
        )
    st.markdown(":small[**Nearest training pictures**]")
    st.html(f'<ol class="decor-known">{"".join(items)}</ol>')
