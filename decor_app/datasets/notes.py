"""Parts of the report that need no decision: files set aside, notes, downloads."""

import json
from collections import defaultdict
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.class_picker import class_picker, edit_by_class
from decor_app.datasets.fixes import GROUPS
from decor_app.format import escape_markdown
from decor_app.state.downloads import Download
from decor_app.state.labeling import can_label_more, label_more
from decor_core.data.findings import KINDS
from decor_core.datasets.archive import aside_pieces
from decor_core.datasets.dataset import Dataset
from decor_core.text import pluralize

_LINES = 30  # of one kind


def show_aside(dataset: Dataset) -> None:
    """Files that are not in the set, with the reason, to take along or to take in."""
    report = dataset.catalog.report
    if not report.set_aside:
        return
    title = f"{pluralize(len(report.set_aside), 'file')} set aside"
    with st.expander(title, icon=":material/inventory_2:"):
        reasons = {"File": list(report.set_aside), "Why": list(report.set_aside.values())}
        st.dataframe(pd.DataFrame(reasons), hide_index=True, alt="Files set aside, with the reason")
        download = Download(lambda: aside_pieces(dataset), "set-aside.zip")
        st.download_button(
            "Download them",
            download,
            download.name,
            download.kind,
            icon=":material/download:",
            on_click="ignore",
            help="As they came, with the reasons in a text. What is there a second time is only "
            "named.",
        )
        if files := dataset.unclassed:
            label = f"{pluralize(len(files), 'picture')} of no class: put in"
            class_picker(dataset.catalog.taxonomy, keys.UNLISTED_LABEL, label)
            with st.container(horizontal=True):
                st.button("Put them in", icon=":material/label:", on_click=_accept, args=(files,))
                if can_label_more(dataset):
                    st.button("Label each by keys", on_click=label_more, args=(dataset,))


def _accept(files: Sequence[str]) -> None:
    """Take pictures that are in no class into the chosen one."""
    edit_by_class(keys.UNLISTED_LABEL, lambda now, *named: now.accept_rejected(files, *named))


def show_notes(dataset: Dataset) -> None:
    """Show the notes from reading: repairs and observations."""
    notes = defaultdict(list)
    for one in dataset.open_findings:
        if one.kind not in GROUPS and not one.set_aside:
            notes[one.kind].append(f"- {escape_markdown(one.file)}: {escape_markdown(one.message)}")
    if not notes:
        return
    count = sum(map(len, notes.values()))
    with st.expander(f"{pluralize(count, 'note')} from reading", icon=":material/build:"):
        for kind, lines in notes.items():
            more = len(lines) - _LINES
            rest = [f"- and {more} more; the report names all"] if more > 0 else []
            st.markdown(f"**{KINDS[kind]}**\n\n" + "\n".join(lines[:_LINES] + rest))


def show_downloads(dataset: Dataset) -> None:
    """The whole report, for people and for programs."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Report",
            lambda: dataset.open_report.to_text(),
            "report.txt",
            "text/plain",
            help="All that is on this page, as text",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "JSON",
            lambda: json.dumps(dataset.open_report.to_json(), ensure_ascii=False, indent=1),
            "report.json",
            "application/json",
            help="The same for programs",
            icon=":material/download:",
            on_click="ignore",
        )
