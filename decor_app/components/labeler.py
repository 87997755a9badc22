"""Pictures that get their labels in the browser, by keys: none of it runs the page anew."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st
from streamlit.components.v2 import component

from decor_app import session_keys as keys
from decor_app.page import asset

# Scripts of one module, in which each knows the names of all others.
_PARTS = ("store", "lists", "progress", "selection", "view", "keys")


def labeler(
    dataset_id: str,
    address: str,
    pictures: Sequence[Mapping[str, str]],
    on_finish: Callable[[], None],
) -> None:
    """Show ``pictures``, each with "id" and "title"; their labels go to the routes at ``address``.

    ``on_finish`` is called before the page runs when somebody is done; all is saved by then.
    """
    _component()(
        key=keys.LABELER.of(dataset_id),
        data={
            "address": address,
            "dataset": dataset_id,
            "pictures": list(pictures),
        },
        on_finished_change=on_finish,
        on_lost_change=lambda: None,  # the page runs, with the address on a server started anew
    )


@st.cache_resource(show_spinner=False)
def _component():
    return component(
        "decor-labeler",
        html=asset("labeler.html"),
        css=asset("labeler.css"),
        js=asset("labeler.js") + "".join(asset(f"labeler_{part}.js") for part in _PARTS),
    )
