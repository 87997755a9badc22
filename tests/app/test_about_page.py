"""The About page by its own file: what is known of each style, and the model card."""

from pathlib import Path

import numpy as np
import pytest
from serving import TIMEOUT
from streamlit.testing.v1 import AppTest

from decor_app.components.flags import flag
from decor_app.components.samples import samples
from decor_app.components.styles import STYLES, recall_words, style_of
from decor_app.format import escape_markdown
from decor_core.model.evaluation import evaluate
from decor_core.taxonomy import DECOR

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def about() -> AppTest:
    test = AppTest.from_file(str(ROOT / "pages/about.py"), default_timeout=TIMEOUT).run()
    assert not test.exception
    return test


def _headings(test: AppTest) -> list[str]:
    return [element.value for element in test.subheader]


def test_every_style_is_there_in_its_own_script_with_its_recall(about):
    told = "\n".join(_headings(about))
    assert all(escape_markdown(label) in told for label in DECOR.labels)
    assert "Хохлома" in told and "İznik çinisi" in told
    recalls = [c.value for c in about.caption if c.value.startswith("Recognized: ")]
    assert len(recalls) == len(DECOR.labels) + len(DECOR.coarser.labels)
    assert all("likely between" in words for words in recalls)
    assert sum("of 12 photos" in words and "judge with care" in words for words in recalls) == 2


def test_quality_comes_with_its_number_and_interval(about):
    assert [metric.label for metric in about.metric] == ["Accuracy by style", "Accuracy by country"]
    assert any("Of 285 product photos" in c.value and "likely between" in c.value
               for c in about.caption)  # fmt: skip


def test_the_model_card_has_its_sections(about):
    assert {
        "Intended use",
        "Training data",
        "Method",
        "Evaluation",
        "Limitations",
        "Your pictures",
    } <= set(_headings(about))
    told = "\n".join(element.value for element in about.markdown)
    assert "No license is known" in told and "Khokhloma 65" in told


def test_every_style_has_words_a_drawing_and_a_flag():
    assert [style.label for style in STYLES] and {s.label for s in STYLES} == set(DECOR.labels)
    assert {sample.style for sample in samples()} == set(DECOR.labels)
    for style in STYLES:
        assert style_of(style.label) is style
        assert flag(DECOR.parent_of(style.label)).startswith('<img class="decor-flag" alt=""')
    assert style_of("Delft") is None and flag("Atlantis") == ""


def test_confusions_worth_naming_are_named():
    probs = np.eye(2)[[0, 0, 0, 1, 1, 1, 1, 1]]
    judged = evaluate(probs, np.array([0, 0, 0, 0, 1, 1, 1, 1]), ("Gzhel", "Iznik"))
    words = recall_words("Gzhel", judged).replace("\u00a0", " ")
    assert words.startswith("Recognized: 75 % of 4 photos, likely between 30 % and 95 %")
    assert words.endswith("; sometimes taken for Iznik. Few photos: judge with care.")
    assert "taken for" not in recall_words("Iznik", judged)
