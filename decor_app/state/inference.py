"""The processes of this server that analyze images; imported before all that takes its time."""

import atexit
from contextlib import suppress

import streamlit as st

from decor_app.jobs.inference_pool import InferencePool
from decor_core.errors import DecorError
from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle


@st.cache_resource(show_spinner=False)
def inference_pool() -> InferencePool:
    """The processes of this server that analyze what is to be classified, one image each."""
    made = InferencePool()
    atexit.register(made.close)
    return made


@st.cache_resource(show_spinner=False)
def get_ready() -> None:
    """Start one process, once for a server: it gets ready while the pages are imported."""
    with suppress(DecorError):  # whoever wants to see something is told
        inference_pool().begin(load_bundle(DEFAULT_BUNDLE))
