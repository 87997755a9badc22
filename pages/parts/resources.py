"""What the server holds once and what a session holds for itself."""

import uuid
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from decor_core.bundle import Bundle
from decor_core.errors import DecorError, TrainingError
from decor_core.features import Embeddings
from decor_core.neighbours import Known
from decor_core.predictor import Predictor, load_predictor
from decor_core.trainer import Job, Trainer

from .text import plain

T = TypeVar("T")


@st.cache_resource(show_spinner="Loading the model …")
def shipped_predictor() -> Predictor:
    """The model that comes with the app."""
    return load_predictor()


@st.cache_resource(show_spinner="Loading the training data …")
def _product_embeddings() -> Embeddings:
    """The shipped embeddings of the product pictures."""
    return Embeddings.load().of_types("product")


def _head_bytes(model: Predictor) -> bytes:
    return model.bundle.head.weights.tobytes()


@st.cache_resource(show_spinner=False, max_entries=20, hash_funcs={Predictor: _head_bytes})
def known_pictures(model: Predictor) -> Known | None:
    """What the model knows of the shipped pictures; None where it was trained on others."""
    embeddings = training_data()
    return Known(model.bundle, embeddings) if Known.fits(model.bundle, embeddings) else None


@st.cache_resource(show_spinner=False)
def trainer() -> Trainer:
    """The one training process of this server."""
    return Trainer()


def predictor() -> Predictor:
    """The session's own model where it uses one, else the shipped one; without, the page ends."""
    own = st.session_state.get("own_predictor")
    return own or _or_end_page(shipped_predictor)


def shipped_bundle() -> Bundle:
    """The shipped model as it was judged; without, the page ends."""
    return _or_end_page(shipped_predictor).bundle


def training_data() -> Embeddings:
    """What Retrain learns from; without, the page ends."""
    return _or_end_page(_product_embeddings)


def _or_end_page(load: Callable[[], T]) -> T:
    try:
        return load()
    except DecorError as error:
        st.error(plain(str(error)), icon=":material/error:")
        st.stop()


def uses_own_model() -> bool:
    """Whether the session's own model answers."""
    return "own_predictor" in st.session_state


def use_model(bundle: Bundle) -> None:
    """Let ``bundle`` answer in this session from now on, or say why it cannot."""
    try:
        st.session_state.own_predictor = Predictor(bundle)
    except DecorError as error:
        st.toast(plain(str(error)), icon=":material/error:", duration="long")


def use_shipped_model() -> None:
    """Let the shipped model answer again."""
    st.session_state.pop("own_predictor", None)


# --- trainings


def owner() -> str:
    """This session's name in the trainer's queue."""
    return st.session_state.setdefault("owner", uuid.uuid4().hex)


def current_job() -> Job | None:
    """The session's latest training as it stands now."""
    if "job" not in st.session_state:
        return None
    try:
        return trainer().snapshot(st.session_state.job)
    except TrainingError:
        del st.session_state.job  # the trainer keeps a limited number of finished ones
        return None
