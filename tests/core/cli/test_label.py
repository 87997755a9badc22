"""The command label."""

import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from decor_core.cli.label import print_predictions
from decor_core.model.bundle import load_bundle

ROOT = Path(__file__).parents[3]
SAMPLES = Path(__file__).parents[3] / "models" / "samples"


def test_labels_of_a_folder_are_recursive_sorted_and_json(run, painted, model, tmp_path):
    for name in ("b/deep/2.png", "a/1.PNG", "z.jpg", "b/notes.txt", ".hidden.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(painted / "Iznik" / "200.png", tmp_path / name)
    code, out, _ = run("label", "--image", tmp_path, "--bundle", model, "--json", "--top", 2)
    told = json.loads(out)
    assert code == 0
    files = [tmp_path / name for name in ("a/1.PNG", "b/deep/2.png", "z.jpg")]
    assert [answer["file"] for answer in told] == [str(file) for file in files]
    for answer in told:
        assert answer["verdict"] == answer["scores"][0]["label"] == "Iznik"
        assert len(answer["scores"]) == 2
        assert answer["scores"][0]["probability"] > answer["scores"][1]["probability"]


def test_a_folder_is_read_by_content_and_what_is_left_out_is_named(
    run, painted, model, tmp_path, encoded
):
    """Endings that lie, say nothing or are of cameras; an archive inside; no pictures."""
    from pillow_heif import register_heif_opener

    register_heif_opener()
    picture = Image.open(painted / "Iznik" / "200.png")
    folder = tmp_path / "new"
    folder.mkdir()
    for name, kind in (("1.HIF", "HEIF"), ("2.jpg_large", "JPEG"), ("3", "PNG"), ("4.png", "GIF")):
        (folder / name).write_bytes(encoded(picture, kind))
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.write(painted / "Iznik" / "201.png", "in/5.png")
        archive.writestr("in/list.csv", "a,b")
    (folder / "notes.txt").write_text("notes")
    (folder / "data.bin").write_bytes(b"\0\1\2\3" * 99)
    (folder / "broken.zip").write_bytes(b"PK\3\4 no more")
    code, out, err = run("label", folder, "--bundle", model, "--json")
    told = json.loads(out)
    assert code == 0 and {answer["scores"][0]["label"] for answer in told} == {"Iznik"}
    names = ["1.HIF", "2.jpg_large", "3", "4.png", "more.zip/in/5.png"]
    assert [answer["file"] for answer in told] == [str(folder / name) for name in names]
    assert "4 files left out" in err
    for name in ("notes.txt", "data.bin", "broken.zip", "more.zip/in/list.csv"):
        assert str(folder / name) in err
    again = run("label", folder / "more.zip", "--bundle", model, "--json")
    assert json.loads(again[1]) == told[-1:] and "list.csv" in again[2]


def test_pictures_of_a_kind_that_cannot_be_read_are_errors(run, painted, model, tmp_path):
    shutil.copy(painted / "Iznik" / "200.png", tmp_path / "1.png")
    (tmp_path / "2.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(99))
    (tmp_path / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\4CgBIP\0 \6" + bytes(99))
    code, out, _ = run("label", tmp_path, "--bundle", model, "--json")
    told = json.loads(out)
    assert code == 1 and "error" not in told[0]
    assert "raw photograph" in told[1]["error"] and "iPhone" in told[2]["error"]


def test_pages_that_are_left_out_are_told(run, painted, model, tmp_path, ornament):
    pages = [Image.open(painted / "Iznik" / f"20{i}.png").convert("RGB") for i in range(5)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    code, out, err = run("label", tmp_path, "--bundle", model, "--json")
    assert code == 0 and json.loads(out)[0]["verdict"] == "Iznik"
    assert "5 pages; the first is taken" in err and "scan.tif" in err


def test_unreadable_files_are_told_and_the_rest_goes_on(run, painted, model, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG nothing")
    files = [painted / "Gzhel" / "000.png", broken, tmp_path / "gone.png",
             painted / "Iznik" / "200.png"]  # fmt: skip
    code, out, _ = run("label", "--image", *files, "--bundle", model, "--json")
    told = json.loads(out)
    assert code == 1
    assert [answer["file"] for answer in told] == [str(file) for file in files]
    assert [set(answer) for answer in told[1:3]] == [{"file", "error"}] * 2
    assert [told[0]["verdict"], told[3]["verdict"]] == ["Gzhel", "Iznik"]


def test_several_image_flags_add_up_and_country_is_summed(run, painted, model):
    code, out, _ = run("label", "--image", painted / "Iznik" / "200.png", "--image",
                       painted / "Gzhel" / "000.png", "--bundle", model, "--taxonomy", "country",
                       "--json")  # fmt: skip
    told = json.loads(out)
    assert code == 0 and [answer["verdict"] for answer in told] == ["Turkey", "Russia"]
    assert [len(answer["scores"]) for answer in told] == [2, 2]


def test_csv_output_is_a_table(run, painted, model, tmp_path):
    code, out, _ = run("label", "--image", painted / "Iznik" / "200.png", tmp_path / "gone.png",
                       "--bundle", model, "--csv", "--top", 2)  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1
    assert [row["file"] for row in rows] == [*[str(painted / "Iznik" / "200.png")] * 2,
                                             str(tmp_path / "gone.png")]  # fmt: skip
    assert rows[0]["verdict"] == rows[0]["label"] == "Iznik"
    assert 0.5 < float(rows[0]["probability"]) <= 1 and rows[0]["error"] == ""
    assert rows[2]["verdict"] == "" and "missing" in rows[2]["error"]


def test_what_is_unsure_or_strange_is_told_among_how_many_it_was_chosen(run, model, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (150, 150, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    code, out, _ = run("label", "--image", tmp_path, "--bundle", model)
    known = len(load_bundle(model).taxonomy.labels)
    assert code == 0
    words = f"noise.png: none of the {known} labels it knows; looks most like"
    assert out.splitlines()[0].endswith(words)


def test_words_follow_the_decision_whatever_its_thresholds(capsys):
    def result(file, decision, novelty, probability):
        return {
            "file": file, "verdict": "Iznik", "decision": decision, "novelty": novelty,
            "scores": [{"label": "Iznik", "probability": probability}],
        }  # fmt: skip

    results = [
        result("sure", "confident", 0.6, 0.7), result("two", "ambiguous", 0.1, 0.9),
        result("several", "undecided", 0.1, 0.9), result("far", "unknown", 0.4, 0.9),
        {"file": "bad", "error": "broken"},
    ]  # fmt: skip
    print_predictions(results, "7 labels")
    assert capsys.readouterr().out.splitlines()[::2] == [
        "sure",
        "two: unsure; of the 7 labels it knows, looks most like",
        "several: unsure; of the 7 labels it knows, looks most like",
        "far: none of the 7 labels it knows; looks most like",
        "bad",
    ]


def test_explain_writes_a_picture_for_each_file(run, painted, model, tmp_path):
    files = [painted / "Iznik" / "200.png", tmp_path / "200.png", tmp_path / "gone.png"]
    shutil.copy(painted / "Gzhel" / "000.png", files[1])
    out = tmp_path / "why"
    code, told, _ = run("label", "--image", *files, "--bundle", model, "--explain", out, "--json")
    assert code == 1
    paths = [answer.get("explanation") for answer in json.loads(told)]
    assert paths == [str(out / "200.png"), str(out / "200-2.png"), None]
    for file, path in zip(files, paths[:2], strict=False):
        with Image.open(file) as picture, Image.open(path) as painted_over:
            assert painted_over.format == "PNG" and painted_over.size == picture.size
            assert np.ptp(np.asarray(painted_over, int) - np.asarray(picture.convert("RGB"), int))
    _, text, _ = run("label", "--image", files[0], "--bundle", model, "--explain", out)
    assert f"why: {out / '200-3.png'}" in text


def test_errors_of_label_are_one_line(refused, painted, model, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no picture" in refused("label", "--image", tmp_path / "empty", "--bundle", model)
    told = refused("label", "--image", painted, "--bundle", model, "--taxonomy", "colour")
    assert "choose from: style and country" in told


def test_shipped_model_labels_a_sample_without_the_heavy_libraries():
    code = (
        "import sys; from decor_core.cli.main import main; "
        f"code = main(['label', '--image', {str(SAMPLES / 'gzhel-vase.jpg')!r}, '--json']); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert ended.returncode == 0
    (answer,) = json.loads(ended.stdout)
    assert answer["verdict"] == "Gzhel" and len(answer["scores"]) == 5
    loaded = set(ended.stderr.split())
    assert "ai_edge_litert" in loaded
    assert not loaded & {"tensorflow", "keras", "streamlit", "pandas", "sklearn", "tqdm"}
