"""A browser and a server for each file of tests.

Not for all of them together: while Playwright runs, no other test may have a loop of its own.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Error
from serving import TIMEOUT_MS, chromium, served

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure tells what stood on the pages."""
    report = yield
    if report.failed and call.when == "call":
        windows = item.funcargs["browser"].contexts if "browser" in item.funcargs else []
        for page in (page for window in windows for page in window.pages):
            try:
                words = page.locator("body").inner_text(timeout=5000)
            except Error as error:
                words = str(error)
            report.sections.append((f"The page at {page.url}", words))
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """With a camera that shows a test pattern."""
    with chromium(*CAMERA) as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    """The address of the app."""
    home = tmp_path_factory.mktemp("home")
    with served(home / "log", DECOR_HOME=str(home)) as running:
        yield running.address


@pytest.fixture(scope="module")
def tab(browser, server) -> Iterator:
    """A new visitor's tab at a desk's width, and at the end the certainty that all went quietly."""
    strangers, errors = [], []
    page = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=server)
    page.set_default_timeout(TIMEOUT_MS)
    page.on("request", lambda r: strangers.append(r.url) if _is_strange(r.url, server) else 0)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.context.close()
    assert not strangers, "the page must load nothing from elsewhere"
    assert not errors


def _is_strange(url: str, server: str) -> bool:
    return not url.startswith((server, server.replace("http", "ws"), "data:", "blob:"))
