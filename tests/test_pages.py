"""The pages, each by its own file as on a cold deep link, without a browser."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import resources
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
        "for name in ('classify', 'retrain', 'runs', 'about'):\n"
        "    assert not AppTest.from_file(f'pages/{name}.py', default_timeout=60).run().exception\n"
        "assert 'streamlit' in sys.modules\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
