"""The command line, as people and scripts use it, on made pictures."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decor_app.jobs.dataset_tasks import IntakeTask, ingest
from decor_core.__main__ import main
from decor_core.cli.terminal import print_evaluation
from decor_core.datasets.store import DatasetStore
from decor_core.features import backbones as backbone
from decor_core.features.embeddings import SHIPPED
from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.evaluation import evaluate
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.store import DiskRuns

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "models" / "samples"
ACCURACY = r"Final test accuracy = \d+\.\d% \(N=\d+\), 95 % interval \d+\.\d% to \d+\.\d%"
QUICK = ("--views", 1, "--how_many_training_steps", 30, "--learning_rate", 0.1)


@pytest.fixture
def run(capfd):
    """Runs a command in this process: exit code, standard output, standard error."""

    def run(*arguments):
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run


@pytest.fixture(scope="module")
def model(training, tmp_path_factory):
    return save_bundle(training.bundle, tmp_path_factory.mktemp("models") / "painted")


@pytest.fixture
def refused(capfd):
    """Runs a command that must fail at once, with one line on standard error; gives that line."""

    def run(*arguments):
        capfd.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        out, err = capfd.readouterr()
        assert out == "" and err.startswith("decor: ") and err.count("\n") == 1
        return err

    return run


def _process(*arguments):
    command = [sys.executable, "-m", "decor_core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")


# Help


@pytest.mark.parametrize("command", [
    "check", "prepare", "retrain", "evaluate", "sweep", "label", "export", "import",
])  # fmt: skip
def test_help_reads_well(command, capsys):
    assert main([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert "None" not in told and "==" not in told
    assert "--json" in told
    assert max(map(len, told.splitlines())) <= 80


def test_every_setting_of_a_training_is_a_flag_with_its_help(capsys):
    assert main(["retrain", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for setting in fields(TrainingConfig):
        assert f"--{setting.metadata['flag'] or setting.name} " in told
        assert setting.metadata["help"] in told


def test_help_of_retrain_has_the_flags_of_the_starting_script(capsys):
    assert main(["retrain", "-h"]) == 0
    told = capsys.readouterr().out
    for flag in (
        "image_dir", "how_many_training_steps", "learning_rate", "testing_percentage",
        "validation_percentage", "eval_step_interval", "train_batch_size", "bottleneck_dir",
        "summaries_dir", "model_dir", "output_graph", "output_labels", "architecture",
        "print_misclassified_test_images", "flip_left_right", "random_crop", "random_scale",
        "random_brightness", "bundle", "head", "seed", "csv", "images",
    ):  # fmt: skip
        assert f"--{flag}" in told
    assert "[default: 500]" in told


def test_help_lists_the_commands(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    listed = re.findall(r"^  (\w+)  +\w", told, re.M)
    assert listed == [
        "check", "prepare", "retrain", "evaluate", "sweep", "label", "runs", "export", "import"
    ]  # fmt: skip
    assert "..." not in told.partition("Commands:")[2]  # nothing is cut off


@pytest.mark.parametrize("arguments", [
    [],
    ["lable"],
    ["label"],
    ["label", "--image", "x.png", "--top", "0"],
    ["label", "--image", "x.png", "--json", "--csv"],
    ["evaluate", "--image_dir", "x", "--repeats", "0"],
    ["retrain", "--image_dir", "x", "--imge_dir", "y"],
    ["retrain", "--image_dir", "x", "--how_many_training_steps", "many"],
])  # fmt: skip
def test_wrong_usage_exits_with_2(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and "Usage: python -m decor_core" in err


# prepare


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


# retrain


def test_retrain_then_label(run, painted, tmp_path):
    bundle = tmp_path / "model"
    code, out, err = run("retrain", "--image_dir", painted, *QUICK, "--bundle", bundle,
                         "--output_labels", tmp_path / "labels.txt")  # fmt: skip
    lines = out.splitlines()
    assert code == 0
    assert re.fullmatch(ACCURACY, lines[-1])
    assert lines[-2] == f"The model is in {bundle}"
    assert re.match(r"Step 30: train accuracy = 100.0%, cross entropy = \d\.\d{4}; valid", lines[0])
    assert "36 pictures in 3 classes" in err
    labels = (tmp_path / "labels.txt").read_text(encoding="utf-8").splitlines()
    assert labels == ["Gzhel", "Khokhloma", "Iznik"]
    code, out, _ = run("label", "--image", painted / "Iznik" / "200.png", "--bundle", bundle)
    assert code == 0 and re.search(r"200\.png\n +\d+\.\d\d%  Iznik\n", out)


def test_retrain_json_is_all_there_is_on_stdout(run, painted, tmp_path):
    code, out, err = run("retrain", "--image-dir", painted, *QUICK, "--json", "--seed", 3,
                         "--bundle", tmp_path / "model", "--testing-percentage=20")  # fmt: skip
    told = json.loads(out)
    assert code == 0
    assert told["final_test_accuracy"] >= 0.9
    assert told["test_n"] == 7
    assert told["test_ci95"][0] < told["final_test_accuracy"] <= told["test_ci95"][1]
    assert (told["head"], told["steps"], told["learning_rate"], told["seed"]) == (
        "softmax", 30, 0.1, 3
    )  # fmt: skip
    assert told["bundle"] == str(tmp_path / "model")
    assert told["evaluation"]["n"] == 7
    assert load_bundle(tmp_path / "model").title == "model"


def test_retrain_on_the_country_in_closed_form(run, painted):
    code, out, _ = run("retrain", "--image_dir", painted, "--views", 1, "--head", "lda",
                       "--taxonomy", "country", "--json")  # fmt: skip
    told = json.loads(out)
    assert code == 0 and told["labels"] == ["Russia", "Turkey"] and told["bundle"] is None


def test_retrain_without_a_test_part_says_so(run, painted):
    code, out, _ = run("retrain", "--image_dir", painted, "--views", 1, "--head", "lda",
                       "--testing_percentage", 0)  # fmt: skip
    assert code == 0
    assert out.splitlines()[-1] == (
        "Final test accuracy unknown: no pictures were kept for testing."
    )


def test_retrain_with_distorted_copies(run, painted, tmp_path):
    for style in ("Gzhel", "Iznik"):
        shutil.copytree(painted / style, tmp_path / "set" / style)
    code, out, _ = run("retrain", "--image_dir", tmp_path / "set", "--views", 1, "--head", "lda",
                       "--flip_left_right", "--random_crop", 10,
                       "--random_brightness", 20)  # fmt: skip
    assert code == 0 and re.fullmatch(ACCURACY, out.splitlines()[-1])


def test_misclassified_pictures_are_listed(run, ornament, tmp_path):
    # Two classes that nothing tells apart.
    for number in range(20):
        folder = tmp_path / "set" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        ornament(number).save(folder / f"{number}.png")
    options = ("retrain", "--image_dir", tmp_path / "set", "--views", 1, "--head", "lda",
               "--testing_percentage", 50)  # fmt: skip
    told = json.loads(run(*options, "--json")[1])
    mistakes = told["misclassified_test_images"]
    assert len(mistakes) == round((1 - told["final_test_accuracy"]) * told["test_n"]) > 0
    _, out, _ = run(*options, "--print_misclassified_test_images")
    *listed, chosen, last = out.splitlines()
    assert chosen.startswith("Chosen: linear discriminant analysis on ")
    assert last.startswith("Final test accuracy = ")
    assert listed == [
        f"{m['file']}: {m['answer']} ({m['probability']:.0%}), but it is {m['truth']}"
        for m in mistakes
    ]


def test_summaries_are_what_tensorboard_reads(run, painted, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    code, _, _ = run("retrain", "--image_dir", painted, *QUICK, "--json",
                     "--eval_step_interval", 5, "--summaries_dir", tmp_path)  # fmt: skip
    assert code == 0
    for part in ("train", "validation"):
        found = accumulator.EventAccumulator(str(tmp_path / part)).Reload()
        for tag in ("accuracy", "cross_entropy"):
            assert tag in found.Tags()["tensors"]
            assert [event.step for event in found.Tensors(tag)] == [5, 10, 15, 20, 25, 30]


def test_bottlenecks_and_networks_are_kept_where_wanted(run, painted, tmp_path, monkeypatch):
    # The shipped network under the name of one that does not ship.
    monkeypatch.setenv("DECOR_BACKBONES", "")
    networks = tmp_path / "networks"
    networks.mkdir()
    shipped = backbone.MODELS / "backbone" / "efficientnet_lite0.tflite"
    shutil.copy(shipped, networks / "mobilenet_1.0_224.tflite")
    try:
        code, _, err = run("retrain", "--image_dir", painted, "--views", 1, "--head", "lda",
                           "--architecture", "mobilenet_1.0_224", "--model_dir", networks,
                           "--bottleneck_dir", tmp_path / "vectors")  # fmt: skip
    finally:
        backbone.load_backbone.cache_clear()
    assert code == 0, err
    (folder,) = (tmp_path / "vectors").iterdir()
    assert folder.name.startswith("mobilenet_1.0_224-")
    assert len([file for file in folder.glob("*.npy") if "-" not in file.stem]) == 36  # no copies


def test_errors_of_retrain_are_one_line(refused, painted, tmp_path):
    told = refused("retrain", "--image_dir", tmp_path / "absent")
    assert "no folder or zip" in told
    told = refused("retrain", "--image_dir", painted, "--learning_rate", 99)
    assert "learning rate must lie between" in told
    told = refused("retrain", "--image_dir", painted, "--head", "forest")
    assert "There is no head “forest”; choose auto, logistic, softmax or lda" in told
    told = refused("retrain", "--image_dir", painted, "--architecture", "alexnet", "--json")
    assert "choose efficientnet_lite0" in told
    told = refused("retrain", "--image_dir", painted, "--views", 9, "--json")
    assert "views of each picture must lie between 1 and 6, but it is 9" in told
    told = refused("retrain", "--image_dir", painted, "--taxonomy", "colour", "--views", 1,
                   "--json")  # fmt: skip
    assert "no taxonomy “colour”" in told
    told = refused("retrain", "--json")
    assert "Expected either --image_dir with a folder or zip" in told


def test_places_that_cannot_be_written_are_one_line(refused, painted, tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert "is no model folder" in refused("retrain", "--image_dir", painted, "--bundle", file)
    told = refused("retrain", "--image_dir", painted, "--json", "--views", 1,
                   "--bottleneck_dir", file)  # fmt: skip
    assert str(file) in told


# evaluate


def test_evaluate_judges_style_and_country(run, painted):
    options = ("evaluate", "--image_dir", painted, "--views", 1, "--head", "lda",
               "--folds", 3, "--repeats", 2)  # fmt: skip
    told = json.loads(run(*options, "--json")[1])
    assert told["n"] == 36
    assert told["style"]["accuracy"] >= 0.9 and told["country"]["accuracy"] >= 0.9
    code, out, _ = run(*options)
    assert code == 0
    assert out.startswith("2 × 3 folds, head lda\nstyle: ")
    assert "of 36 right (95 % interval " in out and "\ncountry: " in out


# label


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


# Whole processes


def test_unknown_bundle_is_one_line_and_exit_code_2(tmp_path):
    ended = _process("label", "--image", SAMPLES, "--bundle", tmp_path / "absent")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1 and "absent” is no model folder" in ended.stderr


def test_shipped_model_labels_a_sample_without_the_heavy_libraries():
    code = (
        "import sys; from decor_core.__main__ import main; "
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
    assert not loaded & {"tensorflow", "keras", "streamlit", "pandas", "altair"}


def test_shipped_vectors_are_judged_without_pictures(run, refused, painted):
    code, out, _ = run(
        "evaluate", "--embeddings", SHIPPED, "--head", "lda", "--repeats", "1", "--json"
    )
    told = json.loads(out)
    assert code == 0 and told["n"] == 285
    assert told["style"]["accuracy"] > 0.93 and told["country"]["accuracy"] > 0.95
    told = refused("evaluate", "--embeddings", SHIPPED, "--types", "spoon")
    assert "spoon" in told and "pattern, product" in told
    assert "not both" in refused("retrain", "--embeddings", SHIPPED, "--image_dir", painted)


# How a head is chosen


def test_head_auto_is_the_default_and_says_why(run, painted):
    options = ("retrain", "--image_dir", painted, "--views", 1)
    told = json.loads(run(*options, "--json")[1])
    assert told["head"] in ("logistic", "lda")
    assert f"{told['choice']['candidates'][0]['accuracy']:.1%} right" in told["choice"]["reason"]
    assert told["choice"]["reason"] in run(*options)[1]


@pytest.mark.parametrize(
    "flag, value",
    [
        ("--how_many_training_steps", 20),
        ("--learning_rate", 1),
        ("--train_batch_size", 10),
        ("--weight_decay", 0.1),
    ],
)
def test_who_names_a_setting_of_gradient_descent_gets_it(run, painted, flag, value):
    told = json.loads(
        run("retrain", "--image_dir", painted, "--views", 1, flag, value, "--json")[1]
    )
    assert told["head"] == "softmax"


def test_a_named_head_stays_and_says_what_it_ignores(run, painted):
    options = ("--head", "logistic", "--learning_rate", 1, "--views", 1)
    _, out, err = run("retrain", "--image_dir", painted, *options, "--json")
    assert json.loads(out)["head"] == "logistic"
    assert "--head logistic knows no steps" in err


def test_evaluate_tells_every_class_with_n_and_interval(run, painted):
    code, out, _ = run("evaluate", "--image_dir", painted, "--views", 1, "--repeats", 1)
    assert code == 0
    for label in ("Gzhel", "Khokhloma", "Iznik"):
        (line,) = [line for line in out.splitlines() if line.split()[:1] == [label]]
        assert re.search(r"[\d.]+% of +12 \([\d.]+%–100.0%\)  few pictures", line)
    assert "confidence → right: " in out


def test_evaluate_makes_do_with_few_pictures(run, tmp_path, ornament, encoded):
    for number in range(4):
        folder = tmp_path / ["Eggs", "Plates"][number % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.png").write_bytes(encoded(ornament(number)))
    options = ("evaluate", "--image_dir", tmp_path, "--views", 1, "--repeats", 1, "--head", "lda")
    code, out, err = run(*options)
    assert code == 0 and out.startswith("1 × 4 folds") and "only 4 folds" in err
    assert "from 2 to 4" in run(*options, "--folds", 5)[2]


def test_no_part_of_the_confidences_is_said_to_be_empty(capsys):
    probs = np.full((3, 20, 2), [0.98, 0.02])
    probs[0, 0] = [0.55, 0.45]  # in one of three repeats: a third of a picture
    print_evaluation("style", evaluate(probs, np.arange(20) % 2, ("Eggs", "Plates")))
    out = capsys.readouterr().out
    assert "55% → 100% (N=0.3); 98% → 49% (N=19.7)" in out


def test_evaluate_gives_an_interval_for_everything(run, painted):
    told = json.loads(
        run("evaluate", "--image_dir", painted, "--views", 1, "--repeats", 1, "--json")[1]
    )
    style = told["style"]
    for name in ("ci95", "balanced_ci95", "ece_ci95"):
        low, high = style[name]
        assert 0 <= low <= high <= 1
    for row, ends in zip(style["confusion"], style["confusion_ci95"], strict=True):
        for count, (low, high) in zip(row, ends, strict=True):
            assert low <= count / sum(row) <= high


# check


def _messy(painted, folder, ornament):
    """A copy of the painted pictures with one of each fault."""
    shutil.copytree(painted, folder)
    (folder / "Iznik" / "torn.png").write_bytes((folder / "Iznik" / "200.png").read_bytes()[:90])
    (folder / "Iznik" / "letter.docx").write_bytes(b"PK")
    shutil.copy(folder / "Gzhel" / "001.png", folder / "Gzhel" / "copy.png")
    shutil.copy(folder / "Gzhel" / "002.png", folder / "Khokhloma" / "conflict.png")
    shutil.move(folder / "Gzhel" / "003.png", folder / "Iznik" / "moved.png")
    (folder / "Empty").mkdir()
    (folder / "stray.png").write_bytes((folder / "Gzhel" / "004.png").read_bytes())
    ornament(999, "orange").save(folder / "gzhel.png")
    (folder / "gzhel").mkdir()
    (folder / "gzhel.png").rename(folder / "gzhel" / "only.png")
    return folder


def test_check_names_every_file_concerned(run, painted, tmp_path, ornament):
    folder = _messy(painted, tmp_path / "messy", ornament)
    code, out, err = run("check", "--image_dir", folder)
    assert code == 2 and err == ""
    for told in (
        "Iznik/torn.png: The picture is damaged", "Iznik/letter.docx: Its ending is not",
        "Gzhel/copy.png: The same picture as Gzhel/001.png", "stray.png: It lies in no class",
        "Khokhloma/conflict.png: “Khokhloma” here, but “Gzhel” as Gzhel/002.png",
        "Empty: There is no picture", "gzhel: It looks like “Gzhel”",
        "5 files were set aside", "It cannot be trained on: “gzhel”: It has 1 picture",
    ):  # fmt: skip
        assert told in out
    shutil.rmtree(folder / "gzhel")
    code, out, _ = run("check", "--image_dir", folder)
    assert code == 0 and out.endswith("It can be trained on.\n")
    assert (
        "Iznik/moved.png: It is labeled “Iznik”, but going by the other pictures it is “Gzhel”"
        in out
    )
    code, out, _ = run("check", "--image_dir", folder, "--json", "--no_model")
    told = json.loads(out)
    assert code == 0 and told["usable"] and told["levels"] == ["style", "country"]
    assert told["findings"]["label conflict"] == 1 and "mislabelled" not in told["findings"]
    (conflict,) = (entry for entry in told["entries"] if entry["kind"] == "label conflict")
    assert (conflict["file"], conflict["other"], conflict["suggestion"], conflict["set_aside"]) == (
        "Khokhloma/conflict.png", "Gzhel/002.png", "Gzhel", True
    )  # fmt: skip


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
    for place, colour in enumerate(("navy", "firebrick")):
        (tmp_path / colour).mkdir()
        for i in range(6):
            picture = ornament(100 * place + i, colour, side=96)
            picture.save(tmp_path / colour / f"{i}.png")
    code, out, _ = run("check", "--image_dir", tmp_path, "--no_model")
    assert code == 0
    assert out == (
        "12 pictures in 2 classes\n  6  firebrick\n  6  navy\n\n"
        "Nothing is wrong with it.\nIt can be trained on.\n"
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
    assert "together" in refused("check", *source, "--label_column", "Art")
    assert "give those with --images" in refused("check", "--csv", table, "--image_dir", painted)
    assert "either --image_dir" in refused("check")
    code, out, _ = run("evaluate", "--image_dir", tmp_path / "set", "--views", 1, "--head", "lda",
                       "--folds", 3, "--repeats", 1, "--copies", 0)  # fmt: skip
    assert code == 0 and "Art: 100.0% of 36 right" in out


def test_what_is_set_aside_is_named_before_a_training(run, painted, tmp_path, ornament):
    folder = _messy(painted, tmp_path / "messy", ornament)
    shutil.rmtree(folder / "gzhel")
    for number in range(3):
        (folder / f"stray {number}.png").write_bytes((folder / "stray.png").read_bytes())
    code, _, err = run("retrain", "--image_dir", folder, *QUICK, "--copies", 0)
    assert code == 0
    assert "Set aside:" in err and "  stray 2.png: It lies in no class folder." in err
    assert "… and 3 more; “check” names them all" in err


# Data sets that the app keeps


def test_a_kept_data_set_is_known_by_its_name(run, refused, painted, tmp_path, monkeypatch):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    sets = DatasetStore()
    request = IntakeTask(painted, sets.begin("My shop"), "My shop")
    made = ingest(request, lambda event: None, lambda: False)
    code, out, _ = run("retrain", "--data_set", "My shop", "--views", 1, "--head", "lda",
                       "--copies", 0, "--save", "--json")  # fmt: skip
    assert code == 0
    kept = DiskRuns().get(json.loads(out)["run"])
    assert kept.data == f"My shop ({made.version[:6]}), no copies"
    assert TrainingData.of(kept.bundle).set_id == made.id
    assert (made.folder / "vectors").is_dir(), "the app finds them there"
    assert "choose from: My shop" in refused("check", "--data_set", "Your shop")
    assert "not both" in refused("retrain", "--data_set", "My shop", "--image_dir", painted)
