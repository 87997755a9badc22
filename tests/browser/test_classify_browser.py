"""The Classify and About pages in a real browser: paste, live camera, phone, keyboard."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from serving import TIMEOUT_MS, choose_large, fits_a_phone, settle
from streamlit.proto.BackMsg_pb2 import BackMsg
from test_browser import SAMPLES

from decor_core.images.encode import encode_jpeg
from decor_core.model.overlay import overlay, overlay_url


@pytest.fixture
def classify(tab):
    """The Classify page of a new session at a desk's width."""
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.goto("/")
    _verdict(tab, "Gzhel")
    return tab


def _verdict(page, words: str) -> None:
    page.get_by_test_id("stHeading").get_by_text(words, exact=True).wait_for()


def _upload(page, *names: str) -> None:
    files = [str(SAMPLES / name) for name in names]
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)


def test_a_picture_pasted_from_the_clipboard_is_classified_and_text_is_left_alone(classify):
    picture = base64.b64encode((SAMPLES / "iznik-plate.jpg").read_bytes()).decode()
    # Again until somebody listens: the answer stands before the page's own script has come.
    classify.wait_for_function(
        """(text) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], "image.jpg", { type: "image/jpeg" }));
          const event = { clipboardData: data, bubbles: true, cancelable: true };
          return !document.dispatchEvent(new ClipboardEvent("paste", event));
        }""",
        arg=picture,
    )
    _verdict(classify, "Iznik")
    classify.get_by_role("img", name="Your picture image.jpg").first.wait_for()
    prevented = classify.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/plain", "Dear sir");
          const event = { clipboardData: data, bubbles: true, cancelable: true };
          return !document.dispatchEvent(new ClipboardEvent("paste", event));
        }"""
    )
    assert prevented is False


def test_a_file_that_is_too_large_is_told_what_to_do(classify):
    choose_large(classify, "my shop.zip")
    told = classify.get_by_text("my shop.zip has 201 MB; one file may have 200 MB. Unpack it")
    told.wait_for()
    classify.get_by_test_id("stFileChipDeleteBtn").get_by_role("button").click()
    told.wait_for(state="hidden")
    choose_large(classify, "my shop.zip")
    told.wait_for()
    _upload(classify, "iznik-plate.jpg")
    told.wait_for(state="hidden")
    _verdict(classify, "Iznik")


def test_a_toast_leaves_the_styles_of_the_page(classify):
    """Streamlit draws what a callback in a fragment shows over the first elements of the page."""
    classify.get_by_role("button", name="Wrong? Correct it").click()
    classify.get_by_role("button", name="Save correction").click()
    classify.get_by_text("Choose the correct class, or type a new name.").wait_for()
    settle(classify)
    expect(classify.locator(".decor-band")).to_have_css("height", "16px")


def test_the_evidence_follows_the_keyboard(classify):
    pill = classify.get_by_role("radio", name="Iznik").or_(
        classify.get_by_role("button", name="Iznik", exact=True)
    )
    pill.first.focus()
    classify.keyboard.press("Enter")
    classify.get_by_text("against Iznik").wait_for()
    toggle = classify.get_by_role("switch", name="Attribution map").or_(
        classify.get_by_role("checkbox", name="Attribution map")
    )
    toggle.first.focus()
    classify.keyboard.press("Space")
    classify.get_by_text("against Iznik").wait_for(state="detached")
    classify.keyboard.press("Space")
    classify.get_by_text("for it", exact=True).wait_for()


def test_a_browser_paints_the_evidence_as_the_command_line_does(browser):
    with Image.open(SAMPLES / "gzhel-vase.jpg") as opened:
        picture = opened.convert("RGB").resize((384, 384))
    jpeg = encode_jpeg(picture)
    down, across = np.mgrid[-1:1:64j, -1:1:64j]
    heat = np.sin(4 * across) * np.cos(3 * down)
    with Image.open(io.BytesIO(jpeg)) as opened:
        wanted = np.asarray(overlay(opened.convert("RGB"), heat, 0.8), float)
    page = browser.new_page()
    page.set_content(f'<body style="margin: 0"><img src="{overlay_url(jpeg, heat, 0.8)}">')
    page.wait_for_function("() => document.images[0].complete")
    shot = page.screenshot(clip={"x": 0, "y": 0, "width": 384, "height": 384})
    page.close()
    with Image.open(io.BytesIO(shot)) as opened:
        painted = np.asarray(opened.convert("RGB"), float)
    assert abs(painted - wanted).mean() < 2
    assert abs(np.asarray(picture, float) - wanted).mean() > 20


def test_a_switch_of_the_taxonomy_draws_the_answer_alone(tab):
    sent = []
    tab.once("websocket", lambda line: line.on("framesent", lambda one: sent.append(one)))
    tab.goto("/")
    _verdict(tab, "Gzhel")
    tab.get_by_text("Country", exact=True).click()
    _verdict(tab, "Russia")
    runs = [BackMsg.FromString(one) for one in sent if isinstance(one, bytes)]
    asked = [run.rerun_script for run in runs if run.HasField("rerun_script")]
    assert not asked[0].fragment_id and asked[-1].fragment_id
    tab.wait_for_url("**?taxonomy=country")


def test_a_linked_view_opens_as_it_was_shared(tab):
    tab.goto("/?sample=khokhloma-jar&taxonomy=country")
    _verdict(tab, "Russia")
    tab.get_by_text("Khokhloma jar").first.wait_for()


def test_a_sample_is_chosen_by_click_and_by_keyboard(classify):
    classify.get_by_role("option", name="Neglyubka towel", exact=True).click()
    _verdict(classify, "Neglyubka")
    classify.wait_for_url("**sample=neglyubka-towel*")
    samples = classify.get_by_role("listbox", name="Samples")
    expect(samples.locator("[aria-selected=true]")).to_have_text("Neglyubka towel")
    classify.keyboard.press("Home")
    classify.keyboard.press("Enter")
    _verdict(classify, "Gzhel")


def test_pictures_are_ticked_and_corrected_together(classify):
    _upload(classify, "gzhel-vase.jpg", "gzhel-plate.jpg", "iznik-tile.jpg")
    vase = classify.get_by_role("option", name="gzhel-vase.jpg")
    vase.locator(".mark").click()
    classify.get_by_text("1 picture picked.").wait_for()
    classify.get_by_role("option", name="gzhel-plate.jpg").click()
    classify.get_by_text("2 pictures picked.").wait_for()
    vase.press("Escape")
    classify.get_by_text("2 pictures picked.").wait_for(state="detached")
    vase.press("Enter")
    classify.get_by_role("button", name="All 3 pictures").wait_for()


def test_many_on_a_phone_fit_its_width(classify):
    classify.set_viewport_size({"width": 390, "height": 844})
    fits_a_phone(classify)
    _upload(classify, "gzhel-vase.jpg", "iznik-tile.jpg", "khokhloma-bowl.jpg")
    classify.get_by_text("3 pictures").first.wait_for()
    card = classify.get_by_role("option", name="iznik-tile.jpg")
    card.wait_for()
    fits_a_phone(classify)
    card.click()
    classify.get_by_role("button", name="All 3 pictures").wait_for()
    fits_a_phone(classify)


def test_the_live_picture_is_classified_again_and_again(browser, server):
    page = browser.new_page(base_url=server, permissions=["camera"])
    page.set_default_timeout(TIMEOUT_MS)
    page.goto("/")
    _verdict(page, "Gzhel")
    page.get_by_role("tab", name="Camera").click()
    page.get_by_text("Live", exact=True).click()
    page.get_by_role("img", name="Your picture Live picture").first.wait_for()
    first = page.get_by_role("img", name="Your picture Live picture").first.get_attribute("src")
    page.wait_for_function(
        "(src) => [...document.images].every((i) => i.getAttribute('src') !== src)", arg=first
    )
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused.").wait_for()
    page.context.close()
