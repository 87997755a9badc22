"""Choosing a class for pictures: one that there is, or a new one."""

import streamlit as st

from decor_app.format import escape_markdown
from decor_app.session_keys import SessionKey
from decor_core.datasets.dataset import Dataset
from decor_core.taxonomy import Taxonomy


def label_box(pictures: Dataset | None, key: SessionKey[str | None], label: str = "Class") -> None:
    """A box to choose a class of the set from, or to type a new one into; see ``chosen_label``."""
    taxonomy_box(pictures and pictures.catalog.taxonomy, key, label)


def taxonomy_box(taxonomy: Taxonomy | None, key: SessionKey[str | None], label: str) -> None:
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
            key=key.of("parent"),
            accept_new_options=True,
            placeholder="Choose or type a new one",
        )


def chosen_label(key: SessionKey[str | None]) -> tuple[str, str]:
    """The class in the box ``key`` and, if it is new, what it belongs to; "" where nothing is."""
    return key.get(None) or "", key.of("parent").get(None) or ""
