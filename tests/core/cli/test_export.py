"""The commands export and import."""

import json
import zipfile

import pytest

from decor_core.export.formats import export_model
from decor_core.runs.store import DiskRuns


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


@pytest.mark.parametrize("title", ["", " ", "x" * 201, "two\nlines", "\x1b[31mred"])
def test_a_title_that_could_not_come_back_is_refused(refused, kept, tmp_path, title):
    exported = tmp_path / "model.zip"
    export_model(kept.bundle, "bundle", exported)
    for command in (("import", exported, "--title", title), ("runs", "rename", kept.id, title)):
        told = refused(*command)
        assert "one line of at most 200" in told or "needs a name" in told
        assert "\x1b" not in told
    assert DiskRuns().get(kept.id).title == "Painted"


def test_export_of_a_model_folder_in_another_format(run, kept, home, tmp_path):
    folder = home / "runs" / kept.id / "model"
    out = tmp_path / "there" / "painted.zip"
    told = json.loads(run("export", folder, "--format", "onnx", "--out", out, "--json")[1])
    assert told["file"] == str(out) and told["bytes"] == out.stat().st_size
    with zipfile.ZipFile(out) as archive:
        assert "Painted/model.onnx" in archive.namelist()


def test_errors_of_export_and_import_are_one_line(refused, kept, tmp_path):
    assert "no format “torch”" in refused("export", "Painted", "--format", "torch")
    assert "no run “nothing”" in refused("export", "nothing")
    assert "is no model folder" in refused("export", tmp_path)
    (tmp_path / "a.zip").write_bytes(b"nothing")
    assert "is no zip, or is damaged" in refused("import", tmp_path / "a.zip")
    assert "No such file" in refused("import", tmp_path / "b.zip")
    assert "is a folder; expected a zip" in refused("import", tmp_path)
    assert "is a folder; expected the name" in refused("export", "Painted", "--out", tmp_path)
    assert "is a file; expected a folder" in refused("label", "x", "--bundle", tmp_path / "a.zip")
    assert len([found for found in DiskRuns().list() if not found.read_only]) == 1
