"""In a real browser: clicks that come while a fragment is being drawn leave the page whole."""

import re
from pathlib import Path

import pytest
from serving import TIMEOUT_MS, served

CLICKS = 12
# Long enough for a browser to be told of it by its hash, once it has it.
PAGE = """
import time

import streamlit as st

from decor_app.hosting.streamlit_internals import keep_messages

keep_messages()
text = "Long enough to be kept by the browser. " * 600
parts = st.session_state.setdefault("parts", [])


@st.fragment
def grow():
    st.button("More", on_click=parts.append, args=[""])
    time.sleep(0.3)
    for number in range(len(parts)):
        with st.container():
            st.caption(f"Part {number + 1}")
            st.text(text)


st.text(text)
grow()
st.caption("Drawn")
"""


@pytest.fixture
def page(browser, tmp_path: Path):
    script = tmp_path / "page.py"
    script.write_text(PAGE)
    with served(tmp_path / "log", script=str(script)) as server:
        tab = browser.new_page(base_url=server.address)
        tab.set_default_timeout(TIMEOUT_MS)
        yield tab
        tab.context.close()


def test_a_page_is_whole_after_clicks_that_come_too_soon(page):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    page.get_by_text("Drawn", exact=True).wait_for()
    more = page.get_by_role("button", name="More")
    for _ in range(CLICKS):  # two during one run count once
        more.click()
        page.wait_for_timeout(150)
        assert not errors
    drawn = page.get_by_text(re.compile("^Part")).count()
    more.click()
    page.get_by_text(f"Part {drawn + 1}", exact=True).wait_for()
    assert not errors
