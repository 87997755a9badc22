"""Vectors and evidence over HTTP are those of the app."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from decor_app.api.schemas import MAX_EVIDENCE
from decor_app.hosting.config import server_config
from decor_core.model.overlay import overlay


@pytest.fixture(scope="module")
def analysis(pool, model, picture):
    return pool.analyze_image(model.bundle, picture(), server_config().picture_limits)


@pytest.mark.parametrize("encoding", ["list", "base64"])
def test_vectors_are_those_of_the_app_to_the_bit(client, picture, analysis, encoding):
    answer = client.post("/api/v1/embed", content=picture(), params={"encoding": encoding}).json()
    assert (answer["dimensions"], answer["encoding"]) == (len(analysis.vector), encoding)
    found = answer["pictures"][0]["vector"]
    if encoding == "base64":
        vector = np.frombuffer(base64.b64decode(found), "<f4")
    else:
        vector = np.array(found, np.float32)
    np.testing.assert_array_equal(vector, analysis.vector)


def test_one_without_a_vector_says_why(client, picture):
    files = [("file", ("a", b"")), ("file", ("b", picture()))]
    first, second = client.post("/api/v1/embed", files=files).json()["pictures"]
    assert "empty" in first["error"] and len(second["vector"]) > 1000
    assert client.post("/api/v1/embed", content=b"").status_code == 422


@pytest.mark.parametrize("taxonomy", ["style", "country"])
def test_evidence_is_the_picture_under_its_attribution_map(
    client, model, picture, analysis, taxonomy
):
    options = {"evidence": "true", "taxonomy": taxonomy}
    (answer,) = client.post("/api/v1/classify", content=picture(), params=options).json()[
        "pictures"
    ]
    evidence = Image.open(io.BytesIO(base64.b64decode(answer["evidence"])))
    assert evidence.format == "PNG"
    explanation = analysis.evidence.rolled_up(model.bundle.taxonomy, taxonomy)
    preview = Image.open(io.BytesIO(analysis.preview))
    shown = overlay(preview, explanation.attribution(answer["label"]), explanation.scale)
    np.testing.assert_array_equal(np.asarray(evidence), np.asarray(shown))


def test_evidence_is_for_few_pictures(client, picture):
    files = [("file", (str(i), picture())) for i in range(MAX_EVIDENCE + 1)]
    answer = client.post("/api/v1/classify", files=files, params={"evidence": "true"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "evidence"
