"""Real servers and real browsers for tests, and the words that skip a test where there are none."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",  # each frame of an animation is drawn by the processor
    # What Playwright disables itself, as the last list counts alone, and then the address bar's
    # suggestions: two pages that nobody sees, in each new window.
    "--disable-features=AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,"
    "ThirdPartyStoragePartitioning,OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,"
    "PreconnectToSearch,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
)

# Seconds that a test waits for what it needs: on a busy machine all takes many times as long.
TIMEOUT = 240.0
TIMEOUT_MS = 1000 * TIMEOUT


_NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {ours}
}}
"""


@dataclass(frozen=True)
class Served:
    """A server that answers: where, as which process, and where its log is."""

    address: str
    process: subprocess.Popen
    log: Path

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def host(self) -> str:
        """Its name and port."""
        return urlsplit(self.address).netloc

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()

    def end(self) -> int:
        """Ask it to end as a host does, and tell how it did."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=TIMEOUT)


def need(condition: object, reason: str) -> None:
    """Skip without ``condition``, but never on the machine that is there to test."""
    if not condition:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


def children_of(pid: int) -> list[int]:
    """The ids of the processes that a process has started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return [int(line) for line in found.split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def served(log: Path, script: str = "app.py", path: str = "", **settings: str) -> Iterator[Served]:
    """The app on a server of its own, with ``settings`` in its environment."""
    port = free_port()
    base = ["--server.baseUrlPath", path] if path else []
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--server.headless", "true", "--server.address", "127.0.0.1", *base],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=output,
        )
    address = f"http://127.0.0.1:{port}" + (f"/{path}" if path else "")
    try:
        wait_for(f"{address}/_stcore/health")
        yield Served(address, process, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def behind_nginx(folder: Path, config: str, behind: Mapping[str, str]) -> Iterator[str]:
    """The address of nginx with a configuration of ours, before servers at other addresses."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        pytest.skip("needs nginx: apt-get install nginx-light")
    port = free_port()
    places = {"/dev/stdout": f"{folder}/access.log", "/dev/stderr": f"{folder}/error.log"}
    ours = (ROOT / "deploy" / config).read_text()
    for name, place in {**behind, **places, "listen 80": f"listen 127.0.0.1:{port}"}.items():
        assert name in ours
        ours = ours.replace(name, place).replace(name.replace(".", r"\."), place)
    user = "user root;" if hasattr(os, "getuid") and os.getuid() == 0 else ""
    (folder / "conf").write_text(_NGINX.format(folder=folder, ours=ours, user=user))
    nginx = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "conf")])
    try:
        wait_for(f"http://127.0.0.1:{port}/decor/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait(timeout=TIMEOUT)


def wait_for(url: str, seconds: float = TIMEOUT) -> None:
    """Until ``url`` answers."""
    until(lambda: _answers(url), f"no answer from {url}", seconds)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except OSError:
        return False
    return True


def until(condition, what: str, seconds: float = TIMEOUT):
    """What ``condition()`` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


@contextmanager
def chromium(*options: str):
    """A browser, with further ``options``; each of its contexts is a visitor of its own."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    need(program, "needs Chromium: apt-get install chromium, or install Google Chrome")
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        need(False, "needs Playwright: pip install -r requirements-dev.txt")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*OPTIONS, *options])
        yield browser
        browser.close()


def visit(visits: Coroutine) -> Any:
    """What ``visits`` gives, on a thread of its own: one with a browser has a loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, visits).result()


def choose_large(page, name: str) -> None:
    """Put a file of 201 MB into the page's drop zone."""
    page.get_by_test_id("stFileUploaderDropzoneInput").evaluate(
        """(input, name) => {
            const chosen = new DataTransfer(), megabyte = new Uint8Array(1e6);
            chosen.items.add(new File(Array(201).fill(megabyte), name));
            input.files = chosen.files;
            input.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        name,
    )


def settle(page) -> None:
    """Until the page is drawn: what is left of the one before is in it twice until then."""
    page.wait_for_timeout(300)
    page.wait_for_function(
        "() => document.querySelector('[data-test-script-state=notRunning]')"
        " && !document.querySelector('[data-stale=true]')"
    )
    assert page.get_by_test_id("stException").count() == 0


def fits_a_phone(page) -> None:
    """Until the page is as narrow as a phone of 390 pixels."""
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollWidth <= 390")


def choose(page, name: str) -> None:
    """Choose one of a segmented control.

    A click on what still moves, as an expander opens, is let go of beside it, and counts for none.
    """
    option = page.get_by_role("radio", name=name, exact=True)
    while option.get_attribute("aria-checked") != "true":
        page.get_by_text(name, exact=True).click()
        page.wait_for_timeout(500)


def train_without_copies(page) -> None:
    """Train on Retrain with what is chosen there, but without distorted copies, which take long."""
    settle(page)
    page.get_by_text("More", exact=True).click()
    choose(page, "None")
    page.get_by_text("What copies look like").wait_for(state="hidden")  # the server has heard of it
    settle(page)
    page.get_by_role("button", name="Retrain", exact=True).click()


def tick_row(page, row: int) -> None:
    """Tick a row of the page's first table, once it stands still and its canvas can be told."""
    settle(page)
    table = page.get_by_test_id("stDataFrame").first
    table.locator(f"[role=gridcell][id$='-{row}']").first.wait_for(state="attached")
    box = table.locator("canvas").first.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + 52 + 35 * row)
