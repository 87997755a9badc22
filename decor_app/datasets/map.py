"""The map: pictures that look alike lie together, whatever they are called."""

import numpy as np
import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.theme import INK, OTHER, nominal, quantitative, show_chart, tooltip
from decor_app.datasets.grid import show_grid
from decor_app.format import escape_markdown, pluralize, thumb_uri
from decor_app.jobs.dataset_tasks import MapTask, Places
from decor_app.state.dataset_jobs import MAP, forget, read, reading, watch
from decor_app.state.selection import pick
from decor_app.state.workspace import workspace
from decor_core.datasets.dataset import Dataset

_MOST_COLOURS = 12
_COLOURS = 7  # of the theme; more classes are told apart by shape, too
_REST = "other classes"
_HEIGHT = 560
_MOST_THUMBS = 5_000


def show_map(dataset: Dataset) -> None:
    """The map of a data set, and the pictures in the part of it that is marked."""
    places = _places(dataset)
    if places is None:
        _offer(dataset)
        return
    table = _table(dataset, places)
    missing = len(dataset.table) - len(table)
    if missing:
        _offer_anew(dataset, missing)
    marked = _chart(dataset, table)
    if marked is None:
        st.caption(
            "Each dot is a picture; those that look alike lie together. A dot of one color among "
            "another is a stray, or mislabeled; a ring marks what a model finds odd. "
            "Hover to see it, draw a box to pick."
        )
        return
    rows = dataset.table[dataset.table["file"].isin(marked)]
    if keys.MARKED.value != marked:
        keys.MARKED.value = marked
        pick(marked)
    show_grid(dataset, rows)


def _places(dataset: Dataset) -> Places | None:
    job = reading(MAP, dataset.id)
    if job and not job.active:
        forget(MAP)
        if job.status == "done":
            workspace().maps[dataset.id] = job.result
        elif job.status == "failed":
            st.error(escape_markdown(job.message), icon=":material/error:")
    return workspace().maps.get(dataset.id)


def _offer(dataset: Dataset) -> None:
    if _shows_drawing(dataset):
        return
    st.markdown("A map shows which classes are clear, which run together, and what strays.")
    st.button(
        "Draw the map",
        type="primary",
        icon=":material/scatter_plot:",
        on_click=_draw,
        args=(dataset,),
    )


def _offer_anew(dataset: Dataset, missing: int) -> None:
    """The map lacks pictures: to draw it again, while it stays to be seen."""
    if _shows_drawing(dataset):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f"{pluralize(missing, 'picture')} came after the map was drawn and "
            f"{'is' if missing == 1 else 'are'} not on it.",
            width="content",
        )
        st.button("Draw again", icon=":material/scatter_plot:", on_click=_draw, args=(dataset,))


def _shows_drawing(dataset: Dataset) -> bool:
    """Whether a map is being drawn; how far it is."""
    job = reading(MAP, dataset.id)
    if not job or not job.active:
        return False
    with st.container(border=True):
        watch(MAP, dataset.id)
    return True


def _draw(dataset: Dataset) -> None:
    read(MAP, MapTask(dataset.folder), dataset.id)


def _table(dataset: Dataset, places: Places) -> pd.DataFrame:
    """A row for each picture that is on the map: where, what, how it looks."""
    where = {key: i for i, key in enumerate(places.keys)}
    rows = dataset.table[dataset.table["key"].isin(where)]
    index = rows["key"].map(where).to_numpy(dtype=int)
    spots = places.places[index] if len(index) else np.zeros((0, 2))
    counts = sorted(dataset.counts.items(), key=lambda item: -item[1])
    coloured = {label for label, _ in counts[:_MOST_COLOURS]}
    labels = rows[dataset.level]
    return pd.DataFrame(
        {
            "x": spots[:, 0],
            "y": spots[:, 1],
            "file": rows["file"].to_numpy(),
            "label": labels.to_numpy(),
            "shown": [label if label in coloured else _REST for label in labels],
            "odd": rows["file"].isin(_odd(dataset)).to_numpy(),
        }
    ).assign(**_images(places, index))


def _odd(dataset: Dataset) -> set[str]:
    """Files that a model finds in the wrong class, or nowhere at home."""
    return {e.file for e in dataset.open_findings if e.kind in ("mislabelled", "outlier")}


def _images(places: Places, index: np.ndarray) -> dict[str, list[str]]:
    """Small pictures to show on hovering, unless they are too many for one message."""
    if len(index) > _MOST_THUMBS:
        return {}
    return {"image": [thumb_uri(places.thumbs[i]) for i in index]}


def _chart(dataset: Dataset, table: pd.DataFrame) -> frozenset[str] | None:
    """Draw the map; the files in the box that is drawn on it, None where there is none."""
    order = [label for label in dataset.counts if (table["shown"] == label).any()]
    rest = [_REST] if (table["shown"] == _REST).any() else []
    legend = {"title": None, "orient": "bottom", "columns": 2, "labelLimit": 130}
    axis = {"axis": None, "scale": {"domain": [-1.05, 1.05]}}
    # More classes than there are colors are told apart by their shape, too.
    shapes = ["circle" if i < _COLOURS else "triangle-up" for i in range(len(order))]
    image = {"image": "image"} if "image" in table else {}
    chart = {
        "mark": {"type": "point", "filled": True, "opacity": 0.85,
                 "size": 70 if len(table) < 500 else 36},
        "params": [{"name": "box", "select": {"type": "interval"}}],
        "encoding": {
            "x": quantitative("x", **axis),
            "y": quantitative("y", **axis),
            "color": nominal("shown", scale={"domain": order}, legend=legend) | {
                "condition": {"test": f"datum.shown === '{_REST}'", "value": OTHER}
            },
            "shape": nominal(
                "shown",
                scale={"domain": [*order, *rest], "range": [*shapes, *("circle" for _ in rest)]},
                legend=legend,
            ),
            "stroke": {"condition": {"test": "datum.odd", "value": INK}, "value": "transparent"},
            "strokeWidth": {"condition": {"test": "datum.odd", "value": 2.5}, "value": 0},
            "order": nominal("odd"),
            "tooltip": tooltip(**image, label=dataset.level.capitalize(), file="File"),
        },
    }  # fmt: skip
    selected = show_chart(
        chart,
        table,
        height=_HEIGHT,
        alt=f"Map of {len(table)} pictures by how they look, colored by {dataset.level}: "
        f"{', '.join(order)}",
        key=keys.MAP.of(f"{dataset.id}-{dataset.version}"),
    )
    box = selected.get("box") or {}
    if not {"x", "y"} <= set(box):
        return None
    (left, right), (low, high) = (sorted(box[axis]) for axis in ("x", "y"))
    inside = table["x"].between(left, right) & table["y"].between(low, high)
    return frozenset(table["file"][inside])
