"""Models and vectors: those of the server, and the model in use of a session."""

from dataclasses import replace

import numpy as np
import streamlit as st

from decor_app.jobs.train_tasks import load_shipped_vectors
from decor_app.state.errors import attempt, or_end_page
from decor_app.state.processes import inference_pool
from decor_app.state.workspace import workspace
from decor_core.errors import MissingNetwork
from decor_core.features.backbones import is_at_hand
from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from decor_core.model.predictor import VectorPredictor
from decor_core.runs.run import Run


@st.cache_resource(show_spinner=False)  # 0.03 s, and the API asks for it outside of any page
def shipped_predictor() -> VectorPredictor:
    """The model that comes with the app."""
    return VectorPredictor(load_bundle())


def predictor() -> VectorPredictor:
    """The session's own model where it uses one, else the shipped one; without, the page ends."""
    return workspace().model or or_end_page(shipped_predictor)


def shipped_bundle() -> Bundle:
    """The shipped model with its evaluation; without, the page ends."""
    return or_end_page(shipped_predictor).bundle


@st.cache_resource(show_spinner="Loading the training data …")
def shipped_vectors(copies: bool) -> Embeddings:
    """The shipped training vectors; BundleError where they are missing.

    The distorted copies take two thirds of the memory, and are wanted for nothing but training.
    """
    whole = load_shipped_vectors()
    return whole if copies else replace(whole, copies=whole.copies[:, :0].copy())


def shipped_vectors_or_stop() -> Embeddings:
    """The shipped training vectors without copies; where they are missing the page ends."""
    return or_end_page(lambda: shipped_vectors(copies=False))


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
    if not attempt(lambda: _require_network(bundle)):
        return
    if attempt(lambda: inference_pool().check(bundle)):
        workspace().model = VectorPredictor(bundle)


def _require_network(bundle: Bundle) -> None:
    name = bundle.embedding.architecture
    if bundle.network:
        _ = bundle.network.content  # which outlasts its file from now on
    elif not is_at_hand(name):  # a download would hold the page for minutes
        raise MissingNetwork(name)


def use_shipped_model() -> None:
    """Let the shipped model answer again."""
    workspace().model = None
