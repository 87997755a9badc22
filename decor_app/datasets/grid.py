"""Pictures of a data set in a grid, page by page: tick some to relabel or to drop them."""

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.class_picker import class_picker, edit_by_class
from decor_app.components.image_grid import PAGE, Tile, image_grid
from decor_app.datasets.fixes import GROUPS
from decor_app.datasets.picture_dialog import show_picture_dialog
from decor_app.datasets.predictions import predictions_of
from decor_app.format import disambiguate
from decor_app.state.datasets import edit
from decor_app.state.selection import pick, picked
from decor_core.data.findings import KINDS
from decor_core.datasets.dataset import Dataset
from decor_core.text import pluralize


def show_grid(dataset: Dataset, rows: pd.DataFrame) -> None:
    """These rows of the set's table, and what can be done with those ticked."""
    if not len(rows):
        st.info("No picture is like that.", icon=":material/filter_alt_off:")
        return
    bar = st.container(key="picks_bar")
    last = (len(rows) - 1) // PAGE
    page = keys.GRID_PAGE.value = min(keys.GRID_PAGE.value, last)
    here = rows.iloc[page * PAGE : (page + 1) * PAGE]
    notes, names = problems(dataset), disambiguate(list(here["file"]))
    shown = here[["file", "key", dataset.level]].itertuples(index=False)
    tiles = [
        Tile(file, dataset.thumb(key), label, name, notes.get(file, ""))
        for name, (file, key, label) in zip(names, shown, strict=True)
    ]
    opened = image_grid(tiles, f"Pictures of {dataset.title}", "dataset", picked=keys.PICKED)
    if last:
        _pager(page, len(rows))
    with bar:
        _selection_bar(dataset, list(rows["file"]))
    if opened:
        show_picture_dialog(dataset, opened, predictions_of(dataset).get(dataset.key_of(opened)))


def problems(dataset: Dataset) -> dict[str, str]:
    """The heading of the gravest finding of each file that has one."""
    found = defaultdict(list)
    for finding in dataset.open_findings:
        if finding.kind in GROUPS and not finding.set_aside:
            found[finding.file].append(finding.kind)
    order = list(KINDS)
    return {file: KINDS[min(kinds, key=order.index)] for file, kinds in found.items()}


def _pager(page: int, total: int) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="center", key="pager"
    ):
        _turn("Back", ":material/chevron_left:", page - 1, total)
        shown = f"{page * PAGE + 1:,}–{min((page + 1) * PAGE, total):,} of {total:,}"
        st.caption(shown, width="content")
        _turn("Next", ":material/chevron_right:", page + 1, total)


def _turn(label: str, icon: str, page: int, total: int) -> None:
    st.button(
        label,
        icon=icon,
        disabled=not 0 <= page * PAGE < total,
        on_click=keys.GRID_PAGE.set,
        args=(page,),
        key=keys.TURN_PAGE.of(label),
    )


def _selection_bar(dataset: Dataset, shown: Sequence[str]) -> None:
    count = len(picked())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if count:
            st.markdown(f"**{count:,} ticked**", width="content")
            class_picker(dataset.catalog.taxonomy, keys.PICKED_LABEL, "They are")
            st.button("Relabel", type="primary", icon=":material/label:", on_click=_relabel)
            st.button("Drop", icon=":material/delete:", on_click=_drop)
        else:
            st.caption(
                f"{pluralize(len(shown), 'picture')}. Tick the ones to relabel or drop; Shift "
                "ticks a row of them. A click on a picture enlarges it.",
                width="stretch",
            )
        everything = count >= len(shown)
        st.button("Tick all", on_click=pick, args=(shown,), type="tertiary", disabled=everything)
        if count:
            st.button("Tick none", on_click=pick, args=((),), type="tertiary")


def _relabel() -> None:
    edit_by_class(keys.PICKED_LABEL, lambda now, *named: now.relabel(picked(), *named))


def _drop() -> None:
    edit(lambda now: now.drop(picked()))
