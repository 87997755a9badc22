"""Data: pictures of one's own brought in, checked, put right, kept."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.datasets.browse import show_pictures
from decor_app.datasets.first_model import show_first_model
from decor_app.datasets.ingest import show_ingest
from decor_app.datasets.map import show_map
from decor_app.datasets.overview import show_deleted, show_header, show_list
from decor_app.datasets.report import collect_check, show_report
from decor_app.datasets.upload import show_additions, show_empty_state, show_ways_in
from decor_app.labeling.view import show_labeling
from decor_app.page import open_page
from decor_app.state import datasets, labeling
from decor_app.state.finished_jobs import collect

VIEWS = {
    "Report": show_report,
    "Pictures": show_pictures,
    "Map": show_map,
    "Add pictures": show_additions,
}

open_page(
    "Your pictures",
    "From a folder on your desk to a classifier of your own: bring pictures in, see what is "
    "wrong with them, put it right with a click.",
)
collect()
ingesting = show_ingest()
show_deleted()
collect_check()
unlabeled = labeling.opened()
dataset = None if unlabeled else datasets.opened()

if unlabeled:
    show_labeling(unlabeled)
elif dataset:
    show_header(dataset)
    show_first_model(dataset)
    tabs = st.tabs(list(VIEWS), key=keys.DATA_VIEW, on_change="rerun")
    for tab, show in zip(tabs, VIEWS.values(), strict=True):
        if tab.open:
            with tab:
                show(dataset)
else:
    known, unlabeled_sets = datasets.summaries(), labeling.unlabeled_sets()
    show_list(known, unlabeled_sets)
    if not ingesting:
        if known or unlabeled_sets:
            st.header("Bring pictures in", anchor=False)
        left, right = st.columns([7, 5], gap="large")
        with left:
            show_ways_in()
        with right:
            show_empty_state()
