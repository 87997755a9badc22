"""The About page by its own file: what is known of each style, and the model card."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from serving import TIMEOUT
from streamlit.testing.v1 import AppTest

from decor_app.components.flags import flag
from decor_app.components.samples import samples
from decor_app.components.styles import STYLES, describe_recall, style_of
from decor_app.format import escape_markdown
from decor_app.state import models
from decor_core.model.bundle import load_bundle
from decor_core.model.evaluation import evaluate
from decor_core.model.external_evaluation import ExternalEvaluation, OutOfDistribution
from decor_core.taxonomy import DECOR

ROOT = Path(__file__).parents[3]


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
    recalls = [c.value for c in about.caption
               if c.value.startswith("Recognized") and "elsewhere" not in c.value]  # fmt: skip
    assert len(recalls) == len(DECOR.labels) + len(DECOR.coarser.labels)
    assert all("likely between" in words for words in recalls)
    assert sum("of 12 photos" in words and "judge with care" in words for words in recalls) == 2


def test_quality_comes_with_its_number_and_interval(about):
    measured = [metric.label for metric in about.metric]
    assert measured[:2] == ["Accuracy by style", "Accuracy by country"]
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
    words = describe_recall("Gzhel", judged).replace("\u00a0", " ")
    assert words.startswith("Recognized: 75 % of 4 photos, likely between 30 % and 95 %")
    assert words.endswith("; sometimes taken for Iznik. Few photos: judge with care.")
    assert "taken for" not in describe_recall("Iznik", judged)


def _about(bundle, monkeypatch) -> str:
    """All that the page says of ``bundle`` as if it shipped."""
    monkeypatch.setattr(models, "shipped_bundle", lambda: bundle)
    test = AppTest.from_file(str(ROOT / "pages/about.py"), default_timeout=TIMEOUT).run()
    assert not test.exception
    told = [*test.caption, *test.markdown, *test.header, *test.metric]
    return "\n".join(element.value for element in told).replace("\u00a0", " ")


def test_figures_at_home_and_elsewhere_stand_side_by_side(monkeypatch):
    shipped = load_bundle()
    khokhloma, gorodets = (DECOR.labels.index(label) for label in ("Khokhloma", "Gorodets"))
    y_pred = [khokhloma] * 88 + [gorodets] * 12
    judged = evaluate(np.eye(len(DECOR.labels))[y_pred], np.full(100, khokhloma), DECOR.labels)
    enamel = OutOfDistribution("Chinese enamel", 50, 4, {"Iznik": 30, "Khokhloma": 5})
    elsewhere = ExternalEvaluation("other shops", judged, {"Khokhloma": 6}, (enamel,))
    told = _about(replace(shipped, elsewhere=elsewhere), monkeypatch)
    assert "Recognized at home: 100 % of 65 photos" in told
    assert "Recognized elsewhere: 88 % of 100 photos, likely between 80 % and 93 %" in told
    assert "sometimes taken for Gorodets. Called unknown: 6 %." in told
    assert told.count("Recognized elsewhere: not measured.") == len(DECOR.labels) - 1
    assert "Of 100 photos from other shops 88.0 % are right" in told
    assert "**Chinese enamel**: of 50 pictures 8 % are called unknown and 70 % surely" in told
    assert "(30 Iznik, 5 Khokhloma)" in told and "was not tested" not in told


def test_without_figures_from_elsewhere_the_page_says_so(monkeypatch):
    told = _about(replace(load_bundle(), elsewhere=None), monkeypatch)
    assert "photos of other shops was not measured" in told and "was not tested" in told
    assert "What it takes for its own" not in told and "Recognized elsewhere" not in told
