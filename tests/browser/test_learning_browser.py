"""In a real browser: from a zip of photos to a model of one's own that takes a correction."""

import re
from pathlib import Path

import pytest
from packing import zip_bytes
from serving import TIMEOUT_MS, served

CLASSES = {"Tiles": "navy", "Towels": "firebrick", "Boards": "seagreen"}


@pytest.fixture
def shop(tmp_path: Path, ornament, encoded) -> Path:
    """A zip of class folders, ten pictures each."""
    members = {
        f"{label}/{number}.png": encoded(ornament(number, color, 160))
        for place, (label, color) in enumerate(CLASSES.items())
        for number in range(100 * place, 100 * place + 10)
    }
    path = tmp_path / "shop.zip"
    path.write_bytes(zip_bytes(members))
    return path


def test_from_a_zip_to_a_model_that_learns_from_a_correction(
    browser, tmp_path, shop, ornament, encoded
):
    towel, lamp = tmp_path / "towel.png", tmp_path / "lamp.png"
    towel.write_bytes(encoded(ornament(901, "firebrick", 160)))
    lamp.write_bytes(encoded(ornament(902, "orange", 160)))
    settings = {"DECOR_HOME": str(tmp_path / "home"), "DECOR_FIRST_MODEL": "1"}
    with served(tmp_path / "log", **settings) as server:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(TIMEOUT_MS)
        _bring_in(page, server.address, shop)
        _train(page)
        _classify(page, towel, "Towels")
        _correct(page, lamp, "Lamps")
        page.context.close()


def _bring_in(page, address: str, shop: Path) -> None:
    page.goto(f"{address}/data")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(str(shop))
    # The first model, and then the better one, come by themselves.
    page.get_by_text(re.compile("A first model is ready|The model is done")).wait_for()
    page.get_by_text("The model is done").wait_for()
    page.get_by_text(re.compile("(Better than|Nothing was gained over) the first model")).wait_for()
    page.get_by_role("button", name="Classify with it").click()
    page.get_by_text("A model of yours tells 3 classes apart").wait_for()
    page.get_by_text("Answered by shop").wait_for()
    page.get_by_role("button", name="Back to the shipped model").click()
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("button", name="Train on it").click()


def _train(page) -> None:
    page.get_by_text("30 pictures of “shop”").wait_for()
    page.get_by_role("button", name="Retrain").click()
    page.get_by_text("Test accuracy", exact=True).wait_for()
    page.get_by_role("button", name="Use this model").click()
    page.get_by_role("link", name=re.compile("Classify answers with this model")).click()


def _classify(page, picture: Path, label: str) -> None:
    page.get_by_text("A model of yours tells 3 classes apart").wait_for()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(picture))
    _verdict(page, label)


def _correct(page, picture: Path, label: str) -> None:
    page.get_by_role("button", name=re.compile("^Remove")).first.click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(picture))
    page.get_by_alt_text(f"Your picture {picture.name}").first.wait_for()
    page.get_by_role("button", name="Wrong? Correct it").click()
    box = page.get_by_role("combobox", name="Correct class")
    box.fill(label)
    box.press("Enter")
    page.get_by_role("button", name="Save correction").click()
    page.get_by_text("1 correction", exact=True).wait_for()
    page.get_by_role("button", name="Train with them").click()
    page.get_by_text(f"now: {label}").wait_for()
    _verdict(page, label)
    assert page.get_by_test_id("stException").count() == 0


def _verdict(page, words: str) -> None:
    page.get_by_test_id("stHeading").get_by_text(words, exact=True).wait_for()
