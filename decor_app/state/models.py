"""What the server holds once and what a session holds for itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import streamlit as st

from decor_app.format import escape_markdown
from decor_app.hosting.config import server_config
from decor_app.jobs.image_analysis import ImageAnalysis
from decor_app.jobs.train_tasks import WarmUpTask, load_shipped_vectors
from decor_app.state.inference import inference_pool
from decor_app.state.queues import training_queue
from decor_app.state.workspace import workspace
from decor_core.errors import DecorError
from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from decor_core.model.predictor import VectorPredictor
from decor_core.runs.run import Run

T = TypeVar("T")


@st.cache_resource(show_spinner="Loading the model …")
def shipped_predictor() -> VectorPredictor:
    """The model that comes with the app."""
    return VectorPredictor(load_bundle(DEFAULT_BUNDLE))


def analyze_image(data: bytes, deep: bool) -> ImageAnalysis:
    """What the session's model sees in a picture file; where it cannot look at all, the page ends.

    A ``deep`` look says what in the picture speaks for each label, too.
    """
    bundle, limits = predictor().bundle, server_config().picture_limits
    return _or_end_page(lambda: inference_pool().analyze_image(bundle, data, limits, deep))


@st.cache_resource(show_spinner="Loading the training data …")
def _product_embeddings() -> Embeddings:
    return load_shipped_vectors()


def predictor() -> VectorPredictor:
    """The session's own model where it uses one, else the shipped one; without, the page ends."""
    return workspace().model or _or_end_page(shipped_predictor)


def shipped_bundle() -> Bundle:
    """The shipped model as it was judged; without, the page ends."""
    return _or_end_page(shipped_predictor).bundle


@st.cache_resource(show_spinner=False)
def _without_copies() -> Embeddings:
    """Without what takes two thirds of the memory, and is wanted for nothing but training."""
    whole = load_shipped_vectors()
    return replace(whole, copies=whole.copies[:, :0].copy())


def shipped_vectors(copies: bool = True) -> Embeddings:
    """What ships to learn from, with or without worn copies; BundleError where it is not there."""
    return _product_embeddings() if copies else _without_copies()


def shipped_vectors_or_stop() -> Embeddings:
    """What ships to learn from, without worn copies; where it is not there the page ends."""
    return _or_end_page(lambda: shipped_vectors(copies=False))


def warm_training_process() -> None:
    """Let the training process get ready for what ships."""
    training_queue().warm(WarmUpTask())


def _or_end_page(load: Callable[[], T]) -> T:
    try:
        return load()
    except DecorError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        st.stop()


def uses_own_model() -> bool:
    """Whether the session's own model answers."""
    return workspace().model is not None


def in_use(run: Run) -> bool:
    """Whether the answers of this session come from the model of ``run``."""
    own = workspace().model
    if own is None:
        return run.id == DEFAULT_BUNDLE.name  # told without loading it
    one, other = own.bundle.head, run.bundle.head
    return one is other or (
        np.array_equal(one.bias, other.bias) and np.array_equal(one.weights, other.weights)
    )


def use_model(bundle: Bundle) -> None:
    """Let ``bundle`` answer in this session from now on, or say why it cannot."""
    try:
        inference_pool().check(bundle)
        workspace().model = VectorPredictor(bundle)
    except DecorError as error:
        st.toast(escape_markdown(str(error)), icon=":material/error:", duration="long")


def use_shipped_model() -> None:
    """Let the shipped model answer again."""
    workspace().model = None
