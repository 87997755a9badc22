"""The pages, each by its own file as on a cold deep link, without a browser."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from decor_core.embedding import Embedder
from decor_core.errors import BundleError
from decor_core.taxonomy import DECOR
from pages.parts import resources
from pages.parts.samples import samples
from pages.parts.text import between, certainty, percent, plain

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


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows by one with every picture that is embedded."""
    calls: list[object] = []
    embed = Embedder.embed

    def counted(self: Embedder, picture: object) -> object:
        calls.append(picture)
        return embed(self, picture)

    monkeypatch.setattr(Embedder, "embed", counted)
    return calls


def _sound(test: AppTest) -> AppTest:
    assert not test.exception
    return test


def _upload(test: AppTest, *files: tuple[str, bytes]) -> AppTest:
    test.file_uploader[0].set_value([(name, data, "image/png") for name, data in files])
    return _sound(test.run())


def _sample_bytes(style: str) -> bytes:
    return next(s for s in samples() if s.style == style).path.read_bytes()


def _texts(test: AppTest) -> str:
    """All that is written on the page, for “is it said somewhere”."""
    kinds = (test.markdown, test.caption, test.header, test.info, test.warning, test.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def _verdicts(test: AppTest) -> list[str]:
    return [element.value for element in test.header]


# --- Classify


def test_first_screen_shows_a_classified_sample(page):
    test = page("classify")
    assert _verdicts(test) == [samples()[0].style]


def test_every_sample_is_a_click_away_and_recognised(page):
    test = page("classify")
    for sample in samples():
        _sound(test.button(key=sample.key).click().run())
        assert _verdicts(test) == [sample.style]


def test_an_upload_is_answered_at_once(page):
    test = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    assert _verdicts(test) == ["Khokhloma"]
    assert "bowl\\.jpg" in _texts(test)


def test_what_is_no_decor_is_none_of_these(page, encoded):
    noise = np.random.default_rng(0).integers(0, 255, (150, 150, 3), np.uint8)
    test = _upload(page("classify"), ("noise.png", encoded(Image.fromarray(noise), "PNG")))
    assert _verdicts(test) == ["None of these"]
    assert "Unlike everything this model has seen" in _texts(test)
    many = _upload(
        page("classify"),
        ("noise.png", encoded(Image.fromarray(noise), "PNG")),
        ("bowl.jpg", _sample_bytes("Khokhloma")),
    )
    assert "**None of these**" in _texts(many) and "**Khokhloma**" in _texts(many)


def test_a_sample_can_be_clicked_while_files_are_uploaded_and_back(page):
    test = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    towel = next(s for s in samples() if s.style == "Neglyubka")
    assert _verdicts(_sound(test.button(key=towel.key).click().run())) == ["Neglyubka"]
    assert _verdicts(_upload(test, ("vase.jpg", _sample_bytes("Gzhel")))) == ["Gzhel"]


def test_the_taxonomy_switches_every_answer_without_embedding(page, embedded):
    test = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    seen = len(embedded)
    _sound(test.segmented_control[0].set_value("country").run())
    assert _verdicts(test) == ["Russia"]
    assert len(embedded) == seen > 0


def test_the_taxonomy_lives_in_the_address(page):
    test = AppTest.from_file(str(ROOT / "pages/classify.py"), default_timeout=60)
    test.query_params["taxonomy"] = "country"
    assert _verdicts(_sound(test.run())) == ["Russia"]
    _sound(test.segmented_control[0].set_value("style").run())
    assert test.query_params["taxonomy"] == "style"


def test_an_address_with_an_unknown_taxonomy_shows_the_finest(page):
    test = AppTest.from_file(str(ROOT / "pages/classify.py"), default_timeout=60)
    test.query_params["taxonomy"] = "colour"
    assert _verdicts(_sound(test.run())) == ["Gzhel"]


def test_many_pictures_become_cards_and_a_bad_file_says_why(page, encoded, ornament):
    good = [(f"{i}.png", encoded(ornament(i, side=64))) for i in range(3)]
    test = _upload(page("classify"), *good, ("letter.png", b"Dear sir"))
    assert [element.value for element in test.warning] == [
        r"**letter\.png**: The file is a text file; expected a picture\: JPEG, PNG, WebP, GIF, "
        r"BMP, TIFF, AVIF or HEIC\."
    ]
    captions = [element.value for element in test.caption]
    assert all(rf"{i}\.png" in captions for i in range(3))


def test_a_bad_file_alone_leaves_no_answer(page):
    test = _upload(page("classify"), ("letter.png", b"Dear sir"))
    assert len(test.warning) == 1
    assert not _verdicts(test)


def test_the_same_content_is_embedded_once(page, embedded, encoded, ornament):
    data = encoded(ornament(7))
    test = page("classify")
    before = len(embedded)
    _upload(test, ("a.png", data), ("b.png", data))
    assert len(embedded) == before + 1
    assert {r"a\.png", r"b\.png"} <= {element.value for element in test.caption}


def test_what_a_session_remembers_is_bounded(page, encoded, ornament, monkeypatch):
    monkeypatch.setattr(resources, "_KEPT", 3)
    test = _upload(page("classify"), *((f"{i}.png", encoded(ornament(i))) for i in range(6)))
    assert len(test.session_state["seen"]) == 3


def test_uploads_are_answered_again_after_a_visit_elsewhere(page):
    before = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    state = {key: before.session_state[key] for key in ("seen", "kept", "sample_wanted")}
    assert _verdicts(page("classify", **state)) == ["Khokhloma"]


def test_too_many_pictures_are_cut_and_it_is_said(page, encoded, ornament, monkeypatch):
    monkeypatch.setattr("pages.parts.resources.MAX_PICTURES", 2)
    test = _upload(page("classify"), *((f"{i}.png", encoded(ornament(i))) for i in range(3)))
    assert "the first 2 are classified" in _texts(test)
    assert r"2\.png" not in _texts(test)


def test_names_are_shown_letter_by_letter(page):
    name = "<b>*bold*</b> :red[x].jpg"
    test = _upload(page("classify"), (name, _sample_bytes("Gzhel")))
    assert r"\<b\>\*bold\*\</b\> \:red\[x\]\.jpg" in _texts(test)


@pytest.mark.parametrize("name", ["classify", "about"])
def test_without_a_model_the_page_says_so(page, name, monkeypatch):
    def missing() -> None:
        raise BundleError("The model is missing; retrain it.")

    st.cache_resource.clear()
    monkeypatch.setattr(resources, "load_predictor", missing)
    try:
        test = page(name)
    finally:
        st.cache_resource.clear()
    assert [element.value for element in test.error] == [r"The model is missing; retrain it\."]


# --- About, words, processes


def test_about_names_all_styles_and_how_well_they_are_known(page):
    test = page("about")
    assert all(f"**{plain(label)}**" in _texts(test) for label in DECOR.labels)
    assert [metric.label for metric in test.metric] == ["Right style", "Right country"]


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


def test_words_for_sureness_and_intervals():
    assert [certainty(c) for c in (0.99, 0.9, 0.6, 0.3)] == [
        "very sure",
        "fairly sure",
        "not quite sure",
        "unsure",
    ]
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
