"""The camera of the Data page in a real browser: a burst while a button is held, then a model."""

import re
from collections.abc import Iterator

import pytest
from app_pages import latest_dataset
from serving import TIMEOUT_MS, served, train_without_copies
from test_accessibility import _check

from decor_core.datasets.store import DatasetStore

# In place of a camera a drawing of a hand that trembles, with as many fingers as it is told.
HAND = """() => {
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    Object.assign(canvas, { width: 320, height: 240 });
    window.fingers = 1;
    window.drawing = setInterval(() => {
        const shake = () => 6 * Math.random(), [x, y] = [110 + shake(), 120 + shake()];
        pen.fillStyle = "#d0c6b6";
        pen.fillRect(0, 0, 320, 240);
        pen.fillStyle = "#c8906e";
        pen.fillRect(x, y, 90, 90);
        for (let i = 0; i < window.fingers; i++) pen.fillRect(x + 22 * i, y - 70, 16, 80);
        for (let i = 0; i < 400; i++) pen.clearRect(320 * Math.random(), 240 * Math.random(), 1, 1);
    }, 30);
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home) -> Iterator[str]:
    with served(home / "log", DECOR_HOME=str(home)) as running:
        yield running.address


@pytest.fixture
def page(browser, server) -> Iterator:
    context = browser.new_context(base_url=server, viewport={"width": 1280, "height": 1000})
    tab = context.new_page()
    tab.set_default_timeout(TIMEOUT_MS)
    errors = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    context.close()
    assert not errors


def _open(page) -> None:
    page.goto("/data")
    page.get_by_role("tab", name="Camera").click()


def _choose(page, label: str) -> None:
    box = page.get_by_role("combobox", name="Class")
    box.fill(label)
    box.press("Enter")
    page.get_by_role("status").get_by_text(f"Pictures go to “{label}”").wait_for()


def _until_frame(page, number: int) -> None:
    page.wait_for_function(
        "([count, number]) => +count.textContent >= number",
        arg=[page.locator(".view b").element_handle(), number],
    )


def _added(page, label: str) -> None:
    told = page.get_by_role("status")
    told.get_by_text("Adding").wait_for(state="detached")
    told.get_by_text(f"added to “{label}”. Pictures go to “{label}”").wait_for()


def test_a_burst_is_recorded_while_the_button_is_held(page, home):
    _open(page)
    hold = page.get_by_role("button", name="Hold to record")
    page.get_by_role("status").get_by_text("Say first which class").wait_for()
    hold.hover()
    page.mouse.down()
    page.mouse.up()
    assert not DatasetStore(home / "datasets").list(), "no class, no picture"
    _choose(page, "pattern")
    hold.hover()
    page.mouse.down()
    page.get_by_role("button", name="Recording: release to stop").wait_for()
    _until_frame(page, 5)
    page.mouse.up()
    _added(page, "pattern")
    table = latest_dataset(home).table
    assert len(table) >= 4 and table["file"].str.contains(r" burst 1 \d{3}\.jpg$").all()
    assert 320 <= table["width"].max() <= 640
    _check(page)


def test_two_hand_signs_become_a_model(page, home):
    page.add_init_script(f"({HAND})()")
    _open(page)
    for label, fingers in (("one", 1), ("three", 3)):
        _choose(page, label)
        page.evaluate(f"window.fingers = {fingers}")
        page.get_by_role("button", name="Hold to record").hover()
        page.mouse.down()
        _until_frame(page, 15)
        page.mouse.up()
        _added(page, label)
    two = latest_dataset(home)
    assert two.number == 1 and set(two.counts) == {"one", "three"}
    page.get_by_role("button", name="Hold to record").focus()
    page.keyboard.down(" ")
    _until_frame(page, 3)
    page.keyboard.up(" ")
    _added(page, "three")
    assert latest_dataset(home).number == 2 and len(latest_dataset(home).table) > len(two.table)
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text(f"So far: one {two.counts['one']} · three {two.counts['three']}.").wait_for()
    page.evaluate("clearInterval(window.drawing)")
    page.get_by_role("button", name="Train on it").click()
    train_without_copies(page)  # with them: test_learning_browser.py
    page.get_by_text("Test accuracy").first.wait_for()
    page.get_by_text("These pictures are nearly alike (one scene)").first.wait_for()


def test_bursts_without_a_class_become_an_unlabeled_set_to_label(page, home):
    page.add_init_script(f"({HAND})()")
    _open(page)
    page.get_by_text("Without a class: label them afterwards").click()
    told, kept = page.get_by_role("status"), []
    for _ in range(2):
        told.get_by_text("Pictures go to “the pictures to label”").wait_for()  # the camera is open
        page.get_by_role("button", name="Hold to record").hover()
        page.mouse.down()
        _until_frame(page, 6)
        page.mouse.up()
        answer = told.get_by_text("Record more, or label them")
        kept.append(re.search(r"(\d+) pictures so far", answer.inner_text())[1])
    count = int(kept[-1])
    assert count >= int(kept[0]) + 4
    page.get_by_role("button", name=f"Label these {count}").click()
    page.get_by_text(f"0 of {count} labeled").wait_for()
    page.locator("li.at").wait_for()
    page.keyboard.press("1")
    page.keyboard.type("hand")
    page.keyboard.press("Enter")
    page.get_by_text(f"1 of {count} labeled").wait_for()


def test_without_permission_it_says_what_to_do(page):
    page.add_init_script(
        """const media = navigator.mediaDevices, open = media.getUserMedia.bind(media);
        media.getUserMedia = async () => {
            media.getUserMedia = open;
            throw new DOMException("Permission denied", "NotAllowedError");
        };"""
    )
    _open(page)
    page.get_by_role("status").get_by_text("The browser may not use the camera.").wait_for()
    assert page.locator(".hold").is_disabled()
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("status").get_by_text("Say first which class").wait_for()


def test_without_https_it_says_where_to_open_it(page):
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    _open(page)
    page.get_by_role("status").get_by_text("only on pages that come by https").wait_for()
