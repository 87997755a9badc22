"""The description of the API: what is in it is true, and its page needs nothing from elsewhere."""

import re

import pytest

PAGE = "/api/docs"


@pytest.fixture(scope="module")
def description(client):
    return client.get("/api/v1/openapi.json").json()


def _references(part):
    if isinstance(part, dict):
        yield from ([part["$ref"]] if "$ref" in part else [])
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _references(one)


def test_every_reference_leads_somewhere(description):
    names = set(_references(description))
    assert "#/components/schemas/JsonPictures" in names
    for name in names:
        found = description
        for key in name.removeprefix("#/").split("/"):
            found = found[key]


def test_it_tells_where_it_is_and_every_address(description):
    assert description["servers"] == [{"url": "/api"}]
    assert sorted(description["paths"]) == [
        "/v1/classify", "/v1/embed", "/v1/health", "/v1/models", "/v1/ready",
    ]  # fmt: skip


def test_errors_are_problems_and_nothing_else(description):
    for path in description["paths"].values():
        for route in path.values():
            for status, answer in route["responses"].items():
                if status != "200":
                    ((kind, content),) = answer["content"].items()
                    assert kind == "application/problem+json"
                    assert content["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
                    assert str(content["example"]["status"]) == status


def test_bodies_are_of_four_kinds(description):
    body = description["paths"]["/v1/classify"]["post"]["requestBody"]
    assert body["required"] and sorted(body["content"]) == [
        "application/json", "application/octet-stream", "image/*", "multipart/form-data",
    ]  # fmt: skip


def test_the_page_loads_what_is_here(client):
    page = client.get(PAGE)
    assert page.headers["Content-Type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 4 and not any("//" in one for one in loaded)
    for one in loaded:
        assert client.get(f"/api/{one}").status_code == 200
    assert "<script>" not in page.text  # as a strict policy wants it


def test_what_is_not_there_below_the_page_is_a_problem(client):
    answer = client.get(f"{PAGE}/../../secrets")
    assert answer.status_code == 404
    answer = client.get(f"{PAGE}/missing.js")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
