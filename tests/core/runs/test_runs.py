"""Runs: kept in memory and on disk, found again, renamed, deleted and brought back."""

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decor_core.errors import DecorError, RunError
from decor_core.model.bundle import load_bundle
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.diagnosis import Diagnosis, diagnose
from decor_core.runs.run import load_run, run_of_bundle, run_of_training
from decor_core.runs.store import DiskRuns, MemoryRuns, runs_directory


@pytest.fixture
def run(training):
    return run_of_training(training, "painted", seconds=1.5)


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return MemoryRuns() if request.param == "memory" else DiskRuns(tmp_path / "runs")


def test_a_run_tells_what_the_training_was(run, training):
    assert (run.title, run.level, run.data, run.seconds) == ("Painted", "style", "painted", 1.5)
    assert run.config == TrainingConfig(
        "softmax", steps=60, learning_rate=0.1, views=1, region="object"
    )
    assert run.evaluation is training.bundle.evaluation
    assert not run.stopped and run.events == training.events
    assert list(run.predictions["key"].str.len()) == [64] * run.evaluation.n
    right = (run.predictions["truth"] == run.predictions["answer"]).mean()
    assert right == pytest.approx(run.evaluation.accuracy)
    assert run.settings["learning_rate"] == 0.1 and run.settings["pictures"] == 36
    closed = replace(run, config=replace(run.config, head="lda")).settings
    assert closed["learning_rate"] is None and closed["steps"] is None and closed["seed"] == 0


def test_what_is_kept_is_what_was_saved(store, run):
    store.save(replace(run, note="first try"))
    found = store.get(run.id)
    assert found.note == "first try" and found.events == run.events
    assert found.config == run.config and found.seconds == 1.5 and found.data == "painted"
    pd.testing.assert_frame_equal(found.predictions, run.predictions)
    np.testing.assert_array_equal(found.bundle.head.weights, run.bundle.head.weights)
    assert found.evaluation.to_json() == run.evaluation.to_json()


def test_curves_without_validation_come_back_without(store, run):
    events = [replace(e, validation_accuracy=None, validation_cross_entropy=None)
              for e in run.events]  # fmt: skip
    store.save(replace(run, events=tuple(events)))
    assert store.get(run.id).events == tuple(events)


def test_curves_that_diverged_come_back_as_they_were(store, run):
    last = replace(run.events[-1], train_cross_entropy=math.nan)
    store.save(replace(run, events=(*run.events, last)))
    events = store.get(run.id).events
    assert math.isnan(events[-1].train_cross_entropy)
    assert diagnose(events, 3) is Diagnosis.DIVERGED


def test_newest_first_and_shipped_models_last(store, run):
    older = replace(run, id="0ld", bundle=replace(run.bundle, created="2020-01-01T00:00:00+00:00"))
    store.save(older)
    store.save(run)
    first, second, *shipped = store.list()
    assert (first.id, second.id) == (run.id, "0ld")
    assert shipped and all(run.read_only for run in shipped)
    assert shipped[0].title == "Decor styles" and shipped[0].settings["pictures"] == 285


def test_rename_and_note_change_nothing_else(store, run):
    store.save(run)
    store.rename(run.id, "  Łowicz & co. ")
    store.note(run.id, "with **more** steps\n")
    found = store.get(run.id)
    assert found.title == found.bundle.title == "Łowicz & co."
    assert found.note == "with **more** steps"
    assert found.events == run.events and found.created == run.created
    with pytest.raises(RunError, match="needs a name"):
        store.rename(run.id, " ")


def test_cross_validated_figures_are_kept_beside_the_others(store, run):
    store.save(run.with_cross_validation({"style": run.evaluation}))
    assert store.get(run.id).cross_validation["style"].n == run.evaluation.n


def test_delete_can_be_undone_until_the_next(store, run):
    other = replace(run, id="other")
    store.save(run)
    store.save(other)
    store.delete(run.id)
    assert [found.id for found in store.list() if not found.read_only] == ["other"]
    with pytest.raises(RunError, match="no run"):
        store.get(run.id)
    store.restore(run.id)
    assert store.get(run.id).events == run.events
    store.delete(run.id)
    store.delete("other")
    with pytest.raises(RunError, match="cannot be brought back"):
        store.restore(run.id)
    assert store.restore("other").id == "other"


def test_what_ships_stays_as_it_is(store):
    for change in (
        store.delete,
        lambda id: store.rename(id, "Mine"),
        lambda id: store.note(id, ""),
    ):
        with pytest.raises(RunError, match="“Decor styles” ships with Decor"):
            change("decor-style")


def test_runs_are_found_by_the_start_of_their_id_or_by_title(store, run):
    store.save(replace(run, id="abc123"))
    store.save(replace(run, id="abd456"))
    assert store.find("abc").id == "abc123"
    with pytest.raises(RunError, match="give the id"):
        store.find("ab")
    with pytest.raises(RunError, match="give the id"):
        store.find("Painted")
    assert store.find("Decor styles").read_only
    with pytest.raises(RunError, match="no run"):
        store.find("xyz")


def test_damaged_neighbors_hide_nothing_and_are_told(run, tmp_path):
    store = DiskRuns(tmp_path)
    for name in ("json", "format", "events", "model", "good"):
        store.save(replace(run, id=name))
    (tmp_path / "json" / "run.json").write_text("{")
    about = json.loads((tmp_path / "format" / "run.json").read_text(encoding="utf-8"))
    (tmp_path / "format" / "run.json").write_text(json.dumps(about | {"format": "decor-run/9"}))
    (tmp_path / "events" / "events.npz").write_bytes(b"PK\3\4 no more")
    (tmp_path / "model" / "model" / "head.npz").unlink()
    (tmp_path / "stray.txt").write_text("not a run")
    assert [found.id for found in DiskRuns(tmp_path).list() if not found.read_only] == ["good"]
    with pytest.raises(RunError, match="decor-run/9"):
        load_run(tmp_path / "format")


@pytest.mark.parametrize(("file", "changes", "reason"), [
    ("run.json", {"note": 7}, "damaged.*note"),
    ("run.json", {"data": None}, "damaged.*data"),
    ("model/manifest.json", {"created": 2026}, "damaged.*created"),
    ("model/manifest.json", {"title": []}, "damaged.*title"),
    ("run.json", {"answers": {"key": [1], "file": ["a"], "truth": ["b"], "answer": ["b"],
                              "probability": [1]}}, "damaged.*answers.key"),
    ("run.json", {"answers": {"key": ["1"], "file": ["a"], "truth": ["b"], "answer": [],
                              "probability": [1]}}, "not of the same length"),
    ("run.json", {"answers": {"key": ["1"], "file": ["a"], "truth": ["b"], "answer": ["b"],
                              "probability": ["likely"]}}, "damaged"),
])  # fmt: skip
def test_words_and_numbers_are_told_apart(run, tmp_path, file, changes, reason):
    DiskRuns(tmp_path).save(run)
    place = tmp_path / run.id / file
    place.write_text(json.dumps(json.loads(place.read_text(encoding="utf-8")) | changes))
    with pytest.raises(DecorError, match=reason):
        load_run(tmp_path / run.id)
    assert run.id not in {found.id for found in DiskRuns(tmp_path).list()}


def test_pickles_are_never_read(run, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path / "fired").touch, ()

    DiskRuns(tmp_path).save(run)
    np.savez(tmp_path / run.id / "events.npz", step=np.array([Bomb()], object))
    with pytest.raises(RunError, match="damaged"):
        load_run(tmp_path / run.id)
    (tmp_path / run.id / "events.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(RunError, match="damaged"):
        load_run(tmp_path / run.id)
    assert not (tmp_path / "fired").exists()


def test_a_change_by_another_process_is_seen(run, tmp_path):
    here, there = DiskRuns(tmp_path), DiskRuns(tmp_path)
    here.save(run)
    assert there.get(run.id).note == ""
    here.note(run.id, "new")
    assert there.get(run.id).note == "new"
    here.delete(run.id)
    assert there.restore(run.id).note == "new"
    assert [path.name for path in tmp_path.iterdir() if path.name[0] != "."] == [run.id]


def test_places_that_cannot_be_written_are_told(run, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunError, match="cannot be written"):
        DiskRuns(tmp_path / "file").save(run)
    assert [r.read_only for r in DiskRuns(tmp_path / "file").list()][0]


def test_runs_live_in_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    assert runs_directory() == tmp_path / "runs" == DiskRuns().root
    monkeypatch.delenv("DECOR_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert runs_directory() == tmp_path / "data" / "decor" / "runs"


def test_a_model_alone_makes_a_run_too(training):
    run = run_of_bundle(training.bundle)
    assert run.config == TrainingConfig(
        "softmax", steps=60, learning_rate=0.1, views=1, region="object"
    )
    assert not len(run.predictions) and run.events == () and run.seconds is None
    assert run_of_bundle(training.bundle).id != run.id


def test_a_model_tells_on_what_it_was_trained(run):
    assert run_of_bundle(run.bundle).data == "painted"


def test_the_shipped_model_learned_from_what_own_ones_do():
    shipped = run_of_bundle(load_bundle())
    assert shipped.data == shipped.settings["data"] == TrainingData().name == "Decor photos"


def test_settings_tell_the_network_that_was_really_used(run):
    embedding = replace(run.bundle.embedding, architecture="efficientnet_lite2", views=1)
    old = replace(run, bundle=replace(run.bundle, embedding=embedding)).settings
    assert (old["architecture"], old["views"]) == ("efficientnet_lite2", 1)
