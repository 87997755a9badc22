"""Which pictures to label next: a table that is filled in, given back, and trained on."""

import csv
import json
import shutil

import pytest

from decor_core.data.tables.csv_escape import unescape_cell


@pytest.fixture(scope="module")
def unlabeled(painted, tmp_path_factory):
    """All drawn pictures in one folder, one with a name that looks a formula, and a broken one."""
    folder = tmp_path_factory.mktemp("heap") / "pictures"
    folder.mkdir()
    for path in painted.glob("*/*.png"):
        shutil.copy(path, folder / f"{path.stem}.png")
    (folder / "000.png").rename(folder / "=0.png")
    (folder / "broken.png").write_bytes(b"\x89PNG nothing")
    return folder


@pytest.fixture(scope="module")
def truth(painted):
    found = {path.name: path.parent.name for path in painted.glob("*/*.png")}
    return found | {"=0.png": found["000.png"]}


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: unescape_cell(v) for k, v in row.items()} for row in csv.DictReader(file)]


def name_of(row):
    return row["file"].replace("\\", "/").rsplit("/", 1)[-1]


def test_a_table_that_is_filled_in_brings_proposals(run, unlabeled, truth, tmp_path):
    first, filled, second = (tmp_path / f"{name}.csv" for name in ("first", "filled", "second"))
    code, _, told = run("suggest", unlabeled, "--count", 15, "--out", first)
    assert code == 1 and "broken.png" in told and "proposals come with three pictures" in told
    rows = rows_of(first)
    assert [row["next"] for row in rows[:16]] == [*map(str, range(1, 16)), ""]
    assert len(rows) == len(truth) - 1 and not any(row["proposal"] for row in rows)

    for row in rows[:15]:
        row["label"] = truth[name_of(row)]
    with filled.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    code, _, told = run("suggest", unlabeled, "--labels", filled, "--count", 4, "--out", second)
    assert code == 1 and f"15 of {len(rows)} pictures have a label" in told
    assert "labels are in “label”" in told and "has no label" not in told
    rows = rows_of(second)
    proposed = [row for row in rows if row["proposal"]]
    assert len(proposed) == len(rows) - 15 and all(row["next"] for row in rows[:4])
    right = [row["proposal"] == truth[name_of(row)] for row in proposed]
    assert sum(right) > 0.8 * len(right)
    assert all(not row["proposal"] and not row["next"] for row in rows if row["label"])
    sure = [float(row["probability"]) for row in proposed[4:]]
    assert sure == sorted(sure, reverse=True) and 0 < sure[-1] < sure[0] <= 1


def test_vectors_serve_instead_of_pictures_and_json_instead_of_a_table(
    run, unlabeled, truth, tmp_path
):
    vectors = tmp_path / "vectors.parquet"
    run("embed", unlabeled, "--out", vectors)
    code, out, _ = run("suggest", "--embeddings", vectors, "--count", 3, "--json")
    found = json.loads(out)
    assert code == 1 and found["labels"] == 0
    assert [row.get("next") for row in found["pictures"][:4]] == [1, 2, 3, None]
    code, other, _ = run("suggest", unlabeled, "--count", 3, "--json")
    assert json.loads(other)["pictures"][:3] == found["pictures"][:3]
    code, other, _ = run(
        "suggest", "--embeddings", vectors, "--count", 3, "--json", "--random", "--seed", 4
    )
    assert json.loads(other)["pictures"][:3] != found["pictures"][:3]


def test_what_is_there_is_not_overwritten(refused, unlabeled, tmp_path):
    (tmp_path / "kept.csv").write_text("mine")
    assert "exists already" in refused("suggest", unlabeled, "--out", tmp_path / "kept.csv")
    assert (tmp_path / "kept.csv").read_text() == "mine"


def test_pictures_or_vectors_are_wanted(run):
    code, _, told = run("suggest")
    assert code == 2 and "Expected either pictures or --embeddings" in told


def test_a_table_of_a_few_pictures_says_nothing_of_the_others(run, unlabeled, tmp_path):
    few, out = tmp_path / "few.csv", tmp_path / "out.csv"
    few.write_text("name,what\n001.png,Gzhel\nghost.png,Iznik\n")
    code, told, noted = run(
        "suggest", unlabeled, "--labels", few, "--file_column", "name", "--count", 2, "--out", out,
        "--json",
    )  # fmt: skip
    assert code == 1 and "ghost.png: No such file" in noted and "No row of" not in noted
    assert json.loads(told)["labels"] == 1
    (labeled,) = [row for row in rows_of(out) if row["label"]]  # written beside the JSON, too
    assert (name_of(labeled), labeled["label"]) == ("001.png", "Gzhel")


@pytest.mark.parametrize("header", ["file,label", "file,label,next,proposal,probability"])
@pytest.mark.parametrize("labels", [["Gzhel"], ["Gzhel"] * 4, ["a", "b", "c"]])
def test_a_table_of_few_labels_or_of_one_class_is_read(run, unlabeled, tmp_path, header, labels):
    few, blanks = tmp_path / "few.csv", ",1,," if "next" in header else ""
    given = [f"00{i}.png,{label}{blanks}\n" for i, label in enumerate(labels, 1)]
    few.write_text(f"{header}\n{''.join(given)}009.png,{blanks.replace('1', '2')}\n")
    code, told, _ = run("suggest", unlabeled, "--labels", few, "--random", "--json")
    assert code == 1 and json.loads(told)["labels"] == len(labels)


def test_a_table_without_any_label_says_what_to_do(run, unlabeled, tmp_path):
    blank = tmp_path / "blank.csv"
    blank.write_text("file,label\n001.png,\n")
    code, told, noted = run("suggest", unlabeled, "--labels", blank)
    assert (code, told) == (2, "") and "Fill in at least one label" in noted
    assert "has no label" in noted and "must have the columns" not in noted
    blank.write_text("file,label\n")
    assert (
        "no row below the names of its columns" in run("suggest", unlabeled, "--labels", blank)[2]
    )


def test_labels_of_other_pictures_are_told_as_such(run, unlabeled, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("file,label\n001.png,\nelsewhere.png,Gzhel\n")
    code, _, noted = run("suggest", unlabeled, "--labels", other)
    assert code == 2 and "“elsewhere.png”: No such file" in noted


def test_what_cannot_be_done_is_told_before_pictures_are_looked_at(
    run, unlabeled, tmp_path, monkeypatch
):
    seen = "decor_core.cli.suggest._embedded"
    monkeypatch.setattr(seen, None)  # would fail
    code, _, told = run("suggest", unlabeled, "--random", "--seed", "-1")
    assert code == 2 and "but got “-1”" in told
    code, _, told = run("suggest", unlabeled, "--out", tmp_path / "table.parquet")
    assert code == 2 and "ends in .csv" in told
    monkeypatch.undo()
    assert run("suggest", unlabeled, "--random", "--out", tmp_path / "new" / "table.csv")[0] == 1
    assert rows_of(tmp_path / "new" / "table.csv")


def test_a_missing_package_is_told_before_pictures_are_looked_at(run, unlabeled, monkeypatch):
    monkeypatch.setattr("decor_core.training.active_learning.find_spec", lambda name: None)
    monkeypatch.setattr("decor_core.cli.suggest._embedded", None)  # would fail
    code, out, told = run("suggest", unlabeled)
    assert code == 2 and not out and "scikit-learn" in told and "[app]" in told
