"""The report on a data set: its problems, before training, each with a click that fixes it."""

from collections.abc import Sequence

import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.bars import class_bars
from decor_app.components.class_picker import class_picker, edit_by_class
from decor_app.components.progress import watch_job
from decor_app.datasets.findings import grouped_findings, show_group
from decor_app.datasets.notes import show_aside, show_downloads, show_notes
from decor_app.format import escape_markdown
from decor_app.jobs.dataset_tasks import CheckTask
from decor_app.state.datasets import toast_error
from decor_app.state.jobs import CHECK, forget, job_for, submit
from decor_app.state.workspace import workspace
from decor_core.data.findings import BLOCKERS, Finding
from decor_core.datasets.dataset import Dataset
from decor_core.text import listed, pluralize

_MAX_BARS = 24
_NAMED = 3


def show_report(dataset: Dataset) -> None:
    """The whole report on a data set."""
    groups = grouped_findings(dataset)
    parts = [
        f"**{pluralize(len(dataset.table), 'picture')} in "
        f"{pluralize(len(dataset.counts), 'class')}**"
    ]
    for kind, count in dataset.catalog.report.left_out.items():
        parts.append(f"{count:,} of type {escape_markdown(kind)} left out")
    if groups:
        parts.append(f"{pluralize(sum(map(len, groups.values())), 'thing')} to look at")
    st.markdown(" · ".join(parts))
    if read_as := dataset.catalog.report.read_as:
        st.caption(escape_markdown(read_as))
    obstacles = [finding for kind in BLOCKERS for finding in groups.get(kind, ())]
    if obstacles:
        st.warning(_describe_obstacles(obstacles), icon=":material/block:")
    left, right = st.columns([5, 8], gap="large")
    with left:
        _show_classes(dataset)
        show_aside(dataset)
        show_notes(dataset)
        show_downloads(dataset)
    with right:
        _offer_check(dataset)
        for kind, findings in groups.items():
            show_group(kind, findings, dataset)
        if not groups:
            st.success("Nothing is left to put right.", icon=":material/check_circle:")


def _describe_obstacles(obstacles: Sequence[Finding]) -> str:
    """Why it cannot be trained on: the first reason in full, of the others the classes."""
    first, *more = obstacles
    file, message = escape_markdown(first.file), escape_markdown(first.message)
    words = f"It cannot be trained on yet. “{file}”: {message}"
    if not more:
        return words
    names = listed([f"“{escape_markdown(finding.file)}”" for finding in more], _NAMED)
    return f"{words} {pluralize(len(more), 'more blocker')}: {names}."


def _show_classes(dataset: Dataset) -> None:
    """How many pictures each class has, the smallest first; to rename or merge them."""
    counts = sorted(dataset.counts.items(), key=lambda item: item[1])
    with st.container(key="class-bars"):
        class_bars(dict(counts[:_MAX_BARS]))
    if len(counts) > _MAX_BARS:
        st.caption(
            f"The {_MAX_BARS} smallest of {len(counts)} classes; the largest has "
            f"{pluralize(counts[-1][1], 'picture')}."
        )
    with st.popover("Rename or merge a class", icon=":material/label:"):
        st.selectbox("Class", list(dataset.counts), key=keys.RENAMED, format_func=str)
        class_picker(dataset.catalog.taxonomy, keys.RENAMED_TO, "Is called, or is the same as")
        st.button("Rename", type="primary", on_click=_rename, width="stretch")


def _rename() -> None:
    renamed = keys.RENAMED.value
    edit_by_class(keys.RENAMED_TO, lambda now, *named: now.rename(renamed, *named))


def _offer_check(dataset: Dataset) -> None:
    """Look for label issues, where no model has in this version of the data set; how far it is."""
    job = job_for(CHECK, dataset.id)
    if job and job.active:
        with st.container(border=True):
            watch_job(CHECK, dataset.id)
        return
    if dataset.checked == dataset.version or len(dataset.counts) < 2:
        return
    again = bool(dataset.checked)
    with st.container(horizontal=True, vertical_alignment="center", key="check_bar"):
        st.button(
            "Look for label issues again" if again else "Look for label issues",
            icon=":material/troubleshoot:",
            on_click=submit,
            args=(CHECK, CheckTask(dataset.folder), dataset.id),
        )
        st.caption(
            "Labels or pictures have changed since a model looked for label issues."
            if again
            else "No model has looked for label issues yet, pictures in another class.",
            width="content",
        )


def collect_check() -> None:
    """Be done with a search for label issues; what was found is in the set."""
    job = job_for(CHECK, workspace().data_set)
    if job and not job.active:
        forget(CHECK)
        if job.status == "failed":
            toast_error(job.message)
