"""Corrections on the Classify page without a browser: put right, learned, undone, taken along."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from app_pages import button, button_labels, ended, grid, opened, sound, texts
from streamlit.testing.v1 import AppTest

from decor_app.classify import corrections
from decor_app.state import finished_jobs, training_vectors
from decor_app.state.jobs import ask_about
from decor_app.state.models import shipped_vectors
from decor_app.state.workspace import Workspace
from decor_core.features.embeddings import Embeddings
from decor_core.model.predictor import VectorPredictor


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A visitor whose model is trained anew on five pictures of each style, not on all 285.

    It is not cross-validated, as it is where nothing keeps it from that.
    """

    def few(copies: bool) -> Embeddings:
        vectors = shipped_vectors(copies)
        return vectors.rows((vectors.table.groupby("style").cumcount() < 5).to_numpy())

    monkeypatch.setattr(training_vectors, "shipped_vectors", few)
    monkeypatch.setattr(finished_jobs, "ask_about", lambda *asked: None)
    return Workspace(uuid4().hex)


@pytest.fixture
def vase(ornament: Callable, encoded: Callable) -> bytes:
    return encoded(ornament(77, "orange"))


def _page(mine: Workspace, *pictures: tuple[str, bytes]) -> AppTest:
    test = opened("classify", workspace=mine)
    if pictures:
        test.file_uploader[0].set_value([(n, data, "image/png") for n, data in pictures])
        sound(test.run())
    return test


def _html(test: AppTest) -> str:
    return "".join(str(element.proto.body) for element in test.get("html"))


def _say(test: AppTest, label: str, parent: str = "") -> AppTest:
    """Put the answer that is shown right."""
    # AppTest cannot type what a box does not offer.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corrections, "picked_class", lambda key: (label, parent))
        return sound(button(test, "Save correction").click().run())


def _pick(test: AppTest, *names: str) -> AppTest:
    """Tick pictures of the gallery."""
    ids = [tile["id"] for tile in grid(test, "Pictures") if tile["title"] in names]
    test.session_state["many_picked"] = frozenset(ids)
    test.session_state["grids_drawn"] = len(names)  # what is ticked otherwise comes from the grid
    return sound(test.run())


def _train(test: AppTest, words: str = "Train with them") -> AppTest:
    sound(button(test, words).click().run())
    return ended(test, "train on corrections")


def test_a_correction_is_remembered_learned_and_answers(mine, vase, monkeypatch):
    monkeypatch.setattr(finished_jobs, "ask_about", ask_about)
    test = _say(_page(mine, ("vase.png", vase)), "Delft", "Netherlands")
    assert "**1 correction**" in texts(test)
    assert "Undo" in button_labels(test) and "Train with them" in button_labels(test)
    _train(test)
    assert test.header[0].value == "Delft", "the new model answers"
    assert "8 styles from 5 countries, told apart by their ornament; Delft" in texts(test)
    assert "Netherlands" in texts(test)
    shown = _html(test)
    assert "before: " in shown and "now: <b>Delft</b>" in shown
    assert "Cross-validating" in texts(test)
    ended(test, "cross-validate")
    assert "Cross-validated accuracy: " in texts(test)
    assert "corrections are only trained on" in texts(test)
    assert "Trained" in button_labels(test) and button(test, "Trained").disabled
    run = mine.runs.list()[0]
    assert run.title == "Decor styles · 1 correction"
    assert run.data == "Decor photos, 1 correction"
    assert run.cross_validation["style"].n == 7 * 5
    runs = opened("runs", workspace=mine)
    runs.session_state[runs.dataframe[0].key] = {"selection": {"rows": [0], "columns": []}}
    assert "1 correction was trained on, too" in texts(sound(runs.run()))


def test_undo_takes_corrections_back_one_by_one(mine, vase, ornament, encoded):
    test = _say(_page(mine, ("vase.png", vase)), "Gzhel")
    other = encoded(ornament(78, "purple"))
    test.file_uploader[0].set_value([("bowl.png", other, "image/png")])
    _say(sound(test.run()), "Iznik")
    assert "**2 corrections**" in texts(test)
    sound(button(test, "Undo").click().run())
    assert "**1 correction**" in texts(test)
    sound(button(test, "Undo").click().run())
    assert "correction**" not in texts(test)


def test_a_model_that_knows_what_was_taken_back_is_named_and_can_be_left(
    mine, vase, ornament, encoded
):
    test = _say(_page(mine, ("vase.png", vase)), "Delft", "Netherlands")
    _train(test)
    first = mine.model
    test.file_uploader[0].set_value([("bowl.png", encoded(ornament(78, "purple")), "image/png")])
    _say(sound(test.run()), "Iznik")
    assert "was trained with" not in texts(test)
    _train(test)
    assert mine.model is not first and "was trained with" not in texts(test)
    sound(button(test, "Undo").click().run())
    assert "was trained with 1 correction that you have undone" in test.warning[0].value
    sound(button(test, "Back to the model before").click().run())
    assert mine.model.bundle is first.bundle and not test.warning
    assert "Trained" in button_labels(test)
    sound(button(test, "Undo").click().run())
    assert "was trained with 1 correction" in test.warning[0].value
    sound(button(test, "Back to the model before").click().run())
    assert mine.model is None and not test.warning


def test_nothing_said_is_nothing_remembered(mine, vase):
    test = _page(mine, ("vase.png", vase))
    sound(button(test, "Save correction").click().run())
    assert "Choose the correct class" in test.toast[0].value
    _say(test, "Delft")
    assert "which country “Delft” belongs to" in test.toast[0].value
    assert "correction**" not in texts(test)


def test_several_are_put_right_at_once(mine, ornament, encoded):
    pictures = [(f"{n}.png", encoded(ornament(n, "orange"))) for n in (80, 81, 82)]
    test = _page(mine, *pictures)
    _pick(test, "80.png", "81.png")
    assert "**2 pictures picked.**" in texts(test)
    _say(test, "Delft", "Netherlands")
    assert "**2 corrections**" in texts(test)
    captions = [tile["caption"] for tile in grid(test, "Pictures")]
    assert captions.count("Corrected: Delft") == 2
    sound(test.segmented_control(key="many_view").set_value("Table").run())
    assert "Netherlands" not in texts(test)


def test_a_model_without_its_pictures_says_so(mine, vase, training, ornament, encoded):
    mine.model = VectorPredictor(training.bundle)
    test = _say(_page(mine, ("vase.png", vase)), "Gzhel", "Russia")
    assert "The pictures that this model learned from are not here" in texts(test)
    assert "Train with them" not in button_labels(test)
    assert "Train on the corrections alone" not in button_labels(test)
    for number in range(90, 94):
        for label, parent, color in (("Gzhel", "Russia", "gold"), ("Iznik", "Turkey", "teal")):
            data = encoded(ornament(number, color))
            test.file_uploader[0].set_value([(f"{color}{number}.png", data, "image/png")])
            _say(sound(test.run()), label, parent)
    _train(test, "Train on the corrections alone")
    assert test.header[0].value == "Iznik"
    assert mine.runs.list()[0].data.startswith("Corrections to Painted (")


def test_a_model_trained_deeper_says_where_corrections_go(mine, vase, tiny_training):
    mine.model = VectorPredictor(tiny_training.bundle)
    test = _page(mine, ("vase.png", vase))
    assert "It can be added to the data set that the model learned from." in texts(test)
    _say(test, "Gzhel", "Russia")
    assert "add them to the data set, and train it deeper again" in texts(test)
    assert "Train with them" not in button_labels(test)
    sound(button(test, "Undo").click().run())
    assert "correction**" not in texts(test)


def test_a_class_that_is_renamed_is_another_answer(mine, vase):
    test = _train(_say(_page(mine, ("vase.png", vase)), "Delft", "Netherlands"))
    _train(_say(test, "Delftware", "Netherlands"))
    assert test.header[0].value == "Delftware"
    assert "<b>Delftware</b>" in _html(test)


def test_a_training_that_failed_can_be_tried_again(mine, vase):
    test = _train(_say(_page(mine, ("vase.png", vase)), "Delft", "Netherlands"))
    assert button(test, "Trained").disabled
    mine.correction_training = replace(mine.correction_training, before=mine.model.bundle)
    assert not button(sound(test.run()), "Train with them").disabled
