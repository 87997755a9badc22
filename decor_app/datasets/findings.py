"""Findings about a data set on the page: a box for each kind, with a click to put each right."""

import io
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal

import streamlit as st
from PIL import Image

from decor_app import session_keys as keys
from decor_app.datasets.fixes import GROUPS, MERGEABLE, Fix, fixes, fixes_of_all
from decor_app.datasets.picture_dialog import show_picture_dialog
from decor_app.format import escape_markdown
from decor_app.session_keys import SessionKey
from decor_app.state.datasets import edit
from decor_core.data.findings import ABOUT_CLASSES, KINDS, Finding
from decor_core.datasets.dataset import Dataset

_SHOWN, _MORE = 4, 20
_THUMB = 84


def grouped_findings(dataset: Dataset) -> Mapping[str, Sequence[Finding]]:
    """Findings that can be fixed, by kind, the gravest first."""
    found = {kind: [f for f in dataset.open_findings if f.kind == kind] for kind in KINDS}
    return {kind: findings for kind, findings in found.items() if findings and kind in GROUPS}


def show_group(kind: str, findings: Sequence[Finding], dataset: Dataset) -> None:
    """Findings of one kind, the first of them at once, with what can be done about all."""
    group, limit = GROUPS[kind], keys.FINDINGS_SHOWN.of(kind)
    shown = limit.get(_SHOWN)
    with st.container(border=True, key=f"group-{kind.replace(' ', '-')}", gap="small"):
        st.subheader(group.title(len(findings)), anchor=False)
        st.caption(group.meaning)
        for finding in findings[:shown]:
            _show_finding(finding, dataset)
        with st.container(horizontal=True, gap="small"):
            if len(findings) > shown:
                st.button(
                    f"Show {min(_MORE, len(findings) - shown)} more",
                    key=keys.SHOW_MORE.of(kind),
                    icon=":material/expand_more:",
                    on_click=limit.set,
                    args=(shown + _MORE,),
                )
            for number, fix in enumerate(fixes_of_all(kind, findings)):
                _fix_button(fix, keys.FIX.of(f"all-{kind}-{number}"), "tertiary")


def _show_finding(finding: Finding, dataset: Dataset) -> None:
    about_class = finding.kind in ABOUT_CLASSES
    files = [] if about_class else [f for f in (finding.file, finding.other) if dataset.label_of(f)]
    key = f"{finding.kind}-{finding.file}-{finding.other}"
    with st.container(
        horizontal=True,
        gap="small",
        vertical_alignment="center",
        wrap=False,
        key=f"pair-{key}" if len(files) > 1 else None,
    ):
        if files:
            with st.container(horizontal=True, gap="xsmall", width="content", wrap=False):
                for file in files:
                    if thumb := dataset.thumb(dataset.key_of(file)):
                        alt = f"{file}, {dataset.label_of(file)}"
                        width, height = Image.open(io.BytesIO(thumb)).size
                        st.image(
                            thumb, width=max(8, min(_THUMB, _THUMB * width // height)), alt=alt
                        )
        with st.container(gap="xsmall"):
            subject, message = _subject(finding, dataset), escape_markdown(finding.message)
            st.markdown(f"**{subject}**  \n:small[{message}]")
            with st.container(horizontal=True, gap="xsmall"):
                for number, fix in enumerate(fixes(finding, dataset)):
                    _fix_button(fix, keys.FIX.of(f"{key}-{number}"), "secondary")
                if finding.kind in MERGEABLE and len(dataset.counts) > 1:
                    _merge_menu(finding, dataset)
                if files and st.button(
                    "Look closer",
                    key=keys.ENLARGE.of(key),
                    icon=":material/zoom_in:",
                    type="tertiary",
                ):
                    show_picture_dialog(dataset, files[0])


def _subject(finding: Finding, dataset: Dataset) -> str:
    """The subject of a finding: the class, or the picture and its class."""
    if finding.kind in ABOUT_CLASSES:
        return escape_markdown(finding.file)
    label = escape_markdown(dataset.label_of(finding.file))
    name = escape_markdown(PurePosixPath(finding.file).name)
    if finding.kind == "mislabelled":
        return f"{name}: {label}, or {escape_markdown(finding.suggestion)}?"
    return f"{name}: {label}" if label else name


def _merge_menu(finding: Finding, dataset: Dataset) -> None:
    about = f"{finding.kind}-{finding.file}"
    into = keys.MERGE_INTO.of(about)

    def merge() -> None:
        edit(lambda now: now.rename(finding.file, into.value))

    with st.popover("Merge into …", icon=":material/merge:"):
        st.selectbox("Class", [one for one in dataset.counts if one != finding.file], key=into)
        st.button(
            "Merge",
            key=keys.MERGE.of(about),
            type="primary",
            on_click=merge,
        )


def _fix_button(fix: Fix, key: SessionKey, kind: Literal["secondary", "tertiary"]) -> None:
    def apply() -> None:
        edit(fix.change)

    label, icon = escape_markdown(fix.label), fix.icon or None
    st.button(label, key=key, icon=icon, type=kind, on_click=apply)
