"""A server for strangers as a whole: kept apart, kept within limits, forgotten, and ended well."""

import http.client
import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import ROOT, TIMEOUT, TIMEOUT_MS, Served, chromium, served, until

SAMPLES = ROOT / "models" / "samples"
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
def visitors(server, browser):
    """Makes visitors, each with cookies of its own; at the end no page has had an error."""
    errors, contexts = [], []

    def come(path: str = "/"):
        contexts.append(browser.new_context(base_url=server.address))
        page = contexts[-1].new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if "Content Sec" in m.text else None)
        page.goto(path)
        return page

    yield come
    for context in contexts:
        context.close()
    assert not errors


def _heading(page, words: str):
    return page.get_by_test_id("stHeading").get_by_text(words, exact=True)


def _upload(page, *files: Path) -> None:
    drop_zone = page.get_by_test_id("stFileUploaderDropzoneInput").first
    drop_zone.set_input_files([str(file) for file in files])


# --- kept apart


def test_two_visitors_see_nothing_of_each_other(visitors):
    one, other = visitors(), visitors()
    for page in (one, other):
        _heading(page, "Gzhel").wait_for()
    _upload(one, SAMPLES / "khokhloma-bowl.jpg")
    _heading(one, "Khokhloma").wait_for()
    one.get_by_text("Country", exact=True).click()
    _heading(one, "Russia").wait_for()
    _train(one)
    one.get_by_role("link", name="Compare, keep, download").click()
    _heading(one, "Runs").wait_for()
    assert "Nothing of yours here yet" not in _text(one)

    assert _heading(other, "Gzhel").count() and not _heading(other, "Khokhloma").count()
    assert "country" not in other.url
    for name, words in (("Retrain", "What it learns from"), ("Runs", "Nothing of yours here yet")):
        other.get_by_role("link", name=name, exact=True).click()
        other.get_by_text(words).first.wait_for()
    assert "khokhloma-bowl" not in _text(other) and "40 steps" not in _text(other)
    # An address that the first one sends to the second gives nothing away either.
    other.goto(one.url)
    other.get_by_text("Nothing of yours here yet").wait_for()


def _train(page, steps: int = 2) -> None:
    page.get_by_role("link", name="Retrain", exact=True).click()
    handle = page.get_by_role("slider", name="Training steps")
    handle.press("Home")
    for _ in range(steps):
        handle.press("ArrowRight")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Retrain", exact=True).click()
    page.get_by_text("Test accuracy").first.wait_for()


def test_a_data_set_is_its_visitors_own(visitors):
    one, other = visitors("/data"), visitors("/data")
    one.get_by_role("button", name="Try an example").click()
    one.get_by_text("Example", exact=True).first.wait_for()
    one.get_by_role("button", name="Stop", exact=True).first.wait_for()
    other.reload()
    other.get_by_role("button", name="Try an example").wait_for()
    assert other.get_by_text("Example", exact=True).count() == 0
    one.get_by_role("button", name="Stop", exact=True).first.click()


def _text(page) -> str:
    return page.inner_text("body")


def test_nothing_is_offered_to_be_kept(visitors):
    page = visitors("/runs")
    page.get_by_text("Nothing of yours here yet").wait_for()
    assert page.get_by_role("button", name="Keep").count() == 0


# --- kept within limits


def test_who_comes_to_a_full_server_waits_and_is_let_in(visitors):
    inside = [visitors("/about") for _ in range(3)]
    for page in inside:
        _heading(page, "About Decor").wait_for()
    late = visitors("/about")
    late.get_by_text("Decor is full just now: 3 people are here").wait_for()
    assert _heading(late, "Seven styles").count() == 0
    inside[0].close()
    _heading(late, "Seven styles").wait_for()


def test_too_much_at_once_is_refused_with_the_limit(visitors, tmp_path, server):
    page = visitors()
    _heading(page, "Gzhel").wait_for()
    files = []
    for number in range(2):  # each is small enough, together they are not
        files.append(tmp_path / f"private-{number}.jpg")
        data = (SAMPLES / "khokhloma-bowl.jpg").read_bytes()
        files[-1].write_bytes(data + bytes([number]) * (600_000 - len(data)))
    _upload(page, *files)
    words = page.get_by_text("These files have 1 MB together, more than the 1 MB that this server")
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


def test_who_leaves_is_forgotten_with_uploads(visitors, server):
    page = visitors()
    _heading(page, "Gzhel").wait_for()
    _upload(page, SAMPLES / "khokhloma-bowl.jpg")
    _heading(page, "Khokhloma").wait_for()
    before = len(_notes(server, "uploads freed"))
    page.context.close()

    def freed() -> bool:
        return any(n["still_bytes"] == 0 for n in _notes(server, "uploads freed")[before:])

    until(freed, "the upload is still held", 60)


def _notes(server: Served, event: str) -> list[dict]:
    lines = [json.loads(line) for line in server.lines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_the_log_names_nobody(server):
    text = server.log.read_text(encoding="utf-8")
    assert _notes(server, "started")
    for word in ("khokhloma-bowl", "private-", "127.0.0.1", "Traceback"):
        assert word not in text, word


def _ends_well(server: Served) -> None:
    children = _children(server.process.pid)
    assert server.end() in (0, -15)
    assert _notes(server, "stopped")
    until(lambda: not any(map(_lives, children)), "the training process outlived its server", 10)


def _children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return [int(line) for line in found.split()]


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


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
        late = browser.new_context(base_url=server.address).new_page()
        late.goto("/")
        late.get_by_text("Decor is full just now: 1 person is here").wait_for()
        page.context.close()
        late.context.close()
        assert server.end() in (0, -15)
        assert not list(tmp_path.glob(".local/share/decor/*"))
