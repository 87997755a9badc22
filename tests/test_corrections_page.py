"""Corrections on the Classify page without a browser: put right, learned, undone, taken along."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from decor_core.models.predictor import Judge
from pages.parts import corrections, reading, resources
from pages.parts.workspace import Workspace

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def end_processes() -> Iterator[None]:
    yield
    resources.trainer().close()
    reading.reader().close()
    st.cache_resource.clear()


@pytest.fixture
def mine() -> Workspace:
    return Workspace(uuid4().hex)


@pytest.fixture
def vase(ornament: Callable, encoded: Callable) -> bytes:
    return encoded(ornament(77, "orange"))


def _sound(test: AppTest) -> AppTest:
    assert not test.exception
    return test


def _page(mine: Workspace, *pictures: tuple[str, bytes]) -> AppTest:
    test = AppTest.from_file(str(ROOT / "pages" / "classify.py"), default_timeout=60)
    test.session_state["workspace"] = mine
    _sound(test.run())
    if pictures:
        test.file_uploader[0].set_value([(n, data, "image/png") for n, data in pictures])
        _sound(test.run())
    return test


def _texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.header, test.info, test.warning, test.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def _html(test: AppTest) -> str:
    return "".join(str(element.proto.body) for element in test.get("html"))


def _button(test: AppTest, label: str):
    return next(button for button in test.button if button.label == label)


def _labels(test: AppTest) -> set[str]:
    return {button.label for button in test.button}


def _say(test: AppTest, label: str, parent: str = "") -> AppTest:
    """Put the answer that is shown right."""
    # AppTest cannot type what a box does not offer.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corrections, "chosen_label", lambda key: (label, parent))
        return _sound(_button(test, "Remember").click().run())


def _learn(test: AppTest, words: str = "Learn from them") -> AppTest:
    _sound(_button(test, words).click().run())
    return _wait(test, "learn")


def _wait(test: AppTest, purpose: str) -> AppTest:
    mine, deadline = test.session_state["workspace"], time.monotonic() + 240
    while True:
        known = [j for p in (resources.trainer(), reading.reader()) for j in p.jobs(mine.owner)]
        job = next(job for job in known if job.id == mine.jobs[purpose])
        if not job.active and job.request.kind not in ("network", "embed"):
            return _sound(_sound(test.run()).run())
        assert time.monotonic() < deadline, f"{job.request.kind} does not end: {job.status}"
        time.sleep(0.1)


def test_a_correction_is_remembered_learned_and_answers(mine, vase):
    test = _say(_page(mine, ("vase.png", vase)), "Delft", "Netherlands")
    assert "**1 correction**" in _texts(test)
    assert "Undo" in _labels(test) and "Learn from them" in _labels(test)
    _learn(test)
    assert test.header[0].value == "Delft", "the new model answers"
    assert "8 styles from 5 countries, told apart by their ornament; Delft" in _texts(test)
    assert "Netherlands" in _texts(test)
    shown = _html(test)
    assert "before: " in shown and "now: <b>Delft</b>" in shown
    assert "Now it is tested" in _texts(test)
    _wait(test, "judge")
    assert "Cross-validated accuracy: " in _texts(test)
    assert "corrections only teach" in _texts(test)
    assert "Learned" in _labels(test) and _button(test, "Learned").disabled
    run = mine.runs.list()[0]
    assert run.title == "Decor styles · 1 correction"
    assert run.data == "decor, 1 correction"
    assert run.cross_validation["style"].n == 285
    runs = AppTest.from_file(str(ROOT / "pages" / "runs.py"), default_timeout=60)
    runs.session_state["workspace"] = mine
    _sound(runs.run())
    runs.session_state[runs.dataframe[0].key] = {"selection": {"rows": [0], "columns": []}}
    assert "1 correction taught it, too" in _texts(_sound(runs.run()))


def test_undo_takes_corrections_back_one_by_one(mine, vase, ornament, encoded):
    test = _say(_page(mine, ("vase.png", vase)), "Gzhel")
    other = encoded(ornament(78, "purple"))
    test.file_uploader[0].set_value([("bowl.png", other, "image/png")])
    _say(_sound(test.run()), "Iznik")
    assert "**2 corrections**" in _texts(test)
    _sound(_button(test, "Undo").click().run())
    assert "**1 correction**" in _texts(test)
    _sound(_button(test, "Undo").click().run())
    assert "correction**" not in _texts(test)


def test_a_model_that_knows_what_was_taken_back_is_named_and_can_be_left(
    mine, vase, ornament, encoded
):
    test = _say(_page(mine, ("vase.png", vase)), "Delft", "Netherlands")
    _learn(test)
    first = mine.model
    test.file_uploader[0].set_value([("bowl.png", encoded(ornament(78, "purple")), "image/png")])
    _say(_sound(test.run()), "Iznik")
    assert "still knows" not in _texts(test)
    _learn(test)
    assert mine.model is not first and "still knows" not in _texts(test)
    _sound(_button(test, "Undo").click().run())
    assert "still knows a correction that you took back" in test.warning[0].value
    _sound(_button(test, "Back to the model before").click().run())
    assert mine.model.bundle is first.bundle and not test.warning
    assert "Learned" in _labels(test)
    _sound(_button(test, "Undo").click().run())
    assert "still knows a correction" in test.warning[0].value
    _sound(_button(test, "Back to the model before").click().run())
    assert mine.model is None and not test.warning


def test_nothing_said_is_nothing_remembered(mine, vase):
    test = _page(mine, ("vase.png", vase))
    _sound(_button(test, "Remember").click().run())
    assert "Choose what it is" in test.toast[0].value
    _say(test, "Delft")
    assert "which country “Delft” belongs to" in test.toast[0].value
    assert "correction**" not in _texts(test)


def test_several_are_put_right_at_once(mine, ornament, encoded):
    pictures = [(f"{n}.png", encoded(ornament(n, "orange"))) for n in (80, 81, 82)]
    test = _page(mine, *pictures)
    _sound(test.toggle(key="choosing").set_value(True).run())
    for name in ("80", "81"):
        card = next(button for button in test.button if button.label.startswith(name))
        _sound(card.click().run())
    assert "**2 pictures chosen.**" in _texts(test)
    _say(test, "Delft", "Netherlands")
    assert "**2 corrections**" in _texts(test)
    assert sum("You said: Delft" in button.label for button in test.button) == 2
    _sound(test.segmented_control(key="many_view").set_value("Table").run())
    assert "Netherlands" not in _texts(test)


def test_a_model_without_its_pictures_says_so(mine, vase, training, ornament, encoded):
    mine.model = Judge(training.bundle)
    test = _say(_page(mine, ("vase.png", vase)), "Gzhel", "Russia")
    assert "The pictures that this model learned from are not here" in _texts(test)
    assert "Learn from them" not in _labels(test)
    assert "Train on the corrections alone" not in _labels(test)
    for number in range(90, 94):
        for label, parent, colour in (("Gzhel", "Russia", "gold"), ("Iznik", "Turkey", "teal")):
            data = encoded(ornament(number, colour))
            test.file_uploader[0].set_value([(f"{colour}{number}.png", data, "image/png")])
            _say(_sound(test.run()), label, parent)
    _learn(test, "Train on the corrections alone")
    assert test.header[0].value == "Iznik"
    assert mine.runs.list()[0].data.startswith("Corrections to Painted (")


def test_a_class_that_is_renamed_is_another_answer(mine, vase):
    test = _learn(_say(_page(mine, ("vase.png", vase)), "Delft", "Netherlands"))
    _learn(_say(test, "Delftware", "Netherlands"))
    assert test.header[0].value == "Delftware"
    assert "<b>Delftware</b>" in _html(test)
