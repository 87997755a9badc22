"""How fast and how large: the command line, the model, the server, in one table.

    python benchmarks/speed.py [label] [model] [embed] [retrain] [server] [browser]
                               [--pictures FOLDER] [--repeats 5] [--json FILE]

Medians and ranges of wall-clock time, and beside them the computing time of all cores together,
which says the same on a busy machine. ``embed`` and ``retrain`` want class folders of pictures, as
“prepare” writes them; without, they use the drawn samples. Linux only: memory is read from /proc.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as decor_core does, but NumPy comes first

import numpy as np
from PIL import Image
from running import HOST, ROOT, resident, server
from visitor import Visitor

from decor_core.features.backbones import load_backbone
from decor_core.features.embedder import EmbeddingSpec, FeatureMaps, ImageEmbedder
from decor_core.images.decode import load_picture
from decor_core.images.views import VIEWS, cut, object_square
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import ImagePredictor
from decor_core.parallel import map_in_order
from decor_core.shipped import MODELS

T = TypeVar("T")
SAMPLES = sorted((MODELS / "samples").glob("*.jpg"))
PACKAGES = ("ai-edge-litert", "numpy", "pandas", "pillow", "streamlit", "tensorflow-cpu")
# Those that decide how fast a network of eight bits is.
_INSTRUCTIONS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8")
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Measured:
    """Something measured several times; ``unit`` "s", "ms", "MB" or "/s"."""

    name: str
    unit: str
    values: tuple[float, ...]

    def line(self) -> str:
        numbers = statistics.median(self.values), min(self.values), max(self.values)
        return f"{self.name:<58}{''.join(f'{n:>9.2f}' for n in numbers)} {self.unit}"

    def to_json(self) -> dict:
        values = sorted(self.values)
        return {"name": self.name, "unit": self.unit, "median": statistics.median(values),
                "min": values[0], "max": values[-1], "n": len(values)}  # fmt: skip


def command(*arguments: object) -> tuple[float, float, float]:
    """Wall-clock and computing seconds, and peak MB, of a command line as a whole process."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "decor_core", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {process.returncode}")
    return time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def _commands(name: str, repeats: int, *arguments: object) -> Iterator[Measured]:
    wall, computing, memory = zip(*(command(*arguments) for _ in range(repeats)), strict=True)
    yield Measured(name, "s", wall)
    yield Measured("  computing", "s", computing)
    yield Measured("  memory at most", "MB", memory)


def label(options: argparse.Namespace) -> Iterator[Measured]:
    """One picture, from the command to its answer."""
    yield from _commands("label: one picture, whole process", options.repeats,
                         "label", "--image", SAMPLES[0])  # fmt: skip


def _each(name: str, work: Callable[[], object], times: int = 200) -> Iterator[Measured]:
    """Percentiles of one call, in milliseconds, and its computing on all cores."""
    for _ in range(5):
        work()
    wall, started = [], time.process_time()
    for _ in range(times):
        before = time.perf_counter()
        work()
        wall.append(1000 * (time.perf_counter() - before))
    computing = 1000 * (time.process_time() - started) / times
    p50, p95 = np.quantile(wall, [0.5, 0.95])
    yield Measured(f"{name}: p50", "ms", (float(p50),))
    yield Measured("  p95", "ms", (float(p95),))
    yield Measured("  computing", "ms", (computing,))


def model(options: argparse.Namespace) -> Iterator[Measured]:
    """The parts of an answer, warm."""
    predictor = ImagePredictor(load_bundle())
    picture = load_picture(SAMPLES[0], max_side=predictor.embedder.working_side)
    vector = predictor.embed(picture)[None]
    one = ImageEmbedder(EmbeddingSpec(views=1))
    yield from _each("prediction: a decoded picture → verdict",
                     lambda: predictor.predict(predictor.embed(picture)[None]))  # fmt: skip
    yield from _each("prediction: a vector → verdict", lambda: predictor.predict(vector))
    yield from _each("bottleneck: a decoded picture, one view", lambda: one.embed(picture))
    yield from _each("decoding a drawn sample", lambda: load_picture(SAMPLES[0], max_side=512))


def embed(options: argparse.Namespace) -> Iterator[Measured]:
    """Pictures a second from their files, and of the network alone, by views and threads.

    The two are measured in turn, so that a slow minute is one for both. By ``map_in_order`` the
    command line and the app look at pictures; here it is told how many cores there are.
    """
    files, backbone = _pictures(options)[:120], load_backbone()
    side = backbone.spec.side
    for views in (1, 2):
        seen = [np.full((views, side, side, 3), i, np.uint8) for i in range(len(files))]
        for cores in (1, 2):
            whole, network = [], []
            with patch("os.cpu_count", lambda cores=cores: cores):
                embed_one = ImageEmbedder(EmbeddingSpec(views=views)).embed
                for _ in range(options.repeats + 1):
                    whole.append(_rate(lambda file, embed=embed_one: embed(_loaded(file)), files))
                    network.append(_rate(backbone.stage_maps, seen))
            name = f"{views} view{'s' * (views > 1)}, {cores} thread{'s' * (cores > 1)}"
            # In the first round interpreters are made.
            rates, computing = zip(*whole[1:], strict=True)
            yield Measured(f"embedding from files: {name}", "/s", rates)
            yield Measured("  computing for a picture", "ms", computing)
            rates, alone = zip(*network[1:], strict=True)
            yield Measured("  the network alone", "/s", rates)
            yield Measured("  computing for a picture", "ms", alone)
            shares = [one / other for one, other in zip(alone, computing, strict=True)]
            yield Measured("  the network's share of the computing", "", tuple(shares))
    yield from _parts(files)


def _rate(work: Callable[[Any], object], items: Sequence[object]) -> tuple[float, float]:
    """Items a second, on a thread for each core there is said to be; computing of one, in ms."""
    started, used = time.monotonic(), time.process_time()
    for _ in map_in_order(work, items):
        pass
    computing = 1000 * (time.process_time() - used) / len(items)
    return len(items) / (time.monotonic() - started), computing


def _parts(files: Sequence[Path]) -> Iterator[Measured]:
    """Milliseconds of computing for a picture of what happens outside of the network."""
    embedder = ImageEmbedder(EmbeddingSpec())
    pictures = yield from _computing("decoding a file", _loaded, files)
    found = yield from _computing("  finding the object", object_square, pictures)
    seen = yield from _computing("  cutting out two views", _views, [one for one, *_ in found])
    network = load_backbone(embedder.spec.architecture).stage_maps
    yield from _computing("  the network, two views", network, seen)
    maps = yield from _computing("  all of these but decoding", embedder.feature_maps, pictures)
    yield from _computing("  pooling and colors", FeatureMaps.vector, maps)


def _computing(
    name: str, work: Callable[[Any], T], items: Sequence[Any]
) -> Generator[Measured, None, list[T]]:
    times, done = [], []
    for _ in range(3):
        started = time.thread_time()
        done = [work(item) for item in items]
        times.append(1000 * (time.thread_time() - started) / len(items))
    yield Measured(name, "ms", tuple(times))
    return done


def _loaded(file: Path) -> Image.Image:
    return load_picture(file, max_side=ImageEmbedder.working_side)


def _views(square: Image.Image) -> np.ndarray:
    side = load_backbone().spec.side
    return np.stack([np.asarray(cut(square, view, side)) for view in VIEWS[:2]])


def retrain(options: argparse.Namespace) -> Iterator[Measured]:
    """500 steps of gradient descent, as a whole process."""
    if options.pictures:
        with tempfile.TemporaryDirectory() as folder:
            yield from _retrained(options, Path(folder))
    yield from _commands("retrain: 500 steps on the vectors that ship", options.repeats, "retrain",
                         "--embeddings", MODELS / "embeddings" / "decor.npz",
                         "--how_many_training_steps", 500, "--learning_rate", 0.01)  # fmt: skip


def _retrained(options: argparse.Namespace, folder: Path) -> Iterator[Measured]:
    found = []
    for number in range(options.repeats):
        found.append(command(
            "retrain", "--image_dir", options.pictures, "--how_many_training_steps", 500,
            "--learning_rate", 0.01, "--views", 1, "--copies", 0,
            "--bottleneck_dir", folder / str(number)))  # fmt: skip
    wall, computing, memory = zip(*found, strict=True)
    yield Measured("retrain: 500 steps from pictures, one view, no copies", "s", wall)
    yield Measured("  computing", "s", computing)
    yield Measured("  memory at most", "MB", memory)


def app(options: argparse.Namespace) -> Iterator[Measured]:
    """The server: start, first page, answers, training, memory; with no browser in the way."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.repeats):
        for name, unit, value in asyncio.run(_visits()):
            found.setdefault((name, unit), []).append(value)
    for (name, unit), values in found.items():
        yield Measured(name, unit, tuple(values))


async def _visits() -> list[tuple[str, str, float]]:
    told = []
    picture = SAMPLES[1].read_bytes()
    began = time.monotonic()
    with server() as running:
        told.append(("server: start until it takes visitors", "s", running.start_seconds))
        told.append(("  memory, nobody there", "MB", running.memory()[0]))
        async with Visitor(running.port) as visitor:
            told.append(("  start until the first page is whole", "s", time.monotonic() - began))
            for name in ("first answer on a cold server", "answer on a warm server"):
                started, used = time.monotonic(), running.all_cpu_seconds()
                await visitor.upload(SAMPLES[1].name, picture + name.encode())
                told.append((f"  {name}", "s", time.monotonic() - started))
                told.append(("    computing", "s", running.all_cpu_seconds() - used))
            started = time.monotonic()
            async with Visitor(running.port):
                told.append(("  page for a second visitor", "s", time.monotonic() - started))
            memory = running.memory()
            told.append(("  memory after an answer", "MB", memory[0]))
            told.append(("  memory of what looks at pictures", "MB", memory[1]))
        async with Visitor(running.port, "retrain", patience=120) as visitor:
            await asyncio.sleep(8)  # TensorFlow is warm, as it is for who reads the page first
            started = time.monotonic()
            await visitor.click("Retrain")
            await visitor.until(lambda: visitor.all("metric"), "the result")
            told.append(("  retrain, 500 steps, with copies", "s", time.monotonic() - started))
            told.append(("  memory of the server after it", "MB", running.memory()[0]))
            largest = max(map(resident, running.children))
            told.append(("  memory of the training process", "MB", largest))
    return told


def browser(options: argparse.Namespace) -> Iterator[Measured]:
    """What a person waits for: Chromium until the verdict stands there."""
    program = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if program is None:
        print("no Chromium: browser is left out", file=sys.stderr)
        return
    cold, warm, answers = [], [], []
    for _ in range(options.repeats):
        with server() as running:
            cold.append(_opened(program, running.port, answers=None))
            warm.append(_opened(program, running.port, answers))
    yield Measured("browser: page and verdict on a cold server", "s", tuple(cold))
    yield Measured("browser: page and verdict on a warm server", "s", tuple(warm))
    yield Measured("browser: upload → verdict on a warm server", "s", tuple(answers))


def _opened(program: str, port: int, answers: list[float] | None) -> float:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page()
        headings = page.get_by_test_id("stHeading")
        started = time.monotonic()
        page.goto(f"http://{HOST}:{port}/")
        headings.get_by_text("Gzhel", exact=True).wait_for(timeout=60_000)
        seconds = time.monotonic() - started
        if answers is not None:
            started = time.monotonic()
            drop = page.get_by_test_id("stFileUploaderDropzoneInput").first
            drop.set_input_files(str(MODELS / "samples" / "khokhloma-bowl.jpg"))
            headings.get_by_text("Khokhloma", exact=True).wait_for(timeout=60_000)
            answers.append(time.monotonic() - started)
        chromium.close()
    return seconds


def _pictures(options: argparse.Namespace) -> list[Path]:
    if not options.pictures:
        return SAMPLES * 4
    return sorted(path for path in options.pictures.rglob("*") if path.is_file())


PARTS = {"label": label, "model": model, "embed": embed, "retrain": retrain, "server": app,
         "browser": browser}  # fmt: skip


def machine() -> dict[str, object]:
    """What the figures hold for."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    pairs = (line.partition(":") for line in lines)
    told = {name.strip(): value.strip() for name, _, value in pairs}
    flags = told.get("flags", "").split()
    return {
        "processor": told.get("model name") or platform.processor(),
        "instruction sets": " ".join(name for name in _INSTRUCTIONS if name in flags) or "?",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES if _has(name)},
    }


def _has(package: str) -> bool:
    try:
        return bool(version(package))
    except ModuleNotFoundError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--pictures", type=Path, help="class folders of pictures")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    about, found = machine(), []
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(f"{'':<58}{'median':>9}{'lowest':>9}{'highest':>9}")
    for part in options.parts or PARTS:
        for measured in PARTS[part](options):
            found.append(measured.to_json())
            print(measured.line(), flush=True)
    if options.json:
        told = {"machine": about, "measured": found}
        options.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
