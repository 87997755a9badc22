"""What a report on a data set tells that needs no deed: files set aside, notes, downloads."""

import io
import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.class_picker import chosen_label, label_box
from decor_app.datasets.fixes import GROUPS
from decor_app.format import escape_markdown, pluralize
from decor_app.state.datasets import edit
from decor_core.data.findings import KINDS
from decor_core.datasets.archive import write_aside
from decor_core.datasets.dataset import Dataset


def show_aside(dataset: Dataset) -> None:
    """Files that are not in the set, with the reason, to take along or to take in."""
    aside = dataset.catalog.report.set_aside
    if not aside:
        return
    with st.expander(f"{pluralize(len(aside), 'file')} set aside", icon=":material/inventory_2:"):
        table = pd.DataFrame({"File": list(aside), "Why": list(aside.values())})
        st.dataframe(table, hide_index=True, alt="Files set aside, with the reason")
        st.download_button(
            "Download them",
            lambda: _zipped_aside(dataset),
            "set-aside.zip",
            "application/zip",
            icon=":material/download:",
            on_click="ignore",
            help="As they came, with the reasons in a text. What is there a second time is only "
            "named.",
        )
        _show_unlisted(dataset)


def _show_unlisted(dataset: Dataset) -> None:
    """A class for the pictures that are in none."""
    files = [finding.file for finding in dataset.catalog.report.of("unlisted")]
    if files:
        label_box(
            dataset, keys.UNLISTED_LABEL, f"{pluralize(len(files), 'picture')} of no class: put in"
        )
        st.button("Put them in", icon=":material/label:", on_click=_take_up, args=(files,))


def _take_up(files: Sequence[str]) -> None:
    label, parent = chosen_label(keys.UNLISTED_LABEL)
    if edit(lambda now: now.accept_rejected(files, label, parent)):
        keys.UNLISTED_LABEL.value = None


def _zipped_aside(dataset: Dataset) -> bytes:
    packed = io.BytesIO()
    write_aside(dataset, packed)
    return packed.getvalue()


def show_notes(dataset: Dataset) -> None:
    """What was mended or noticed while reading."""
    notes = [e for e in dataset.open_findings if e.kind not in GROUPS and not e.set_aside]
    if not notes:
        return
    with st.expander(f"{pluralize(len(notes), 'note')} from reading", icon=":material/build:"):
        for kind in dict.fromkeys(finding.kind for finding in notes):
            lines = [
                f"- {escape_markdown(e.file)}: {escape_markdown(e.message)}"
                for e in notes
                if e.kind == kind
            ]
            more = [f"- and {len(lines) - 30} more; the report names all"] if lines[30:] else []
            st.markdown(f"**{KINDS[kind]}**\n\n" + "\n".join(lines[:30] + more))


def show_downloads(dataset: Dataset) -> None:
    """The whole report, for people and for programs."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Report",
            lambda: dataset.open_report.to_text(),
            "report.txt",
            "text/plain",
            icon=":material/download:",
            on_click="ignore",
            help="All that is on this page, as text",
        )
        st.download_button(
            "JSON",
            lambda: json.dumps(dataset.open_report.to_json(), ensure_ascii=False, indent=1),
            "report.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            help="The same for programs",
        )
