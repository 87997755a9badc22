"""The commands runs, export, import and sweep, as people and scripts use them."""

import json
import re
import signal
import zipfile
from pathlib import Path

import pytest

from decor_core.__main__ import main
from decor_core.cli import sweep
from decor_core.runs.run import run_of_training
from decor_core.runs.store import DiskRuns
from decor_core.runs.tensorboard import tensorboard_command, write_summaries

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Runs of a test are kept where nobody else looks."""
    monkeypatch.setenv("DECOR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(capfd):
    """Runs a command in this process: exit code, standard output, standard error."""

    def run(*arguments):
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def refused(run):
    """Runs a command that must fail with one line on standard error; gives that line."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "") and err.startswith("decor: ") and err.count("\n") == 1
        return err

    return refused


@pytest.fixture
def kept(training):
    """A kept run called “Painted”."""
    return DiskRuns().save(run_of_training(training, "painted", seconds=1.25))


# retrain


def test_retrain_keeps_a_run_when_asked(run, painted):
    options = ("retrain", "--image_dir", painted, "--views", 1, "--head", "lda")
    code, out, _ = run(*options, "--save", "--title", "Łowicz")
    (found,) = (kept for kept in DiskRuns().list() if not kept.read_only)
    assert code == 0 and f"Kept as run {found.id}; “runs list” shows all" in out
    assert found.title == "Łowicz" and found.data == painted.name and found.seconds > 0
    assert len(found.answers) == found.evaluation.n
    told = json.loads(run(*options, "--save", "--json")[1])
    assert DiskRuns().get(told["run"]).title == "My model"
    assert json.loads(run(*options, "--json")[1])["run"] is None


# runs


def test_list_shows_kept_runs_then_what_ships(run, kept):
    code, out, _ = run("runs", "list")
    header, first, second = out.splitlines()
    assert code == 0 and header.split()[:2] == ["id", "title"]
    assert re.match(rf"{kept.id} +Painted +painted +style +softmax +60 +0.1 +\d", first)
    assert f"(N={kept.evaluation.n}, " in first and first.endswith("1.2")
    assert second.startswith("decor-style  Decor styles")
    told = json.loads(run("runs", "list", "--json")[1])
    assert [row["id"] for row in told] == [kept.id, "decor-style"]
    assert told[0]["settings"]["steps"] == 60 and told[1]["read_only"]


def test_show_tells_everything_and_where_the_model_is(run, kept, painted):
    code, out, _ = run("runs", "show", kept.id[:5])
    assert code == 0 and out.startswith(f"Painted ({kept.id})")
    assert re.search(r"learning_rate +0.1\n", out) and "Final test accuracy" in out
    told = json.loads(run("runs", "show", "Painted", "--json")[1])
    assert len(told["answers"]) == kept.evaluation.n and told["events"][-1]["step"] == 60
    code, out, _ = run("label", "--image", painted / "Iznik" / "200.png", "--bundle",
                       told["model"], "--json")  # fmt: skip
    assert code == 0 and json.loads(out)[0]["verdict"] == "Iznik"


def test_compare_names_what_differs_and_says_whether_it_is_chance(run, kept, training):
    other = run_of_training(training, "painted elsewhere")
    DiskRuns().save(other)
    code, out, _ = run("runs", "compare", kept.id, other.id)
    assert code == 0 and re.search(r"data +painted +painted elsewhere\n", out)
    assert "share too few test pictures" in out or "of the same" in out
    told = json.loads(run("runs", "compare", kept.id, other.id, "--json")[1])
    assert told["runs"] == [kept.id, other.id]
    assert told["pairs"][0]["shared"] == kept.evaluation.n


def test_rename_note_delete_and_restore(run, kept):
    assert run("runs", "rename", kept.id, "Better name")[0] == 0
    assert run("runs", "note", "Better name", "as in the talk")[0] == 0
    found = DiskRuns().get(kept.id)
    assert (found.title, found.note) == ("Better name", "as in the talk")
    code, out, _ = run("runs", "delete", kept.id)
    assert code == 0 and f"“runs restore {kept.id}” brings it back" in out
    assert json.loads(run("runs", "list", "--json")[1])[0]["id"] == "decor-style"
    assert "“Better name” is back." in run("runs", "restore", kept.id)[1]
    assert DiskRuns().get(kept.id).note == "as in the talk"


def test_errors_about_runs_are_one_line(refused, kept):
    assert "no run “nothing”" in refused("runs", "show", "nothing")
    assert "ships with Decor" in refused("runs", "delete", "decor-style")
    assert "at least two different runs" in refused("runs", "compare", kept.id, "Painted")
    assert "No deleted run “nothing” is known" in refused("runs", "restore", "nothing")


def test_help_of_every_action_reads_well(capsys):
    for action in ("list", "show", "compare", "rename", "note", "delete", "restore"):
        assert main(["runs", action, "--help"]) == 0
        told = capsys.readouterr().out
        assert "--json" in told and "None" not in told
    assert main(["runs"]) == 2
    assert "..." not in capsys.readouterr().err.partition("Commands:")[2]


# export and import


def test_export_and_import_again(run, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("export", "Painted")
    assert code == 0 and out.startswith("Wrote Painted-bundle.zip (")
    code, out, _ = run("import", "Painted-bundle.zip", "--title", "From elsewhere")
    again = DiskRuns().find("From elsewhere")
    assert code == 0 and out == f"Kept “From elsewhere” as run {again.id}.\n"
    assert again.id != kept.id and again.evaluation.to_json() == kept.evaluation.to_json()
    told = json.loads(run("import", "Painted-bundle.zip", "--json")[1])
    assert told["title"] == "Painted (2)" and told["settings"]["data"] == "painted"
    out = run("import", "Painted-bundle.zip", "--title", "From elsewhere")[1]
    assert out == f"Kept “From elsewhere (2)” as run {DiskRuns().find('From elsewhere (2)').id}.\n"


def test_export_of_a_model_folder_in_another_format(run, kept, home, tmp_path):
    folder = home / "runs" / kept.id / "model"
    out = tmp_path / "there" / "painted.zip"
    told = json.loads(run("export", folder, "--format", "keras", "--out", out, "--json")[1])
    assert told["file"] == str(out) and told["bytes"] == out.stat().st_size
    with zipfile.ZipFile(out) as archive:
        assert "Painted/model.keras" in archive.namelist()


def test_errors_of_export_and_import_are_one_line(refused, kept, tmp_path):
    assert "no format “onnx”" in refused("export", "Painted", "--format", "onnx")
    assert "no run “nothing”" in refused("export", "nothing")
    assert "is no model folder" in refused("export", tmp_path)
    (tmp_path / "a.zip").write_bytes(b"nothing")
    assert "is no zip, or is damaged" in refused("import", tmp_path / "a.zip")
    assert "No such file" in refused("import", tmp_path / "b.zip")
    assert len([found for found in DiskRuns().list() if not found.read_only]) == 1


# sweep


def test_sweep_tries_all_and_marks_the_best(run, painted):
    options = ("sweep", "--image_dir", painted, "--views", 1, "--folds", 3,
               "--how_many_training_steps", "5,20", "--learning_rate", "0.1,0.2",
               "--head", "softmax,lda")  # fmt: skip
    code, out, _ = run(*options, "--json")
    told = json.loads(out)
    assert code == 0 and told["tried"] == told["candidates"] == 5
    assert sum(result["best"] for result in told["results"]) == 1
    best = next(result for result in told["results"] if result["best"])
    assert best["accuracy"] == told["best"]["accuracy"] >= 0.9
    assert len(best["folds"]) == 3 and best["diverged"] is False
    code, out, _ = run(*options)
    assert code == 0 and len(out.splitlines()) == 6
    assert re.search(r"^softmax, 20 steps at 0.2: \d+\.\d% ± \d+\.\d%$", out, re.M)
    assert out.splitlines()[-1].startswith("Best: ")


def test_sweep_at_random_is_seeded(run, painted):
    options = ("sweep", "--image_dir", painted, "--views", 1, "--folds", 3, "--random", 2,
               "--how_many_training_steps", "5,20", "--json")  # fmt: skip
    first, again = (json.loads(run(*options)[1])["results"] for _ in range(2))
    other = json.loads(run(*options, "--seed", 1)[1])["results"]
    settings = [
        [(r["steps"], r["learning_rate"]) for r in found] for found in (first, again, other)
    ]
    assert settings[0] == settings[1] != settings[2] and len(settings[0]) == 2


def test_interrupted_sweep_keeps_what_is_done(run, painted, monkeypatch):
    line, presses, before = sweep._line, iter([True]), signal.getsignal(signal.SIGINT)

    def interrupting(result):
        if next(presses, False):
            signal.raise_signal(signal.SIGINT)
        return line(result)

    monkeypatch.setattr(sweep, "_line", interrupting)
    code, out, _ = run("sweep", "--image_dir", painted, "--views", 1, "--folds", 3,
                       "--how_many_training_steps", "5", "--learning_rate", "0.1,0.2")  # fmt: skip
    assert code == 0 and "Stopped: 1 of 2 settings were tried." in out
    assert signal.getsignal(signal.SIGINT) is before


def test_errors_of_sweep_are_one_line_and_early(refused, painted, capfd):
    told = refused("sweep", "--image_dir", painted, "--learning_rate", "0.1,99")
    assert "learning rate must lie between" in told
    assert "no head “forest”" in refused("sweep", "--image_dir", painted, "--head", "forest")
    assert main(["sweep", "--image_dir", "x", "--how_many_training_steps", "5,many"]) == 2
    assert "expected whole numbers with commas between" in capfd.readouterr().err


# TensorBoard


def test_curves_of_a_kept_run_are_what_tensorboard_reads(kept, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    write_summaries(kept.events, tmp_path / "curves" / kept.id)
    found = accumulator.EventAccumulator(str(tmp_path / "curves" / kept.id / "train")).Reload()
    assert [event.step for event in found.Tensors("accuracy")] == [10, 20, 30, 40, 50, 60]


def test_command_to_start_tensorboard(tmp_path, home):
    assert tensorboard_command(tmp_path / "my curves") == (
        f"tensorboard --logdir '{tmp_path}/my curves'"
    )
    assert tensorboard_command() == f"tensorboard --logdir {home}/summaries"
