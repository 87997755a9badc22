"""Which pictures of a grid are selected."""

from collections.abc import Sequence

import streamlit as st


def picked() -> set[str]:
    """The files that are picked, on whichever page of the grid."""
    return st.session_state.setdefault("picked", set())


def pick(files: Sequence[str]) -> None:
    """Pick these files and no others."""
    st.session_state.picked = set(files)
    st.session_state.picks_drawn = st.session_state.get("picks_drawn", 0) + 1
