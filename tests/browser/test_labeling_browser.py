"""Pictures without classes, labeled in a real browser: by keys alone, and by finger."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from packing import zip_bytes
from playwright.sync_api import Page, expect
from serving import TIMEOUT_MS, fits_a_phone, train_without_copies, until

COLORS = {"Blue": "navy", "Red": "firebrick", "Green of the hills by the harbor": "seagreen"}
PICTURES = 60


@pytest.fixture(scope="module")
def unlabeled(tmp_path_factory, ornament, encoded) -> tuple[Path, Mapping[str, str]]:
    """A zip of pictures in one folder, and of which class each of them is."""
    names = list(COLORS)
    class_of = {f"IMG_{i:04}.png": names[i * 7 % 3] for i in range(PICTURES)}
    members = {
        f"Shelf/{name}": encoded(ornament(i, COLORS[class_of[name]], side=96))
        for i, name in enumerate(class_of)
    }
    packed = tmp_path_factory.mktemp("heap") / "Shelf.zip"
    packed.write_bytes(zip_bytes(members))
    return packed, class_of


@pytest.fixture(scope="module")
def class_of(unlabeled) -> Mapping[str, str]:
    return unlabeled[1]


@pytest.fixture(scope="module")
def finger(browser, server) -> Iterator[Page]:
    """A phone's browser."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, base_url=server
    )
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    yield page
    context.close()


def _labeled(page: Page, count: int, pictures: int = PICTURES) -> None:
    """Wait until so many are labeled, and the server has them on its disk."""
    page.get_by_text(f"{count} of {pictures} labeled").wait_for()
    page.get_by_text("All saved").wait_for()


def _at(page: Page) -> str:
    """The file name of the picture that a key would label."""
    return page.locator("li.at").get_attribute("title") or ""


def _press_key_of(page: Page, label: str) -> None:
    """Give the label to the chosen picture; a class that is new is named."""
    known = page.locator("button.class", has_text=label)
    if known.count():
        page.keyboard.press(known.get_attribute("aria-keyshortcuts") or "")
        return
    page.keyboard.press(str(page.locator("button.class").count() + 1))
    page.keyboard.type(label)  # digits and letters in it are no keys
    page.keyboard.press("Enter")
    known.wait_for()


def _open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=re.compile(f"^{name}")).click()


def test_pictures_get_labels_by_keys_and_a_reload_loses_none(tab, unlabeled, class_of):
    tab.goto("/data")
    tab.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(str(unlabeled[0]))
    tab.get_by_text("None yet: I label them here").wait_for()
    tab.get_by_role("button", name="Read the pictures").click()
    tab.get_by_role("option").first.wait_for()
    for _ in range(18):
        _press_key_of(tab, class_of[_at(tab)])
    tab.keyboard.press("n")
    tab.keyboard.press("s")
    _labeled(tab, 19)
    tab.reload()
    _labeled(tab, 19)
    tab.get_by_text("1 skipped").wait_for()
    for left in (19, 18):
        tab.keyboard.press("Backspace")
        _labeled(tab, left)
    expect(tab.locator("button.class")).to_have_count(len(COLORS))


def test_keys_pressed_while_the_server_is_away_are_sent_when_it_is_back(tab, class_of):
    steps = "**/labeling/**/steps"
    tab.route(steps, lambda route: route.abort())
    _press_key_of(tab, class_of[_at(tab)])
    tab.get_by_text("1 step not saved yet: the server does not answer").wait_for()
    tab.unroute(steps)
    _labeled(tab, 19)
    # A server that was started anew does not know the address: the page has to run for another.
    tab.route(steps, lambda route: route.fulfill(status=404, body="{}"))
    _press_key_of(tab, class_of[_at(tab)])
    tab.get_by_text("1 step not saved yet: these pictures are not open").wait_for()
    tab.unroute(steps)
    _labeled(tab, 20)
    for left in (19, 18):
        tab.keyboard.press("Backspace")
        _labeled(tab, left)


def test_proposals_are_accepted_above_a_threshold_in_one_step(tab, class_of):
    _open_tab(tab, "Proposals")
    slider = tab.get_by_role("slider", name="At least this probable")
    slider.focus()
    tab.keyboard.press("Home")  # the arrows are the slider's here
    tab.get_by_text("42 proposals at least 50").wait_for()
    expect(tab.locator(".about")).to_contain_text("expect")
    # All at once: a later fit's probabilities are other elements.
    proposals = tab.get_by_role("option").evaluate_all(
        """(tiles) => tiles.map((tile) => {
            const right = (one) => one.getBoundingClientRect().right;
            const label = tile.querySelector("b");
            return [tile.title, label.innerText, right(label.lastChild) <= right(tile)];
        })"""
    )
    assert len(proposals) == PICTURES - 18
    for name, label, is_inside in proposals:
        assert class_of[name] in label and label.endswith("%") and is_inside
    tab.get_by_role("button", name="Accept all 42").focus()
    tab.keyboard.press("Enter")
    _labeled(tab, PICTURES)
    tab.keyboard.press("Control+z")
    _labeled(tab, 18)


def test_after_another_fit_words_and_button_speak_of_the_same_proposals(tab):
    """At the list it stays as it is, and what fell below the threshold is not accepted with it."""

    def learn_otherwise(route) -> None:
        answer = route.fetch(url=re.sub("proposals=-?[0-9]+", "proposals=-1", route.request.url))
        state = answer.json()
        doubted = list(state["proposals"])[:20]
        state["proposals"] |= {one: [state["proposals"][one][0], 0.1] for one in doubted}
        state["proposals_revision"] += 1000
        route.fulfill(response=answer, json=state)

    tab.get_by_role("option").first.focus()
    with tab.expect_response("**/state?*"):
        tab.route("**/labeling/**/state?*", learn_otherwise)
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    tab.get_by_text("22 proposals at least 50").wait_for()
    accept = tab.get_by_role("button", name="Accept all 22")
    accept.wait_for()
    expect(tab.get_by_role("option")).to_have_count(PICTURES - 18)
    accept.focus()
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    tab.get_by_role("option").nth(22).wait_for(state="detached")
    tab.unroute("**/labeling/**/state?*")
    tab.reload()
    _labeled(tab, 18)


def test_a_phone_labels_by_finger(finger):
    finger.goto("/data")
    finger.get_by_role("button", name="Shelf").tap()
    _labeled(finger, 18)
    tiles = finger.get_by_role("option")
    for number in (0, 1):
        tiles.nth(number).tap()
    finger.get_by_role("button", name="None of these").tap()
    _labeled(finger, 20)
    finger.get_by_role("button", name="Undo").tap()
    _labeled(finger, 18)
    fits_a_phone(finger)


def test_pictures_are_added_to_those_that_are_being_labeled(tab, ornament, encoded):
    more = [
        {"name": f"new {i}.png", "mimeType": "image/png",
         "buffer": encoded(ornament(100 + i, "navy", side=96))} for i in range(2)
    ]  # fmt: skip
    tab.get_by_role("button", name="Add pictures").click()
    add, on_their_way = tab.get_by_role("button", name="Add", exact=True), []
    uploads = "**/_stcore/upload_file/**"
    tab.route(uploads, lambda route: on_their_way.append(route))
    tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(more)
    until(lambda: tab.wait_for_timeout(50) or len(on_their_way) == len(more), "the uploads")
    expect(add).to_be_disabled()
    for upload in on_their_way:
        upload.continue_()
    tab.unroute(uploads)
    add.click()
    tab.get_by_text(f"18 of {PICTURES + 2} labeled").wait_for()


def test_the_rest_is_labeled_becomes_a_data_set_and_a_model(tab, class_of, ornament, encoded):
    _open_tab(tab, "To label")
    tab.keyboard.press("ArrowDown")  # from the tabs to the pictures
    for _ in range(PICTURES + 2 - 18):
        name = class_of.get(_at(tab), "Blue")
        if f"proposed: {name}" in (tab.locator("li.at").get_attribute("aria-label") or ""):
            tab.keyboard.press("Enter")
        else:
            _press_key_of(tab, name)
    _labeled(tab, PICTURES + 2, PICTURES + 2)
    tab.get_by_role("button", name="Finish: make it a data set").focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Make it a data set", exact=True).wait_for()
    tab.keyboard.press("Enter")
    tab.get_by_text("62 pictures in 3 classes").wait_for()
    tab.get_by_role("button", name="Label more").wait_for()
    tab.get_by_text("Train on it").click()
    train_without_copies(tab)
    tab.get_by_role("button", name="Use this model").click()
    tab.get_by_role("link", name="Classify answers with this model").click()
    tab.get_by_text("A model of yours tells 3 classes apart").wait_for()
    picture = {"name": "new.png", "mimeType": "image/png",
               "buffer": encoded(ornament(999, "seagreen", side=96))}  # fmt: skip
    tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(picture)
    tab.locator(".st-key-answer").get_by_text("Green").first.wait_for()
