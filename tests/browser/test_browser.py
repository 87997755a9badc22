"""The whole way in a real browser: deep link, retrain, reload, runs, use it, upload, taxonomy."""

import re
from pathlib import Path

from playwright.sync_api import expect
from serving import TIMEOUT_MS, fits_a_phone, settle, tick_row

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "models" / "samples"


def _sound(tab) -> None:
    assert tab.get_by_test_id("stException").count() == 0
    assert "Traceback" not in tab.inner_text("body")


def _heading(tab, words: str):
    return tab.get_by_test_id("stHeading").get_by_text(words, exact=True)


def test_the_whole_way(tab):
    _retrain_from_a_cold_deep_link(tab)
    _click_a_confusion(tab)
    _find_it_after_a_reload(tab)
    _see_it_among_the_runs(tab)
    _use_it(tab)
    _use_it_on_an_upload(tab)
    _switch_the_taxonomy(tab)
    _look_around(tab)


def _retrain_from_a_cold_deep_link(tab) -> None:
    tab.goto("/retrain")
    _heading(tab, "Train it yourself").wait_for()
    names = tab.get_by_role("link", name=re.compile("^(Classify|Retrain|Runs|About)$"))
    expect(names).to_have_text(["Classify", "Retrain", "Runs", "About"])
    _press(tab, "Training steps", "Home", "ArrowRight", "ArrowRight", "ArrowRight", reads="40")
    _press(tab, "Learning rate", "ArrowRight", "ArrowRight", reads="0.03")
    tab.get_by_role("button", name="Retrain", exact=True).click()
    accuracy = tab.get_by_test_id("stMetric").filter(has_text="Test accuracy")
    accuracy.wait_for()
    settle(tab)
    assert float(re.search(r"([\d.]+)\s*%", accuracy.inner_text())[1]) > 80
    assert "the true rate is likely between" in tab.inner_text("body")
    _sound(tab)


def _click_a_confusion(tab) -> None:
    settle(tab)
    cell = tab.locator("path[aria-roledescription='rect mark']").first
    cell.click(force=True)  # the count lies on it
    tab.get_by_text("Gzhel, recognized").wait_for()


def _find_it_after_a_reload(tab) -> None:
    tab.reload()
    tab.get_by_test_id("stMetric").filter(has_text="Test accuracy").wait_for()
    tab.get_by_test_id("stSliderThumbValue").get_by_text("40", exact=True).wait_for()
    stranger = tab.context.browser.new_page(base_url=tab.url)
    stranger.set_default_timeout(TIMEOUT_MS)
    stranger.goto("/retrain")
    stranger.get_by_text("What it learns from").wait_for()
    settle(stranger)
    assert stranger.get_by_text("Test accuracy").count() == 0
    stranger.close()


def _see_it_among_the_runs(tab) -> None:
    tab.get_by_role("link", name="Compare, keep, download").click()
    _heading(tab, "Runs").wait_for()
    tick_row(tab, 0)
    _heading(tab, "your model (40 steps, 0.03)").wait_for()
    _sound(tab)


def _use_it(tab) -> None:
    tab.get_by_role("button", name="Use this model").click()
    tab.get_by_role("link", name="Classify answers with this model").click()
    _heading(tab, "Which decor is it?").wait_for()
    tab.get_by_text("Answered by your model (40 steps, 0.03)").wait_for()


def _press(tab, slider: str, *keys: str, reads: str) -> None:
    handle = tab.get_by_role("slider", name=slider)
    for key in keys:
        handle.press(key)
    tab.get_by_test_id("stSliderThumbValue").get_by_text(reads, exact=True).wait_for()
    tab.wait_for_timeout(400)  # the page hears of it when the keys have rested


def _use_it_on_an_upload(tab) -> None:
    drop_zone = tab.get_by_test_id("stFileUploaderDropzoneInput").first
    drop_zone.set_input_files(str(SAMPLES / "khokhloma-bowl.jpg"))
    _heading(tab, "Khokhloma").wait_for()
    tab.get_by_role("img", name="Your picture khokhloma-bowl.jpg").first.wait_for()
    _sound(tab)


def _switch_the_taxonomy(tab) -> None:
    tab.get_by_text("Country", exact=True).click()
    _heading(tab, "Russia").wait_for()
    tab.wait_for_url("**?taxonomy=country")
    tab.get_by_role("button", name="Back to the shipped model").click()
    tab.get_by_text("Answered by the shipped model").wait_for()
    _heading(tab, "Russia").wait_for()
    _sound(tab)


def _look_around(tab) -> None:
    tab.get_by_role("link", name="About").click()
    _heading(tab, "Seven styles").wait_for()
    _sound(tab)
    tab.get_by_role("link", name="Classify").click()
    _heading(tab, "Russia").wait_for()  # the upload and the taxonomy are still known
    tab.set_viewport_size({"width": 390, "height": 844})
    fits_a_phone(tab)
    _sound(tab)
