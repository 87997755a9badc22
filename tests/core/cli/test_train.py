"""The command train, by its name in TensorFlow for Poets."""

import json
import re
import shutil

import pytest
from scenes import fixed_camera, hand_signs

from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_core.datasets.store import DatasetStore
from decor_core.features.backbones import load_backbone
from decor_core.model.bundle import load_bundle
from decor_core.model.training_data import TrainingData
from decor_core.runs.store import DiskRuns
from decor_core.shipped import MODELS

ACCURACY = r"Final test accuracy = \d+\.\d% \(N=\d+\), 95 % interval \d+\.\d% to \d+\.\d%"
QUICK = ("--views", 1, "--how_many_training_steps", 30, "--learning_rate", 0.1)


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
    assert told["warning"] is None  # of one scene
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
    shipped = MODELS / "backbone" / "efficientnet_lite0.tflite"
    shutil.copy(shipped, networks / "mobilenet_1.0_224.tflite")
    try:
        code, _, err = run("retrain", "--image_dir", painted, "--views", 1, "--head", "lda",
                           "--architecture", "mobilenet_1.0_224", "--model_dir", networks,
                           "--bottleneck_dir", tmp_path / "vectors")  # fmt: skip
    finally:
        load_backbone.cache_clear()
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
    assert "There is no head “forest”; choose auto, ensemble, logistic, softmax or lda" in told
    told = refused("retrain", "--image_dir", painted, "--architecture", "alexnet", "--json")
    assert "lists all: efficientnet_lite0" in told
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


def test_head_auto_is_the_default_and_says_why(run, painted):
    options = ("retrain", "--image_dir", painted, "--views", 1)
    told = json.loads(run(*options, "--json")[1])
    assert told["head"] in ("ensemble", "lda")
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


def test_what_is_set_aside_is_named_before_a_training(run, messy):
    shutil.rmtree(messy / "gzhel")
    for number in range(3):
        (messy / f"stray {number}.png").write_bytes((messy / "stray.png").read_bytes())
    code, _, err = run("retrain", "--image_dir", messy, *QUICK, "--copies", 0)
    assert code == 0
    assert "Set aside:" in err and "  stray 2.png: It lies in no class folder." in err
    assert "… and 3 more; “check” names them all" in err


def test_a_kept_data_set_is_known_by_its_name(run, refused, painted, tmp_path, monkeypatch):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    sets = DatasetStore()
    request = IngestTask(painted, sets.begin("My shop"), "My shop")
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


def test_retrain_keeps_a_run_when_asked(run, painted):
    options = ("retrain", "--image_dir", painted, "--views", 1, "--head", "lda")
    code, out, _ = run(*options, "--save", "--title", "Łowicz")
    (found,) = (kept for kept in DiskRuns().list() if not kept.read_only)
    assert code == 0 and f"Kept as run {found.id}; “runs list” shows all" in out
    assert found.title == "Łowicz" and found.data == painted.name and found.seconds > 0
    assert len(found.predictions) == found.evaluation.n
    told = json.loads(run(*options, "--save", "--json")[1])
    assert DiskRuns().get(told["run"]).title == "My model"
    assert json.loads(run(*options, "--json")[1])["run"] is None


@pytest.mark.parametrize("make", [
    lambda folder: fixed_camera(folder, 8),
    lambda folder: hand_signs(folder, 8),
])  # fmt: skip
def test_a_camera_before_one_scene_trains_at_first_try_and_is_told(run, tmp_path, make):
    pictures, bundle = make(tmp_path / "set"), tmp_path / "model"
    options = ("--image_dir", pictures, "--views", 1, "--head", "lda")
    code, out, err = run("retrain", *options, "--bundle", bundle)
    *_, told, accuracy = out.splitlines()
    assert code == 0 and re.fullmatch(ACCURACY, accuracy)
    assert told.startswith("These pictures are nearly alike (one scene): the test accuracy says")
    assert "Pictures so alike that a test flatters: 1" in err and "duplicate" not in err
    labels = sorted(folder.name for folder in pictures.iterdir())
    assert load_bundle(bundle).training["alike_classes"] == labels
    assert json.loads(run("retrain", *options, "--json")[1])["warning"] == told


def test_quick_makes_no_copies_and_chooses_nothing(run, painted, tmp_path):
    bundle, vectors = tmp_path / "model", tmp_path / "vectors"
    code, out, err = run("retrain", "--image_dir", painted, "--views", 1, "--quick",
                         "--bundle", bundle, "--bottleneck_dir", vectors)  # fmt: skip
    assert code == 0 and re.fullmatch(ACCURACY, out.splitlines()[-1])
    assert "Quick: no distorted copies, and nothing is chosen." in err
    assert (
        "Quick, without a choice: logistic regression on all but the last stage, 100.0% right"
        in out
    )
    assert len(list((tmp_path / "vectors").rglob("*.npy"))) == 36
    account = load_bundle(tmp_path / "model").training
    assert account["quick"] and account["head"] == "logistic"
    assert len(account["choice"]["candidates"]) == 1
