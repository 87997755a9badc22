"""The API on real servers: alone without Streamlit, and beside the app; clients that misbehave."""

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from http import HTTPStatus
from importlib import import_module
from unittest.mock import Mock

import pytest
import uvicorn
from serving import ROOT, TIMEOUT, Served, free_port, until, wait_for
from starlette.applications import Starlette
from starlette.testclient import TestClient
from uvicorn.server import ServerState

from decor_app.api import __main__ as alone
from decor_app.api import limits
from decor_app.api.models import models_in
from decor_app.api.protocol import Protocol
from decor_app.api.server import create_server
from decor_core.cli.main import main
from decor_core.errors import DecorError

MODELS = ROOT / "models" / "bundles" / "decor-style"


@contextmanager
def serve(log, *arguments, **settings):
    """``decor serve`` as a process, where neither Streamlit nor Altair can be imported."""
    absent = log.parent / "absent"
    absent.mkdir()
    for name in ("streamlit", "altair"):
        (absent / f"{name}.py").write_text("raise ImportError('not here')")
    port = free_port()
    path = os.pathsep.join((str(absent), str(ROOT)))
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "decor_core", "serve", "--port", str(port), *arguments],
            env={**os.environ, "PYTHONPATH": path, **settings},
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/api/v1/health")
        yield Served(f"http://127.0.0.1:{port}", process, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    log = tmp_path_factory.mktemp("served") / "log"
    settings = {"DECOR_API_MB": "1", "DECOR_ADMIN_PASSWORD": "three herons"}
    with serve(log, "--model", str(MODELS), **settings) as one:
        yield one
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(TIMEOUT) in (0, -signal.SIGTERM)


def _ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


def test_it_answers_without_streamlit_as_the_app_does(server, client, picture):
    answer, text = _ask(server, "POST", "/api/v1/classify", picture())
    assert answer.status == 200, text
    assert json.loads(text) == client.post("/api/v1/classify", content=picture()).json()


def test_it_tells_what_it_counted_to_who_has_the_password(server):
    assert _ask(server, "GET", "/metrics")[0].status == 401
    words = base64.b64encode(b"prometheus:three herons").decode()
    _, text = _ask(server, "GET", "/metrics", Authorization=f"Basic {words}")
    assert 'decor_events_total{event="api: ' in text.decode()


def test_its_log_has_the_ids_of_requests(server):
    _ask(server, "GET", "/api/v1/health", **{"X-Request-ID": "from-a-test"})

    def is_logged():
        lines = [json.loads(line) for line in server.lines() if line.startswith("{")]
        return any(line.get("id") == "from-a-test" for line in lines)

    until(is_logged, "the line of the request")


def test_elsewhere_there_are_problems_only(server):
    assert _ask(server, "GET", "/")[0].headers["Location"] == "api/docs"
    answer, text = _ask(server, "GET", "/nothing")
    assert json.loads(text)["status"] == answer.status == 404


def test_a_large_body_is_refused_and_the_refusal_is_heard(server):
    answer, text = _ask(server, "POST", "/api/v1/classify", bytes(4 * 2**20))
    assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "1 MiB at most" in json.loads(text)["detail"]


def _raw(server, *parts):
    """What comes back for bytes that are sent as they are, after which there are no more."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as line:
        with suppress(OSError):  # it may have closed the connection by then
            for part in parts:
                line.sendall(part)
            line.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while part := line.recv(65536):
                answer += part
    return answer


def _head(*lines):
    start = "POST /api/v1/classify HTTP/1.1", "Host: localhost", "Connection: close"
    return "\r\n".join([*start, *lines, "", ""]).encode()


@pytest.mark.parametrize(
    "parts",
    [
        (_head("Content-Length: 1000"), b"too few"),
        (_head("Content-Length: -1"), b""),
        (_head("Content-Length: 1", "Content-Length: 2"), b"a"),
        (_head("Content-Length: 99999999999999999999999"), b"a"),
        (_head("Content-Length: 3", "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
        (_head("Transfer-Encoding: chunked"), b"fffffff\r\na"),
        (_head("Transfer-Encoding: chunked"), b"zzz\r\na\r\n0\r\n\r\n"),
        (_head("Transfer-Encoding: chunked"),
         b"100000\r\n", bytes(2**20), b"\r\n1\r\na\r\n0\r\n\r\n"),
        (b"POST /" + b"a" * 100_000,),
        (_head("A: " + "a" * 100_000), b""),
        (_head("Content-Type: multipart/form-data; boundary=" + "x" * 5_000), b""),
        (b"\0\1\2",),
    ],
    ids=range(12),
)  # fmt: skip
def test_bodies_and_headers_that_lie_cost_nothing(server, parts):
    answer = _raw(server, *parts)
    assert answer[:10] in (b"", b"HTTP/1.1 4"), answer
    assert _ask(server, "GET", "/api/v1/health")[0].status == 200


def test_headers_that_come_slowly_are_given_up(monkeypatch):
    monkeypatch.setattr(limits, "IDLE_TIMEOUT", 0.05)

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def talk():
        config = uvicorn.Config(application, log_config=None, ws="none")
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Protocol(config, ServerState(), {}), "127.0.0.1", 0
        )
        answers = []
        for sent in (
            b"",
            b"GET / HTTP/1.1\r\nHost: a\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET",
        ):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            answers.append(await asyncio.wait_for(reader.read(), TIMEOUT))
            writer.close()
        server.close()
        return answers

    nothing, half, whole = asyncio.run(talk())
    assert nothing == b"" and whole.startswith(b"HTTP/1.1 204")
    assert half.startswith(b"HTTP/1.1 408") and b"application/problem+json" in half


def test_it_is_beside_the_app_unless_it_is_switched_off(monkeypatch):
    made = Mock()
    monkeypatch.setattr("streamlit.App", made)
    monkeypatch.delitem(sys.modules, "app", raising=False)
    import_module("app")
    monkeypatch.delitem(sys.modules, "app")  # the next to import it gets the real one
    routes = made.call_args.kwargs["routes"]
    assert "/api" in [route.path for route in routes]
    monkeypatch.setenv("DECOR_API_KEYS", "heron")  # as secrets of Streamlit come: after the import
    client = TestClient(Starlette(routes=routes))
    assert client.get("/api/v1/health").status_code == 200
    assert client.get("/api/v1/models").status_code == 401
    monkeypatch.setenv("DECOR_API", "0")
    assert client.get("/api/v1/health").status_code == 404


def test_what_is_missing_is_said(monkeypatch, capsys):
    monkeypatch.setattr(
        "decor_core.errors.find_spec", lambda name: None if name == "fastapi" else True
    )
    assert main(["serve"]) == 2
    told = capsys.readouterr().err
    assert "The API needs the package fastapi" in told and "decor-classifier[serve]" in told


def test_a_port_that_is_taken_is_named(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert alone.main("127.0.0.1", str(port)) == 2
    assert f"Port {port} of 127.0.0.1 cannot be opened" in capsys.readouterr().err


def test_a_model_that_is_none_is_named(tmp_path, capsys):
    assert alone.main("127.0.0.1", "8000", str(tmp_path)) == 2
    assert "is no model folder" in capsys.readouterr().err
    with pytest.raises(DecorError, match="Two models are called “decor-style”; give one a name"):
        create_server([str(MODELS), str(MODELS)])


def test_models_have_the_names_that_are_given(tmp_path, monkeypatch):
    (tmp_path / "a=b").symlink_to(MODELS)
    monkeypatch.chdir(tmp_path)
    assert [*models_in(["a=b", f"a={MODELS}", str(MODELS)])] == ["a=b", "a", "decor-style"]
