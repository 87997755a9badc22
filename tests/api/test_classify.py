"""Classify over HTTP: three ways to bring pictures, and answers that are the app's to the bit."""

import base64
from dataclasses import replace

import pytest

from decor_app.hosting.config import server_config
from decor_core.model.predictor import VectorPredictor
from decor_core.taxonomy import Taxonomy

URL = "/api/v1/classify"


def _form(*pictures, **names):
    return [("file", (f"{i}.png", data)) for i, data in enumerate(pictures)]


@pytest.fixture(scope="module")
def seen(pool, model, picture):
    """The app's prediction for the picture of that number, in a taxonomy."""
    limits = server_config().picture_limits

    def see(number, taxonomy="style"):
        vector = pool.analyze_image(model.bundle, picture(number), limits, deep=False).vector
        return model.predict(vector[None], taxonomy)[0]

    return see


def _same(answer, prediction):
    decision = prediction.decision()
    assert (answer["decision"], tuple(answer["labels"])) == (decision.kind, decision.labels)
    assert answer["label"] == prediction.scores[0].label
    assert answer["probability"] == prediction.confidence
    assert answer["novelty"] == prediction.novelty
    assert answer["unknown"] is prediction.unknown
    scores = [(score["label"], score["probability"]) for score in answer["scores"]]
    assert scores == [(one.label, one.probability) for one in prediction.scores[: len(scores)]]


def test_answers_are_those_of_the_app_to_the_bit_alone_and_among_others(client, picture, seen):
    numbers = range(1, 6)
    together = client.post(URL, files=_form(*map(picture, numbers)), params={"top": 7}).json()
    assert (together["model"], together["taxonomy"]) == ("decor-style", "style")
    for number, answer in zip(numbers, together["pictures"], strict=True):
        assert answer["file"] == f"{number - 1}.png"
        _same(answer, seen(number))
        alone = client.post(URL, content=picture(number), params={"top": 7}).json()
        assert alone["pictures"] == [answer | {"file": None}]


def test_bytes_form_and_json_say_the_same(client, picture, seen):
    packed = base64.b64encode(picture()).decode()
    answers = [
        client.post(URL, content=picture(), headers={"Content-Type": "image/png"}),
        client.post(URL, content=picture(), headers={"Content-Type": "application/octet-stream"}),
        client.post(URL, files={"anything": ("a.png", picture())}),
        client.post(URL, json={"pictures": [{"file": "a.png", "data": packed}]}),
        client.post(URL, json={"pictures": [{"data": packed}]}),
    ]
    for answer, name in zip(answers, (None, None, "a.png", "a.png", None), strict=True):
        assert answer.status_code == 200
        (only,) = answer.json()["pictures"]
        assert only["file"] == name
        _same(only, seen(1))


def test_a_coarser_taxonomy_and_fewer_labels(client, picture, seen):
    answer = client.post(URL, content=picture(), params={"taxonomy": "country", "top": 2}).json()
    assert answer["taxonomy"] == "country"
    assert len(answer["pictures"][0]["scores"]) == 2
    _same(answer["pictures"][0], seen(1, "country"))


def test_one_bad_picture_costs_its_own_answer(client, picture, seen):
    good, bad = picture(), b"no picture"
    answer = client.post(URL, files=_form(good, bad, good[:200], b"", good))
    assert answer.status_code == 200
    first, *others, last = answer.json()["pictures"]
    _same(first, seen(1))
    _same(last, seen(1))
    assert [sorted(one) for one in others] == [["error", "file"]] * 3
    assert "expected a picture" in others[0]["error"]
    assert "damaged" in others[1]["error"]
    assert "empty" in others[2]["error"]


def test_a_bad_picture_alone_is_an_error(client):
    for files in (dict(content=b"no picture"), dict(files=_form(b"no picture"))):
        answer = client.post(URL, **files)
        assert answer.status_code == 422
        assert "expected a picture" in answer.json()["detail"]


def test_what_was_assumed_of_a_file_is_noted(client, ornament, encoded):
    frames = [ornament(n, side=120) for n in (1, 2)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    (answer,) = client.post(URL, content=data).json()["pictures"]
    assert answer["notes"] == ["It has 2 frames; the first is taken."]


def test_another_model_is_asked_by_its_name(make_client, model, picture, seen):
    labels = tuple(f"label {i}" for i in range(len(model.bundle.taxonomy.labels)))
    other = VectorPredictor(replace(model.bundle, title="B", taxonomy=Taxonomy("kind", labels)))
    client = make_client(a=model, b=other)
    named = client.get("/api/v1/models").json()["models"]
    assert [(one["name"], one["title"]) for one in named] == [
        ("a", model.bundle.title), ("b", "B"),
    ]  # fmt: skip
    assert [level["name"] for level in named[0]["taxonomies"]] == ["style", "country"]
    assert named[1]["taxonomies"] == [{"name": "kind", "labels": list(labels)}]
    assert client.post(URL, content=picture()).json()["model"] == "a"
    answer = client.post(URL, content=picture(), params={"model": "b"}).json()
    assert (answer["model"], answer["taxonomy"]) == ("b", "kind")
    assert answer["pictures"][0]["probability"] == seen(1).confidence
    assert answer["pictures"][0]["label"].startswith("label")


def test_a_model_that_does_not_fit_says_why(make_client, model, picture):
    client = make_client(old=VectorPredictor(replace(model.bundle, backbone_digest="other")))
    answer = client.post(URL, content=picture())
    assert answer.status_code == 503 and "another version" in answer.json()["detail"]


def test_health_and_readiness(client):
    assert client.get("/api/v1/health").json()["status"] == "ok"
    while (answer := client.get("/api/v1/ready")).status_code == 503:
        assert answer.headers["Retry-After"] == "1"
    assert answer.json() == {"status": "ready"}
