"""Take the pictures of the README from the running app: drawn samples only.

    python .ci/screenshots.py

Needs Chromium and requirements-dev.txt. Pages are taken from the app's own navigation; each becomes
a WebP under docs/images/, with the gallery of many pictures and a phone's view.
"""

import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
SCREENS = ROOT / "docs" / "images"
SAMPLES = ROOT / "models" / "samples"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_DESK, _PHONE = {"width": 1280, "height": 1000}, {"width": 390, "height": 844}
_WIDTH = 1000


def main() -> None:
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    with _server() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        _pages(browser, address)
        _data(_open(browser, f"{address}/data"))
        _many(_open(browser, address))
        _phone(_open(browser, f"{address}/?sample=khokhloma-jar", _PHONE, "dark"))
        browser.close()


@contextmanager
def _server() -> Iterator[str]:
    """The address of the app, ready to answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    home = tempfile.TemporaryDirectory()  # what is kept on this computer is not for a picture
    process = subprocess.Popen(
        [*command, "--server.headless", "true", "--server.address", "127.0.0.1"],
        cwd=ROOT,
        env={**os.environ, "DECOR_HOME": home.name},
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)
        home.cleanup()


def _open(browser: Browser, url: str, size: dict = _DESK, scheme: str = "light") -> Page:
    page = browser.new_page(viewport=size, color_scheme=scheme)
    page.goto(url)
    _settle(page)
    return page


def _pages(browser: Browser, address: str) -> None:
    page = _open(browser, f"{address}/?sample=khokhloma-jar")
    _take(page, "classify")
    links = page.get_by_test_id("stTopNavLink")
    for name in links.all_inner_texts()[1:]:
        if name == "Data":  # there is nothing to see yet
            continue
        page.get_by_test_id("stTopNavLink").get_by_text(name, exact=True).click()
        _settle(page)
        _take(page, name.lower())


def _data(page: Page) -> None:
    page.get_by_role("button", name="Try an example").click()
    page.get_by_role("tab", name="Report").wait_for(timeout=120_000)
    _settle(page)
    _take(page, "data")
    page.get_by_role("tab", name="Map").click()
    page.get_by_role("button", name="Draw the map").click()
    page.get_by_test_id("stVegaLiteChart").last.wait_for(timeout=120_000)
    _settle(page)
    _take(page, "map")


def _many(page: Page) -> None:
    pictures = [str(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(pictures)
    page.get_by_role("listbox").nth(1).wait_for(timeout=60_000)
    _settle(page)
    _take(page, "many")


def _phone(page: Page) -> None:
    page.locator(".st-key-answer").evaluate("card => card.scrollIntoView({ block: 'start' })")
    page.locator('[data-testid="stMain"]').evaluate("main => main.scrollBy(0, -80)")
    _settle(page)
    _take(page, "phone")


def _settle(page: Page) -> None:
    """Wait until the app has nothing more to draw."""
    page.wait_for_timeout(1500)
    page.locator('[data-test-script-state="notRunning"]').wait_for(timeout=60_000)
    page.wait_for_timeout(1500)


def _take(page: Page, name: str) -> None:
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        picture = shot.convert("RGB")
    picture.thumbnail((_WIDTH, 10 * _WIDTH), Image.Resampling.LANCZOS)
    SCREENS.mkdir(parents=True, exist_ok=True)
    picture.save(SCREENS / f"{name}.webp", "WEBP", quality=82, method=6)
    print(f"{name}.webp: {picture.size[0]} × {picture.size[1]}")


if __name__ == "__main__":
    main()
