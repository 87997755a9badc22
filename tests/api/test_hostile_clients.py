"""Clients that lie, stall, break off or make no sense cost nobody but themselves.

A little of what benchmarks/hostile.py does for minutes, on real connections to
the API's own server.
"""

import asyncio
import time

import pytest
import uvicorn
from serving import TIMEOUT
from uvicorn.server import ServerState

from benchmarks import hostile
from benchmarks.attack import Attack
from benchmarks.attacks import ATTACKS
from decor_app.api import limits
from decor_app.api.protocol import Protocol

HEALTH = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def port(serve_here):
    """A server with the limits of a small one, and with short patience."""
    with pytest.MonkeyPatch.context() as patch, serve_here(**hostile.SETTINGS) as port:
        patch.setattr(limits, "IDLE_TIMEOUT", 1.0)
        patch.setattr(limits, "BODY_TIMEOUT", 2.0)
        yield port


def _answers(port, *pieces, answers=1):
    return asyncio.run(hostile.attempt(port, Attack(pieces, answers=answers)))


def test_attacks_are_refused_with_problems_and_the_server_goes_on(port):
    report = asyncio.run(hostile.attacks(port, range(150), seed=0, at_once=32))
    assert len(report.statuses) == len(ATTACKS)
    assert not report.findings


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"\x16\x03\x01\x02\r\n\r\n", 400, "HTTP"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1e9\r\n\r\n", 400, "HTTP"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "transfer encoding"),
        (b"GET /api/v1/health HTTP/1.1\r\n", 408, "slowly"),
    ],
)
def test_what_is_no_http_is_answered_with_a_problem(port, data, status, words):
    (answer,) = _answers(port, data)
    assert answer.status == status and not answer.fault()
    assert words in answer.body.decode() and answer.headers["connection"] == "close"


def test_headers_that_are_too_long(port):
    (answer,) = _answers(port, b"GET / HTTP/1.1\r\nA: " + b"a" * 500_000, 0.1, b"a" * 500_000)
    assert answer.status == 431 and not answer.fault()


def test_who_sends_nothing_is_left_and_who_comes_again_in_time_is_not(port):
    started = time.monotonic()
    with pytest.raises(hostile.h11.RemoteProtocolError):
        _answers(port, 0.0)
    assert time.monotonic() - started >= 1.0
    assert [a.status for a in _answers(port, HEALTH, 0.6, HEALTH, 0.6, HEALTH, answers=3)] == [
        200
    ] * 3


def test_who_sends_on_after_the_answer_is_left(port):
    head = b"POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n"
    (answer,) = _answers(port, head, *(piece for _ in range(30) for piece in (0.1, b"x")))
    assert answer.status == 413


def test_who_takes_no_answer_is_left(monkeypatch):
    monkeypatch.setattr(limits, "BODY_TIMEOUT", 0.1)

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(30_000_000)})

    async def talk():
        config, state = uvicorn.Config(application, log_config=None, ws="none"), ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Protocol(config, state, {}), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1000)
        writer.write(HEALTH)
        while not state.total_requests:
            await asyncio.sleep(0.01)
        while state.connections:
            await asyncio.sleep(0.01)
        writer.close()
        server.close()

    asyncio.run(asyncio.wait_for(talk(), TIMEOUT))


@pytest.mark.parametrize("charset", ["idna", "punycode", "unicode_escape", "utf-16", "hex"])
@pytest.mark.parametrize("name", [rb"\ud800", b"a..b", b"\xff", "łы.png".encode()])
def test_names_of_files_in_any_encoding(client, picture, charset, name):
    body = (b'--x\r\nContent-Disposition: form-data; name="f"; filename="%b"\r\n\r\n%b\r\n--x--\r\n'
            % (name, picture()))  # fmt: skip
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    answer = client.post("/api/v1/classify", content=body, headers={"Content-Type": kind})
    assert answer.status_code in (200, 400), answer.text
    assert "file" in answer.text or "no text" in answer.text


@pytest.mark.parametrize("path", ["/api/v1/classify", "/api/v1/mcp"])
@pytest.mark.parametrize("value", [b"{}", b"1", b'{"data": ""}', b'""'])
def test_json_of_a_million_values_costs_nothing(client, path, value):
    body = b'{"pictures": [' + b",".join([value] * 1_000_000) + b"]}"
    started = time.process_time()
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413 and "values" in answer.json()["detail"]
    assert time.process_time() - started < 1  # it took five seconds, and 800 MB
