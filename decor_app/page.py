"""What frames every page: its configuration, the navigation, the mark and the ornament."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from decor_app.format import escape_markdown
from decor_app.hosting.admin import password
from decor_app.hosting.admission import admit_session, server
from decor_app.hosting.config import server_config
from decor_app.hosting.memory import settle
from decor_app.state.cleanup import start_cleanup
from decor_core.errors import SettingsError

_PAGES = Path(__file__).parents[1] / "pages"
_ASSETS = Path(__file__).parent / "assets"

CLASSIFY = _PAGES / "classify.py"
DATA = _PAGES / "data.py"
RETRAIN = _PAGES / "retrain.py"
RUNS = _PAGES / "runs.py"


def navigation() -> Page:
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
    """Begin a page; both texts are Markdown.

    A server that has not run app.py yet answers a deep link with the page alone, under a
    navigation made of file names: so each page sets up its own.
    """
    settle()
    # After app.py, too: it makes controls the whole app's, whose ids differ from those of a page's
    # own, and what was chosen on a page that first ran alone would be lost with the next run.
    navigation()
    st.html(_ASSETS / "style.css")
    _check_settings()
    if server():
        start_cleanup()
    admit_session()
    st.title(title, anchor=False)
    st.markdown(lead)
    st.html('<div class="decor-band" aria-hidden="true"></div>')


def _check_settings() -> None:
    """End the page where whoever hosts it has mistyped a setting; server.py does not even start."""
    try:
        server_config()
    except SettingsError as error:
        st.error(escape_markdown(str(error)), icon=":material/settings_alert:")
        st.stop()


def asset(name: str) -> str:
    """The text of a file of assets/."""
    return (_ASSETS / name).read_text(encoding="utf-8")
