"""The command runs."""

import json
import re

from decor_core.runs.run import run_of_training
from decor_core.runs.store import DiskRuns


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
