"""Rows of many pictures, written as they come: formats, what is continued, what is refused."""

import csv
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from decor_core.data.tables.csv_escape import plain_cell
from decor_core.model.bundle import save_bundle
from decor_core.model.predictor import load_predictor


@pytest.fixture(scope="module")
def model(training, tmp_path_factory):
    return save_bundle(training.bundle, tmp_path_factory.mktemp("models") / "painted")


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
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = [{k: plain_cell(v) or None for k, v in r.items()} for r in csv.DictReader(file)]
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
    predictor = load_predictor(model)
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
    embedder = load_predictor(model).embedder
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
