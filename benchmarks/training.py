"""How long a visitor of a cold server waits for a training, and what memory each process takes.

    python benchmarks/training.py [--runs 5] [--root FOLDER]

Each run starts a server of its own, opens Retrain in Chromium, clicks “Retrain” as soon as the
button is there, and waits for the test accuracy; then it clicks a second time, on the warm server.
``--root`` is another checkout to measure beside this one. Linux only: memory is read from /proc.
"""

import argparse
import re
import shutil
import statistics
import time
from pathlib import Path

import running
from playwright.sync_api import Page, sync_playwright

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 120_000  # milliseconds


def measure(page: Page, port: int) -> tuple[float, float, float]:
    """Seconds until the button is there, from the first click to the result, from the second."""
    started = time.monotonic()
    page.goto(f"http://{running.HOST}:{port}/retrain")
    button = page.get_by_role("button", name="Retrain", exact=True)
    button.wait_for(timeout=_PATIENCE)
    opened = time.monotonic() - started
    waits = []
    for _ in range(2):
        page.wait_for_function(_IS_ENABLED, timeout=_PATIENCE)
        started = time.monotonic()
        button.click()
        if waits:  # the first result goes before the second is there
            page.get_by_test_id("stMetric").first.wait_for(state="detached", timeout=_PATIENCE)
        page.get_by_test_id("stMetric").filter(has_text=re.compile("Test accuracy")).wait_for(
            timeout=_PATIENCE
        )
        waits.append(time.monotonic() - started)
    return opened, *waits


_IS_ENABLED = """() => [...document.querySelectorAll("button")].some(
    (button) => button.innerText.endsWith("Retrain") && !button.disabled)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--root", type=Path, default=running.ROOT)
    options = parser.parse_args()
    running.ROOT = options.root
    program = next(filter(None, map(shutil.which, _CHROMIUM)))
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for _ in range(options.runs):
            with running.server() as server:
                page = browser.new_page()
                found.append(measure(page, server.port))
                page.close()
                own, children = server.memory()[0], map(running.resident, server.children)
                words = ", ".join(f"{size:.0f}" for size in sorted(children))
                print(f"opened {found[-1][0]:.2f} s, first {found[-1][1]:.2f} s, second "
                      f"{found[-1][2]:.2f} s; server {own:.0f} MB, its processes {words} MB",
                      flush=True)  # fmt: skip
        browser.close()
    for name, values in zip(("opened", "first", "second"), zip(*found, strict=True), strict=True):
        print(f"{name}: median {statistics.median(values):.2f} s, {min(values):.2f}–"
              f"{max(values):.2f} s")  # fmt: skip


if __name__ == "__main__":
    main()
