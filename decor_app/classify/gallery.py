"""Many predictions: a gallery grouped by class or a table, to sort, filter, open and download."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.classify.corrections import corrected_labels, show_correction_of
from decor_app.classify.decision import decide, decision_title, thresholds
from decor_app.components.image_grid import Tile, image_grid
from decor_app.format import disambiguate, escape_markdown, percent, thumb_uri
from decor_app.state.images import AnalyzedImage, UnreadableFile
from decor_app.state.selection import pick
from decor_core.datasets.dataset import Dataset
from decor_core.model.predictor import Decision, Labeled, Prediction
from decor_core.model.results_table import results_table, to_csv, to_json
from decor_core.taxonomy import Taxonomy
from decor_core.text import pluralize


@dataclass(frozen=True)
class _Result:
    """An image with its prediction and what is decided on it."""

    image: AnalyzedImage
    prediction: Prediction
    decision: Decision


_ORDERS: dict[str, Callable[[_Result], float | str]] = {
    "Least confident first": lambda result: result.prediction.confidence,
    "Most confident first": lambda result: -result.prediction.confidence,
    "Most novel first": lambda result: -result.prediction.novelty,
    "Name": lambda result: result.image.name.lower(),
}
_FILTERS: dict[str, tuple[str, ...]] = {
    "All": ("confident", "ambiguous", "undecided", "unknown"),
    "Confident": ("confident",),
    "Uncertain": ("ambiguous", "undecided"),
    "Unknown": ("unknown",),
}
_VIEWS = ("Gallery", "Table")


def show_gallery(
    images: Sequence[AnalyzedImage],
    predictions: Sequence[Prediction],
    unreadable: Sequence[UnreadableFile],
    trained: Taxonomy,
    corrections: Dataset | None,
) -> None:
    """All predictions; files that are ``unreadable`` are named in the downloads."""
    results = [
        _Result(image, prediction, decide(prediction))
        for image, prediction in zip(images, predictions, strict=True)
    ]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        _show_summary(results, len(unreadable))
        _show_downloads(results, unreadable, trained)
    shown, view = _controls(results)
    if not shown:
        st.info("No picture is like that.", icon=":material/filter_alt_off:")
        return
    correction = st.container()
    if view == "Gallery":
        st.caption("Click a picture to see why; tick those that are wrong to correct them.")
        _show_grid(shown, corrected_labels(corrections))
    else:
        st.caption("Tick a picture to see why, or those that are wrong to correct them.")
        _show_table(shown, trained)
    picked = [result.image for result in results if result.image.digest in keys.MANY_PICKED.value]
    if picked:
        with correction:
            show_correction_of(picked, corrections)


def _show_summary(results: Sequence[_Result], unreadable: int) -> None:
    words = [f"**{pluralize(len(results), 'picture')}**"]
    for name, kinds in list(_FILTERS.items())[1:]:
        count = sum(result.decision.kind in kinds for result in results)
        words += [f"{count} {name.lower()}"] if count or name == "Confident" else []
    words += [f"{unreadable} unreadable"] if unreadable else []
    if keys.BATCH.value and (speed := keys.BATCH.value.speed):
        words.append(f"{speed:.0f} pictures a second")
    st.markdown(" · ".join(words), width="content")


def _show_downloads(
    results: Sequence[_Result], unreadable: Sequence[UnreadableFile], trained: Taxonomy
) -> None:
    labeled = [
        Labeled(result.image.name, result.prediction, notes=result.image.notes)
        for result in results
    ]
    labeled += [Labeled(file.name, error=file.error) for file in unreadable]
    level = trained.level(results[0].prediction.taxonomy)
    rows = results_table(labeled, level, *thresholds())
    with st.container(horizontal=True, gap="small", width="content"):
        for name, data, kind in (
            ("csv", to_csv(rows), "text/csv"),
            ("json", to_json(rows), "application/json"),
        ):
            st.download_button(
                name.upper(),
                data,
                f"decor.{name}",
                kind,
                icon=":material/download:",
                on_click="ignore",
                help=f"All predictions as {name.upper()}",
            )


def _controls(results: Sequence[_Result]) -> tuple[list[_Result], str]:
    """The results that are wanted, in the order that is wanted, and how to show them."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        view = st.segmented_control(
            "View", _VIEWS, default=_VIEWS[0], required=True, key=keys.MANY_VIEW,
            label_visibility="collapsed", persist_state="session",
            on_change=pick, args=((), keys.MANY_PICKED),
        )  # fmt: skip
        wanted = st.segmented_control(
            "Show", list(_FILTERS), default="All", required=True, key=keys.MANY_FILTER,
            label_visibility="collapsed",
        )  # fmt: skip
        order = st.selectbox(
            "Sort", list(_ORDERS), key=keys.MANY_ORDER, width=200, label_visibility="collapsed"
        )
    shown = [result for result in results if result.decision.kind in _FILTERS[wanted]]
    return sorted(shown, key=_ORDERS[order]), view


def _show_grid(results: Sequence[_Result], corrected: Mapping[str, str]) -> None:
    names = disambiguate([result.image.name for result in results])
    tiles = []
    for result, name in zip(results, names, strict=True):
        image, label = result.image, corrected.get(result.image.digest)
        words = f"Corrected: {label}" if label else percent(result.prediction.confidence)
        title = decision_title(result.decision, result.prediction.taxonomy)
        tiles.append(Tile(image.digest, image.thumb, name, words, group=title))
    image_grid(tiles, "Pictures", "many", picked=keys.MANY_PICKED, on_open=keys.OPENED.set)


def _show_table(results: Sequence[_Result], trained: Taxonomy) -> None:
    digests = [result.image.digest for result in results]
    rows = [_row(result, trained) for result in results]
    _, novelty = thresholds()
    # Ticks go by place: other rows are another table, and so is one in which nothing is ticked.
    token = hashlib.sha256(repr((keys.GRIDS_DRAWN.value, digests)).encode()).hexdigest()[:16]
    state = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        row_height=56,
        height=min(56 * len(rows) + 42, 620),
        on_select="rerun",
        selection_mode="multi-row",
        key=keys.MANY_TABLE.of(token),
        column_config={
            "Picture": st.column_config.ImageColumn(width=64),
            "Confidence": st.column_config.ProgressColumn(
                min_value=0, max_value=1, format="percent"
            ),
            "Novelty": st.column_config.NumberColumn(
                format="percent", help=f"Above {percent(novelty)} a picture is unknown."
            ),
        },
        alt="Predictions for all pictures",
    )
    picked = [digests[row] for row in state.selection.rows if row < len(digests)]
    keys.MANY_PICKED.value = frozenset(picked)
    if len(picked) == 1:
        name = results[digests.index(picked[0])].image.name
        st.button(
            f"Show why: {escape_markdown(name)}",
            on_click=keys.OPENED.set,
            args=picked,
            type="primary",
        )


def _row(result: _Result, trained: Taxonomy) -> dict[str, object]:
    prediction = result.prediction
    level, best = trained.level(prediction.taxonomy), prediction.scores[0].label
    row: dict[str, object] = {
        "Picture": thumb_uri(result.image.thumb),
        "Decision": result.decision.kind.capitalize(),
        level.name.capitalize(): best,
        "Confidence": prediction.confidence,
    }
    if level.coarser:
        row[level.coarser.name.capitalize()] = level.parent_of(best)
    if len(prediction.scores) > 1:
        row["Runner-up"] = prediction.scores[1].label
    return row | {"Novelty": prediction.novelty, "File": result.image.name}
