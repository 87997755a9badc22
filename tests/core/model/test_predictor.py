"""A model and pictures → ranked answers, in any taxonomy of the model."""

from dataclasses import replace

import numpy as np
import pytest

from decor_core.errors import BackboneError, BundleError, DataError
from decor_core.features.embedder import EmbeddingSpec
from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.linear_head import LinearHead
from decor_core.model.predictor import ImagePredictor, Labeled, shared_embedder


@pytest.fixture(scope="module")
def predictor(training):
    return ImagePredictor(training.bundle)


def test_scores_are_all_labels_best_first_and_sum_to_one(predictor, embeddings):
    for prediction in predictor.predict(embeddings.vectors[:5]):
        probs = [score.probability for score in prediction.scores]
        assert sorted(score.label for score in prediction.scores) == sorted(
            predictor.bundle.taxonomy.labels
        )
        assert probs == sorted(probs, reverse=True)
        assert sum(probs) == pytest.approx(1)
        assert prediction.verdict == prediction.scores[0].label
        assert prediction.confidence == probs[0]


def test_country_is_the_sum_of_its_styles(predictor, embeddings):
    vectors = embeddings.vectors.mean(axis=0, keepdims=True)  # an undecided one
    (style,), (country,) = predictor.predict(vectors), predictor.predict(vectors, "country")
    of_style = {score.label: score.probability for score in style.scores}
    of_country = {score.label: score.probability for score in country.scores}
    assert country.taxonomy == "country"
    assert of_country == {
        "Russia": pytest.approx(of_style["Gzhel"] + of_style["Khokhloma"]),
        "Turkey": pytest.approx(of_style["Iznik"]),
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_as_many_predictions_as_vectors(predictor, embeddings, count):
    assert len(predictor.predict(embeddings.vectors[:count])) == count


def test_files_are_labeled_in_order_and_the_bad_one_says_why(predictor, painted, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    files = [painted / "Iznik" / "200.png", broken, tmp_path / "gone.png",
             painted / "Gzhel" / "000.png"]  # fmt: skip
    found = [predictor.label_one(str(file), file) for file in files]
    assert [answer.file for answer in found] == [str(file) for file in files]
    assert found[0].prediction.verdict == "Iznik" and found[3].prediction.verdict == "Gzhel"
    assert [answer.prediction for answer in found[1:3]] == [None, None]
    assert "text file" in found[1].error and "missing" in found[2].error


def test_unknown_taxonomy_is_refused(predictor):
    with pytest.raises(DataError, match="no taxonomy “continent”.*style and country"):
        predictor.predict(np.zeros((0, 1)), "continent")


def test_json_of_an_answer_and_of_an_error(predictor, painted):
    answer = predictor.label_one("it", painted / "Iznik" / "200.png")
    told = answer.to_json(top=2)
    assert list(told) == ["file", "verdict", "decision", "novelty", "scores"]
    assert (told["verdict"], told["decision"]) == ("Iznik", answer.prediction.decision().kind)
    assert 0 <= told["novelty"] < 0.5 and len(told["scores"]) == 2
    assert list(told["scores"][0]) == ["label", "probability"]
    assert Labeled("x.png", error="Why.").to_json(2) == {"file": "x.png", "error": "Why."}


def test_same_answers_after_saving_and_loading(predictor, embeddings, tmp_path):
    again = ImagePredictor(load_bundle(save_bundle(predictor.bundle, tmp_path / "model")))
    assert again.predict(embeddings.vectors) == predictor.predict(embeddings.vectors)


def test_model_of_another_network_is_refused(training):
    with pytest.raises(BundleError, match="“Painted” was trained on another version of"):
        ImagePredictor(replace(training.bundle, backbone_digest="other"))


def test_model_of_other_vectors_is_refused(training):
    short = LinearHead(training.bundle.head.weights[:-1], training.bundle.head.bias)
    expected = f"expects {len(short.weights)} numbers for each picture, but there are"
    with pytest.raises(BundleError, match=expected):
        ImagePredictor(replace(training.bundle, head=short))


def test_model_of_another_version_of_the_vectors_is_refused(training):
    spec = replace(training.bundle.embedding, version=99)
    with pytest.raises(BackboneError, match="version 99"):
        ImagePredictor(replace(training.bundle, embedding=spec))


def test_networks_are_shared():
    assert shared_embedder(EmbeddingSpec(views=1)) is shared_embedder(EmbeddingSpec(views=1))


def test_shipped_model_has_all_styles_and_no_doubt_about_shapes():
    shipped = ImagePredictor(load_bundle())
    vectors = np.zeros((2, shipped.embedder.dimensions), np.float32)
    assert len(shipped.predict(vectors)[1].scores) == 7
    assert len(shipped.predict(vectors, "country")[1].scores) == 4


def test_a_picture_gets_the_same_answer_alone_and_among_others(predictor, embeddings):
    vectors = embeddings.vectors[:7]
    alone = [predictor.predict(vector[None])[0] for vector in vectors]
    assert predictor.predict(vectors) == alone
    assert predictor.predict(np.asfortranarray(vectors)) == alone
