"""Training from the Parquet files that embed writes."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from decor_core.features.parquet_embeddings import read_parquet
from decor_core.features.parquet_vectors import METADATA
from decor_core.features.vectors import LazyVectors
from decor_core.model.bundle import save_bundle

_TRAIN = ("train", "--head", "lda", "--quick")


@pytest.fixture
def rows(embeddings):
    """What embed would tell of the painted pictures, and of one that it could not read."""
    table = embeddings.table
    rows = {
        "key": table["key"].tolist(),
        "file": [f"/shop/pictures/{file}" for file in table["file"]],
        "width": [48] * len(table),
        "height": [48] * len(table),
        "vector": list(embeddings.vectors.astype(np.float16)),
        "error": [None] * len(table),
    }
    torn = (None, "/shop/pictures/Gzhel/torn.png", None, None, None, "It is damaged.")
    return {name: [*values, one] for (name, values), one in zip(rows.items(), torn, strict=True)}


@pytest.fixture
def write(tmp_path, embeddings):
    """Writes rows to a Parquet file, as embed does but for what is said otherwise; its path."""

    def write(rows, name="vectors.parquet", digest=embeddings.digest, metadata=None, **spec):
        made_by = {"spec": vars(embeddings.spec) | spec, "digest": digest}
        schema = pa.schema(
            [
                ("key", pa.string()),
                ("file", pa.string()),
                ("width", pa.int32()),
                ("height", pa.int32()),
                ("vector", pa.list_(pa.float16(), embeddings.vectors.shape[1])),
                ("error", pa.string()),
            ],
            metadata={METADATA: json.dumps(made_by)} if metadata is None else metadata,
        )
        table = pa.table(rows, schema=pa.schema([schema.field(n) for n in rows], schema.metadata))
        path = tmp_path / "vectors" / name
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path)
        return path

    return write


def part(rows, chosen):
    return {name: values[chosen] for name, values in rows.items()}


def test_what_embed_writes_trains_as_the_pictures_do_and_the_model_labels_them(
    run, painted, training, tmp_path
):
    pictures, vectors, model = (tmp_path / name for name in ("pictures", "vectors", "model"))
    shutil.copytree(painted, pictures)
    (pictures / "Gzhel" / "torn.png").write_bytes(b"\x89PNG nothing")
    like = save_bundle(training.bundle, tmp_path / "like")
    assert run("embed", pictures, "--bundle", like, "--out", f"{vectors}/")[0] == 1
    (vectors / "._part.parquet").write_bytes(b"")  # what is hidden is none of it
    code, out, err = run(*_TRAIN, "--embeddings", vectors, "--out", model)
    assert code == 0, err
    assert "36 pictures in 3 classes" in err and "torn.png: " in err
    assert "no pixels to compare" in err
    told = run(*_TRAIN, "--image_dir", painted, "--views", 1, "--region", "object")[1]
    assert out.splitlines()[-1] == told.splitlines()[-1]
    answers = json.loads(run("label", painted, "--bundle", model, "--json")[1])
    assert np.mean([one["scores"][0]["label"] in one["file"] for one in answers]) > 0.9


def test_a_table_tells_the_labels_and_what_it_lacks_is_told(run, rows, write, tmp_path):
    path = write(rows)
    table = pd.DataFrame({"picture": [file.rpartition("/")[2] for file in rows["file"]]})
    table["kind"] = [["round", "square"][i % 2] for i in range(len(table))]
    table["picture"] = table["picture"].mask(table.index == 0, "unknown.png")
    for name, text in {
        "labels.csv": table.to_csv(index=False),
        "labels.jsonl": table.to_json(orient="records", lines=True),
    }.items():
        (tmp_path / name).write_text(text)
        code, out, err = run(*_TRAIN, "--embeddings", path, "--labels", tmp_path / name)
        assert code == 0, err
        assert "35 pictures in 2 classes" in err
        assert "Pictures that are named but not there: 1" in err
        assert "Pictures that are there but belong to no class, set aside: 1" in err


def test_vectors_that_no_row_names_are_told_without_an_ending_too(run, rows, write, tmp_path):
    rows["file"] = [file.rpartition(".")[0] for file in rows["file"]]
    table = pd.DataFrame({"picture": [file.rpartition("/")[2] for file in rows["file"]][1:]})
    table["kind"] = [["round", "square"][i % 2] for i in range(len(table))]
    table.to_csv(tmp_path / "labels.csv", index=False)
    path = write(rows)
    code, _, err = run(*_TRAIN, "--embeddings", path, "--labels", tmp_path / "labels.csv")
    assert code == 0, err
    assert "35 pictures in 2 classes" in err
    assert "Pictures that are there but belong to no class, set aside: 1" in err


def test_evaluate_takes_them_too(run, rows, write):
    told = json.loads(
        run("evaluate", "--embeddings", write(rows), "--repeats", 1, "--head", "lda", "--json")[1]
    )
    assert told["n"] == 36 and {"style", "country"} < told.keys()


@pytest.mark.parametrize("sides", [None, [0], [0, 48]])
def test_sizes_may_be_unknown(run, rows, write, sides):
    count = len(rows.pop("width")) and len(rows.pop("height"))
    if sides:
        rows |= dict.fromkeys(("width", "height"), (sides * count)[:count])
    code, out, err = run(*_TRAIN, "--embeddings", write(rows))
    assert code == 0 and out, err
    assert "× 0 pixels" not in err


def test_folders_are_told_as_those_of_pictures(run, rows, write):
    rows["file"] = [f"s3://shop/{i % 2}/{'ab'[i // 20]}/{i}.jpg" for i in range(len(rows["file"]))]
    for where, known in (("folder", "ab"), ("parent", "01"), ("folder:1", "01")):
        embeddings, _ = read_parquet(write(rows), classes_from=where)
        assert embeddings.taxonomy.labels == tuple(known)


def test_the_same_vector_stays_on_one_side_and_the_same_content_is_there_once(rows, write):
    twice = {name: [*values[:-1], *values[:3]] for name, values in rows.items()}
    twice["file"][-3:] = [f"/shop/pictures/Gzhel/again-{i}.png" for i in range(3)]
    twice["key"][-2:] = ["0" * 64, "1" * 64]
    embeddings, report = read_parquet(write(twice))
    assert len(embeddings.table) == 38 and len(report.of("duplicate")) == 1
    assert len(report.of("near duplicate")) == 2
    assert embeddings.table["group"].nunique() == 36
    own = {name: [*values[:-1], values[0]] for name, values in rows.items()}
    own["error"][0], own["vector"][0] = "The connection broke.", None
    embeddings, report = read_parquet(write(own))
    assert len(embeddings.table) == 36 and len(report.of("duplicate row")) == 1


def test_very_many_are_mapped_and_not_in_memory(rows, write, monkeypatch, embeddings):
    monkeypatch.setattr("decor_core.features.embeddings._MANY_NUMBERS", 1000)
    found, _ = read_parquet(write(rows))
    assert isinstance(found.vectors, LazyVectors)
    assert isinstance(found.vectors._base, np.memmap)
    order = [embeddings.table["key"].tolist().index(key) for key in found.table["key"]]
    halves = embeddings.vectors[order].astype(np.float16)
    np.testing.assert_array_equal(np.asarray(found.vectors), halves)


def test_what_cannot_be_trained_on_is_refused(refused, rows, write, tmp_path, painted):
    fine = write(rows)

    def says(place, *more):
        return refused(*_TRAIN, "--embeddings", place, *more)

    (tmp_path / "none").mkdir()
    assert "There is no Parquet file" in says(tmp_path / "none")
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(fine.read_bytes()[:5000])
    assert "cannot be read as Parquet" in says(torn)
    assert "cannot be read as Parquet" in says(tmp_path / "nowhere.parquet")
    lacking = {name: values for name, values in rows.items() if name != "key"}
    assert "no column “key”" in says(write(lacking, "lacking.parquet"))
    assert "nothing on how" in says(write(rows, "bare.parquet", metadata={}))
    assert "cannot be read" in says(write(rows, "odd.parquet", metadata={METADATA: "{"}))
    assert "has the digest abc" in says(write(rows, "other.parquet", digest="abc"))
    assert "version 6" in says(write(rows, "old.parquet", version=6))
    assert "reads the 'sky'" in says(write(rows, "sky.parquet", region="sky"))
    (tmp_path / "mixed").mkdir()
    for path in (fine, write(rows, "six.parquet", views=6)):
        shutil.copy(path, tmp_path / "mixed")
    assert "made in different ways (views 6 and 1)" in says(tmp_path / "mixed")
    damaged = rows | {"vector": [rows["vector"][0] * np.float16("nan"), *rows["vector"][1:]]}
    assert "no finite number (NaN or infinite), 1 of 36" in says(write(damaged, "nan.parquet"))
    gone = rows | {"vector": [None, *rows["vector"][1:]]}
    assert "has 0 numbers" in says(write(gone, "gone.parquet"))
    nameless = rows | {"key": [None, *rows["key"][1:]]}
    assert "without file or key" in says(write(nameless, "nameless.parquet"))
    empty = part(rows, slice(0))
    assert "There is no row" in says(write(empty, "empty.parquet"))
    loose = rows | {"file": [f"{i}.png" for i in range(len(rows["file"]))]}
    assert "(--labels)" in says(write(loose, "loose.parquet"))
    assert "not both" in says(fine, "--image_dir", painted)
    assert "give it with --labels" in says(fine, "--label_column", "kind")
    strangers = tmp_path / "strangers.csv"
    strangers.write_text("file,class\nx.png,a\ny.png,b\n")
    assert "None of the pictures that the table names" in says(fine, "--labels", strangers)


def test_settings_that_vectors_cannot_follow_are_named(run, rows, write, tmp_path):
    code, _, told = run(
        *_TRAIN, "--embeddings", write(rows), "--region", "frame", "--copies", 2,
        "--fine_tune_minutes", 1,
    )  # fmt: skip
    assert code == 0
    assert "stay as they were made; ignored: --region, --copies." in told
    assert "without --fine_tune; ignored: --fine_tune_minutes." in told
    other = tmp_path / "notes.txt"
    other.write_text("none")
    code, _, told = run(*_TRAIN, "--embeddings", other)
    assert code == 2 and "or as Parquet by “embed”" in told
