"""The model card: its YAML is YAML and says what is known, its text tells the figures."""

import zipfile
from dataclasses import replace

import pytest
import yaml

from decor_core.__main__ import main
from decor_core.export.formats import export_model, export_name
from decor_core.export.model_card import model_card
from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle


@pytest.fixture(scope="module")
def shipped():
    return load_bundle()


def _parts(card):
    """Its YAML, read, and its text."""
    empty, head, text = card.split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(head), text


def test_the_head_is_what_hugging_face_reads(shipped):
    head, _ = _parts(model_card(shipped, "litert", "Use it."))
    assert head["pipeline_tag"] == "image-classification" and head["library_name"] == "litert"
    assert head["license"] == "apache-2.0" and "image-classification" in head["tags"]
    (model,) = head["model-index"]
    assert model["name"] == shipped.title
    figures = [*shipped.cross_validation.values(), shipped.elsewhere.evaluation]
    assert len(model["results"]) == len(figures)
    for result, evaluation in zip(model["results"], figures, strict=True):
        assert result["task"]["type"] == "image-classification"
        assert {"type", "name", "split"} == set(result["dataset"])
        metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
        assert metrics["accuracy"] == pytest.approx(evaluation.accuracy, abs=1e-4)
        assert metrics["balanced_accuracy"] == pytest.approx(evaluation.balanced_accuracy, abs=1e-4)


def test_the_text_tells_figures_with_intervals_at_home_and_elsewhere(shipped):
    _, text = _parts(model_card(shipped, "litert", "Use it."))
    home, away = shipped.cross_validation["style"], shipped.elsewhere.evaluation
    for evaluation in (home, away):
        low, high = (f"{bound * 100:.1f}" for bound in evaluation.ci95)
        assert f"| {evaluation.accuracy * 100:.1f} ({low}–{high}) |" in text
    rows = [line for line in text.splitlines() if line.startswith("| Gzhel |")]
    assert len(rows) == 1 and "of 55" in rows[0] and "of 259" in rows[0]
    assert "| Neglyubka | 12 |" in text and text.rstrip().count("\n| Neglyubka") == 1
    for strangers in shipped.elsewhere.strangers:
        assert f"Of {strangers.n} pictures of {strangers.kind}, {strangers.unknown} are" in text
    for section in ("How to use", "Intended use", "Training data", "Limits", "License"):
        assert f"\n## {section}\n" in text


def test_a_network_of_its_own_is_told(tiny_training, shipped):
    tuned = tiny_training.bundle
    told = model_card(tuned, "litert", "")
    assert (
        "The network “Tiny” comes with the model. It began as efficientnet_lite0, trained on "
        "ImageNet. Then its last 2 stages learned from the training pictures, together with the "
        "head. Stages that stayed as they were count 15 % in its answers. It computes in single "
        "precision. It looks at the object in the picture in 2 views."
    ) in told
    assert "license: apache-2.0" in told and "flatter" not in told
    again = model_card(replace(tuned, training={}), "litert", "")
    assert "Since then it has learned from the pictures of another training." in again
    assert "among those that the network learned from, the figures flatter" in again
    stranger = replace(tuned, network=replace(tuned.network, based_on=""), training={})
    told = model_card(stranger, "litert", "")
    assert "license: other" in told and "of the network, “Tiny”, the terms of its own" in told
    assert "It came from a file; what it was trained on is not known here." in told
    assert "The network is efficientnet_lite0, trained on ImageNet and unchanged." in (
        model_card(shipped, "litert", "")
    )


def test_what_was_not_measured_is_not_told(training):
    evaluation = training.bundle.evaluation
    head, text = _parts(model_card(training.bundle, "keras", "Use it."))
    (result,) = head["model-index"][0]["results"]
    assert result["dataset"]["split"] == "held out"
    assert f"| held out | {evaluation.n} | {evaluation.accuracy * 100:.1f} (" in text
    assert "from elsewhere was not measured" in text
    assert "\nThe author's own data: " in text and " pictures of its own" not in text
    bare = replace(training.bundle, evaluation=None, novelty=None, training={})
    head, text = _parts(model_card(bare, "keras", "Use it."))
    assert "model-index" not in head
    assert "It was not tested." in text and "it takes for one of them" in text


def test_titles_and_labels_cannot_break_it(training):
    title = 'a: "b" — 😀 \u2028| --- *x* <script>'
    head, text = _parts(model_card(training.bundle.titled(title), "keras", "Use it."))
    assert head["model-index"][0]["name"] == title
    assert text.startswith('\n# a: "b" — 😀 \\| --- \\*x\\* \\<script\\>\n')


def test_the_card_is_in_every_zip_and_a_file_of_its_own(shipped, tmp_path, capsys):
    with zipfile.ZipFile(export_model(shipped, "bundle", tmp_path / "a.zip")) as archive:
        inside, _ = _parts(archive.read("Decor-styles/README.md").decode())
    assert export_name(shipped, "card") == "Decor-styles-card.md"
    path = tmp_path / "new" / "card.md"
    assert main(["export", str(DEFAULT_BUNDLE), "--format", "card", "--out", str(path)]) == 0
    assert "KiB" in capsys.readouterr().out
    alone, _ = _parts(path.read_text(encoding="utf-8"))
    assert alone == inside
