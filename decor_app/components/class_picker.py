"""Choosing a class for pictures: one that there is, or a new one."""

import streamlit as st

from decor_app.format import escape_markdown
from decor_core.datasets.dataset import Dataset
from decor_core.taxonomy import Taxonomy


def label_box(pictures: Dataset | None, key: str, label: str = "Class") -> None:
    """A box to choose a class of the set from, or to type a new one into; see ``chosen_label``."""
    taxonomy_box(pictures and pictures.catalog.taxonomy, key, label)


def taxonomy_box(taxonomy: Taxonomy | None, key: str, label: str) -> None:
    """The same for the classes of a taxonomy."""
    known = list(taxonomy.labels) if taxonomy else []
    chosen = st.selectbox(
        label,
        known,
        index=None,
        key=key,
        accept_new_options=True,
        placeholder="Choose or type a new one",
        help="Type a name that is not in the list to make a new class.",
    )
    if chosen and taxonomy and taxonomy.coarser and chosen not in known:
        coarser = taxonomy.coarser
        st.selectbox(
            f"{coarser.name.capitalize()} of {escape_markdown(chosen)}",
            list(coarser.labels),
            index=None,
            key=f"{key}_parent",
            accept_new_options=True,
            placeholder="Choose or type a new one",
        )


def chosen_label(key: str) -> tuple[str, str]:
    """The class in the box ``key`` and, if it is new, what it belongs to; "" where nothing is."""
    state = st.session_state
    return state.get(key) or "", state.get(f"{key}_parent") or ""
