"""The command check, and columns that are named."""

import json
import shutil

from PIL import Image


def test_check_names_every_file_concerned(run, messy):
    code, out, err = run("check", "--image_dir", messy)
    assert code == 2 and err == ""
    for told in (
        "Iznik/torn.png: The picture is damaged", "Iznik/letter.docx: Its ending is not",
        "Gzhel/copy.png: The same picture as Gzhel/001.png", "stray.png: It lies in no class",
        "Khokhloma/conflict.png: “Khokhloma” here, but “Gzhel” as Gzhel/002.png",
        "Empty: There is no picture", "gzhel: It looks like “Gzhel”",
        "5 files were set aside", "It cannot be trained on: “gzhel”: It has 1 picture",
    ):  # fmt: skip
        assert told in out
    shutil.rmtree(messy / "gzhel")
    code, out, _ = run("check", "--image_dir", messy)
    assert code == 0 and out.endswith("It can be trained on.\n")
    assert (
        "Iznik/moved.png: It is labeled “Iznik”, but going by the other pictures it is “Gzhel”"
        in out
    )
    code, out, _ = run("check", "--image_dir", messy, "--json", "--no_model")
    told = json.loads(out)
    assert code == 0 and told["usable"] and told["levels"] == ["style", "country"]
    assert told["findings"]["label conflict"] == 1 and "mislabelled" not in told["findings"]
    (conflict,) = (entry for entry in told["entries"] if entry["kind"] == "label conflict")
    assert (conflict["file"], conflict["other"], conflict["suggestion"], conflict["set_aside"]) == (
        "Khokhloma/conflict.png", "Gzhel/002.png", "Gzhel", True
    )  # fmt: skip


def test_blank_pictures_are_told_with_and_without_a_model(run, painted, tmp_path):
    shutil.copytree(painted, tmp_path, dirs_exist_ok=True)
    for label, color in (("Gzhel", "black"), ("Iznik", "white"), ("Khokhloma", "gray")):
        Image.new("RGB", (160, 160), color).save(tmp_path / label / "blank.png")
    for flags in ((), ("--no_model",)):
        code, out, _ = run("check", "--image_dir", tmp_path, "--json", *flags)
        entries = json.loads(out)["entries"]
        blank = {e["file"]: (e["value"], e["threshold"]) for e in entries if e["kind"] == "blank"}
        assert code == 0
        assert blank == dict.fromkeys(
            ("Gzhel/blank.png", "Iznik/blank.png", "Khokhloma/blank.png"), (0, 12)
        )
        assert not [e for e in entries if e["file"] in blank and e["kind"] != "blank"]
    code, out, _ = run("check", "--image_dir", tmp_path, "--no_model")
    assert "Pictures in which nothing is to be seen: 3" in out


def test_check_gives_each_reason_a_line(run, painted, tmp_path):
    for label in ("Gzhel", "Iznik"):
        (tmp_path / label).mkdir()
        shutil.copy(next((painted / label).iterdir()), tmp_path / label)
    code, out, _ = run("check", "--image_dir", tmp_path, "--no_model")
    assert code == 2
    *_, verdict, first, second = out.splitlines()
    assert verdict == "It cannot be trained on:"
    assert first.startswith("  “Gzhel”: It has 1 picture;") and second.startswith("  “Iznik”: ")


def test_check_of_clean_pictures_says_so(run, tmp_path, ornament):
    for place, color in enumerate(("navy", "firebrick")):
        (tmp_path / color).mkdir()
        for i in range(6):
            picture = ornament(100 * place + i, color, side=96)
            picture.save(tmp_path / color / f"{i}.png")
    code, out, _ = run("check", "--image_dir", tmp_path, "--no_model")
    assert code == 0
    assert out == (
        "12 pictures in 2 classes\n  6  firebrick\n  6  navy\n"
        "Read as class folders (ImageFolder).\n\nNothing is wrong with it.\nIt can be trained on.\n"
    )


def test_columns_by_name_for_any_command(run, refused, painted, tmp_path):
    table = tmp_path / "table.csv"
    rows = [f"{path.name};{path.parent.name};{i % 2}" for i, path in
            enumerate(sorted(painted.rglob("*.png")))]  # fmt: skip
    table.write_text("\n".join(["Foto;Art;Seite", *rows]), encoding="utf-8")
    source = ("--csv", table, "--images", painted)
    code, out, _ = run("prepare", *source, "--out", tmp_path / "set", "--json")
    assert code == 0 and json.loads(out)["counts"] == {"Gzhel": 12, "Iznik": 12, "Khokhloma": 12}
    named = ("--file_column", "foto", "--label_column", "seite")
    code, out, _ = run("check", *source, *named, "--no_model", "--json")
    assert json.loads(out)["counts"] == {"0": 18, "1": 18}
    assert "no column “Kind”" in refused("check", *source, *named[:2], "--label_column", "Kind")
    code, out, _ = run("check", *source, "--label_column", "Seite", "--no_model", "--json")
    assert json.loads(out)["counts"] == {"0": 18, "1": 18}
    assert "give those with --images" in refused("check", "--csv", table, "--image_dir", painted)
    assert "either --image_dir" in refused("check")
    code, out, _ = run("evaluate", "--image_dir", tmp_path / "set", "--views", 1, "--head", "lda",
                       "--folds", 3, "--repeats", 1, "--copies", 0)  # fmt: skip
    assert code == 0 and "Art: 100.0% of 36 right" in out
