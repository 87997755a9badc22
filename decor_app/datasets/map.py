"""The map: pictures that look alike lie together, whatever they are called."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.theme import INK, OTHER, show_chart
from decor_app.components.progress import watch_job
from decor_app.datasets.grid import show_grid
from decor_app.format import escape_markdown, thumb_uri
from decor_app.jobs.dataset_tasks import MapCoordinates, MapTask
from decor_app.state.jobs import MAP, forget, job_for, submit
from decor_app.state.selection import pick
from decor_app.state.workspace import workspace
from decor_core.datasets.dataset import Dataset
from decor_core.text import pluralize

_MAX_COLORS = 12
_COLORS = 7  # of the theme; more classes are told apart by shape, too
_REST = "other classes"
_HEIGHT = 560
_MAX_THUMBS = 5_000


def show_map(dataset: Dataset) -> None:
    """The map of a data set, and the pictures in the part of it that is marked."""
    places = _places(dataset)
    if places is None:
        _offer(dataset, missing=len(dataset.table))
        return
    table = _table(dataset, places)
    missing = len(dataset.table) - len(table)
    if missing:
        _offer(dataset, missing)
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


def _places(dataset: Dataset) -> MapCoordinates | None:
    job = job_for(MAP, dataset.id)
    if job and not job.active:
        if job.status == "done":
            workspace().maps[dataset.id] = job.result
        forget(MAP)
        if job.status == "failed":
            st.error(escape_markdown(job.message), icon=":material/error:")
    return workspace().maps.get(dataset.id)


def _offer(dataset: Dataset, missing: int) -> None:
    """A button to draw the map, for the first time or because it lacks pictures; how far it is."""
    job = job_for(MAP, dataset.id)
    if job and job.active:
        with st.container(border=True):
            watch_job(MAP, dataset.id)
        return
    button = {"icon": ":material/scatter_plot:", "on_click": submit}
    args = (MAP, MapTask(dataset.folder), dataset.id)
    if missing == len(dataset.table):
        st.markdown("A map shows which classes are clear, which run together, and what strays.")
        st.button("Draw the map", type="primary", args=args, **button)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        verb = "is" if missing == 1 else "are"
        came = f"{pluralize(missing, 'picture')} came after the map was drawn and {verb} not on it."
        st.caption(came, width="content")
        st.button("Draw again", args=args, **button)


def _table(dataset: Dataset, places: MapCoordinates) -> pd.DataFrame:
    """A row for each picture that is on the map: where, what, how it looks."""
    where = {key: i for i, key in enumerate(places.keys)}
    rows = dataset.table[dataset.table["key"].isin(where)]
    index = rows["key"].map(where).to_numpy(dtype=int)
    spots = places.places[index] if len(index) else np.zeros((0, 2))
    counts = sorted(dataset.counts.items(), key=lambda item: -item[1])
    colored = {label for label, _ in counts[:_MAX_COLORS]}
    labels = rows[dataset.level]
    odd = {e.file for e in dataset.open_findings if e.kind in ("mislabelled", "outlier")}
    table = pd.DataFrame(
        {
            "x": spots[:, 0],
            "y": spots[:, 1],
            "file": rows["file"].to_numpy(),
            "label": labels.to_numpy(),
            "shown": [label if label in colored else _REST for label in labels],
            "odd": rows["file"].isin(odd).to_numpy(),
        }
    )
    if len(index) <= _MAX_THUMBS:  # more would be too much for one message
        table["image"] = [thumb_uri(places.thumbs[i]) for i in index]
    return table


def _chart(dataset: Dataset, table: pd.DataFrame) -> frozenset[str] | None:
    """Draw the map; the files in the box that is drawn on it, None where there is none."""
    order = [label for label in dataset.counts if (table["shown"] == label).any()]
    rest = [_REST] if (table["shown"] == _REST).any() else []
    legend = alt.Legend(title=None, orient="bottom", columns=2, labelLimit=130)
    axis = {"axis": None, "scale": alt.Scale(domain=[-1.05, 1.05])}
    # More classes than there are colors are told apart by their shape, too.
    shapes = ["circle" if i < _COLORS else "triangle-up" for i in range(len(order))]
    shape = alt.Scale(domain=[*order, *rest], range=[*shapes, *("circle" for _ in rest)])
    chart = (
        alt.Chart(alt.NamedData("rows"), name="map")
        .mark_point(filled=True, opacity=0.85, size=70 if len(table) < 500 else 36)
        .encode(
            x=alt.X("x:Q", **axis),
            y=alt.Y("y:Q", **axis),
            color=alt.condition(
                f"datum.shown === '{_REST}'",
                alt.value(OTHER),
                alt.Color("shown:N", scale=alt.Scale(domain=order), legend=legend),
            ),
            shape=alt.Shape("shown:N", scale=shape, legend=legend),
            stroke=alt.condition("datum.odd", alt.value(INK), alt.value("transparent")),
            strokeWidth=alt.condition("datum.odd", alt.value(2.5), alt.value(0)),
            order="odd:N",
            tooltip=[
                *([alt.Tooltip("image:N")] if "image" in table else []),
                alt.Tooltip("label:N", title=dataset.level.capitalize()),
                alt.Tooltip("file:N", title="File"),
            ],
        )
        .add_params(alt.selection_interval("box"))
    )
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
