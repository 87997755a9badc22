"""The command prepare."""

import json


def test_prepare_writes_class_folders_and_tells(run, painted, tmp_path):
    code, out, _ = run("prepare", "--image_dir", painted, "--out", tmp_path / "set")
    assert code == 0
    assert "36 pictures in 3 classes" in out
    assert f"Wrote 36 pictures to {tmp_path / 'set'}" in out
    assert len(list((tmp_path / "set" / "Iznik").glob("*.jpg"))) == 12


def test_prepare_by_country_from_a_csv_prints_only_json(run, painted, tmp_path):
    rows = [f"{path.name},{path.parent.name}" for path in sorted(painted.rglob("*.png"))]
    country = {"Gzhel": "Russia", "Khokhloma": "Russia", "Iznik": "Turkey"}
    lines = [f"{row},{country[row.partition(',')[2]]}" for row in rows]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["file,decor,country", *lines]), encoding="utf-8")
    code, out, _ = run("prepare", "--csv", table, "--images", painted, "--out", tmp_path / "set",
                       "--taxonomy", "country", "--json")  # fmt: skip
    told = json.loads(out)
    assert code == 0
    assert told["folder"] == str(tmp_path / "set")
    assert told["counts"] == {"Gzhel": 12, "Khokhloma": 12, "Iznik": 12}
    assert len(list((tmp_path / "set" / "Russia").glob("*.jpg"))) == 24


def test_prepare_refuses_a_folder_with_other_things(refused, painted, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Anna")
    told = refused("prepare", "--image_dir", painted, "--out", tmp_path)
    assert "something other than a prepared set" in told
