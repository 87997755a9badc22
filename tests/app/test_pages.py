"""What all pages share: words for numbers, no TensorFlow, and on the first page no Altair."""

import subprocess
import sys
from pathlib import Path

import pytest
from serving import TIMEOUT

from decor_app.format import between, disambiguate, percent

ROOT = Path(__file__).parents[2]


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


def test_the_first_page_imports_neither_tensorflow_nor_altair():
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "for name in ('classify', 'about'):\n"
        "    page = AppTest.from_file(f'pages/{name}.py', default_timeout=240)\n"
        "    assert not page.run().exception\n"
        "    assert 'tensorflow' not in sys.modules\n"
        "    assert ('altair' in sys.modules) == (name == 'about')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stderr


def test_files_of_one_name_are_told_apart_by_their_folders():
    files = ["shop/a/p5.jpg", "shop/b/p5.jpg", "shop/a/p6.jpg", "old/b/p5.jpg", "p5.jpg"]
    assert disambiguate(files) == ["a/p5.jpg", "shop/b/p5.jpg", "p6.jpg", "old/b/p5.jpg", "p5.jpg"]
    assert disambiguate(["p5.jpg", "p5.jpg", ""]) == ["p5.jpg", "p5.jpg", ""]
    assert disambiguate([]) == []
