"""Rows of many pictures, written as they come: formats, what is continued, what is refused."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from decor_core.data.tables.csv_escape import unescape_cell
from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle
from decor_core.model.predictor import ImagePredictor

ROOT = Path(__file__).parents[3]


@pytest.fixture
def pictures(painted, tmp_path):
    """Five pictures in two folders, one of them broken, one with a name that looks a formula."""
    folder = tmp_path / "pictures"
    for name, picture in {"b/1.png": "Gzhel/000", "=a.png": "Iznik/200", "z.png": "Gzhel/001",
                          "b/2.png": "Iznik/201"}.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(painted / f"{picture}.png", folder / name)
    (folder / "b" / "broken.png").write_bytes(b"\x89PNG nothing")
    return folder


def rows_of(path):
    """Rows as dictionaries of what has a value, numbers as numbers."""
    rows: list[dict[str, Any]]
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                {k: unescape_cell(v) or None for k, v in r.items()} for r in csv.DictReader(file)
            ]
    else:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows:
        for name, value in row.items():
            if name.startswith(("probability", "novelty")) and value is not None:
                row[name] = float(value)
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".csv"])
def test_a_row_for_each_picture_is_what_the_app_tells(run, pictures, model, tmp_path, ending):
    out = tmp_path / f"answers{ending}"
    code, told, _ = run("label", pictures, "--bundle", model, "--out", out, "--top", 2)
    assert code == 1 and f"{out}: 5 pictures, 1 of them could not be read" in told
    rows = rows_of(out)
    names = ["=a.png", "b/1.png", "b/2.png", "b/broken.png", "z.png"]
    assert [row["file"] for row in rows] == [str(pictures / name) for name in names]
    predictor = ImagePredictor(load_bundle(model))
    for name, row in zip(names, rows, strict=True):
        answer = predictor.label_one(name, pictures / name)
        if answer.error:
            assert set(row) == {"file", "error"} and row["error"] == answer.error
            continue
        assert answer.prediction
        first, second = answer.prediction.scores[:2]
        assert (row["verdict"], row["decision"]) == (
            answer.prediction.verdict, answer.prediction.decision().kind
        )  # fmt: skip
        assert (row["label"], row["label_2"]) == (first.label, second.label)
        assert row["probability"] == first.probability and row["taxonomy"] == "style"
        assert row["probability_2"] == second.probability
        assert row["novelty"] == answer.prediction.novelty
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("answers")) == [out.name]


def test_vectors_are_those_of_the_embedder_in_half_precision(run, pictures, model, tmp_path):
    out = tmp_path / "vectors.parquet"
    code, _, _ = run("embed", pictures, "--bundle", model, "--out", out)
    assert code == 1
    table = pq.read_table(out)
    embedder = ImagePredictor(load_bundle(model)).embedder
    made_by = json.loads(table.schema.metadata[b"decor"])
    assert made_by["digest"] == embedder.digest and made_by["spec"]["region"] == "object"
    assert table.column_names == ["file", "key", "width", "height", "vector", "notes", "error"]
    assert str(table.schema.field("vector").type.value_type) == "halffloat"
    rows = table.to_pylist()
    assert [row["vector"] is None for row in rows] == [False, False, False, True, False]
    assert len(rows[0]["vector"]) == embedder.dimensions and len(rows[0]["key"]) == 64
    from decor_core.images.decode import load_picture

    vector = embedder.embed(load_picture(pictures / "=a.png", max_side=embedder.working_side))
    assert np.array_equal(np.array(rows[0]["vector"], np.float16), vector.astype(np.float16))
    assert rows[0]["width"] == rows[0]["height"] > 8


def interrupted_after(count, monkeypatch):
    """Ctrl-C after so many rows of a run, each of which is written at once."""
    from decor_core.bulk import output

    add = output.Output.add

    def add_or_stop(self, row):
        add(self, row)
        if self.rows - len(self.done) == count:
            raise KeyboardInterrupt

    monkeypatch.setattr(output, "_MAX_ROWS_IN_MEMORY", 1)
    monkeypatch.setattr(output.Output, "add", add_or_stop)


@pytest.mark.parametrize("out", ["answers.parquet", "answers.jsonl", "answers.csv", "answers/"])
def test_an_interrupted_run_goes_on(run, pictures, model, tmp_path, monkeypatch, out):
    """Twice, and what is there is never overwritten."""
    out = f"{tmp_path}/{out}"
    command = ("label", pictures, "--bundle", model, "--out", out)
    with monkeypatch.context() as patch:
        interrupted_after(2, patch)
        code, _, err = run(*command)
        assert code == 130 and "2 of 5 rows are kept in" in err and "--resume goes on" in err
        code, told, err = run(*command)
        assert (code, told) == (2, "") and "interrupted run; go on with --resume" in err
        assert run(*command, "--resume")[0] == 130
    code, told, _ = run(*command, "--resume", "--json")
    assert code == 1 and json.loads(told) | {"out": ""} == {"out": "", "pictures": 5, "errors": 1}
    table = pq.read_table(out).to_pylist() if out.endswith("/") else rows_of(tmp_path / out)
    names = ["=a.png", "b/1.png", "b/2.png", "b/broken.png", "z.png"]
    assert [row["file"] for row in table] == [str(pictures / name) for name in names]
    code, _, err = run(*command)
    assert code == 2 and ("finished run" in err or "exists already" in err)
    left = [path.name for path in tmp_path.iterdir()]
    assert not any(name.endswith(".parts") for name in left)


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_a_finished_file_is_gone_on_with_by_the_same_command_only(
    run, refused, pictures, model, tmp_path, ending
):
    out = tmp_path / f"answers.{ending}"
    command = ("label", pictures / "b" / "1.png", "--bundle", model, "--out", out, "--resume")
    assert run(*command)[0] == 0
    content = out.read_bytes()
    code, told, _ = run(*command)
    assert code == 0 and "is complete, and is not added to" in told
    told = refused(*command, "--top", 1)
    assert ("top “3”, not “1”" if ending == "parquet" else "has other columns") in told
    if ending == "parquet":
        assert "was made with model “Painted”, not “" in refused(
            *command, "--bundle", DEFAULT_BUNDLE
        )
    assert out.read_bytes() == content
    for other in (b"", b"file,label\n1.png,Iznik\n", b"\x00\x01", content[: len(content) // 9]):
        out.write_bytes(other)
        told = refused(*command)
        assert "exists already and cannot be gone on with" in told and "another name" in told
        assert out.read_bytes() == other


def test_a_folder_of_rows_grows_with_the_pictures(run, pictures, model, tmp_path):
    out = f"{tmp_path}/answers/"
    command = ("label", pictures, "--bundle", model, "--out", out, "--resume")
    assert run(*command)[0] == 1
    shutil.copy(pictures / "z.png", pictures / "a new one.png")
    (pictures / "b" / "1.png").unlink()
    code, told, err = run(*command, "--json")
    assert code == 1 and json.loads(told)["pictures"] == 6
    assert "1 row of pictures that are no longer there were kept" in err
    files = pq.read_table(out)["file"].to_pylist()
    assert len(set(files)) == 6 and files[-1] == str(pictures / "a new one.png")


def test_other_models_options_and_pictures_do_not_go_on(
    refused, run, pictures, model, training, tmp_path, monkeypatch
):
    out = tmp_path / "answers.csv"
    with monkeypatch.context() as patch:
        interrupted_after(2, patch)
        assert run("label", pictures, "--bundle", model, "--out", out)[0] == 130

    def go_on(*arguments):
        told = refused("label", "--out", out, "--resume", *arguments)
        assert "was begun with" in told and "another name" in told
        return told

    assert "top “3”, not “2”" in go_on(pictures, "--bundle", model, "--top", 2)
    assert "taxonomy “style”" in go_on(pictures, "--bundle", model, "--taxonomy", "country")
    assert "model “" in go_on(pictures)  # the shipped one
    assert "pictures in" in go_on(pictures / "b", "--bundle", model)
    assert "format “decor-answers" not in go_on(pictures, "--bundle", model, "--top", 1)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b""])
@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
def test_a_part_that_the_disk_has_lost_is_done_again(
    run, pictures, model, tmp_path, monkeypatch, damage, ending, caplog
):
    out = tmp_path / f"answers{ending}"
    command = ("label", pictures, "--bundle", model, "--out", out, "--resume")
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        run(*command)
    part = out.with_name(out.name + ".parts") / f"part-000001{ending}"
    part.write_bytes(damage(part.read_bytes()))
    assert run(*command)[0] == 1
    files = sorted(row["file"] for row in rows_of(out))
    assert len(files) == 5 == len(set(files)) and "damaged" in caplog.text


def test_a_full_disk_loses_nothing(run, pictures, model, tmp_path, monkeypatch):
    from decor_core.bulk import output
    from decor_core.bulk.places import Folder

    out = tmp_path / "answers.parquet"
    command = ("label", pictures, "--bundle", model, "--out", out)
    write = Folder.write

    def write_or_fail(self, name, content):
        if name.startswith("part-000002"):
            raise OSError(28, "No space left on device", name)
        write(self, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(output, "_MAX_ROWS_IN_MEMORY", 1)
        patch.setattr(Folder, "write", write_or_fail)
        code, _, err = run(*command)
    assert code == 2 and "No space left on device" in err and "2 of 5 rows are kept" in err
    assert run(*command, "--resume")[0] == 1
    assert len(rows_of(out)) == 5


def test_a_second_process_is_noticed(run, pictures, model, tmp_path, monkeypatch):
    """Whoever comes to a part that is there already ends; no row is double."""
    from decor_core.bulk.output import Output

    out = tmp_path / "answers.jsonl"
    begin = Output.begin

    def begin_late(self):
        begin(self)
        (tmp_path / "answers.jsonl.parts" / "part-000000.jsonl").write_bytes(b"")

    monkeypatch.setattr(Output, "begin", begin_late)
    code, _, err = run("label", pictures, "--bundle", model, "--out", out)
    assert code == 2 and "Another process is writing" in err


@pytest.mark.parametrize("flags, words", [
    (("--out", "answers.xlsx"), "expected .parquet, .jsonl, .csv, or a folder"),
    (("--resume",), "--resume goes with --out"),
    (("--out", "a.csv", "--csv"), "--out goes neither with --csv nor with --explain"),
    (("--out", "https://host/a.csv"), "which can be read, but not written"),
])  # fmt: skip
def test_what_cannot_be_written_is_told(run, pictures, model, flags, words):
    code, out, err = run("label", pictures, "--bundle", model, *flags)
    assert (code, out) == (2, "") and words in err


def test_vectors_are_parquet(run, pictures, model, tmp_path):
    code, _, err = run("embed", pictures, "--bundle", model, "--out", tmp_path / "vectors.csv")
    assert code == 2 and "written as Parquet" in err
    code, _, err = run("embed", pictures, "--region", "auto", "--out", tmp_path / "vectors/")
    assert code == 2 and "expected object or frame" in err


def test_a_folder_with_anything_else_is_left_alone(run, pictures, model):
    for folder in (pictures, pictures / "b"):  # the first holds a folder, too
        before = sorted(folder.iterdir())
        code, _, err = run("embed", pictures, "--bundle", model, "--out", folder)
        assert code == 2 and "expected an empty one" in err
        assert sorted(folder.iterdir()) == before


def test_a_folder_that_is_missing_pyarrow_says_what_to_install(
    refused, pictures, model, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    told = refused("label", pictures, "--bundle", model, "--out", tmp_path / "answers.parquet")
    assert "pip install 'decor-classifier[parquet]'" in told


_NAMES_ONLY = """
import os, signal, sys, time
from decor_core.bulk import output
from decor_core.bulk.local import run
from decor_core.bulk.sources import PictureIndex

class Maker:
    columns, made_by = {"file": str, "error": str}, {}
    def row(self, file, content):
        time.sleep(0.01)
        return {"file": file}

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs behind a shell ignores it
output._MAX_ROWS_IN_MEMORY = 7
places, out = [sys.argv[1]], sys.argv[2]

def make_rows(most, kind):
    rows = output.Output(out, Maker(), places, resume=True)
    for done, _ in enumerate(run(PictureIndex(places), Maker(), rows), 1):
        if done == most:  # by itself: another process may come too late
            os.kill(os.getpid(), kind)

for most, kind in ((3, signal.SIGKILL), (9, signal.SIGINT), (15, signal.SIGKILL), (99, 0)):
    if not (child := os.fork()):
        try:
            make_rows(most, kind)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    print(os.path.exists(out))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not killed so on Windows")
def test_killed_at_any_moment_it_loses_nothing_and_doubles_nothing(write_pictures, tmp_path):
    folder = write_pictures(*(f"{i:03}.png" for i in range(60)))
    out = tmp_path / "rows.parquet"
    command = [sys.executable, "-c", _NAMES_ONLY, str(folder), str(out)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False", "False", "True"], done.stderr
    files = pq.read_table(out)["file"].to_pylist()
    assert files == sorted(map(str, folder.iterdir())) and len(files) == 60


def test_pictures_are_listed_in_the_order_of_their_whole_paths(write_pictures, tmp_path):
    """Whatever stands beside the slash in the alphabet, hidden or linked."""
    from decor_core.bulk.sources import PictureIndex

    names = (
        "a/1.png",
        "a b/1.png",
        "a-b/1.png",
        "a.png",
        "ä/b/2.png",
        "ä/b 1.png",
        "Z.png",
        "b/10.png",
    )
    folder = write_pictures(*names, ".hidden.png", "__MACOSX/1.png", ".git/2.png", "b/._10.png")
    (folder / "linked.png").symlink_to(folder / "Z.png")
    (folder / "circle").symlink_to(folder, target_is_directory=True)
    shutil.make_archive(str(folder / "a" / "more"), "zip", folder / "b")
    (folder / "notes.txt").write_text("notes")
    (tmp_path / "set" / "b" / "no ending").write_bytes(b"\0\1\2\3" * 99)
    listing = PictureIndex([str(folder), str(folder / "a")])
    files = [picture.file for picture in listing]
    assert files == list(p.file for p in listing) and listing.count == len(files)
    inside = [str(folder / "a" / name) for name in ("more.zip/10.png",)]
    first = sorted(str(folder / name) for name in (*names, "linked.png"))
    assert files == [*first, *inside, str(folder / "a" / "1.png"), *inside]
    left_out = "\n".join(listing.left_out.lines())
    assert listing.left_out.count == 2
    assert "notes.txt: Its ending" in left_out and "no ending" in left_out


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_a_name_that_is_no_text_is_written_out(run, painted, model, tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    shutil.copy(painted / "Iznik" / "200.png", os.fsencode(folder) + b"/caf\xe9.png")
    for ending in (".parquet", ".csv", ".jsonl"):
        out = tmp_path / f"answers{ending}"
        assert run("label", folder, "--bundle", model, "--out", out)[0] == 0
        assert rows_of(out)[0]["file"] == str(folder / "caf\\xe9.png")
    code, told, _ = run("label", folder, "--bundle", model)
    assert code == 0 and "caf\\xe9.png" in told
