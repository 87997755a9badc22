"""Every error of the API is a problem as RFC 9457 says, with words that help."""

import json

import pytest

URL = "/api/v1/classify"


def _problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["type"] == "about:blank"
    assert problem["title"] and problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    return problem


@pytest.mark.parametrize("path", ["/api/", "/api/v1", "/api/v1/classify/", "/api/v2/%00"])
def test_an_address_that_is_not_there(client, path):
    _problem(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", URL, "POST"), ("DELETE", URL, "POST"), ("POST", "/api/v1/health", "GET")],
)
def test_a_method_that_is_not_possible(client, method, path, allowed):
    answer = client.request(method, path)
    _problem(answer, 405)
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("top=0", "top"), ("top=many", "top"), ("evidence=perhaps", "evidence"),
     ("taxonmy=country", "taxonmy"), ("taxonomy=planet", "taxonomy"), ("model=gone", "model")],
)  # fmt: skip
def test_an_option_without_sense_is_named(client, picture, query, parameter):
    problem = _problem(client.post(f"{URL}?{query}", content=picture()), 422)
    assert [error["parameter"] for error in problem["errors"]] == [parameter]


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "application/zip", "?"]
)
def test_a_body_of_another_kind(client, picture, kind):
    answer = client.post(URL, content=picture(), headers={"Content-Type": kind})
    problem = _problem(answer, 415)
    assert kind in problem["detail"] and "multipart/form-data" in answer.headers["Accept"]


def test_a_compressed_body(client, picture):
    answer = client.post(URL, content=picture(), headers={"Content-Encoding": "gzip"})
    _problem(answer, 415)
    assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"{", 400, None),
        (b"\xff\xfe", 400, None),
        (b"[" * 10_000, 400, None),
        (b"[]", 422, ""),
        (b"{}", 422, "/pictures"),
        (b'{"pictures": []}', 422, "/pictures"),
        (b'{"pictures": [{"file": "a"}]}', 422, "/pictures/0/data"),
        (b'{"pictures": [{"data": "%%%"}]}', 422, "/pictures/0/data"),
        (b'{"pictures": [{"data": 7}]}', 422, "/pictures/0/data"),
        (b'{"pictures": [{"data": "AAAA", "a/b": 1}]}', 422, "/pictures/0/a~1b"),
        (b'{"pictures": [{"data": "AAAA", "file": "\\ud800"}]}', 400, None),
    ],
)
def test_json_that_is_not_as_expected(client, body, status, pointer):
    answer = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    problem = _problem(answer, status)
    assert [one["pointer"] for one in problem.get("errors", [])] == [pointer] * (status == 422)
    assert len(json.dumps(problem)) < 2_000


@pytest.mark.parametrize(
    ("content", "body", "status", "words"),
    [
        ("multipart/form-data", b"", 400, "boundary"),
        ("multipart/form-data; boundary=x", b"no form", 400, "multipart"),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 422, "no file"),
        ("multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="top"\r\n\r\n3\r\n--x--\r\n', 422, "“top”"),
        ("multipart/form-data; boundary=x",
         b"--x\r\nContent-Disposition: form-data\r\n\r\n3\r\n--x--\r\n", 400, "name"),
        ("multipart/form-data; boundary=x",
         b"--x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n3\r\n--x--\r\n", 400, "multipart"),
        ("multipart/form-data; boundary=x",
         b"--x\r\n" + b"A: a\r\n" * 10_000 + b"\r\n3\r\n--x--\r\n", 400, "multipart"),
    ],
)  # fmt: skip
def test_a_form_that_is_not_as_expected(client, content, body, status, words):
    answer = client.post(URL, content=body, headers={"Content-Type": content})
    assert words in _problem(answer, status)["detail"]
