"""A network that a model needs and that is not here: a button, then how far its download is."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.progress import watch_job
from decor_app.format import escape_markdown
from decor_app.jobs.tensorflow_tasks import NetworkTask
from decor_app.state.jobs import NETWORK, job_for, submit
from decor_core.features.known_networks import known_network


def show_missing_network(name: str, whose: str) -> None:
    """Offer to fetch the network called ``name``; why that failed, if it did.

    ``whose`` tells two places of a page apart that want the same one.
    """
    about = f"{whose}: {name}"
    job = job_for(NETWORK, about)
    if job and job.active:
        watch_job(NETWORK, about)
        return
    if job and job.message:
        st.error(escape_markdown(job.message), icon=":material/error:")
    known = known_network(name)
    size = f" ({known.megabytes:g} MB)" if known else ""
    st.button(
        f"Fetch its network, {escape_markdown(name)}{size}",
        icon=":material/download:",
        on_click=submit,
        args=(NETWORK, NetworkTask(name), about),
        key=keys.FETCH_NETWORK.of(about),
    )
