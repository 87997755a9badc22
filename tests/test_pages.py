"""The pages, each by its own file as on a cold deep link, without a browser."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from decor_core.errors import BundleError
from decor_core.heads import TrainConfig, TrainEvent
from decor_core.taxonomy import DECOR
from decor_core.trainer import Job, Trainer
from pages.parts import resources, results
from pages.parts.text import between, percent

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def end_trainer() -> Iterator[None]:
    yield
    resources.trainer().close()
    st.cache_resource.clear()


@pytest.fixture
def page() -> Callable[[str], AppTest]:
    """``page("classify")`` is that page after its first run."""

    def run(name: str, **state: object) -> AppTest:
        test = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
        for key, value in state.items():
            test.session_state[key] = value
        return _sound(test.run())

    return run


def _sound(test: AppTest) -> AppTest:
    assert not test.exception
    return test


def _texts(test: AppTest) -> str:
    """All that is written on the page, for “is it said somewhere”."""
    kinds = (test.markdown, test.caption, test.header, test.info, test.warning, test.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def _verdicts(test: AppTest) -> list[str]:
    return [element.value for element in test.header]


# --- Retrain


def _wait(test: AppTest) -> AppTest:
    """Poll as the browser does until the training has ended."""
    deadline = time.monotonic() + 60
    while resources.trainer().snapshot(test.session_state["job"]).active:
        assert time.monotonic() < deadline, "the training does not end"
        time.sleep(0.1)
    return _sound(_sound(test.run()).run())


def _button(test: AppTest, label: str):
    return next(button for button in test.button if button.label == label)


def test_before_a_training_the_data_are_shown(page):
    test = page("retrain")
    assert "photos of decorated products" in _texts(test)
    assert not _button(test, "Retrain").disabled
    assert _button(test, "Stop").disabled


def test_a_preset_moves_both_sliders(page):
    test = page("retrain")
    test.slider[0].set_value(1000).run()
    _sound(_button(test, "Model 2: 500 steps, 0.03").click().run())
    assert (test.slider[0].value, test.select_slider[0].value) == (500, 0.03)


def test_sliders_have_the_ranges_that_were_asked_for(page):
    test = page("retrain")
    steps, rate = test.slider[0], test.select_slider[0]
    assert (steps.label, steps.min, steps.max, steps.value) == ("Training steps", 10, 4000, 500)
    assert (rate.label, rate.options[0], rate.options[-1]) == ("Learning rate", "0.0001", "1")
    assert rate.value == 0.01


def test_a_training_ends_in_a_model_that_classify_uses(page):
    test = page("retrain")
    test.slider[0].set_value(30)
    test.select_slider[0].set_value(0.05)
    _sound(test.run())
    _wait(_sound(_button(test, "Retrain").click().run()))
    assert test.metric[0].label == "Test accuracy"
    assert 80 < float(test.metric[0].value.split()[0]) <= 100
    assert "test pictures; the true rate is likely between" in _texts(test)
    assert "is small" in _texts(test)
    assert list(test.dataframe[0].value["Class"]) == list(DECOR.labels)

    _sound(_button(test, "Use this model").click().run())
    classify = page("classify", own_predictor=test.session_state["own_predictor"])
    assert _verdicts(classify) == ["Gzhel"]
    assert r"Answered by your model \(30 steps, 0\.05\)" in _texts(classify)
    _sound(_button(classify, "Back to the shipped model").click().run())
    assert "Answered by the shipped model" in _texts(classify)


def test_a_model_that_cannot_be_used_says_why(page, monkeypatch):
    def unusable(bundle: object) -> None:
        raise BundleError("It was trained on another network; retrain it here.")

    test = page("retrain")
    _sound(test.segmented_control(key="train_head").set_value("lda").run())
    _wait(_sound(_button(test, "Retrain").click().run()))
    monkeypatch.setattr(resources, "Predictor", unusable)
    _sound(_button(test, "Use this model").click().run())
    assert "trained on another network" in test.toast[0].value
    assert "own_predictor" not in test.session_state


def test_lda_for_countries_alone(page):
    test = page("retrain")
    test.segmented_control(key="train_head").set_value("lda")
    _sound(test.segmented_control(key="train_taxonomy").set_value("country").run())
    assert test.slider[0].disabled
    assert test.select_slider[0].disabled
    assert "no steps and no learning rate to set" in _texts(test)
    _wait(_sound(_button(test, "Retrain").click().run()))
    assert list(test.dataframe[0].value["Class"]) == ["Russia", "Poland", "Turkey", "Belarus"]

    _sound(_button(test, "Use this model").click().run())
    classify = page("classify", own_predictor=test.session_state["own_predictor"])
    assert classify.segmented_control[0].options == ["Country"]
    assert "trained on country alone" in _texts(classify)
    assert _verdicts(classify) == ["Russia"]


def test_stop_ends_a_training(page):
    test = page("retrain")
    _sound(test.slider[0].set_value(4000).run())
    _sound(_button(test, "Retrain").click().run())
    assert _button(test, "Retrain").disabled
    _wait(_sound(_button(test, "Stop").click().run()))
    assert "Stopped" in _texts(test)
    assert not _button(test, "Retrain").disabled


def _job(**changes: object) -> Job:
    return Job("id", "me", TrainConfig(steps=100), "style", "Mine", **changes)


def test_a_failed_training_says_why(page, monkeypatch):
    failed = _job(status="failed", message="The training diverged at step 40.")
    monkeypatch.setattr(Trainer, "snapshot", lambda self, job_id: failed)
    test = page("retrain", job="id")
    assert [element.value for element in test.error] == [r"The training diverged at step 40\."]


def test_a_forgotten_training_leaves_the_page_as_new(page):
    test = page("retrain", job="long gone")
    assert "photos of decorated products" in _texts(test)


_EVENTS = tuple(TrainEvent(step, 0.9, 0.5, 0.8, 0.7, 1 + step / 20) for step in (20, 40))


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (_job(place=0), "Next in the queue …"),
        (_job(place=2), "Waiting in the queue: 2 trainings before yours"),
        (_job(status="starting"), "Starting TensorFlow: a few seconds the first time"),
        (_job(status="running"), "Getting ready …"),
        (_job(status="running", events=_EVENTS), "Step 40 of 100, about 3.0 s left"),
    ],
)
def test_progress_in_words(job, words):
    assert results.progress_words(job) == words


# --- About, words, processes


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.004, "< 1 %"),
        (0.5, "50 %"),
        (0.994, "99 %"),
        (0.999, "> 99 %"),
        (1, "100 %"),
    ],
)
def test_percent_never_rounds_to_certainty(share, words):
    assert percent(share).replace("\u00a0", " ") == words


def test_intervals_in_words():
    assert between((0.823, 0.994)).replace("\u00a0", " ") == "82 % and 99 %"


def test_the_server_never_imports_tensorflow():
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "for name in ('classify', 'retrain', 'about'):\n"
        "    assert not AppTest.from_file(f'pages/{name}.py', default_timeout=60).run().exception\n"
        "assert 'streamlit' in sys.modules\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
