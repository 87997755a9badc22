"""In a real browser: clicks that come while the page answers others leave it whole, and count."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page
from serving import TIMEOUT_MS, served

CLICKS = 12
# Long enough for a browser to be told of it by its hash, once it has it.
GROWING = """
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
COUNTING = """
import time

import streamlit as st

from decor_app.hosting.streamlit_internals import finish_callbacks

finish_callbacks()
state = st.session_state


def count(name, seconds=0):
    before = state.get(name, 0)
    time.sleep(seconds)
    state[name] = before + 1


@st.fragment
def part():
    time.sleep(state.get("slow", 0))
    st.button("Slow", on_click=count, args=["slow", 1])
    st.button("Quick", on_click=count, args=["quick"])


part()
st.button("Page", on_click=count, args=["page"])
st.caption(" ".join(f"{name} {state.get(name, 0)}." for name in ("slow", "quick", "page")))
"""
LEAVING = """
import time

import streamlit as st

from decor_app.hosting.streamlit_internals import finish_callbacks, keep_page_changes

finish_callbacks()
keep_page_changes()
state = st.session_state


def count():
    state["clicks"] = state.get("clicks", 0) + 1


@st.fragment
def part():
    st.button("Count", on_click=count)
    if state.get("clicks", 0) != state["page_drawn_for"]:
        time.sleep(1)
        st.rerun()


def first():
    if state.pop("slow", False):
        time.sleep(1)
    state["page_drawn_for"] = state.get("clicks", 0)
    st.button("Slow", on_click=state.update, kwargs={"slow": True})
    part()
    st.caption(f"First page, {state['page_drawn_for']} clicks.")


def second():
    st.caption(f"Second page, {state.get('clicks', 0)} clicks.")


st.navigation([st.Page(first, title="First"), st.Page(second, title="Second")]).run()
"""


@pytest.fixture
def opened(browser, tmp_path: Path):
    """A function that opens a page of its own of a script."""
    with ExitStack() as open_till_the_end:

        def open_page(script: str) -> Page:
            path = tmp_path / "page.py"
            path.write_text(script)
            server = open_till_the_end.enter_context(served(tmp_path / "log", script=str(path)))
            page = browser.new_page(base_url=server.address)
            page.set_default_timeout(TIMEOUT_MS)
            page.goto("/")
            return page

        yield open_page


def test_a_page_is_whole_after_clicks_that_come_too_soon(opened):
    page, errors = opened(GROWING), []
    page.on("pageerror", lambda error: errors.append(str(error)))
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
    page.context.close()


def test_each_click_counts_whatever_runs_meanwhile(opened):
    page = opened(COUNTING)
    page.get_by_text("slow 0. quick 0. page 0.").wait_for()
    for name in ("Slow", "Page"):  # the second comes while the first is being counted
        page.get_by_role("button", name=name).click()
    page.get_by_text("slow 1. quick 0. page 1.").wait_for()
    for name in ("Slow", "Quick", "Page"):  # the second waits as the third comes
        page.get_by_role("button", name=name).click()
    page.get_by_text("slow 2. quick 1. page 2.").wait_for()
    page.context.close()


def test_a_page_that_was_asked_for_comes_whatever_else_is_asked_for(opened):
    page = opened(LEAVING)
    page.get_by_text("First page, 0 clicks.").wait_for()
    page.get_by_role("button", name="Count").click()
    page.get_by_role("link", name="Second").click()  # before the script draws all anew
    page.get_by_text("Second page, 1 clicks.").wait_for()
    page.get_by_role("link", name="First").click()
    page.get_by_text("First page, 1 clicks.").wait_for()
    page.get_by_role("button", name="Slow").click()
    page.get_by_role("link", name="Second").click()
    page.get_by_role("button", name="Count").click()  # of the page that is being left
    page.get_by_text("Second page, 2 clicks.").wait_for()
    page.context.close()
