"""Training on a data set of one's own, on the Retrain page and after it, without a browser."""

from collections.abc import Callable

import pytest
from app_pages import button, ended, opened, sound, texts
from serving import until

from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_app.state import models as resources
from decor_app.state.training_vectors import TrainingVectors
from decor_app.state.workspace import Workspace
from decor_core.datasets.store import DatasetStore
from decor_core.errors import BundleError, DataError

PLACES = {"Tiles": "navy", "Towels": "firebrick", "Boards": "seagreen"}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory, ornament: Callable) -> Workspace:
    """A visitor with a data set of three classes, eight pictures each."""
    folders = tmp_path_factory.mktemp("own") / "Shop"
    for place, (label, color) in enumerate(PLACES.items()):
        (folders / label).mkdir(parents=True)
        for i in range(8):
            number = 500 + 100 * place + i
            ornament(number, color).save(folders / label / f"{number}.png")
    workspace = Workspace("owner of a shop")
    sets = DatasetStore(workspace.folder / "datasets")
    task = IngestTask(folders, sets.begin("Shop"), "Shop")
    workspace.data_set = ingest(task, lambda event: None, lambda: False).id
    return workspace


def test_a_set_that_is_open_is_what_is_learned_from(mine):
    test = opened("retrain", workspace=mine)
    assert test.selectbox(key="training_set").value == mine.data_set
    assert "24 pictures of “Shop”" in texts(test)
    assert "3 classes: Boards, Tiles, Towels" in texts(test)
    assert [control.key for control in test.segmented_control].count("train_taxonomy") == 0
    sound(test.selectbox(key="training_set").set_value("").run())
    assert "285 photos of decorated products" in texts(test)
    sound(test.selectbox(key="training_set").set_value(mine.data_set).run())


def test_own_pictures_need_nothing_of_what_ships(mine, ornament, encoded, monkeypatch):
    def missing():
        raise BundleError("“models/embeddings/decor.npz”, which ships with Decor, is missing.")

    monkeypatch.setattr(resources, "load_shipped_vectors", missing)
    resources.shipped_vectors.clear()
    test = opened("retrain", workspace=mine)
    assert "24 pictures of “Shop”" in texts(test) and not test.error
    sound(test.segmented_control(key="augmentation").set_value("None").run())
    ended(sound(button(test, "Retrain").click().run()), "train")
    assert test.metric[0].label == "Test accuracy"
    sound(test.selectbox(key="training_set").set_value("").run())
    assert "decor\\.npz”, which ships with Decor, is missing" in test.error[0].value
    assert not [one for one in test.button if one.label == "Retrain"]
    sound(test.selectbox(key="training_set").set_value(mine.data_set).run())
    assert button(test, "Retrain") and not test.error
    test = opened("classify", workspace=mine)
    test.file_uploader[0].upload("new.png", encoded(ornament(7)), "image/png")
    assert not sound(test.run()).error and test.header
    mine.runs.delete(mine.runs.list()[0].id)
    mine.jobs.clear()


def test_copies_that_differ_in_nothing_are_not_made(mine):
    test = opened("retrain", workspace=mine)
    sound(test.segmented_control(key="augmentation").set_value("Your own").run())
    assert "there are no copies" not in texts(test)
    test.toggle(key="setting-flip_left_right").set_value(False)
    for name in ("random_crop", "random_scale", "random_brightness"):
        test.slider(key=f"setting-{name}").set_value(0)
    assert "Nothing is distorted, so there are no copies" in texts(sound(test.run()))
    test.toggle(key="setting-flip_left_right").set_value(True)
    for name in ("random_crop", "random_scale", "random_brightness"):
        test.slider(key=f"setting-{name}").set_value(10)
    sound(test.run())


def test_own_pictures_train_a_model_that_knows_them(mine):
    test = opened("retrain", workspace=mine)
    test.slider(key="setting-steps").set_value(60)
    test.select_slider(key="setting-learning_rate").set_value(0.1)
    test.slider(key="setting-views").set_value(1)
    test.segmented_control(key="augmentation").set_value("Your own")
    sound(test.run())
    test.slider(key="setting-copies").set_value(1)
    sound(test.run())
    ended(sound(button(test, "Retrain").click().run()), "train")
    assert test.metric[0].label == "Test accuracy"
    run = mine.runs.list()[0]
    version = DatasetStore(mine.folder / "datasets").get(mine.data_set).version
    assert run.title == "Shop (60 steps, 0.1)"
    copies = "1 copy (flip, crop 10 %, scale 10 %, brightness 10 %)"
    assert run.data == f"Shop ({version[:6]}), {copies}"
    assert run.bundle.embedding.views == 1


def test_details_show_the_pictures_and_further_jobs_can_be_asked_for(mine):
    test = opened("retrain", workspace=mine)
    run = mine.runs.list()[0]
    test.session_state["details"] = "Confusion matrix"
    truth, answer = run.predictions.iloc[0][["truth", "answer"]]
    test.session_state[f"cells-{run.id}-{run.evaluation.n}"] = {
        "selection": {"cell": [{"truth": truth, "answer": answer}]}
    }
    sound(test.run())
    assert test.dataframe[0].value["seen"].iloc[0].startswith("data:image/webp;base64,")
    ended(sound(button(test, "Cross-validate").click().run()), "cross-validate")
    assert mine.runs.list()[0].cross_validation["class"].n == 24


def test_the_model_answers_for_new_pictures_of_its_classes(mine, ornament, encoded):
    test = opened("retrain", workspace=mine)
    sound(button(test, "Use this model").click().run())
    test = opened("classify", workspace=mine)
    assert "3 classes" in texts(test) and "Seven traditional styles" not in texts(test)
    test.file_uploader[0].upload("new.png", encoded(ornament(999, "firebrick")), "image/png")
    sound(test.run())
    assert test.header[0].value == "Towels"
    shown = next(
        element.value for element in test.get("html") if "decor-known" in str(element.value)
    )
    assert shown.count("<img") == 5


def test_a_set_that_has_changed_since_is_not_asked_about(mine):
    sets = DatasetStore(mine.folder / "datasets")
    changed = sets.get(mine.data_set)
    changed.drop([changed.table["file"].iloc[0]])
    test = opened("retrain", workspace=mine)
    assert "23 pictures" in test.selectbox(key="training_set").options[1]
    assert not [b for b in test.button if b.label == "Draw the learning curve"]
    sets.get(mine.data_set).undo()


def test_a_network_that_cannot_be_had_says_so(mine):
    test = opened("retrain", workspace=mine)
    sound(test.selectbox(key="setting-architecture").set_value("mobilenet_0.50_224").run())
    sound(button(test, "Retrain").click().run())
    ended(test, "train")
    assert "which ships with Decor" in texts(test)


def test_one_class_cannot_be_learned(mine):
    sets = DatasetStore(mine.folder / "datasets")
    made = sets.get(mine.data_set)
    made.relabel(list(made.table["file"]), "Tiles")
    test = opened("retrain", workspace=mine)
    assert "There is only one class" in texts(test)
    assert button(test, "Retrain").disabled
    sets.get(mine.data_set).undo()


def test_a_class_with_too_few_pictures_to_split_cannot_be_learned(mine):
    sets = DatasetStore(mine.folder / "datasets")
    made = sets.get(mine.data_set)
    label = made.catalog.taxonomy.labels[0]
    made.drop(list(made.table["file"][made.table[made.level] == label])[2:])
    test = opened("retrain", workspace=mine)
    assert "needs at least 3 different pictures" in test.error[0].value  # others are of a job
    assert f"{label}” has 2" in test.error[0].value
    assert button(test, "Retrain").disabled
    sound(test.slider(key="setting-validation_percentage").set_value(0).run())
    assert "different pictures" not in texts(test) and not button(test, "Retrain").disabled
    assert "It can hardly be learned" in test.warning[0].value
    sets.get(mine.data_set).undo()
    sound(test.slider(key="setting-validation_percentage").set_value(10).run())


def test_what_cannot_follow_on_the_pictures_says_why(mine, monkeypatch):
    def refuse(*_: object) -> None:
        raise DataError("These do not go together.")

    monkeypatch.setattr(TrainingVectors, "joined", refuse)
    test = opened("retrain", workspace=mine)
    test.selectbox(key="setting-architecture").set_value("efficientnet_lite0")
    test.segmented_control(key="augmentation").set_value("None")
    sound(test.slider(key="setting-views").set_value(3).run())
    sound(button(test, "Retrain").click().run())
    until(lambda: mine.jobs["train"].error, "the refusal")
    sound(sound(test.run()).run())
    assert "These do not go together" in texts(test)
    assert not button(test, "Retrain").disabled


def test_a_search_tries_settings_on_own_pictures(mine):
    test = opened("retrain", workspace=mine)
    test.selectbox(key="setting-architecture").set_value("efficientnet_lite0")
    test.segmented_control(key="augmentation").set_value("None")
    test.pills(key="search_heads").set_value(["lda"])
    sound(test.slider(key="setting-views").set_value(1).run())
    ended(sound(button(test, "Try 1").click().run()), "search")
    assert "**LDA**: " in texts(test)
