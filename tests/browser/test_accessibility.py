"""axe-core finds nothing of ours on any page, in the states that have content, light and dark."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from packing import zip_bytes
from serving import tick_row
from test_browser import SAMPLES

# Streamlit's own drop zone is a section in the role of a presentation, and has a name.
STREAMLITS = {"presentation-role-conflict"}
COLORS = ("color-contrast", "link-in-text-block")  # the rules that go by colors
# The box to draw on the map: two marks of Vega-Lite's own, which takes no description for them.
VEGAS = {".box_brush", ".box_brush_bg"}
_STILL = """() => document.querySelector('[data-test-script-state=notRunning]')
    && !document.querySelector('[data-stale=true]')
    && document.getAnimations().every((one) => one.playState !== 'running'
        || one.effect.getComputedTiming().iterations === Infinity)"""


def _check(page) -> None:
    """See that nothing is wrong in light and in dark: names and roles once, colors in both.

    It begins with what there is: to change between them draws everything anew.
    """
    schemes = [("light", ()), ("dark", COLORS)]
    if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"):
        schemes.reverse()
    for scheme, rules in schemes:
        page.emulate_media(color_scheme=scheme)
        background = "rgb(251, 247, 238)" if scheme == "light" else "rgb(21, 22, 29)"
        page.wait_for_function(
            "(color) => getComputedStyle(document.querySelector('.stApp')).backgroundColor"
            " === color",
            arg=background,
        )
        for _ in range(20):  # a page that is drawn once more meanwhile is pale
            if not (found := _violations(page, *rules)):
                break
            page.wait_for_timeout(1000)
        assert (scheme, found) == (scheme, {})


def _violations(page, *rules: str) -> dict[str, list[str]]:
    """The rules that are broken, of ``rules`` or of all, each with the elements that break it."""
    page.wait_for_function(_STILL)  # what fades in counts as low contrast
    # Style sheets are read anew for rules alone that are not asked for: as long as all others take.
    found, options = {}, {"resultTypes": ["violations"], "preload": {"assets": ["media"]}}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    if page.evaluate("window.axe === undefined"):
        page.evaluate(AXE_SCRIPT)
    # All else that it finds, Axe.run of that package takes along: as much work as the finding.
    for rule in page.evaluate("async (o) => (await axe.run(o)).violations", options):
        elements = [" ".join(map(str, node["target"])) for node in rule["nodes"]]
        if ours := [one for one in elements if one not in VEGAS]:
            found[rule["id"]] = ours
    return {rule: elements for rule, elements in found.items() if rule not in STREAMLITS}


@pytest.fixture
def page(tab):
    tab.set_viewport_size({"width": 1280, "height": 900})
    return tab


def _ready(page, *words: str) -> None:
    for one in words:
        page.get_by_text(one).first.wait_for()


def _open_tab(page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def test_classify(page):
    page.goto("/")
    _ready(page, "Nearest training pictures")
    _check(page)
    drop_zone = page.get_by_test_id("stFileUploaderDropzoneInput")
    drop_zone.set_input_files([str(SAMPLES / "gzhel-vase.jpg"), str(SAMPLES / "iznik-tile.jpg")])
    _ready(page, "2 pictures")
    _check(page)


def test_data(page, ornament, encoded, tmp_path):
    members = {
        f"{color}/{number}.png": encoded(ornament(number, color, 160))
        for color in ("navy", "firebrick") for number in range(6)
    }  # fmt: skip
    members["navy/again.jpg"] = encoded(ornament(5, "navy", 160), "JPEG")
    (tmp_path / "shop.zip").write_bytes(zip_bytes(members))
    page.goto("/data")
    drop_zone = page.get_by_test_id("stFileUploaderDropzoneInput").first
    drop_zone.set_input_files(str(tmp_path / "shop.zip"))
    _ready(page, "nearly the same as another")
    _check(page)
    _open_tab(page, "Pictures")
    page.get_by_role("listbox").wait_for()
    _check(page)
    _open_tab(page, "Add pictures")
    _ready(page, "Pictures of this class")
    _check(page)
    _open_tab(page, "Map")
    page.get_by_role("button", name="Draw the map").click()
    page.locator(".box_brush").first.wait_for(state="attached")
    _check(page)


def test_labeling(page, ornament, encoded, tmp_path):
    members = {
        f"heap/IMG_{number}.png": encoded(ornament(number, ("navy", "firebrick")[number % 2], 160))
        for number in range(10)
    }
    (tmp_path / "heap.zip").write_bytes(zip_bytes(members))
    page.goto("/data")
    back = page.get_by_role("button", name="All data sets, and new ones")
    drop_zone = page.get_by_test_id("stFileUploaderDropzoneInput").first
    back.or_(page.get_by_text("Drop a folder, a zip")).first.wait_for()
    if back.count():
        back.click()
    drop_zone.set_input_files(str(tmp_path / "heap.zip"))
    page.get_by_role("button", name="Read the pictures").click()
    page.get_by_role("option").first.wait_for()
    _check(page)
    for number in range(6):
        page.get_by_role("option", name=f"IMG_{number}.png").click()
        page.keyboard.press(str(number % 2 + 1))
        if number < 2:
            page.keyboard.type(("Blue", "Red")[number])
            page.keyboard.press("Enter")
    page.locator("li.proposed").first.wait_for()
    _check(page)
    for name in ("Proposals", "Labeled"):
        page.get_by_role("tab", name=name).click()
        _check(page)
    page.keyboard.press("v")
    page.keyboard.press("?")
    _ready(page, "this list")
    _check(page)


def test_retrain_and_runs(page):
    page.goto("/retrain")
    _ready(page, "What it learns from")
    _check(page)
    page.get_by_role("button", name="Retrain", exact=True).click()
    _ready(page, "Test accuracy", "Confusion matrix: rows are")
    page.locator("path[aria-roledescription='rect mark']").first.wait_for()  # the matrix
    _check(page)
    for name, words in (
        ("Per class", "balanced accuracy"),
        ("Calibration", "Mean distance from the line"),
        ("Learning curve", "Draw the learning curve"),
    ):
        _open_tab(page, name)
        _ready(page, words)
        _check(page)
    page.get_by_role("link", name="Compare, keep, download").click()
    page.get_by_test_id("stDataFrame").first.locator("canvas").first.wait_for()
    _check(page)
    tick_row(page, 0)
    page.get_by_role("button", name="Delete").wait_for()
    _check(page)
    tick_row(page, 1)
    _ready(page, "Is the difference more than chance?")
    _check(page)


def test_about(page):
    page.goto("/about")
    _ready(page, "Model card")
    _check(page)
