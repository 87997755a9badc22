"""axe-core finds nothing of ours on the Classify and About pages, in light and in dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_browser import SAMPLES, server, tab  # noqa: F401

# Streamlit's own drop zone is a section in the role of a presentation, and has a name.
STREAMLITS = {"presentation-role-conflict"}
_STILL = """() => !document.querySelector('[data-stale=true]')
    && document.getAnimations().every((one) => one.playState !== 'running'
        || one.effect.getComputedTiming().iterations === Infinity)"""


def _violations(page) -> dict[str, list[str]]:
    """The rules that are broken, each with the elements that break it."""
    page.wait_for_function(_STILL)  # what fades in counts as low contrast
    found = Axe().run(page).response["violations"]
    return {
        rule["id"]: [str(node["target"]) for node in rule["nodes"]]
        for rule in found
        if rule["id"] not in STREAMLITS
    }


def _ready(page, *words: str) -> None:
    for one in words:
        page.get_by_text(one).first.wait_for()


@pytest.fixture(params=["light", "dark"])
def page(request, tab):  # noqa: F811
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.emulate_media(color_scheme=request.param)
    return tab


def test_classify(page):
    page.goto("/")
    _ready(page, "Nearest training pictures")
    assert _violations(page) == {}
    drop_zone = page.get_by_test_id("stFileUploaderDropzoneInput")
    drop_zone.set_input_files([str(SAMPLES / "gzhel-vase.jpg"), str(SAMPLES / "iznik-tile.jpg")])
    _ready(page, "2 pictures")
    assert _violations(page) == {}


def test_about(page):
    page.goto("/about")
    _ready(page, "Model card")
    assert _violations(page) == {}
