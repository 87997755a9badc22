"""The Runs page without a browser: table, one run, several, names, delete and undo, parcels."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from packing import zip_bytes
from serving import TIMEOUT
from streamlit.testing.v1 import AppTest

from decor_app.components import missing_network
from decor_app.jobs.inference_pool import InferencePool
from decor_app.runs import transfer
from decor_app.state import runs as state_runs
from decor_app.state.runs import IN_SESSION, ON_DISK, SHIPPED
from decor_app.state.workspace import Workspace, WorkspaceRegistry
from decor_core.errors import BundleError
from decor_core.export.formats import FORMATS, export_model
from decor_core.model.bundle import Bundle, load_bundle
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.run import Run, run_of_bundle, run_of_training
from decor_core.runs.store import DiskRuns, MemoryRuns
from decor_core.training.train import train

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def runs(embeddings) -> list[Run]:
    """Two trainings on the painted pictures that differ in their steps and seed."""
    config = TrainingConfig("softmax", steps=60, learning_rate=0.1, testing_percentage=30)
    first = run_of_training(train(embeddings, config, "style"), "painted", 1.5)
    config = replace(config, steps=30, seed=1)
    return [replace(first.titled("First"), id="aaaa"), replace(first, id="bbbb", config=config)]


@pytest.fixture
def open_runs(runs) -> Callable[..., AppTest]:
    """``open_runs(tick=[0])`` is the page of a session with ``runs``, some rows ticked."""

    def run(tick: list[int] = (), mine: Workspace | None = None) -> AppTest:
        test = AppTest.from_file(str(ROOT / "pages/runs.py"), default_timeout=TIMEOUT)
        test.session_state["workspace"] = mine or Workspace("me", MemoryRuns(runs))
        _sound(test.run())
        return _tick(test, tick) if tick else test

    return run


def _sound(test: AppTest) -> AppTest:
    assert not test.exception
    return test


def _tick(test: AppTest, rows: list[int]) -> AppTest:
    entries = [run.id for run in test.session_state["workspace"].runs.list()]
    key = "runs-" + "-".join(run_id[:6] for run_id in entries)
    test.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return _sound(test.run())


def _texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.header, test.info, test.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def _button(test: AppTest, label: str):
    return next(button for button in test.button if button.label == label)


def _names(test: AppTest) -> list[str]:
    return [run.title for run in test.session_state["workspace"].runs.list()]


def test_without_runs_the_shipped_model_stands_alone(open_runs):
    test = open_runs(mine=Workspace("me"))
    table = test.dataframe[0].value
    assert set(table["Where"]) == {SHIPPED}
    assert "● " in table["Name"][0]  # it is the one that answers
    assert "Nothing of yours here yet" in _texts(test)


def test_kept_runs_are_one_s_own(open_runs, runs, tmp_path, monkeypatch):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    monkeypatch.setattr("decor_app.state.runs._disk_runs", DiskRuns)  # held since another home
    DiskRuns().save(runs[0])
    test = open_runs(mine=Workspace("me"))
    assert ON_DISK in set(test.dataframe[0].value["Where"])
    assert "Nothing of yours" not in _texts(test) and "Tick a row" in _texts(test)


def test_the_table_says_how_good_and_how_sure(open_runs, runs):
    row = open_runs().dataframe[0].value.set_index("Name").loc["First"]
    n = runs[0].evaluation.n
    assert row["Test accuracy"].endswith(f"N={n}") and "%" in row["Test accuracy"]
    assert (row["Where"], row["Data"], row["Steps"]) == (IN_SESSION, "painted", "60")
    assert row["Took"] == "1.5 s"


def test_nobody_else_sees_a_session_s_runs(open_runs):
    assert "First" not in list(open_runs(mine=Workspace("you")).dataframe[0].value["Name"])


def test_one_run_can_be_renamed_and_noted(open_runs):
    test = open_runs([0])
    run = test.session_state["workspace"].runs.list()[0]
    _sound(test.text_input(key=f"title-{run.id}").set_value("Blue <b>one</b>").run())
    _sound(test.text_input(key=f"note-{run.id}").set_value("with seed 3").run())
    found = test.session_state["workspace"].runs.get(run.id)
    assert (found.title, found.note) == ("Blue <b>one</b>", "with seed 3")
    assert r"Blue \<b\>one" in _texts(test)


def test_a_name_of_nothing_is_refused(open_runs):
    test = open_runs([0])
    run = test.session_state["workspace"].runs.list()[0]
    _sound(test.text_input(key=f"title-{run.id}").set_value("  ").run())
    assert "needs a name" in test.toast[0].value
    assert test.session_state["workspace"].runs.get(run.id).title == run.title


def test_what_is_deleted_can_be_brought_back(open_runs):
    test = open_runs([0])
    before = _names(test)
    _sound(_button(test, "Delete").click().run())
    assert _names(test) == before[1:]
    assert f"Deleted: **{before[0]}**" in _texts(test)
    _sound(_button(test, "Undo").click().run())
    assert sorted(_names(test)) == sorted(before)
    assert "Deleted" not in _texts(test)


def test_several_runs_are_compared(open_runs):
    test = open_runs([0, 1])
    assert r"test pictures right\: the same ones" in _texts(test)
    assert [header.value for header in test.header] == [
        "Is the difference more than chance?",
        "Curves",
        "Settings",
    ]
    table = test.dataframe[1].value
    assert list(table.index[:2]) == ["Training steps", "Random seed"]
    assert "N=" in table.loc["Test accuracy"].iloc[0]


def test_runs_of_one_name_are_told_apart(open_runs, runs):
    same = [run.titled("Same") for run in runs]
    test = open_runs([0, 1], Workspace("me", MemoryRuns(same)))
    assert sorted(test.dataframe[1].value.columns) == ["Same · aaaa", "Same · bbbb"]


def test_more_runs_than_colors_are_cut(open_runs, runs):
    many = [replace(runs[0], id=f"run{i}").titled(f"Run {i}") for i in range(9)]
    test = open_runs(list(range(9)), Workspace("me", MemoryRuns(many)))
    assert "first 7 of the 9 runs" in _texts(test)


def test_the_shipped_model_can_be_looked_at_but_not_changed(open_runs):
    test = open_runs([0], Workspace("me"))
    labels = [button.label for button in test.button]
    assert "Delete" not in labels and "Keep" not in labels
    assert not test.text_input
    assert "Classify answers with this model" in _texts(test)


def test_an_own_model_can_be_used_and_the_shipped_one_restored(open_runs):
    bundle = load_bundle()
    run = run_of_bundle(replace(bundle, head=bundle.head.with_temperature(2)), id="cccc").titled(
        "Mine"
    )
    test = open_runs([0], Workspace("me", MemoryRuns([run])))
    _sound(_button(test, "Use this model").click().run())
    assert test.session_state["workspace"].model.bundle.title == "Mine"
    assert list(test.dataframe[0].value["Name"]) == ["● Mine", bundle.title]
    _sound(_button(test, "Back to the shipped model").click().run())
    assert test.session_state["workspace"].model is None
    assert list(test.dataframe[0].value["Name"]) == ["Mine", f"● {bundle.title}"]


# Keeping on disk


@pytest.fixture
def kept(tmp_path, monkeypatch) -> DiskRuns:
    store = DiskRuns(tmp_path / "runs")
    monkeypatch.setattr(state_runs, "_disk_runs", lambda: store)
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    return store


def test_a_run_can_be_kept_and_is_seen_by_the_next_session(open_runs, kept):
    test = open_runs([0])
    _sound(_button(test, "Keep").click().run())
    assert len(_names(test)) == 2  # one of the two, and the one that ships
    table = open_runs(mine=Workspace("you")).dataframe[0].value
    assert list(table["Where"]) == [ON_DISK, SHIPPED]


def test_where_nobody_said_so_a_visitor_from_afar_cannot_keep(open_runs, monkeypatch):
    monkeypatch.delenv("DECOR_HOME", raising=False)
    assert "Keep" not in [button.label for button in open_runs([0]).button]


# Parcels


def test_every_format_is_offered(open_runs):
    test = open_runs([0])
    run = test.session_state["workspace"].runs.list()[0]
    assert len(test.radio(key=f"format-{run.id}").options) == len(FORMATS)
    for kind in FORMATS:
        _sound(test.radio(key=f"format-{run.id}").set_value(kind).run())
        assert ("Prepare" in [b.label for b in test.button]) != FORMATS[kind].is_light


@pytest.fixture
def parcel(tmp_path) -> bytes:
    bundle = load_bundle().titled("Parcel")
    return export_model(bundle, "bundle", tmp_path / "parcel.zip").read_bytes()


def _drop(test: AppTest, data: bytes) -> AppTest:
    test.file_uploader[0].set_value([("parcel.zip", data, "application/zip")])
    return _sound(test.run())


def test_what_was_exported_can_be_imported(open_runs, parcel):
    test = _drop(open_runs(mine=Workspace("me")), parcel)
    assert _names(test)[0] == "Parcel"
    assert "Imported: Parcel" in test.toast[0].value
    assert _sound(test.run()).dataframe[0].value["Name"][0] == "Parcel"


def test_an_imported_model_that_carries_its_network(open_runs, tiny_training, tmp_path):
    bundle = tiny_training.bundle
    assert bundle.evaluation
    parcel = export_model(bundle, "bundle", tmp_path / "parcel.zip").read_bytes()
    test = _tick(_drop(open_runs(mine=Workspace("me")), parcel), [0])
    assert "Trained deeper" in _texts(test) and "at 32 bits, goes with it" in _texts(test)
    # Which pictures were tested is not in the zip, so nothing is said of mistakes.
    assert "No mistakes" not in _texts(test) and "does not travel with the model" in _texts(test)


def test_a_model_is_tried_out_in_the_process_that_looks(open_runs, parcel, monkeypatch):
    asked = []

    def lost(looker: InferencePool, bundle: Bundle) -> None:
        asked.append(bundle.title)
        raise BundleError("The model could not be tried out just now; try again.")

    monkeypatch.setattr(InferencePool, "check", lost)
    test = _drop(open_runs(mine=Workspace("me")), parcel)
    assert asked == ["Parcel"] and len(_names(test)) == 1
    assert "could not be tried out just now" in test.error[0].value


def test_where_there_is_no_room_an_import_is_refused(open_runs, parcel, monkeypatch):
    monkeypatch.setenv("DECOR_SESSION_RUNS", "2")
    test = _drop(open_runs(), parcel)
    assert "There are 2 runs in this session, as many as there is room for" in test.error[0].value
    assert "Parcel" not in _names(test)


def test_a_network_that_is_not_here_can_be_fetched(open_runs, monkeypatch, tmp_path):
    monkeypatch.setenv("DECOR_BACKBONES", str(tmp_path / "networks"))
    bundle = load_bundle()
    spec = replace(bundle.embedding, architecture="resnet50")
    lost = replace(bundle, embedding=spec).titled("Elsewhere")
    parcel = export_model(lost, "bundle", tmp_path / "parcel.zip").read_bytes()
    mine = Workspace("me", MemoryRuns([run_of_bundle(lost)]))
    test = _tick(_drop(open_runs(mine=mine), parcel), [0])
    assert "needs the network “resnet50”" in test.error[0].value
    labels = [button.label for button in test.button]
    assert "Use this model" not in labels
    assert labels.count("Fetch its network, resnet50 (94 MB)") == 2
    asked = []
    monkeypatch.setattr(missing_network, "submit", lambda *told: asked.append(told))
    _sound(_button(test.run(), "Fetch its network, resnet50 (94 MB)").click().run())
    assert [(purpose, task.data) for purpose, task, _ in asked] == [("network", "resnet50")]
    monkeypatch.setattr(transfer, "is_at_hand", lambda name: True)  # by now
    assert "resnet50 is here now; bring the model again" in _sound(test.run()).success[0].value


def test_networks_that_come_with_models_have_their_share(
    open_runs, tiny_training, tmp_path, monkeypatch
):
    bundle = tiny_training.bundle
    network = replace(bundle.network, content=bytes(1_500_000))
    heavy = run_of_bundle(replace(bundle, network=network))
    other = Workspace("other", MemoryRuns([heavy]))
    parcel = export_model(bundle, "bundle", tmp_path / "parcel.zip").read_bytes()
    monkeypatch.setenv("DECOR_SESSION_MB", "1")
    test = _drop(open_runs(mine=Workspace("me", MemoryRuns([heavy]))), parcel)
    assert "of this session bring may have 1 MiB" in test.error[0].value and len(_names(test)) == 2
    monkeypatch.setenv("DECOR_SESSION_MB", "9")
    registry = WorkspaceRegistry()
    registry.touch(other)
    run, mine = run_of_bundle(bundle), Workspace("mine")
    assert registry.network_refusal(mine, run) == ""
    monkeypatch.setenv("DECOR_TOTAL_MB", "1")
    assert "no room for its network" in registry.network_refusal(mine, run)


def test_what_all_have_together_leaves_each_room_for_fewer(runs, monkeypatch):
    monkeypatch.setenv("DECOR_SESSION_RUNS", "3")
    monkeypatch.setenv("DECOR_TOTAL_RUNS", "4")
    everybody, mine = WorkspaceRegistry(), Workspace("me", MemoryRuns(runs))
    everybody.touch(mine)
    assert everybody.room(mine) == 3
    others = [Workspace(name, MemoryRuns(runs)) for name in ("you", "she")]
    everybody.touch(others[0])
    assert everybody.room(mine) == 2
    everybody.touch(others[1])
    assert everybody.room(mine) == 1


def test_what_is_no_model_is_refused_and_nothing_kept(open_runs):
    packed = zip_bytes({"model.pkl": b"cos\nsystem\n"})
    test = _drop(open_runs(mine=Workspace("me")), packed)
    assert len(test.error) == 1 and "model\\.pkl" in test.error[0].value
    assert len(_names(test)) == 1
    _drop(test, b"no zip at all")
    assert "no zip" in test.error[0].value
