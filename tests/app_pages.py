"""Pages run without a browser, by Streamlit's AppTest: opened, read, waited for."""

import json
import time
from pathlib import Path

import streamlit as st
from serving import TIMEOUT
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from decor_app.state.processes import inference_pool, job_queues
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.store import DatasetStore

ROOT = Path(__file__).parents[1]


def end_processes() -> None:
    """End what pages have started; whoever asks next gets others."""
    for running in (inference_pool(), *job_queues().values()):
        running.close()
    st.cache_resource.clear()


def opened(name: str, **state: object) -> AppTest:
    """The page of that name after its first run, in a session with ``state``."""
    test = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=TIMEOUT)
    for key, value in state.items():
        test.session_state[key] = value
    return sound(test.run())


def sound(test: AppTest) -> AppTest:
    assert not test.exception
    return test


def texts(test: AppTest) -> str:
    """All that is written on the page, for “is it said somewhere”."""
    kinds = (test.markdown, test.caption, test.header, test.subheader, test.info, test.warning,
             test.error, test.success)  # fmt: skip
    return "\n".join(element.value for kind in kinds for element in kind)


def button(test: AppTest, label: str) -> Button:
    return next(button for button in test.button if button.label == label)


def button_labels(test: AppTest) -> set[str]:
    return {one.label for one in test.button}


def latest_dataset(home: Path) -> Dataset:
    """Of those kept in $DECOR_HOME the one that was changed last."""
    store = DatasetStore(home / "datasets")
    return store.get(store.list()[0].id)


def grid(test: AppTest, label: str) -> list[dict[str, str]]:
    """The tiles of the image grid of that label: id, title, caption, group …"""
    found = [json.loads(element.proto.json) for element in test.get("bidi_component")]
    return next((data["items"] for data in found if data.get("label") == label), [])


def ended(test: AppTest, purpose: str, seconds: float = TIMEOUT) -> AppTest:
    """The page once the last of the jobs that follow each other for ``purpose`` has ended."""
    mine, deadline = test.session_state["workspace"], time.monotonic() + seconds
    while (job := mine.jobs.get(purpose)) and (now := job.snapshot()) and now.active:
        assert time.monotonic() < deadline, f"{now.task.kind} does not end: {now.status}"
        time.sleep(0.02)
    return sound(sound(test.run()).run())
