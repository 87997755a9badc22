"""The Data page in a real browser: a messy folder becomes a set, is put right, goes along."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from serving import (
    TIMEOUT_MS,
    choose_large,
    fits_a_phone,
    served,
    settle,
    train_without_copies,
)

COLORS = {"Синий": "navy", "Röd <b>": "firebrick", "=Green": "seagreen"}


@pytest.fixture(scope="module")
def messy(tmp_path_factory, ornament, encoded) -> Path:
    """Class folders with every kind of fault that a picture or a class can have."""
    root = tmp_path_factory.mktemp("messy") / "Stall"
    for place, (label, color) in enumerate(COLORS.items()):
        (root / label).mkdir(parents=True)
        for i in range(10):
            (root / label / f"{i:02}.png").write_bytes(
                encoded(ornament(100 * place + i, color, side=160))
            )
    blue, red = root / "Синий", root / "Röd <b>"
    (blue / "strayed.png").write_bytes(encoded(ornament(900, "firebrick", side=160)))
    (blue / "broken.png").write_bytes(b"\x89PNG nothing more")
    (blue / "really.png").write_bytes(encoded(ornament(901, "navy", side=160), "JPEG"))
    (blue / "twice.png").write_bytes((blue / "00.png").read_bytes())
    (blue / "in-both.png").write_bytes((red / "00.png").read_bytes())
    (red / "tiny.png").write_bytes(encoded(ornament(902, "firebrick", side=40)))
    (red / "notes.txt").write_text("not a picture")
    (root / "Two only").mkdir()
    for i in range(2):
        (root / "Two only" / f"{i}.png").write_bytes(encoded(ornament(950 + i, side=160)))
    (root / ".DS_Store").write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def page(tmp_path_factory, browser) -> Iterator:
    """The page on a server that keeps data sets in a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    errors, strangers = [], []
    with served(home / "log", DECOR_HOME=str(home)) as running:
        tab = browser.new_page(viewport={"width": 1280, "height": 1000}, base_url=running.address)
        tab.set_default_timeout(TIMEOUT_MS)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        own = (running.address, running.address.replace("http", "ws"), "data:", "blob:")
        tab.on("request", lambda r: None if r.url.startswith(own) else strangers.append(r.url))
        tab.goto("/data")
        tab.get_by_test_id("stFileUploaderDropzoneInput").wait_for(state="attached")
        yield tab
        tab.context.close()
    assert not errors
    assert not strangers, "the page must load nothing from elsewhere"


def _heading(page, words: str):
    return page.get_by_test_id("stHeading").get_by_text(words, exact=True)


def _button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def test_a_file_that_is_too_large_is_told_what_to_do(page):
    page.get_by_role("button", name="Choose a folder").wait_for()
    choose_large(page, "my shop.zip")
    told = page.get_by_role("status").get_by_text("my shop.zip has 201 MB; one file may have 200")
    told.wait_for()
    page.reload()


def test_a_messy_folder_is_put_right(page, messy):
    page.locator("input[webkitdirectory]").set_input_files(str(messy))
    _heading(page, "Stall").wait_for()
    _the_report_is_right(page)
    _two_things_are_fixed(page)
    _the_grid_obeys_the_keyboard(page)
    _a_picture_is_enlarged(page)
    _it_goes_along_as_a_zip(page, messy)
    _it_is_deleted_and_brought_back(page)
    page.set_viewport_size({"width": 390, "height": 844})
    fits_a_phone(page)
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.get_by_role("tab", name="Report", exact=True).click()
    while page.get_by_text("It cannot be trained on yet").count():
        _button(page, "Leave the class out").first.click()
        settle(page)
    _it_trains_a_model(page)


def _it_trains_a_model(page) -> None:
    page.get_by_text("Train on it").click()
    _heading(page, "Train it yourself").wait_for()
    train_without_copies(page)  # with them: test_learning_browser.py
    _button(page, "Use this model").wait_for()


def _the_report_is_right(page) -> None:
    page.get_by_text("35 pictures in 4 classes").wait_for()
    for title in (
        "1 class with too few pictures to train",
        "1 picture in two classes",
        "1 picture that may be in the wrong class",
        "1 tiny picture",
    ):
        _heading(page, title).wait_for()
    page.get_by_text("It cannot be trained on yet").wait_for()
    page.get_by_text(re.compile(r"^\d files set aside$")).click()
    page.get_by_text("1 note from reading").click()
    page.get_by_text("The content is JPEG").wait_for()


def _two_things_are_fixed(page) -> None:
    wrong = page.locator(".st-key-group-mislabelled")
    wrong.get_by_role("button", name="It is Röd <b>").click()
    _heading(page, "1 picture that may be in the wrong class").wait_for(state="hidden")
    settle(page)
    _button(page, "Leave the class out").click()
    page.get_by_text("33 pictures in 3 classes").wait_for()
    page.get_by_text("It cannot be trained on yet").wait_for(state="detached")
    settle(page)
    _button(page, "Undo").click()
    page.get_by_text("35 pictures in 4 classes").wait_for()
    settle(page)


def _the_grid_obeys_the_keyboard(page) -> None:
    page.get_by_role("tab", name="Pictures", exact=True).click()
    tiles = page.get_by_role("option")
    expect(tiles).to_have_count(35)
    tiles.nth(1).locator(".mark").click()
    page.get_by_text("1 ticked").wait_for()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_text("3 ticked").wait_for()
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    page.get_by_text("4 ticked").wait_for()
    settle(page)
    page.get_by_role("combobox", name="They are").fill("Brand new")
    page.keyboard.press("Enter")
    settle(page)
    _button(page, "Relabel").click()
    page.get_by_text("4 pictures relabeled as “Brand new”").wait_for()
    settle(page)
    expect(page.get_by_role("option", name="Brand new")).to_have_count(4)
    expect(page.locator('[role=option][aria-selected="true"]')).to_have_count(0)


def _a_picture_is_enlarged(page) -> None:
    page.get_by_role("option").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("160 × 160 pixels").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    settle(page)
    page.get_by_role("option").first.locator(".mark").click()
    page.get_by_text("1 ticked").wait_for()
    settle(page)
    page.get_by_role("option").nth(1).focus()
    page.keyboard.press("Enter")
    _button(dialog, "Relabel").click()
    page.get_by_text("needs a name").wait_for()
    dialog.get_by_role("combobox", name="It is something else").fill("Enlarged")
    page.keyboard.press("Enter")
    settle(page)
    _button(dialog, "Relabel").click()
    page.get_by_text("1 picture relabeled as “Enlarged”").wait_for()
    dialog.wait_for(state="hidden")
    expect(page.get_by_role("option", name="Enlarged")).to_have_count(1)
    settle(page)
    _button(page, "Undo").click()
    expect(page.get_by_role("option", name="Enlarged")).to_have_count(0)
    settle(page)


def _it_goes_along_as_a_zip(page, messy: Path) -> None:
    page.get_by_role("button", name="Rename, take along").click()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download as zip").click()
    with zipfile.ZipFile(coming.value.path()) as archive:
        names = archive.namelist()
        table = archive.read("pictures.csv").decode()
    assert len([name for name in names if name.endswith(".png")]) == 35
    assert "Brand new" in table and "'=Green" in table


def _it_is_deleted_and_brought_back(page) -> None:
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("Deleted: Stall").wait_for()
    settle(page)
    _button(page, "Undo").click()
    _heading(page, "Stall").wait_for()
    settle(page)


def test_the_decor_data_as_downloaded(page, decor_data, tmp_path):
    with zipfile.ZipFile(tmp_path / "decor.zip", "w") as archive:
        for path in (decor_data / "decor.csv", *(decor_data / "images").glob("*_00*.png")):
            archive.write(path, Path("decor", path.relative_to(decor_data)))
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.goto("/data")
    back = page.get_by_role("button", name="All data sets, and new ones")
    back.or_(page.get_by_text("Drop a folder, a zip")).first.wait_for()
    if back.count():
        back.click()
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(
        str(tmp_path / "decor.zip")
    )
    page.get_by_text("Which pictures?").wait_for()
    page.get_by_role("button", name="Read the pictures").click()
    _heading(page, "decor").wait_for()
    page.get_by_text(re.compile(r"pictures in 7 classes")).wait_for()
    page.get_by_text("left out").first.wait_for()
