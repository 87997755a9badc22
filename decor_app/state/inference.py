"""The process of this server that looks at pictures; imported before all that takes its time."""

import atexit
from contextlib import suppress

import streamlit as st

from decor_app.jobs.inference_pool import InferencePool
from decor_core.errors import DecorError
from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle


@st.cache_resource(show_spinner=False)
def inference_pool() -> InferencePool:
    """The one process of this server that looks at what is to be classified."""
    made = InferencePool()
    atexit.register(made.close)
    return made


@st.cache_resource(show_spinner=False)
def get_ready() -> None:
    """Start it, once for a server: it gets ready while the pages are imported."""
    with suppress(DecorError):  # whoever wants to see something is told
        inference_pool().begin(load_bundle(DEFAULT_BUNDLE))
