"""The pictures of a data set, filtered."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.datasets.grid import problems, show_grid
from decor_app.datasets.predictions import offer_predictions, predictions_of
from decor_app.session_keys import SessionKey
from decor_app.state.datasets import PARTS, parts_of
from decor_core.datasets.dataset import Dataset

_RIGHT, _WRONG = "Right", "Wrong"


def show_pictures(dataset: Dataset) -> None:
    """Every picture, or those that the filters leave."""
    table, labels = dataset.table, dataset.table[dataset.level]
    notes, parts, predictions = problems(dataset), parts_of(dataset), predictions_of(dataset)
    wanted = pd.Series(True, index=table.index)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filters"):
        chosen = st.multiselect(
            dataset.level.capitalize(),
            list(dataset.counts),
            placeholder="All",
            key=keys.FILTER_LABEL,
            persist_state="session",
        )
        if chosen:
            wanted &= labels.isin(chosen)
        types = sorted(set(table["type"]))
        if len(types) > 1 and (kind := _filter("Type", types, keys.FILTER_TYPE)):
            wanted &= table["type"] == kind
        if note := _filter("Problem", sorted(set(notes.values())), keys.FILTER_PROBLEM):
            wanted &= table["file"].map(notes).eq(note)
        if parts and (part := _filter("Part", list(PARTS), keys.FILTER_PART, PARTS)):
            wanted &= table["key"].map(parts).eq(part)
        if predictions and (side := _filter("Model", [_RIGHT, _WRONG], keys.FILTER_VERDICT)):
            predicted = table["key"].map(lambda key: predictions.get(str(key), ("",))[0])
            wanted &= (predicted != "") & (predicted.eq(labels) == (side == _RIGHT))
        words = st.text_input(
            "Name", key=keys.FILTER_NAME, placeholder="Any part of it", persist_state="session"
        )
        if words:
            wanted &= table["file"].str.contains(words, case=False, regex=False)
    if not predictions:
        offer_predictions(dataset)
    show_grid(dataset, table[wanted])


def _filter(
    label: str, options: Sequence[str], key: SessionKey, names: Mapping[str, str] | None = None
) -> str | None:
    return st.selectbox(
        label,
        options,
        index=None,
        placeholder="All",
        key=key,
        format_func=lambda option: names[option] if names else option,
        persist_state="session",
    )
