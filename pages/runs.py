"""Runs: every training to come back to, compare, keep, download or use."""

import streamlit as st

from decor_app.page import RETRAIN, open_page
from decor_app.runs.comparison import show_comparison
from decor_app.runs.details import show_deleted, show_run
from decor_app.runs.table import choose_runs
from decor_app.runs.transfer import show_import, show_tensorboard
from decor_app.state.finished_jobs import collect
from decor_app.state.models import shipped_bundle
from decor_app.state.runs import IN_SESSION, SHIPPED, may_keep, run_entries

open_page(
    "Runs",
    "Every model that you have trained, beside those that ship: pick one to look closer or "
    "take it with you, pick several to compare them.",
)
collect()
show_deleted()
entries = run_entries()
places = {entry.where for entry in entries}
chosen = choose_runs(entries) if entries else []

if len(chosen) > 1:
    show_comparison([entry.run for entry in chosen])
elif chosen:
    show_run(chosen[0])
elif places <= {SHIPPED}:
    st.info("Nothing of yours here yet.", icon=":material/info:")
    st.page_link(RETRAIN, label="Train a model", icon=":material/arrow_forward:")
else:
    st.caption("Tick a row to look closer, several to compare.")
if IN_SESSION in places and not may_keep():
    st.caption(
        "Runs are here until you leave; download those that you want to have for longer, and "
        "bring them back below."
    )

st.divider()
show_tensorboard([entry.run for entry in chosen or entries])
show_import()
if SHIPPED not in places:
    shipped_bundle()  # says why it is not there
