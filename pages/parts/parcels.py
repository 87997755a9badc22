"""Models to take along and to bring back: downloads of a run, import of one."""

import streamlit as st

from decor_core.run import Run


def show_downloads(run: Run) -> None:
    """A menu of formats."""
    with st.popover("Download", icon=":material/download:"):
        st.caption("…")


def show_import() -> None:
    """A place for bundles."""
