"""What is said of a picture: verdict, colors in words, known pictures like it, tables."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from decor_core.data.tables.columns import Columns, guess_columns
from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import load_bundle
from decor_core.model.color_names import ColorNames, name_colors
from decor_core.model.neighbors import NeighborIndex
from decor_core.model.predictor import (
    Decision,
    ImagePredictor,
    Labeled,
    Prediction,
    Score,
    shared_embedder,
)
from decor_core.model.results_table import result_columns, results_table, to_csv, to_json
from decor_core.taxonomy import DECOR, Taxonomy


def _prediction(*probs, novelty=0.0, labels=("Gzhel", "Iznik", "Khokhloma", "Gorodets")):
    scores = tuple(Score(*pair) for pair in zip(labels, probs, strict=False))
    return Prediction("style", scores, novelty)


# Decision


@pytest.mark.parametrize(
    ("probs", "novelty", "kind", "labels"),
    [
        ((0.9, 0.06, 0.04), 0.2, "confident", ("Gzhel",)),
        ((0.8, 0.1, 0.1), 0.5, "confident", ("Gzhel",)),
        ((0.5, 0.4, 0.1), 0.2, "ambiguous", ("Gzhel", "Iznik")),
        ((0.4, 0.3, 0.3), 0.2, "undecided", ("Gzhel", "Iznik", "Khokhloma")),
        ((0.3, 0.25, 0.24, 0.21), 0.2, "undecided", ("Gzhel", "Iznik", "Khokhloma")),
        ((0.75, 0.1, 0.08, 0.07), 0.3, "ambiguous", ("Gzhel",)),
        ((0.75, 0.1, 0.08, 0.07), 0.09, "ambiguous", ("Gzhel", "Iznik")),
        ((0.4, 0.2, 0.2, 0.2), 0.3, "undecided", ("Gzhel", "Iznik", "Khokhloma")),
        ((1.0, 0.0), 0.51, "unknown", ()),
        ((1.0,), 0.0, "confident", ("Gzhel",)),
    ],
)
def test_verdict_by_what_the_likeliest_labels_reach_together(probs, novelty, kind, labels):
    assert _prediction(*probs, novelty=novelty).decision() == Decision(kind, labels)


def test_both_thresholds_are_adjustable():
    prediction = _prediction(0.9, 0.06, 0.04, novelty=0.05)
    assert prediction.decision(confidence_threshold=0.95).kind == "ambiguous"
    assert prediction.decision(confidence_threshold=0.99).kind == "undecided"
    assert prediction.decision(novelty_threshold=0.04).kind == "unknown"
    assert (
        prediction.decision(confidence_threshold=1.0).kind == "undecided"
    )  # reached by rounding, or by all


# Colors


def _look(embeddings, picture):
    return shared_embedder(embeddings.spec).feature_maps(picture)


def _striped(*colors, ground):
    picture = Image.new("RGB", (160, 160), ground)
    for place in range(6):
        picture.paste(colors[place % len(colors)], (20, 24 + 20 * place, 140, 34 + 20 * place))
    return picture


@pytest.mark.parametrize(
    ("colors", "ground", "words"),
    [
        (["#1f3f94"], "white", "blue on white"),
        (["#b4242b", "#d8a520"], "black", "gold and red on black"),
        (["#3d7446", "#1e9aa5"], "white", "green and turquoise on white"),
        (["#b4242b"], "#eadfc4", "red on white"),  # a pale ground is white in a warm light
    ],
)
def test_colors_in_words(embeddings, colors, ground, words):
    found = name_colors(_look(embeddings, _striped(*colors, ground=ground)))
    assert set(found.accents) == set(words.partition(" on ")[0].split(" and "))
    assert found.ground == words.partition(" on ")[2]


def test_a_dark_object_on_white_stands_on_its_own_color(embeddings):
    picture = Image.new("RGB", (200, 200), "white")
    picture.paste("black", (20, 20, 180, 180))
    for x, y in ((30, 40), (70, 90), (120, 50), (110, 130), (40, 140)):
        ImageDraw.Draw(picture).ellipse((x, y, x + 30, y + 30), "#b4242b")
    assert str(name_colors(_look(embeddings, picture))) == "red on black"


def test_color_names_read_as_people_write():
    assert str(ColorNames(("red", "gold"), "black")) == "red and gold on black"
    assert str(ColorNames(("red", "gold", "green"))) == "red, gold and green"
    assert str(ColorNames((), "white")) == "white" and str(ColorNames(())) == ""


@pytest.mark.parametrize("size", [(8, 300), (300, 8), (40, 40)])
def test_every_picture_has_color_names(embeddings, size):
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert isinstance(str(name_colors(_look(embeddings, Image.fromarray(noise)))), str)


# Known pictures


@pytest.fixture(scope="module")
def products():
    return Embeddings.load().of_types("product")


@pytest.fixture(scope="module")
def shipped():
    return load_bundle()


@pytest.fixture(scope="module")
def known(shipped, products):
    return NeighborIndex(shipped, products)


def test_a_known_picture_is_most_like_itself_and_then_its_kind(known, products):
    for row in (0, 100, 284):
        found = known.nearest(products.vectors[row], 4)
        picture = products.table.iloc[row]
        assert found[0].file == picture["file"] and found[0].key == picture["key"]
        assert found[0].similarity == pytest.approx(1, abs=1e-4)
        assert {one.label for one in found} == {picture["style"]}
        assert [one.similarity for one in found] == sorted(
            (o.similarity for o in found), reverse=True
        )


def test_of_near_duplicates_only_one_is_named(training, embeddings):
    table = embeddings.table.copy()
    table.loc[:5, "group"] = table["group"].iloc[0]
    known = NeighborIndex(training.bundle, replace(embeddings, table=table))
    found = known.nearest(embeddings.vectors[0], 36)
    assert len(found) == 31 and len({one.file for one in found}) == 31
    alike = {**training.bundle.training, "alike_classes": sorted(set(table["style"]))}
    one_scene = replace(embeddings, table=table.assign(group="same"))
    scene = NeighborIndex(replace(training.bundle, training=alike), one_scene)
    assert len(scene.nearest(embeddings.vectors[0], 36)) == 36


def test_log_odds_are_the_difference_of_the_scores(known, shipped, products):
    vectors = products.vectors[[0, 200]]
    logits = shipped.head.logits(vectors)
    labels = shipped.taxonomy.labels
    sums = [known.log_odds_by_trait(v, labels[0], labels[1]) for v in vectors]
    assert set(sums[0]) == {"texture", "pattern", "shapes", "colours"}
    # All but what the average picture has, which is the same for both.
    difference = (logits[0, 0] - logits[0, 1]) - (logits[1, 0] - logits[1, 1])
    assert sum(sums[0].values()) - sum(sums[1].values()) == pytest.approx(difference, abs=1e-3)


def test_a_model_of_other_labels_or_vectors_knows_none_of_them(shipped, products):
    assert NeighborIndex.fits(shipped, products)
    assert NeighborIndex.fits(replace(shipped, taxonomy=DECOR.coarser), products)
    assert not NeighborIndex.fits(replace(shipped, backbone_digest="other"), products)
    assert not NeighborIndex.fits(
        replace(shipped, taxonomy=Taxonomy("style", ("Gzhel", "Delft"))), products
    )


# Tables

_NOTES = ("The first page.", "Its colors are guessed.")


@pytest.fixture(scope="module")
def answers(training, embeddings):
    predictor = ImagePredictor(training.bundle)
    (one,) = predictor.predict(embeddings.vectors[:1])
    return [
        Labeled("=HYPERLINK(1).png", one),
        Labeled("ł.png", replace(one, novelty=0.9), notes=_NOTES),
        Labeled("bad.png", error="The file is a text file."),
    ]


def test_rows_tell_verdict_decision_labels_country_and_reason(answers, training):
    rows = results_table(answers, training.bundle.taxonomy)
    assert [row["verdict"] for row in rows] == ["Gzhel", "unknown", None]
    assert [row["decision"] for row in rows] == ["confident", "unknown", None]
    for row in rows[:2]:
        assert (row["taxonomy"], row["label"], row["country"]) == ("style", "Gzhel", "Russia")
        assert 1 >= row["probability"] > row["probability_2"] and row["label_2"] != "Gzhel"
    assert [row["notes"] for row in rows[:2]] == [None, " ".join(_NOTES)]
    assert {name: value for name, value in rows[2].items() if value is not None} == {
        "file": "bad.png", "error": "The file is a text file.",
    }  # fmt: skip


def test_columns_are_those_of_label_out_and_the_coarser_label(answers, training):
    level = training.bundle.taxonomy
    *columns, notes, error = result_columns(2)
    for row in results_table(answers, level):
        assert list(row) == [*columns, "country", notes, error]
    countries = [Labeled("a.png", replace(_prediction(0.7, 0.3), taxonomy="country"))]
    assert list(results_table(countries, level.coarser)[0]) == list(result_columns(2))
    level = replace(level, coarser=replace(level.coarser, name="label"))
    (row,) = results_table(answers[:1], level)
    assert (row["label"], row["coarser_label"]) == ("Gzhel", "Russia")


def test_verdict_and_decision_follow_the_thresholds(answers, training):
    known, strange = answers[0], Labeled("b.png", replace(answers[0].prediction, novelty=0.3))
    level = training.bundle.taxonomy
    for novelty, verdict, decision in (0.5, "Gzhel", "confident"), (0.2, "unknown", "unknown"):
        rows = results_table([known, strange], level, 0.5, novelty)
        assert (rows[0]["verdict"], rows[0]["decision"]) == ("Gzhel", "confident")
        assert (rows[1]["verdict"], rows[1]["decision"]) == (verdict, decision)


def test_csv_is_safe_to_open_and_keeps_every_letter(answers, training):
    data = to_csv(results_table(answers, training.bundle.taxonomy))
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["file"] for row in rows] == ["'=HYPERLINK(1).png", "ł.png", "bad.png"]
    assert rows[2]["error"] == "The file is a text file." and rows[2]["label"] == ""
    assert list(rows[0])[-1] == "error"


def test_a_download_is_read_as_a_table_to_train_on(training, embeddings):
    names, taxonomy = [*embeddings.table["file"]], training.bundle.taxonomy
    predictions = ImagePredictor(training.bundle).predict(embeddings.vectors)
    results = [Labeled(*pair) for pair in zip(names, predictions, strict=True)]
    data = to_csv(results_table(results, taxonomy))
    table = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    guess = guess_columns(table, names)
    assert guess.is_clear and guess.columns == Columns("file", "label", "country")


@pytest.mark.parametrize("start", "=+-@\t\r")
def test_whatever_starts_a_formula_is_text(start):
    cell = next(csv.reader(io.StringIO(to_csv([{"file": f"{start}1"}]).decode("utf-8-sig")[6:])))
    assert cell == [f"'{start}1"]


def test_json_is_the_rows(answers, training):
    rows = results_table(answers, training.bundle.taxonomy)
    assert json.loads(to_json(rows)) == rows
