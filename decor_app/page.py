"""The frame of every page: its configuration, the navigation, the mark and the ornament."""

from contextvars import ContextVar
from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component
from streamlit.navigation.page import Page

from decor_app.format import escape_markdown
from decor_app.hosting.admin import password
from decor_app.hosting.admission import admit_session
from decor_app.hosting.config import server_config
from decor_app.state.toasts import show_waiting_toasts
from decor_core.config import beside
from decor_core.errors import SettingsError

_PAGES = beside("decor_app", "pages")
_ASSETS = Path(__file__).parent / "assets"
_IS_IN_APP = ContextVar("is_in_app", default=False)

CLASSIFY = _PAGES / "classify.py"
DATA = _PAGES / "data.py"
RETRAIN = _PAGES / "retrain.py"
RUNS = _PAGES / "runs.py"


def run() -> None:
    """Run the page that is open, in its frame: once for each click."""
    page = _navigation()
    within = _IS_IN_APP.set(True)
    try:
        page.run()
    finally:
        _IS_IN_APP.reset(within)


def _navigation() -> Page:
    """Configure the page and return the one that was asked for."""
    st.set_page_config(page_title="Decor", page_icon=str(_ASSETS / "icon.png"), layout="wide")
    st.logo(str(_ASSETS / "logo.png"), size="large")
    pages = [
        st.Page(CLASSIFY, title="Classify", default=True),
        st.Page(DATA, title="Data"),
        st.Page(RETRAIN, title="Retrain"),
        st.Page(RUNS, title="Runs"),
        st.Page(_PAGES / "about.py", title="About"),
    ]
    if password():  # for whoever knows its address and the password: /admin
        pages.append(st.Page(_PAGES / "admin.py", title="Admin", visibility="hidden"))
    return st.navigation(pages, position="top")


def open_page(title: str, lead: str) -> None:
    """Begin a page; both texts are Markdown."""
    if not _IS_IN_APP.get():  # a page by itself, as tests run it
        _navigation()
    st.html(_ASSETS / "style.css")
    show_waiting_toasts()
    _check_settings()
    admit_session()
    st.title(title, anchor=False)
    st.markdown(lead)
    st.html('<div class="decor-band" aria-hidden="true"></div>')


def _check_settings() -> None:
    """End the page where whoever hosts it has mistyped a setting in the secrets."""
    try:
        server_config()
    except SettingsError as error:
        st.error(escape_markdown(str(error)), icon=":material/settings_alert:")
        st.stop()


def asset(name: str) -> str:
    """The text of a file of assets/."""
    return (_ASSETS / name).read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def browser_component(name: str):
    """The component of the files of assets/ with that name: HTML, CSS and JavaScript."""
    return component(
        f"decor-{name.replace('_', '-')}",
        html=asset(f"{name}.html"),
        css=asset(f"{name}.css"),
        js=asset(f"{name}.js"),
    )
