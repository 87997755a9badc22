"""The flag --fine_tune of the command retrain."""

import json

import pytest

from decor_core.features.embeddings import SHIPPED
from decor_core.model.bundle import load_bundle
from decor_core.model.events import TrainEvent
from decor_core.training import fine_tuning
from decor_core.training.fine_tuning import FineTuning
from decor_core.training.time_estimate import TimeEstimate
from decor_core.training.train import train

VERDICT = "No epoch did better on the validation part than the network as it was."


@pytest.fixture
def tuned(monkeypatch):
    """Has fine-tuning told, and not done; gives the configs that it was asked for."""
    asked = []

    def fine_tune(embeddings, read, config, level, *, title, on_estimate, on_event, **watch):
        asked.append(config)
        assert read(embeddings.table["file"].iloc[0])[:4] == b"\x89PNG"
        event = TrainEvent(1, 0.5, 1.25, 0.75, 0.875, 2.0)
        on_estimate(TimeEstimate({"epochs": 200.0}, 5))
        on_event(event)
        watch["progress"]("epochs", 1, 1)
        linear = train(embeddings, config, level, title=title)
        return FineTuning(linear, None, False, VERDICT, (event,))

    monkeypatch.setattr(fine_tuning, "fine_tune", fine_tune)
    return asked


def test_what_it_tells(run, painted, tuned, tmp_path):
    code, out, err = run("train", painted, "--views", 1, "--out", tmp_path / "m", "--fine_tune")
    assert code == 0
    assert "Fine-tuning: about 3 minutes, at most 5 epochs; Ctrl-C keeps the best so far." in err
    assert out.splitlines()[:2] == [
        "Epoch 1: train accuracy = 50.0%, cross entropy = 1.2500; "
        "validation accuracy = 75.0%, cross entropy = 0.8750",
        VERDICT,
    ]
    assert (tuned[0].fine_tune, tuned[0].head) == (3, "auto")
    assert load_bundle(tmp_path / "m").title == "m"


def test_what_it_tells_programs(run, painted, tuned):
    code, out, _ = run("retrain", painted, "--views", 1, "--fine_tune", 2, "--json",
                       "--fine_tune_epochs", 7)  # fmt: skip
    assert code == 0
    told = json.loads(out)["fine_tuning"]
    assert (told["is_better"], told["verdict"], told["fine_tuned"]) == (False, VERDICT, None)
    assert told["epochs"][0]["validation_accuracy"] == 0.75
    assert (tuned[0].fine_tune, tuned[0].fine_tune_epochs) == (2, 7)


def test_the_flag_alone_goes_before_the_pictures_too(run, painted, tuned):
    assert run("train", "--fine-tune", painted, "--views", 1)[0] == 0
    assert run("train", "--fine_tune", "--views", 1, "--image_dir", painted)[0] == 0
    assert run("train", "--fine_tune", 2, painted, "--views=1")[0] == 0
    assert [config.fine_tune for config in tuned] == [3, 3, 2]


@pytest.mark.parametrize("given", [("--fine_tune=-1",), ("--fine_tune", "-1"), ("--fine_tune=21",)])
def test_a_number_out_of_range_is_told_with_the_range(refused, given):
    told = refused("train", "pictures", *given)
    assert "The stages to fine-tune must lie between 0 and 20, but it is " in told


def test_without_the_flag_there_is_none(run, painted):
    code, out, _ = run("retrain", painted, "--views", 1, "--head", "lda", "--quick", "--json")
    assert code == 0 and json.loads(out)["fine_tuning"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--embeddings", SHIPPED), "needs the pictures themselves, not their vectors"),
        (("--image_dir", "pictures", "--validation_percentage", 0), "needs a validation part"),
        (("--image_dir", "pictures", "--fine_tune_epochs", 0), "must lie between 1 and 1,000"),
    ],
)
def test_what_cannot_be_is_told_before_the_work(refused, arguments, words):
    assert words in refused("retrain", *arguments, "--fine_tune")


def test_more_stages_than_there_are_is_told_before_the_work(refused):
    told = refused("retrain", "--image_dir", "pictures", "--fine_tune", 20)
    assert "stages, of which 1 to " in told and "can be fine-tuned, not 20" in told


def test_without_tensorflow_it_says_what_to_install(refused, painted, monkeypatch):
    monkeypatch.setattr("decor_core.errors.find_spec", lambda package: None)
    told = refused("retrain", painted, "--fine_tune")
    assert "Fine-tuning needs the package tensorflow" in told and "decor-classifier[train]" in told


@pytest.mark.parametrize("command", ["evaluate", "sweep"])
def test_commands_that_train_many_models_have_no_such_flag(run, command):
    assert "--fine_tune" not in run(command, "--help")[1]
