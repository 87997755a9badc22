"""One folder = one model: written in one move, read back the same, every damage noticed."""

import json
import time
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest

from decor_core.errors import BundleError
from decor_core.features.embedder import EmbeddingSpec
from decor_core.model import bundle as bundles
from decor_core.model.bundle import (
    DEFAULT_BUNDLE,
    FORMAT,
    Bundle,
    check_replaceable,
    folder_name,
    list_bundles,
    load_bundle,
    save_bundle,
)
from decor_core.model.evaluation import evaluate
from decor_core.model.external_evaluation import ExternalEvaluation, OutOfDistribution
from decor_core.model.linear_head import LinearHead
from decor_core.taxonomy import DECOR

FINEST = len(DECOR.labels)


@pytest.fixture
def bundle():
    probs = np.eye(FINEST) * 0.4 + 0.6 / FINEST
    judged = evaluate(probs, np.arange(FINEST), DECOR.labels)
    random = np.random.default_rng(0)
    weights = random.normal(size=(5, FINEST)).astype(np.float32)
    return Bundle(
        "Wzory łowickie", DECOR, EmbeddingSpec(views=2), "digest", LinearHead(weights, weights[0]),
        {"steps": 500, "head": "softmax"}, judged, {"style": judged},
    )  # fmt: skip


@pytest.fixture
def saved(bundle, tmp_path):
    return save_bundle(bundle, tmp_path / "model")


def _same(one, other):
    assert replace(one, head=None, evaluation=None, cross_validation={}) == replace(
        other, head=None, evaluation=None, cross_validation={}
    )
    np.testing.assert_array_equal(one.head.weights, other.head.weights)
    np.testing.assert_array_equal(one.head.bias, other.head.bias)
    assert one.evaluation.to_json() == other.evaluation.to_json()
    assert {k: v.to_json() for k, v in one.cross_validation.items()} == {
        k: v.to_json() for k, v in other.cross_validation.items()
    }


def _edit_manifest(folder, **changes):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(manifest), encoding="utf-8")


def test_round_trip(bundle, saved):
    _same(load_bundle(saved), bundle)
    assert sorted(path.name for path in saved.iterdir()) == [
        "head.npz", "labels.txt", "manifest.json"
    ]  # fmt: skip


def test_what_is_read_of_a_picture_travels_and_older_models_read_the_object(bundle, saved):
    manifest = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))
    assert load_bundle(saved).embedding == bundle.embedding
    _edit_manifest(saved, embedding=manifest["embedding"] | {"region": "frame"})
    assert load_bundle(saved).embedding == replace(bundle.embedding, region="frame")
    del manifest["embedding"]["region"]
    _edit_manifest(saved, embedding=manifest["embedding"])
    assert load_bundle(saved).embedding == replace(bundle.embedding, region="object")


@pytest.mark.parametrize("region", ["corner", "auto", 7])
def test_what_cannot_be_read_of_a_picture_is_damage(saved, region):
    manifest = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))
    _edit_manifest(saved, embedding=manifest["embedding"] | {"region": region})
    with pytest.raises(BundleError, match="damaged.*(object or frame|Expected `str`)"):
        load_bundle(saved)


def test_round_trip_without_any_judgement(bundle, tmp_path):
    bare = replace(bundle, evaluation=None, cross_validation={})
    again = load_bundle(save_bundle(bare, tmp_path / "bare"))
    assert again.evaluation is None and again.cross_validation == {}


def test_figures_from_elsewhere_come_back(bundle, tmp_path):
    strangers = OutOfDistribution("Batik", 9, 5, {"Iznik": 3})
    judged = bundle.evaluation
    elsewhere = ExternalEvaluation("museums", judged, {"Iznik": 1}, (strangers,))
    found = load_bundle(save_bundle(replace(bundle, elsewhere=elsewhere), tmp_path / "model"))
    assert replace(found.elsewhere, evaluation=judged) == elsewhere
    assert found.elsewhere.evaluation.to_json() == judged.to_json()


def test_a_model_of_an_earlier_version_has_no_figures_from_elsewhere(saved):
    path = saved / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["elsewhere"]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert load_bundle(saved).elsewhere is None


def _strangers(**changes):
    one = {"kind": "Batik", "n": 9, "unknown": 5, "confident": {"Iznik": 3}} | changes
    return {"source": "museums", "strangers": [one]}


@pytest.mark.parametrize("elsewhere", [
    7,
    {},
    {"source": "museums", "evaluation": {"labels": ["Iznik"]}},
    {"source": "museums", "unknown": {"Iznik": 1}},
    _strangers(n=0, unknown=0, confident={}),
    _strangers(n=7),
    _strangers(unknown=-1),
    _strangers(confident={"Delft": 3}),
    _strangers(kind=None),
])  # fmt: skip
def test_figures_from_elsewhere_that_make_no_sense_are_damage(saved, elsewhere):
    _edit_manifest(saved, elsewhere=elsewhere)
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(saved)


def test_labels_keep_their_letters(saved):
    labels = (saved / "labels.txt").read_text(encoding="utf-8").splitlines()
    assert labels == list(DECOR.labels)
    assert "Wzory łowickie" in (saved / "manifest.json").read_text(encoding="utf-8")


def test_saving_again_replaces_the_model_and_leaves_nothing_beside(bundle, saved):
    (saved / "stale.txt").write_text("from an older version")
    save_bundle(bundle.titled("Second"), saved)
    assert load_bundle(saved).title == "Second"
    assert not (saved / "stale.txt").exists()
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_failed_writing_leaves_the_old_model(bundle, saved, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundles.np, "savez", full)
    with pytest.raises(BundleError, match="cannot be written: No space left on device"):
        save_bundle(bundle.titled("Second"), saved)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]
    monkeypatch.undo()
    assert load_bundle(saved).title == "Wzory łowickie"


def test_strangers_folders_and_files_are_not_touched(bundle, tmp_path):
    (tmp_path / "letters").mkdir()
    letter = tmp_path / "letters" / "to_anna.txt"
    letter.write_text("Dear Anna")
    for place in (letter.parent, letter):
        with pytest.raises(BundleError, match="no model folder; choose an empty or a new folder"):
            save_bundle(bundle, place)
        with pytest.raises(BundleError):
            check_replaceable(place)
    assert letter.read_text() == "Dear Anna"


def test_empty_folder_and_new_folders_are_taken(bundle, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "new" / "deep"):
        assert load_bundle(save_bundle(bundle, place)).title == bundle.title


# Damage


@pytest.mark.parametrize("name", ["manifest.json", "head.npz"])
def test_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(BundleError, match=f"no model folder: {name} is missing"):
        load_bundle(saved)


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(BundleError, match="absent.*no model folder"):
        load_bundle(tmp_path / "absent")


@pytest.mark.parametrize("name", ["manifest.json", "head.npz"])
def test_cut_file_is_an_error_wherever_it_is_cut(saved, name):
    whole = (saved / name).read_bytes()
    for size in np.linspace(0, len(whole) - 3, 25).astype(int):
        (saved / name).write_bytes(whole[:size])
        with pytest.raises(BundleError, match="damaged.*retrain it"):
            load_bundle(saved)


def test_changed_byte_is_an_error_or_harmless(bundle, saved):
    path = saved / "head.npz"
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = load_bundle(saved)
        except BundleError:
            continue
        np.testing.assert_array_equal(found.head.weights, bundle.head.weights)
        np.testing.assert_array_equal(found.head.bias, bundle.head.bias)


def test_format_mismatch_names_both(saved):
    _edit_manifest(saved, format="decor-bundle/2")
    with pytest.raises(BundleError, match=f"decor-bundle/2.*{FORMAT}.*update Decor"):
        load_bundle(saved)


@pytest.mark.parametrize("changes", [
    {"taxonomy": {"name": "x", "labels": ["a"], "coarser": None, "parents": []}},
    {"taxonomy": {"name": "x", "labels": ["a"] * FINEST, "coarser": None, "parents": []}},
    {"taxonomy": {"name": {}, "labels": list(DECOR.labels), "coarser": None, "parents": []}},
    {"taxonomy": {"name": "x", "labels": [*DECOR.labels[1:], 0.5], "coarser": None, "parents": []}},
    {"taxonomy": {**asdict(DECOR), "parents": [9] * FINEST}},
    {"taxonomy": {**asdict(DECOR), "parents": ["Russia"] * FINEST}},
    {"taxonomy": None},
    {"taxonomy": []},
    {"embedding": {"architecture": ["efficientnet_lite0"]}},
    {"embedding": {"architecture": "efficientnet_lite0", "views": "2"}},
    {"embedding": {"architecture": "efficientnet_lite0", "zoom": 3}},
    {"embedding": "efficientnet_lite0"},
    {"evaluation": {"labels": []}},
    {"evaluation": 7},
    {"cross_validation": ["style"]},
])  # fmt: skip
def test_damaged_manifest_is_an_error(saved, changes):
    _edit_manifest(saved, **changes)
    with pytest.raises(BundleError):
        load_bundle(saved)


@pytest.mark.parametrize("text", ["[]", "null", "7", '"decor-bundle/1"', "{", "", "\ufeff{}"])
def test_manifest_of_another_shape_is_an_error(saved, text):
    (saved / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError):
        load_bundle(saved)


@pytest.mark.parametrize("weights, bias", [
    (np.zeros((5, FINEST + 1)), np.zeros(FINEST + 1)),
    (np.zeros((5, FINEST)), np.zeros(FINEST + 1)),
    (np.zeros(FINEST), np.zeros(FINEST)),
    (np.full((5, FINEST), np.nan), np.zeros(FINEST)),
    (np.zeros((5, FINEST)), np.full(FINEST, np.inf)),
    (np.full((5, FINEST), "x"), np.zeros(FINEST)),
])  # fmt: skip
def test_head_that_does_not_fit_is_an_error(saved, weights, bias):
    np.savez(saved / "head.npz", weights=weights, bias=bias)
    with pytest.raises(BundleError):
        load_bundle(saved)


def test_pickle_in_a_model_is_refused_not_run(saved, tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "bang",)

    np.savez(saved / "head.npz", weights=np.array([Bomb()], object), bias=np.zeros(FINEST))
    with pytest.raises(BundleError, match="allow_pickle"):
        load_bundle(saved)
    (saved / "head.npz").write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(BundleError):
        load_bundle(saved)
    assert not (tmp_path / "bang").exists()


# Many models


def test_list_is_oldest_first_and_passes_over_damage(bundle, tmp_path):
    for name, day in (("b", 1), ("a", 2), ("broken", 3)):
        save_bundle(replace(bundle, created=f"2026-01-0{day}"), tmp_path / name)
    (tmp_path / "broken" / "head.npz").write_bytes(b"PK")
    (tmp_path / ".half").mkdir()
    (tmp_path / ".half" / "manifest.json").write_text("{}")
    (tmp_path / "note.txt").write_text("not a model")
    assert [folder.name for folder in list_bundles(tmp_path)] == ["b", "a"]


def test_models_of_one_second_are_told_apart(bundle, tmp_path):
    def made() -> Bundle:
        time.sleep(0.002)
        content = {one.name: getattr(bundle, one.name) for one in fields(bundle)}
        return Bundle(**{name: value for name, value in content.items() if name != "created"})

    save_bundle(first := made(), tmp_path / "first")
    assert load_bundle(tmp_path / "first").created == first.created < made().created


def test_list_of_no_folder_is_empty(tmp_path):
    assert list_bundles(tmp_path / "absent") == {}


@pytest.mark.parametrize("title, name", [
    ("Wycinanki łowickie", "Wycinanki-łowickie"),
    ("../../etc/passwd", "etc-passwd"),
    ("…", "model"),
    ("", "model"),
    ("a" * 200, "a" * 80),
    ("Łódź".replace("ó", "o\u0301"), "Łódź"),
])  # fmt: skip
def test_folder_name_is_safe_and_keeps_letters(title, name):
    assert folder_name(title) == name


def test_shipped_model_is_whole():
    shipped = load_bundle()
    assert shipped.taxonomy == DECOR
    assert set(shipped.cross_validation) == {"style", "country"}
    labels = (DEFAULT_BUNDLE / "labels.txt").read_text(encoding="utf-8").splitlines()
    assert labels == list(DECOR.labels)
