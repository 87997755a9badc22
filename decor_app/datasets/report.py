"""What is wrong with a data set, said before training, with a click to put it right."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.bars import class_bars
from decor_app.components.class_picker import chosen_label, label_box
from decor_app.datasets.enlarged import enlarge
from decor_app.datasets.fixes import GROUPS, MERGEABLE, Fix, fixes, fixes_of_all
from decor_app.datasets.notes import show_aside, show_downloads, show_notes
from decor_app.format import escape_markdown, pluralize
from decor_app.jobs.dataset_tasks import CheckTask
from decor_app.state.dataset_jobs import CHECK, forget, read, reading, watch
from decor_app.state.datasets import edit, toast_error
from decor_app.state.workspace import workspace
from decor_core.data.findings import ABOUT_CLASSES, KINDS, OBSTACLES, Finding
from decor_core.datasets.dataset import Dataset

_SHOWN, _MORE = 4, 20
_MOST_BARS = 24
_NAMED = 3
_THUMB = 84


def show_report(dataset: Dataset) -> None:
    """The whole report on a data set."""
    groups = _grouped(dataset)
    _show_summary(dataset, groups)
    left, right = st.columns([5, 8], gap="large")
    with left:
        _show_classes(dataset)
        show_aside(dataset)
        show_notes(dataset)
        show_downloads(dataset)
    with right:
        _show_check(dataset)
        for kind, findings in groups.items():
            _show_group(kind, findings, dataset)
        if not groups:
            st.success("Nothing is left to put right.", icon=":material/check_circle:")


def collect_check() -> None:
    """Be done with a search for label issues; what was found is in the set."""
    job = reading(CHECK, workspace().data_set)
    if job and not job.active:
        forget(CHECK)
        if job.status == "failed":
            toast_error(job.message)


def _grouped(dataset: Dataset) -> dict[str, list[Finding]]:
    """What can be put right, by kind, the gravest first."""
    found = defaultdict(list)
    for finding in dataset.open_findings:
        if finding.kind in GROUPS:
            found[finding.kind].append(finding)
    return {kind: found[kind] for kind in KINDS if found[kind]}


def _show_summary(dataset: Dataset, groups: dict[str, list[Finding]]) -> None:
    total = pluralize(len(dataset.table), "picture")
    words = [f"**{total} in {pluralize(len(dataset.counts), 'class')}**"]
    words += [f"{count:,} of type {escape_markdown(kind)} left out"
              for kind, count in dataset.catalog.report.left_out.items()]  # fmt: skip
    count = sum(map(len, groups.values()))
    words.append(f"{pluralize(count, 'thing')} to look at" if count else "")
    st.markdown(" · ".join(filter(None, words)))
    obstacles = [e for kind in OBSTACLES for e in groups.get(kind, ())]
    if obstacles:
        st.warning(_why_not(obstacles), icon=":material/block:")


def _why_not(obstacles: Sequence[Finding]) -> str:
    """Why it cannot be trained on: the first reason in full, of the others the classes."""
    first, *more = obstacles
    file, message = escape_markdown(first.file), escape_markdown(first.message)
    words = f"It cannot be trained on yet. “{file}”: {message}"
    if not more:
        return words
    names = ", ".join(f"“{escape_markdown(finding.file)}”" for finding in more[:_NAMED])
    rest = " …" if len(more) > _NAMED else "."
    return f"{words} {pluralize(len(more), 'more obstacle')}: {names}{rest}"


def _show_classes(dataset: Dataset) -> None:
    counts = sorted(dataset.counts.items(), key=lambda item: item[1])
    with st.container(key="class-bars"):
        class_bars(dict(counts[:_MOST_BARS]))
    if len(counts) > _MOST_BARS:
        st.caption(
            f"The {_MOST_BARS} smallest of {len(counts)} classes; the largest has "
            f"{pluralize(counts[-1][1], 'picture')}."
        )
    with st.popover("Rename or merge a class", icon=":material/label:"):
        st.selectbox("Class", list(dataset.counts), key=keys.RENAMED, format_func=str)
        label_box(dataset, keys.RENAMED_TO, "Is called, or is the same as")
        st.button("Rename", type="primary", on_click=_rename, width="stretch")


def _rename() -> None:
    label, parent = chosen_label(keys.RENAMED_TO)
    old = keys.RENAMED.value
    if edit(lambda now: now.rename(old, label, parent)):
        keys.RENAMED_TO.value = None


def _show_check(dataset: Dataset) -> None:
    """Whether a model has looked for wrong labels, in this version of the data set."""
    job = reading(CHECK, dataset.id)
    if job and job.active:
        with st.container(border=True):
            watch(CHECK, dataset.id)
        return
    if dataset.checked == dataset.version or len(dataset.counts) < 2:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="check_bar"):
        st.button(
            "Look again" if dataset.checked else "Look for wrong labels",
            icon=":material/troubleshoot:",
            on_click=lambda: read(CHECK, CheckTask(dataset.folder), dataset.id),
        )
        st.caption(
            "Labels or pictures have changed since a model looked for wrong labels."
            if dataset.checked
            else "No model has looked for wrong labels yet.",
            width="content",
        )


# Groups of findings


def _show_group(kind: str, findings: Sequence[Finding], dataset: Dataset) -> None:
    group = GROUPS[kind]
    more = keys.FINDINGS_SHOWN.of(kind)
    shown = more.get(_SHOWN)
    with st.container(border=True, key=f"group-{kind.replace(' ', '-')}", gap="small"):
        st.subheader(group.title(len(findings)), anchor=False)
        st.caption(group.meaning)
        for finding in findings[:shown]:
            _show_entry(finding, dataset)
        with st.container(horizontal=True, gap="small"):
            if len(findings) > shown:
                st.button(
                    f"Show {min(_MORE, len(findings) - shown)} more",
                    key=keys.SHOW_MORE.of(kind),
                    icon=":material/expand_more:",
                    on_click=more.set,
                    args=(shown + _MORE,),
                )
            for number, fix in enumerate(fixes_of_all(kind, findings, dataset)):
                _fix_button(fix, keys.FIX.of(f"all-{kind}-{number}"), many=True)


def _show_entry(finding: Finding, dataset: Dataset) -> None:
    files = [name for name in (finding.file, finding.other) if dataset.label_of(name)]
    if finding.kind in ABOUT_CLASSES:
        files = []
    key = f"{finding.kind}-{finding.file}-{finding.other}"
    with st.container(horizontal=True, gap="small", vertical_alignment="center", wrap=False):
        if files:
            with st.container(horizontal=True, gap="xsmall", width="content", wrap=False):
                for file in files:
                    _show_thumb(dataset, file)
        with st.container(gap="xsmall"):
            st.markdown(
                f"**{_heading(finding, dataset)}**  \n:small[{escape_markdown(finding.message)}]"
            )
            with st.container(horizontal=True, gap="xsmall"):
                for number, fix in enumerate(fixes(finding, dataset)):
                    _fix_button(fix, keys.FIX.of(f"{key}-{number}"))
                if finding.kind in MERGEABLE and len(dataset.counts) > 1:
                    _show_merge(finding, dataset)
                if files and st.button(
                    "Look closer",
                    key=keys.LOOK_CLOSER.of(key),
                    icon=":material/zoom_in:",
                    type="tertiary",
                ):
                    enlarge(dataset, files[0])


def _show_merge(finding: Finding, dataset: Dataset) -> None:
    with st.popover("Merge into …", icon=":material/merge:"):
        about = f"{finding.kind}-{finding.file}"
        into = keys.MERGE_INTO.of(about)
        others = [label for label in dataset.counts if label != finding.file]
        st.selectbox("Class", others, key=into)
        st.button(
            "Merge",
            key=keys.MERGE.of(about),
            type="primary",
            on_click=lambda: edit(lambda now: now.rename(finding.file, into.value)),
        )


def _heading(finding: Finding, dataset: Dataset) -> str:
    """What the finding is about: the class, or the picture and the class it is in."""
    if finding.kind in ABOUT_CLASSES:
        return escape_markdown(finding.file)
    label = dataset.label_of(finding.file)
    name = escape_markdown(PurePosixPath(finding.file).name)
    if finding.kind == "mislabelled":
        return f"{name}: {escape_markdown(label)}, or {escape_markdown(finding.suggestion)}?"
    return f"{name}: {escape_markdown(label)}" if label else name


def _show_thumb(dataset: Dataset, file: str) -> None:
    thumb = dataset.thumb(dataset.key_of(file))
    if thumb:
        st.image(thumb, width=_THUMB, alt=f"{file}, {dataset.label_of(file)}")


def _fix_button(fix: Fix, key: keys.SessionKey, many: bool = False) -> None:
    st.button(
        escape_markdown(fix.label),
        key=key,
        icon=fix.icon or None,
        type="tertiary" if many else "secondary",
        on_click=edit,
        args=(fix.change,),
    )
