"""The Classify page by its own file, without a browser: inputs, one answer, many answers."""

import gc
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from app_pages import grid
from packing import zip_bytes
from PIL import Image
from serving import TIMEOUT
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit.testing.v1 import AppTest

from decor_app.classify.attribution_map import where
from decor_app.classify.decision import decision_title, describe_confidence
from decor_app.classify.similar_pictures import how_far_behind
from decor_app.components.burst_camera import decoded_frame
from decor_app.components.samples import Sample, samples
from decor_app.jobs.inference_pool import InferencePool
from decor_app.state import images
from decor_app.state import models as resources
from decor_app.state.cache import SharedCache, originals
from decor_app.state.thumbnails import shipped_thumbnail
from decor_app.state.workspace import Workspace
from decor_core.errors import BundleError
from decor_core.features.embeddings import Embeddings
from decor_core.model.predictor import Prediction, Score, VectorPredictor

ROOT = Path(__file__).parents[3]


@pytest.fixture
def page() -> Callable[[str], AppTest]:
    """``page("classify")`` is that page after its first run."""

    def run(name: str, **state: object) -> AppTest:
        test = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=TIMEOUT)
        for key, value in state.items():
            test.session_state[key] = value
        return _sound(test.run())

    return run


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows by one with every picture that is looked at."""
    calls: list[object] = []
    analyze_image = InferencePool.analyze_image

    def counted(self: InferencePool, *asked: object) -> object:
        calls.append(asked)
        return analyze_image(self, *asked)

    monkeypatch.setattr(InferencePool, "analyze_image", counted)
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


def _groups(test: AppTest) -> dict[str, int]:
    """The headings of the gallery, and how many pictures are below each."""
    return Counter(tile["group"] for tile in grid(test, "Pictures"))


def _names(test: AppTest) -> list[str]:
    """Of the pictures in the gallery."""
    return [tile["title"] for tile in grid(test, "Pictures")]


def _open(test: AppTest, name: str) -> AppTest:
    """Click a picture of the gallery."""
    tile = next(tile for tile in grid(test, "Pictures") if tile["title"] == name)
    test.session_state["opened"] = tile["id"]
    return _sound(test.run())


def _choose(test: AppTest, sample: Sample) -> AppTest:
    """Click a sample."""
    assert sample.id in [tile["id"] for tile in grid(test, "Samples")]
    test.session_state["sample"], test.session_state["sample_wanted"] = sample.id, True
    test.query_params["sample"] = sample.id
    return _sound(test.run())


def _verdicts(test: AppTest) -> list[str]:
    return [element.value for element in test.header]


# --- One picture


def test_first_screen_shows_a_classified_sample(page):
    test = page("classify")
    assert _verdicts(test) == [samples()[0].style]


def test_every_sample_is_recognized(page):
    test = page("classify")
    for sample in samples():
        _choose(test, sample)
        assert _verdicts(test)[0].startswith(sample.style)  # or ambiguous, it comes first


def test_an_upload_is_answered_at_once(page):
    test = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    assert _verdicts(test) == ["Khokhloma"]
    assert "bowl\\.jpg" in _texts(test)


def test_what_is_no_decor_is_none_of_these(page, encoded):
    noise = np.random.default_rng(0).integers(0, 255, (150, 150, 3), np.uint8)
    test = _upload(page("classify"), ("noise.png", encoded(Image.fromarray(noise), "PNG")))
    assert _verdicts(test) == ["None of the known styles"]
    assert "of the seven styles this model knows, but is unlike everything" in _texts(test)
    many = _upload(
        page("classify"),
        ("noise.png", encoded(Image.fromarray(noise), "PNG")),
        ("bowl.jpg", _sample_bytes("Khokhloma")),
    )
    assert _groups(many) == {"None of the known styles": 1, "Khokhloma": 1}


def test_a_sample_can_be_clicked_while_files_are_uploaded_and_back(page):
    test = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    towel = next(s for s in samples() if s.style == "Neglyubka")
    assert _verdicts(_choose(test, towel)) == ["Neglyubka"]
    _sound(next(b for b in test.button if b.label == "Back to your picture").click().run())
    assert _verdicts(test) == ["Khokhloma"]
    assert _verdicts(_upload(test, ("vase.jpg", _sample_bytes("Gzhel")))) == ["Gzhel"]


def test_the_taxonomy_switches_every_answer_without_embedding(page, embedded):
    test = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    seen = len(embedded)
    _sound(test.segmented_control[0].set_value("country").run())
    assert _verdicts(test) == ["Russia"]
    assert len(embedded) == seen > 0


def test_the_taxonomy_lives_in_the_address(page):
    test = AppTest.from_file(str(ROOT / "pages/classify.py"), default_timeout=TIMEOUT)
    test.query_params["taxonomy"] = "country"
    assert _verdicts(_sound(test.run())) == ["Russia"]
    _sound(test.segmented_control[0].set_value("style").run())
    assert test.query_params["taxonomy"] == "style"


def test_an_address_with_an_unknown_taxonomy_shows_the_finest(page):
    test = AppTest.from_file(str(ROOT / "pages/classify.py"), default_timeout=TIMEOUT)
    test.query_params["taxonomy"] = "colour"
    assert _verdicts(_sound(test.run())) == ["Gzhel"]


def test_many_pictures_become_cards_and_a_bad_file_says_why(page, encoded, ornament):
    good = [(f"{i}.png", encoded(ornament(i, side=64))) for i in range(3)]
    test = _upload(page("classify"), *good, ("letter.png", b"Dear sir"))
    assert [element.value for element in test.warning] == [
        r"**letter\.png**: The file is a text file; expected a picture\: JPEG, PNG, WebP, GIF, "
        r"BMP, TIFF, AVIF or HEIC\."
    ]
    assert sorted(_names(test)) == ["0.png", "1.png", "2.png"]


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
    assert sorted(_names(test)) == ["a.png", "b.png"]


def test_what_sessions_remember_is_bounded_and_had_again(
    page, embedded, encoded, ornament, monkeypatch
):
    few = SharedCache(50_000)
    monkeypatch.setattr(images, "analyses", lambda: few)
    files = [(f"{i}.png", encoded(ornament(i))) for i in range(6)]
    test = _upload(page("classify"), *files)
    assert 0 < few.size <= 50_000
    before = len(embedded)
    _open(test, "0.png")
    assert len(embedded) > before  # its picture is looked at again
    assert _verdicts(test)


def test_originals_are_held_of_what_is_shown_only(page, encoded, ornament):
    originals.cache_clear()
    first, second = encoded(ornament(1)), encoded(ornament(2))
    test = _upload(page("classify"), ("first.png", first))
    assert originals().size == len(first)
    _upload(test, ("second.png", second))
    assert originals().size == len(second)


def test_one_upload_is_held_once(page, encoded, ornament):
    data = [encoded(ornament(number)) for number in (1, 2)]
    test = page("classify")
    for place, name in enumerate(("first.png", "second.png")):
        _upload(test, (name, data[place]))
    gc.collect()
    names = [file.name for file in gc.get_objects() if type(file) is UploadedFile]
    assert set(names) & {"first.png", "second.png"} == {"second.png"}


def test_uploads_are_answered_again_after_a_visit_elsewhere(page):
    before = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    state = {key: before.session_state[key] for key in ("cache_owner", "batch", "sample_wanted")}
    assert _verdicts(page("classify", **state)) == ["Khokhloma"]


def test_too_many_pictures_are_cut_and_it_is_said(page, encoded, ornament, monkeypatch):
    monkeypatch.setenv("DECOR_UPLOAD_PICTURES", "2")
    test = _upload(page("classify"), *((f"{i}.png", encoded(ornament(i))) for i in range(3)))
    assert "the first 2 are classified" in _texts(test)
    assert len(_names(test)) == 2


def test_names_are_shown_letter_by_letter(page):
    name = "<b>*bold*</b> :red[x].jpg"
    test = _upload(page("classify"), (name, _sample_bytes("Gzhel")))
    assert r"\<b\>\*bold\*\</b\> \:red\[x\]\.jpg" in _texts(test)


@pytest.mark.parametrize("name", ["classify", "about"])
def test_without_a_model_the_page_says_so(page, name, monkeypatch):
    def missing() -> None:
        raise BundleError("The model is missing; retrain it.")

    resources.shipped_predictor.clear()
    monkeypatch.setattr(resources, "load_bundle", missing)
    try:
        test = page(name)
    finally:
        resources.shipped_predictor.clear()
    assert [element.value for element in test.error] == [r"The model is missing; retrain it\."]


# --- Why, and what it is like


def test_the_evidence_is_shown_for_any_label_and_goes_by_a_click(page, embedded):
    test = page("classify")
    pills = next(group for group in test.button_group if group.label.startswith("What speaks"))
    assert len(pills.options) == 7 and pills.value == samples()[0].style
    before = len(embedded)
    _sound(pills.set_value("Iznik").run())
    assert "against Iznik" in _html(test)
    _sound(test.toggle(key="show_attribution").set_value(False).run())
    assert 'class="decor-legend"' not in _html(test)
    assert len(embedded) == before


def _html(test: AppTest) -> str:
    return "\n".join(element.proto.body for element in test.get("html"))


def test_what_it_is_like_in_one_sentence_and_five_pictures(page):
    test = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    (sentence,) = [m.value for m in test.markdown if m.value.startswith("Looks like")]
    assert re.fullmatch(
        r"Looks like Khokhloma: .*gold.* on black; Gorodets is far behind.*\.", sentence
    )
    assert "Look for: red berries" in _texts(test)
    assert _html(test).count("% similar") == 5


def test_a_model_trained_on_other_pictures_shows_no_known_ones(page, training):
    own = VectorPredictor(training.bundle)
    test = page("classify", workspace=Workspace("me", model=own))
    assert 'class="decor-known"' not in _html(test)
    assert len(_verdicts(test)) == 1


def test_known_pictures_are_shown_where_they_are_at_hand(page, monkeypatch, tmp_path, ornament):
    monkeypatch.setenv("DECOR_PICTURES", str(tmp_path))
    for file in Embeddings.load().table["file"]:
        if file.startswith("01_02_2"):
            ornament(1).save(tmp_path / file)
    shipped_thumbnail.cache_clear()
    test = _upload(page("classify"), ("bowl.jpg", _sample_bytes("Khokhloma")))
    assert _html(test).count('<img src="data:image/webp;base64,') == 5
    shipped_thumbnail.cache_clear()


@pytest.mark.parametrize(
    ("heat", "words"),
    [
        (np.eye(8)[:1].repeat(8, 0), "in the left"),
        (np.eye(8)[7:].T.repeat(8, 1), "in the lower"),
        (np.eye(64)[:8, :8] * np.eye(8)[0], "in the upper left"),
        (np.ones((8, 8)), "in the middle"),
        (-np.ones((8, 8)), "hardly anything speaks for it"),
    ],
)
def test_where_the_evidence_lies_in_words(heat, words):
    assert words in where(heat)


# --- Words


def _prediction(*probs: float, novelty: float = 0.1) -> Prediction:
    names = ("Gzhel", "Iznik", "Wzory kaszubskie", "Gorodets")
    scores = tuple(Score(*pair) for pair in zip(names, probs, strict=False))
    return Prediction("country", scores, novelty)


@pytest.mark.parametrize(
    ("prediction", "verdict", "sure"),
    [
        (_prediction(0.97, 0.03), "Gzhel", "**Very confident**: 97 %"),
        (_prediction(0.85, 0.15), "Gzhel", "**Confident**: 85 %"),
        (_prediction(0.52, 0.43, 0.05), "Gzhel or Iznik", "**Ambiguous**: 52 % against 43 %"),
        (
            _prediction(0.4, 0.3, 0.3),
            "Gzhel, Iznik or Wzory kaszubskie",
            "**Undecided**: looks most like Gzhel, of the three countries this model knows, but "
            "with only 40 %",
        ),
        (
            _prediction(0.72, 0.14, 0.14, novelty=0.3),
            "Gzhel or none of the known countries",
            "**Ambiguous**: looks most like Gzhel (72 %), of the three countries this model "
            "knows, and may be none of them",
        ),
        (
            _prediction(0.75, 0.25, novelty=0.7),
            "None of the known countries",
            "Looks most like Gzhel, of the two countries this model knows, but is unlike "
            "everything that it has seen: do not rely on it.",
        ),
    ],
)
def test_decision_and_confidence_in_words(prediction, verdict, sure):
    decided = prediction.decision()
    assert decision_title(decided, "country") == verdict
    assert describe_confidence(prediction, decided).replace("\u00a0", " ") == sure


@pytest.mark.parametrize(
    ("probs", "words"),
    [((0.6, 0.4), "close behind"), ((0.8, 0.15), "some way behind"), ((0.99, 0.01), "far behind")],
)
def test_how_far_the_runner_up_is_behind(probs, words):
    assert how_far_behind(_prediction(*probs)) == words


@pytest.mark.parametrize(
    "frame", [None, 7, "", "data:text/html,<b>", "data:image/jpeg;base64,%%%", "file:///etc/passwd"]
)
def test_a_frame_that_is_no_picture_is_not_looked_at(frame):
    assert decoded_frame(frame) is None


def test_a_frame_is_the_bytes_it_encodes():
    assert decoded_frame("data:image/jpeg;base64,QUJD") == b"ABC"


# --- Addresses


@pytest.mark.parametrize(("asked", "style"), [("iznik-plate", "Iznik"), ("nothing", "Gzhel")])
def test_a_sample_can_be_linked(asked, style):
    test = AppTest.from_file(str(ROOT / "pages/classify.py"), default_timeout=TIMEOUT)
    test.query_params["sample"] = asked
    assert _verdicts(_sound(test.run())) == [style]


def test_the_address_follows_the_sample_and_forgets_it_with_an_upload(page):
    test = page("classify")
    towel = next(s for s in samples() if s.style == "Neglyubka")
    _choose(test, towel)
    _upload(test, ("vase.jpg", _sample_bytes("Gzhel")))
    assert "sample" not in test.query_params


# --- Many at once


@pytest.fixture
def many(page) -> AppTest:
    """The page after a zip of three samples, noise, a broken picture and a note."""
    noise = np.random.default_rng(0).integers(0, 255, (150, 150, 3), np.uint8)
    packed = io.BytesIO()
    Image.fromarray(noise).save(packed, "PNG")
    members = [(f"a/{s}.jpg", _sample_bytes(s)) for s in ("Gzhel", "Khokhloma", "Neglyubka")]
    members += [("noise.png", packed.getvalue()), ("broken.png", b"nothing"), ("notes.txt", b"x")]
    return _upload(page("classify"), ("all.zip", zip_bytes(dict(members))))


def test_a_zip_is_its_pictures_grouped_by_verdict(many):
    assert _groups(many) == dict.fromkeys(
        ("Gzhel", "Khokhloma", "Neglyubka", "None of the known styles"), 1
    )
    assert "**4 pictures** · 3 confident · 1 unknown · 1 unreadable" in _texts(many)
    assert [w.value.partition(":")[0] for w in many.warning] == [r"**broken\.png**"]


def test_a_broken_or_empty_zip_says_so(page):
    test = _upload(page("classify"), ("all.zip", b"PK\3\4 nothing"), ("e.zip", zip_bytes({})))
    told = "\n".join(element.value for element in test.warning)
    assert "is no zip file" in told and not _verdicts(test)
    test = _upload(page("classify"), ("e.zip", zip_bytes({"notes.txt": b"x"})))
    assert "There is no picture in the zip" in test.warning[0].value


def test_many_can_be_filtered_sorted_opened_and_left(many, embedded):
    _sound(many.segmented_control(key="many_filter").set_value("Unknown").run())
    assert _names(many) == ["noise.png"]
    _sound(many.segmented_control(key="many_filter").set_value("Uncertain").run())
    assert "No picture is like that." in _texts(many)
    _sound(many.segmented_control(key="many_filter").set_value("All").run())
    _sound(many.selectbox(key="many_order").set_value("Name").run())
    names = _names(many)
    assert names == sorted(names, key=str.lower) and not embedded
    _open(many, names[0])
    assert len(_verdicts(many)) == 1
    back = next(b for b in many.button if b.label == "All 4 pictures")
    _sound(back.click().run())
    assert len(_names(many)) == 4


def test_the_table_has_a_row_for_each_picture(many):
    _sound(many.segmented_control(key="many_view").set_value("Table").run())
    table = many.dataframe[0].value
    assert set(table["File"]) == {
        "a/Gzhel.jpg", "a/Khokhloma.jpg", "a/Neglyubka.jpg", "noise.png",
    }  # fmt: skip
    assert set(table["Country"]) <= {"Russia", "Belarus", "Poland", "Turkey"}
    assert table["Picture"].str.startswith("data:image/webp;base64,").all()


def test_the_table_says_above_which_novelty_a_picture_is_unknown(many):
    _sound(many.segmented_control(key="many_view").set_value("Table").run())
    for percent in (50, 30):
        _sound(many.slider(key="novelty_threshold").set_value(percent).run())
        columns = json.loads(many.dataframe[0].proto.columns)
        assert columns["Novelty"]["help"] == f"Above {percent}\u00a0% a picture is unknown."


def test_the_novelty_slider_says_how_many_known_pictures_are_unknown(page, monkeypatch):
    monkeypatch.setattr("decor_app.classify.decision.FALSE_ALARMS", 0.03)
    told = page("classify").slider(key="novelty_threshold").help
    assert "At 50\u00a0%, three in a hundred pictures of known kinds" in told


def test_what_is_ticked_in_the_table_is_not_ticked_after_sorting(many):
    _sound(many.segmented_control(key="many_view").set_value("Table").run())
    first = many.dataframe[0].value["File"][0]
    ticks = {"selection": {"rows": [0], "columns": []}}
    many.session_state[many.dataframe[0].key] = ticks
    _sound(many.run())
    assert any(first.split("/")[-1].replace(".", r"\.") in b.label for b in many.button)
    assert "**1 picture picked.**" in _texts(many)
    _sound(many.selectbox(key="many_order").set_value("Most confident first").run())
    assert "picked.**" not in _texts(many)


def test_a_threshold_moves_verdicts_everywhere(many):
    _sound(many.segmented_control(key="many_view").set_value("Table").run())
    novelties = many.dataframe[0].value["Novelty"]
    _sound(many.segmented_control(key="many_view").set_value("Gallery").run())
    for percent in (5, 99):
        _sound(many.slider(key="novelty_threshold").set_value(percent).run())
        unknown = sum(novelties > percent / 100)
        assert _groups(many).get("None of the known styles", 0) == unknown
    _sound(many.slider(key="confidence_threshold").set_value(50).run())
    assert "1 unknown" in _texts(many)
