"""A browser is known again after a reload by a signed cookie: by nothing else, and nobody else."""

import asyncio
import http.client
from collections.abc import Iterator

import pytest
import streamlit as st
from serving import TIMEOUT, TIMEOUT_MS, Served, chromium, served, until

from decor_app.hosting import visitor
from decor_app.hosting.visitor import COOKIE, VisitorCookie, visitor_id


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with served(folder / "log", path="shop", DECOR_HOME=str(folder)) as one:
        yield one


def _cookie_header(server: Served, path: str = "/shop/retrain", **headers: str) -> str:
    """What the server sets when a browser opens a page."""
    connection = http.client.HTTPConnection(server.address.split("/")[2], timeout=TIMEOUT)
    connection.request("GET", path, headers={"Accept": "text/html", **headers})
    answer = connection.getresponse()
    answer.read()
    found = [one for one in answer.headers.get_all("Set-Cookie") or [] if one.startswith(COOKIE)]
    return found[0] if found else ""


def test_a_page_sets_the_cookie_for_this_app_only_and_away_from_scripts(server):
    words = {word.strip().lower() for word in _cookie_header(server).split(";")[1:]}
    assert words == {"path=/shop", "httponly", "samesite=lax"}


def test_behind_https_the_cookie_goes_by_https_only(server):
    assert "; secure" in _cookie_header(server, **{"X-Forwarded-Proto": "https"})


def test_who_has_a_cookie_keeps_it_and_a_forged_one_is_replaced(server):
    value = _cookie_header(server).partition(";")[0]
    assert _cookie_header(server, Cookie=value) == ""
    # Not the last letter, of which the signature has only four bits.
    forged = value[:-9] + ("A" if value[-9] != "A" else "B") + value[-8:]
    assert _cookie_header(server, Cookie=forged)


def test_what_is_no_page_sets_none(server):
    assert _cookie_header(server, "/shop/_stcore/health", Accept="*/*") == ""


def test_no_two_browsers_get_the_same(server):
    assert len({_cookie_header(server).partition(";")[0] for _ in range(5)}) == 5


@pytest.mark.parametrize("bad", ["", "x", "eyJ2aXNpdG9yIjogImEifQ==.aaaaaa.bbbbbb"])
def test_a_cookie_that_was_not_signed_here_names_nobody(bad, monkeypatch):
    monkeypatch.setattr(type(st.context), "cookies", {COOKIE: bad})
    assert visitor_id() is None


def test_one_that_was_signed_here_names_its_browser(monkeypatch):
    signer = visitor.TimestampSigner(visitor._signing_key())
    packed = visitor.base64.b64encode(b'{"visitor": "somebody"}')
    monkeypatch.setattr(type(st.context), "cookies", {COOKIE: signer.sign(packed).decode()})
    assert visitor_id() == "somebody"


def test_streamlit_keeps_its_own_session_beside_ours():
    scopes = []

    async def app(scope, receive, send):
        scope["session"] = "Streamlit's"
        scopes.append(scope)

    async def ask() -> dict:
        scope = {"type": "http", "scheme": "http", "headers": [(b"accept", b"text/html")]}
        await VisitorCookie(app)(scope, None, None)
        return scope

    assert len(asyncio.run(ask())["session"]["visitor"]) == 32 and scopes


def _steps(page) -> str:
    """What the slider of the training steps says once the page is drawn."""
    slider = page.get_by_role("slider", name="Training steps")
    slider.wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()
    return slider.get_attribute("aria-valuetext")


def _open(context, address: str):
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(address)
    return page


def test_a_reload_finds_the_workspace_again_and_another_browser_does_not(server):
    address = f"{server.address}/retrain"
    with chromium() as browser:
        own = browser.new_context()
        page = _open(own, address)
        assert _steps(page) == "500"

        def is_kept() -> bool:  # on a busy machine the server hears of it late
            page.get_by_role("slider", name="Training steps").press("Home")
            page.wait_for_timeout(1000)
            page.reload()
            return _steps(page) == "10"

        until(is_kept, "the reload began anew")
        assert _steps(_open(own, address)) == "10", "two tabs share a workspace"
        assert _steps(_open(browser.new_context(), page.url)) == "500"
