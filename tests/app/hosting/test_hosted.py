"""A server for strangers as a whole: kept apart, kept within limits, forgotten, and ended well."""

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from serving import (
    ROOT,
    TIMEOUT,
    TIMEOUT_MS,
    Served,
    children_of,
    chromium,
    is_running,
    served,
    until,
    visit,
)

from benchmarks.visitor import Visitor

BOWL = ROOT / "models" / "samples" / "khokhloma-bowl.jpg"
MB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    """A hosted server with room for three, that forgets quickly."""
    settings = {
        "DECOR_HOSTED": "1",
        "DECOR_SESSIONS": "3",
        "DECOR_UPLOAD_MB": "1",
        "DECOR_SESSION_MB": "1",
        "DECOR_HOME": str(tmp_path_factory.mktemp("home")),
        "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "2",
    }
    with served(tmp_path_factory.mktemp("log") / "stderr", "app.py", **settings) as one:
        yield one
        _ends_well(one)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as one:
        yield one


@pytest.fixture
def page(server, browser) -> Iterator[object]:
    """The first page in a browser; at the end it has had no error."""
    errors, context = [], browser.new_context(base_url=server.address)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if "Content Sec" in m.text else None)
    page.goto("/")
    yield page
    context.close()
    assert not errors


def _labels(visitor: Visitor) -> list[str]:
    return [button.label for button in visitor.all("button")]


# --- kept apart


def test_two_visitors_see_nothing_of_each_other(server):
    async def visits() -> None:
        async with Visitor(server.port, patience=TIMEOUT) as other:
            async with Visitor(server.port, patience=TIMEOUT) as one:
                await one.upload("khokhloma-bowl.jpg", BOWL.read_bytes())
                await one.choose("Taxonomy", "Country")
                assert "Russia" in one.headings()
                await _train(one.cookies)
            async with Visitor(server.port, "runs", TIMEOUT, one.cookies) as again:
                assert "Nothing of yours here yet" not in again.texts()
            await other.rerun()
            assert "Gzhel" in other.headings() and "khokhloma" not in other.texts()
        for path, words in (("retrain", "Train it yourself"), ("runs", "Nothing of yours here")):
            async with Visitor(server.port, path, TIMEOUT, other.cookies) as elsewhere:
                assert words in elsewhere.texts() and "linear disc" not in elsewhere.texts()

    async def _train(cookies: dict[str, str]) -> None:
        async with Visitor(server.port, "retrain", TIMEOUT, cookies) as tab:
            await tab.choose("Head", "LDA")
            await tab.choose("Data augmentation", "None")
            await tab.click("Retrain", wait=False)
            await tab.until(lambda: tab.all("metric"), "the test accuracy")

    visit(visits())


def test_a_data_set_is_its_visitors_own(server):
    async def visits() -> None:
        async with Visitor(server.port, "data", TIMEOUT) as one:
            await one.click("Try an example", wait=False)
            await one.until(lambda: "Stop" in _labels(one), "the reading of the example")
            async with Visitor(server.port, "data", TIMEOUT) as other:
                assert {"Try an example"} == {*_labels(other)} & {"Try an example", "Stop"}
                assert "Example" not in other.headings()
            await one.click("Stop", wait=False)

    visit(visits())


def test_nothing_is_offered_to_be_kept(server):
    async def labels() -> list[str]:
        async with Visitor(server.port, "runs", TIMEOUT) as one:
            assert "Nothing of yours here yet" in one.texts()
            return _labels(one)

    assert "Keep" not in visit(labels())


# --- kept within limits


def test_who_comes_to_a_full_server_waits_and_is_let_in(server):
    async def visits() -> None:
        async with AsyncExitStack() as stay:
            for _ in range(2):
                await stay.enter_async_context(Visitor(server.port, "about", TIMEOUT))
            async with Visitor(server.port, "about", TIMEOUT) as third:
                assert "About Decor" in third.headings()
                late = await stay.enter_async_context(Visitor(server.port, "about", TIMEOUT))
                assert "Decor is full just now: 3 people are here" in late.texts()
                assert "Seven styles" not in late.headings()
            await late.until(lambda: "Seven styles" in late.headings(), "the way in")

    visit(visits())


def test_too_much_at_once_is_refused_with_the_limit(page, tmp_path):
    page.get_by_test_id("stHeading").get_by_text("Gzhel", exact=True).wait_for()
    files = []
    for number in range(2):  # each is small enough, together they are not
        files.append(tmp_path / f"private-{number}.jpg")
        data = BOWL.read_bytes()
        files[-1].write_bytes(data + bytes([number]) * (600_000 - len(data)))
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(list(map(str, files)))
    told = re.compile(r"These files have [\d.]+ MiB together, more than the 1 MiB that this server")
    words = page.get_by_text(told)
    words.wait_for()


def test_an_upload_that_no_page_would_send_is_refused_before_it_is_taken(server):
    assert _put(server, length=2 * MB)[0] == 413
    assert _put(server, length=None)[0] == 411
    assert _put(server, length=1000)[0] in (400, 403)  # Streamlit's own: no session, no token


def _put(server: Served, length: int | None) -> tuple[int, str]:
    host = server.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT)
    connection.putrequest("PUT", "/_stcore/upload_file/nobody/nothing")
    if length is not None:
        connection.putheader("Content-Length", str(length))
    connection.endheaders()
    if length == 1000:
        connection.send(b"0" * 1000)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("frame", "codes"),
    [
        (bytes(9 * MB), {1009}),
        (bytes(40 * MB), {1009}),
        (b"\xff\xff\xff", {1002}),
        ("text", {1011}),
    ],
    ids=["too large", "far too large", "no message", "text"],
)
def test_a_frame_that_no_page_would_send_ends_the_connection(server, frame, codes):
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    url = server.address.replace("http", "ws") + "/_stcore/stream"
    with connect(url, subprotocols=["streamlit"], max_size=None) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.send(frame)
            while True:
                socket.recv(timeout=TIMEOUT)
        assert closed.value.rcvd is None or closed.value.rcvd.code in codes


# --- what a browser is told


def _get(server: Served, path: str, method: str = "GET") -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(server.address + path, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers)


@pytest.mark.parametrize("path", ["/", "/retrain", "/_stcore/health", "/no/such", "/media/x"])
def test_every_answer_has_the_headers(server, path):
    _, headers = _get(server, path)
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'self'" in policy
    assert not re.search(r"https?://|\*", policy), "nothing from elsewhere"


def test_the_numbers_of_the_server_are_not_public(server):
    assert _get(server, "/_stcore/metrics")[0] == 404
    assert _get(server, "/_stcore/agent/interact", "POST")[0] in (403, 404)


def test_uploads_need_the_token_against_cross_site_requests(server):
    status, reason = _put(server, length=1000)
    assert status == 403 and "XSRF" in reason


@pytest.mark.parametrize(
    "path", ["/../README.md", "/static/../../app.py", "/%2e%2e/app.py", "//etc/passwd"]
)
def test_no_file_of_the_server_is_given_out(server, path):
    host = server.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT)
    connection.request("GET", path)
    body = connection.getresponse().read()
    assert b"streamlit run" not in body and b"root:" not in body and b"make run" not in body


# --- forgotten, logged, ended


def test_who_leaves_is_forgotten_with_uploads(server):
    before = len(_notes(server, "uploads freed"))

    async def visits() -> None:
        async with Visitor(server.port, patience=TIMEOUT) as one:
            await one.upload("khokhloma-bowl.jpg", BOWL.read_bytes())
            assert "Khokhloma" in one.headings()

    def freed() -> bool:
        return any(n["still_bytes"] == 0 for n in _notes(server, "uploads freed")[before:])

    visit(visits())
    until(freed, "the upload is still held")


def _notes(server: Served, event: str) -> list[dict]:
    lines = [json.loads(line) for line in server.lines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_the_log_names_nobody(server):
    text = server.log.read_text(encoding="utf-8")
    assert _notes(server, "started")
    for word in ("khokhloma-bowl", "private-", "127.0.0.1", "Traceback"):
        assert word not in text, word


def _ends_well(server: Served) -> None:
    """All pages have been opened by now."""
    maps, children = Path(f"/proc/{server.process.pid}/maps"), children_of(server.process.pid)
    assert "/tensorflow/" not in maps.read_text(), "it is for a process of its own"
    assert server.end() in (0, -15)
    assert _notes(server, "stopped")
    until(lambda: not any(map(is_running, children)), "the training process outlived its server")


def test_secrets_of_the_host_are_settings_for_app_py_too(tmp_path, browser):
    """As on Streamlit Community Cloud, which knows no variables."""
    (tmp_path / ".streamlit").mkdir()
    secrets = 'DECOR_HOSTED = "1"\nDECOR_SESSIONS = "1"\nadmin_password = "three herons"\n'
    (tmp_path / ".streamlit" / "secrets.toml").write_text(secrets)
    with served(tmp_path / "log", HOME=str(tmp_path), USERPROFILE=str(tmp_path)) as server:
        page = browser.new_page(base_url=server.address)
        page.goto("/admin")
        page.get_by_label("Password").first.fill("three herons")
        page.get_by_role("button", name="Open").click()
        page.get_by_text("1 of 1", exact=True).wait_for()
        assert "Decor is full just now: 1 person is here" in visit(_words(server))
        page.context.close()
        assert server.end() in (0, -15)
        assert not list(tmp_path.glob(".local/share/decor/*"))


async def _words(server: Served) -> str:
    async with Visitor(server.port, patience=TIMEOUT) as one:
        return one.texts()
