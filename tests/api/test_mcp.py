"""The tool for agents: the protocol's messages, and answers that are those of classify."""

import base64
import json

import pytest

from decor_app.api.mcp import TOOL, VERSIONS
from decor_core import __version__

URL = "/api/v1/mcp"


@pytest.fixture
def ask(client):
    """What one request is answered with."""

    def ask(method, params=None, **headers):
        message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
        answer = client.post(URL, json=message, headers=headers)
        assert answer.status_code == 200
        told = answer.json()
        assert (told.pop("jsonrpc"), told.pop("id")) == ("2.0", 7)
        return told

    return ask


def _call(picture=None, **arguments):
    if picture is not None:
        arguments["picture"] = base64.b64encode(picture).decode()
    return "tools/call", {"name": TOOL, "arguments": arguments}


@pytest.mark.parametrize("version", [*VERSIONS, "1999-01-01"])
def test_it_agrees_on_a_version(ask, version):
    told = ask("initialize", {"protocolVersion": version, "capabilities": {}})["result"]
    assert told["protocolVersion"] == (version if version in VERSIONS else VERSIONS[0])
    assert told["serverInfo"]["version"] == __version__ and told["capabilities"] == {"tools": {}}


def test_the_tool_is_described(ask, client):
    (tool,) = ask("tools/list")["result"]["tools"]
    assert tool["name"] == TOOL and "picture" in tool["inputSchema"]["required"]
    assert ask("ping") == {"result": {}}
    notified = client.post(URL, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (notified.status_code, notified.content) == (202, b"")
    assert client.get(URL).status_code == 405


def test_its_answer_is_that_of_classify(ask, client, picture):
    options = {"taxonomy": "country", "top": 2}
    (expected,) = client.post("/api/v1/classify", content=picture(), params=options).json()[
        "pictures"
    ]
    told = ask(*_call(picture(), **options))["result"]
    assert told["structuredContent"] == expected and "isError" not in told
    assert json.loads(told["content"][0]["text"]) == expected


@pytest.mark.parametrize(("call", "why"), [
    (_call(b"text"), "picture"),
    (_call(), "picture: Field required."),
    (("tools/call", {"name": TOOL, "arguments": {"picture": "no base64!"}}), "picture: "),
    (_call(b"text", top=0), "top: "),
    (_call(b"text", path="/etc/passwd"), "path: Extra inputs are not permitted."),
    (_call(b"text", taxonomy="colour"), "choose from: style and country"),
    (_call(b"text", model="absent"), "absent"),
])  # fmt: skip
def test_what_cannot_be_classified_is_told_to_the_agent(ask, call, why):
    told = ask(*call)["result"]
    assert told["isError"] is True and why in told["content"][0]["text"]


@pytest.mark.parametrize(("body", "code"), [
    (b"{", -32700),
    (b"\xff", -32700),
    (b"[]", -32600),
    (b'{"id": 1}', -32600),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "resources/list"}', -32601),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "rm"}}', -32602),
    (b"[" * 10_000, -32700),
])  # fmt: skip
def test_what_is_no_message_gets_its_number(client, body, code):
    answer = client.post(URL, content=body)
    assert answer.status_code == 200 and answer.json()["error"]["code"] == code


@pytest.mark.usefixtures("within_a_minute")
def test_other_sites_keys_and_rates_are_minded(make_client, monkeypatch, picture):
    for name, value in {"KEYS": "secret", "RATE": "2", "ORIGINS": "https://a.example"}.items():
        monkeypatch.setenv(f"DECOR_API_{name}", value)
    client, known = make_client(), {"X-API-Key": "secret"}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert client.post(URL, json=ping).status_code == 401
    elsewhere = client.post(URL, json=ping, headers={**known, "Origin": "https://b.example"})
    assert elsewhere.status_code == 403
    here = client.post(URL, json=ping, headers={**known, "Origin": "https://a.example"})
    assert here.json()["result"] == {}
    assert client.post(URL, json=ping, headers=known).status_code == 429
