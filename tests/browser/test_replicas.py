"""Two servers behind the nginx of deploy/replicas: who stays where, and what a failure costs."""

import base64
import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from serving import ROOT, TIMEOUT, TIMEOUT_MS, Served, behind_nginx, served, until

SAMPLES = ROOT / "models" / "samples"
ADDRESSES = {"a": "172.30.78.11:7860", "b": "172.30.78.12:7860"}
SETTINGS = {
    "DECOR_HOSTED": "1",
    "DECOR_ADMIN_PASSWORD": "secret",
    "STREAMLIT_SERVER_COOKIE_SECRET": "the same for both",
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory) -> Iterator[dict[str, Served]]:
    """Two of the app, by the names that nginx gives them."""
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as running:
        yield {
            name: running.enter_context(served(folder / name, path="decor", **SETTINGS))
            for name in ADDRESSES
        }


@pytest.fixture(scope="module")
def nginx(tmp_path_factory) -> Path:
    """The folder of nginx, with its configuration and its number."""
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def site(servers, nginx) -> Iterator[str]:
    """The address of nginx before both."""
    behind = {ADDRESSES[name]: one.host for name, one in servers.items()}
    with behind_nginx(nginx, "replicas/nginx.conf", behind) as address:
        yield address


def _ask(url: str, **headers: str) -> tuple[int, str]:
    """Status, and the server that the answer's cookie names."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as r:
        cookies = " ".join(r.headers.get_all("Set-Cookie") or [])
        return r.status, "".join(re.findall(r"decor_server=(\w)", cookies))


def _sessions(server: Served) -> int:
    """How many tabs a server has let in, as it counts them itself."""
    password = base64.b64encode(b"any:secret").decode()
    request = urllib.request.Request(
        f"{server.address}/metrics", headers={"Authorization": f"Basic {password}"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        found = re.search(r'event="sessions"} (\d+)', answer.read().decode())
    return int(found[1]) if found else 0


def _visit(context, site: str):
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{site}/decor/")
    page.get_by_test_id("stHeading").get_by_text("Gzhel", exact=True).wait_for()
    return page


def _cookies(context) -> dict[str, str]:
    """Ours; Streamlit masks its own anew with each page."""
    found = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    return {name: value for name, value in found.items() if name.startswith("decor_")}


def _classify(page) -> None:
    upload = page.get_by_test_id("stFileUploaderDropzoneInput").first
    upload.set_input_files(str(SAMPLES / "khokhloma-bowl.jpg"))
    page.get_by_test_id("stHeading").get_by_text("Khokhloma", exact=True).wait_for()


def test_who_keeps_no_cookies_stays_by_address_and_who_comes_first_is_balanced(site):
    health = {_ask(f"{site}/decor/_stcore/health") for _ in range(4)}
    assert len(health) == 1 and health < {(200, "a"), (200, "b")}
    assert {_ask(f"{site}/decor/", Accept="text/html")[1] for _ in range(2)} == {"a", "b"}
    for name in ADDRESSES:
        assert _ask(f"{site}/decor/", Accept="text/html", Cookie=f"decor_server={name}")[1] == ""
    assert _ask(f"{site}/decor/", Cookie="decor_server=elsewhere")[1] in ADDRESSES


def test_one_that_is_drained_keeps_its_visitors_and_gets_no_new_ones(site, servers, nginx):
    def reload_with(text: str) -> None:
        (nginx / "conf").write_text(text)
        os.kill(int((nginx / "pid").read_text()), signal.SIGHUP)

    def first_servers() -> set[str]:
        return {_ask(f"{site}/decor/", Accept="text/html")[1] for _ in range(4)}

    usual, drained = (nginx / "conf").read_text(), f"server {servers['a'].host}"
    reload_with(usual.replace(f"{drained};", f"{drained} down;", 2))  # where who comes is sent
    until(lambda: first_servers() == {"b"}, "new visitors are sent to the drained one")
    assert _ask(f"{site}/decor/", Accept="text/html", Cookie="decor_server=a")[1] == "", "it moved"
    reload_with(usual)
    until(lambda: first_servers() == {"a", "b"}, "the drained one does not come back")


def test_the_api_is_answered_by_any_server_and_sets_no_cookie(site):
    assert {_ask(f"{site}/decor/api/v1/models") for _ in range(2)} == {(200, "")}


def test_visitors_stay_with_their_server_and_move_where_it_fails(site, servers, browser):
    own, other = browser.new_context(), browser.new_context()
    page = _visit(own, site)
    before = _cookies(own)
    home = before["decor_server"]
    (away,) = ADDRESSES.keys() - {home}
    until(lambda: _sessions(servers[home]) == 1, "the visitor is not where the cookie says")
    _classify(page)
    _visit(other, site)
    assert _cookies(other)["decor_server"] == away
    _visit(own, site).close()
    assert _cookies(own) == before, "the second visit got another server, or another name"
    assert {name: _sessions(one) for name, one in servers.items()} == {home: 2, away: 1}

    servers[home].process.send_signal(signal.SIGKILL)
    new = browser.new_context()
    _visit(new, site)
    assert _cookies(new)["decor_server"] == away
    # The tab finds the other server by itself, and the browser has the same name there.
    until(lambda: page.evaluate("1") and _cookies(own)["decor_server"] == away, "it has not moved")
    upload = page.get_by_test_id("stFileUploaderDropzoneInput").first
    upload.set_input_files(str(SAMPLES / "gorodets-box.jpg"))
    page.get_by_test_id("stHeading").get_by_text("Gorodets", exact=True).wait_for()
    page.get_by_text("brought before the connection to the server was lost").wait_for()
    page.reload()
    page.get_by_test_id("stHeading").get_by_text("Gzhel", exact=True).wait_for()
    assert _cookies(own)["decor_session"] == before["decor_session"]
