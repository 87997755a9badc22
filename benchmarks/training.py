"""How long a visitor of a cold server waits for a training, and what memory each process takes.

    python benchmarks/training.py [--runs 5] [--root FOLDER] [--zip PICTURES.ZIP]

Each run starts a server of its own, opens Retrain in Chromium, clicks “Retrain” as soon as the
button is there, and waits for the test accuracy; then it clicks a second time, on the warm server.
With ``--zip`` it drops a zip of class folders on the Data page instead, and waits for the report,
the first model and the better one. ``--root`` is another checkout to measure beside this one. Linux
only: memory is read from /proc.
"""

import argparse
import re
import shutil
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

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


def measure_drop(page: Page, server: running.Server, pictures: Path) -> tuple[float, float, float]:
    """Seconds from the drop to the report, to the first model, and to the better one.

    Prints the computing of the server and its processes until then, on all cores together, too.
    """
    page.goto(f"http://{running.HOST}:{server.port}/data")
    drop = page.get_by_test_id("stFileUploaderDropzoneInput").first
    drop.wait_for(state="attached", timeout=_PATIENCE)
    page.wait_for_timeout(2000)  # as a person who looks for the files meanwhile
    started, waits, before, used = time.monotonic(), [], server.all_cpu_seconds(), []
    drop.set_input_files(str(pictures))
    told = (r"^\d+ pictures in \d+ class", "A first model is ready|The model is done",
            "The model is done")  # fmt: skip
    for words in told:
        page.get_by_text(re.compile(words)).first.wait_for(timeout=_PATIENCE)
        waits.append(time.monotonic() - started)
        used.append(server.all_cpu_seconds() - before)
    print("computing until then:", ", ".join(f"{seconds:.1f} s" for seconds in used))
    print(page.locator(".st-key-first_model").inner_text().replace("\n\n", " | "))
    return waits[0], waits[1], waits[2]


_IS_ENABLED = """() => [...document.querySelectorAll("button")].some(
    (button) => button.innerText.endsWith("Retrain") && !button.disabled)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--root", type=Path, default=running.ROOT)
    parser.add_argument("--zip", type=Path, help="pictures to drop")
    options = parser.parse_args()
    running.ROOT = options.root
    names = ("report", "first", "better") if options.zip else ("opened", "first", "second")
    program = next(filter(None, map(shutil.which, _CHROMIUM)))
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        for _ in range(options.runs):
            with TemporaryDirectory() as home, running.server(DECOR_HOME=home) as server:
                page = browser.new_page()
                if options.zip:
                    found.append(measure_drop(page, server, options.zip))
                else:
                    found.append(measure(page, server.port))
                page.close()
                own, children = server.memory()[0], map(running.resident, server.children)
                words = ", ".join(f"{size:.0f}" for size in sorted(children))
                pairs = zip(names, found[-1], strict=True)
                times = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in pairs)
                print(f"{times}; server {own:.0f} MB, its processes {words} MB", flush=True)
        browser.close()
    for name, values in zip(names, zip(*found, strict=True), strict=True):
        print(f"{name}: median {statistics.median(values):.2f} s, {min(values):.2f}–"
              f"{max(values):.2f} s")  # fmt: skip


if __name__ == "__main__":
    main()
