"""Choosing a class for pictures: one that there is, or a new one."""

from collections.abc import Callable

import streamlit as st

from decor_app.format import escape_markdown
from decor_app.session_keys import SessionKey
from decor_app.state.datasets import edit
from decor_core.datasets.dataset import Dataset
from decor_core.taxonomy import Taxonomy


def class_picker(
    taxonomy: Taxonomy | None, key: SessionKey[str | None], label: str = "Class"
) -> None:
    """A box to choose a class from, or to type a new one into; see ``picked_class``."""
    known = taxonomy.labels if taxonomy else ()
    chosen = st.selectbox(
        label,
        known,
        index=None,
        key=key,
        accept_new_options=True,
        placeholder="Choose or type a new one",
        help="Type a name that is not in the list to make a new class.",
    )
    coarser = taxonomy and taxonomy.coarser
    if chosen and coarser and chosen not in known:
        st.selectbox(
            f"{coarser.name.capitalize()} of {escape_markdown(chosen)}",
            list(coarser.labels),
            index=None,
            key=key.of("parent"),
            accept_new_options=True,
            placeholder="Choose or type a new one",
        )


def picked_class(key: SessionKey[str | None]) -> tuple[str, str]:
    """The class in the box ``key`` and, if it is new, what it belongs to; "" where nothing is."""
    return key.get(None) or "", key.of("parent").get(None) or ""


def edit_by_class(
    key: SessionKey[str | None], change: Callable[[Dataset, str, str], Dataset]
) -> None:
    """Change the open data set by the class in the box ``key``, which is empty afterwards."""
    label, parent = picked_class(key)
    if edit(lambda now: change(now, label, parent)):
        key.value = None
