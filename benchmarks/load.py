"""What the app bears: many visitors at once, who upload, look, switch, and train.

    python benchmarks/load.py [classify] [train] [drift] [yardstick] [--sessions 50] [--rounds 8]
                              [--think 5]
                              [--uploads 2000] [--trainings 20] [--hosted] [--port PORT]
                              [--json FILE]

Starts a server of its own, or visits the one at PORT of this machine. Every answer is read and
compared with what the core says of the same picture. Linux only: memory is read from /proc.
"""

import argparse
import asyncio
import io
import json
import random
import sys
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from PIL import Image
from running import Server, server
from visitor import Refused, Visitor

from decor_core.images.decode import load_picture
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import ImagePredictor
from decor_core.shipped import MODELS
from decor_core.taxonomy import DECOR

YARDSTICK = "yardstick"  # computing for an action, beside that of a bare page
SCENARIOS = ("classify", "train", "drift", YARDSTICK)
_ACTIONS = 30
PHOTO_SIDE = 2000
_NEXT_CLICK = 0.15
LEFT_SECONDS = 150  # Streamlit keeps a session that was left for two minutes


@dataclass(frozen=True)
class Photo:
    """A picture as a camera would send it, and what the app must say of it."""

    name: str
    data: bytes
    style: str

    def another(self, number: int) -> bytes:
        """The same picture as a file that nobody has sent before."""
        return self.data + number.to_bytes(8, "big")

    @property
    def country(self) -> str:
        return DECOR.parent_of(self.style)


@dataclass
class Record:
    """Seconds of each kind of action, errors by their words, memory over time."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter = field(default_factory=Counter)
    memory: list[tuple[float, float, float]] = field(default_factory=list)

    @contextmanager
    def timed(self, action: str):
        started = time.monotonic()
        try:
            yield
        except (Refused, OSError) as error:
            self.errors[f"{action}: {error}"] += 1
        else:
            self.seconds.setdefault(action, []).append(time.monotonic() - started)

    def to_json(self) -> dict:
        return {
            "seconds": {action: summary(found) for action, found in self.seconds.items()},
            "errors": dict(self.errors),
            "memory": [dict(zip(("at", "server_mb", "children_mb"), row, strict=True))
                       for row in self.memory],
        }  # fmt: skip


def summary(found: list[float]) -> dict[str, float]:
    p50, p95 = np.quantile(found, [0.5, 0.95])
    return {"n": len(found), "p50": float(p50), "p95": float(p95), "max": max(found)}


def photos() -> list[Photo]:
    """The drawn samples, in the size of photographs."""
    predictor = ImagePredictor(load_bundle())
    found = []
    for sample in json.loads((MODELS / "samples" / "samples.json").read_text(encoding="utf-8")):
        path = MODELS / "samples" / sample["file"]
        with Image.open(path) as picture:
            picture = picture.resize((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.BICUBIC)
        data = _jpeg(picture)
        vector = predictor.embed(load_picture(data, max_side=predictor.embedder.working_side))
        answer = predictor.predict(vector[None])[0].decision()
        if answer.kind == "confident":
            found.append(Photo(path.name, data, answer.labels[0]))
    return found


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=88)
    return stream.getvalue()


async def classify(port: int, sessions: int, rounds: int, think: float, record: Record) -> None:
    """``sessions`` visitors at once, each ``rounds`` times: upload, look, switch, look."""
    chosen = photos()

    async def visit(number: int) -> None:
        rng = random.Random(number)
        await asyncio.sleep(rng.uniform(0, think))
        visitor = Visitor(port)
        with record.timed("open"):
            await visitor.__aenter__()
        level = "Style"
        try:
            for turn in range(rounds):
                photo = chosen[(number + turn) % len(chosen)]
                await _pause(rng, think)
                with record.timed("upload → answer"):
                    await visitor.upload(photo.name, photo.another(number * rounds + turn))
                    _check(visitor, photo, level)
                await _pause(rng, think)
                level = "Style" if level == "Country" else "Country"
                with record.timed("switch → answer"):
                    await visitor.choose("Taxonomy", level)
                    _check(visitor, photo, level)
        finally:
            await visitor.__aexit__()

    await asyncio.gather(*(visit(number) for number in range(sessions)))


def _check(visitor: Visitor, photo: Photo, level: str) -> None:
    """See that the page now says what is right."""
    wanted = photo.country if level == "Country" else photo.style
    if wanted not in visitor.headings():
        raise Refused(f"wanted {wanted}, got {visitor.headings()[1:]}")


async def _pause(rng: random.Random, think: float) -> None:
    await asyncio.sleep(rng.uniform(0.5, 1.5) * think)


async def train(port: int, trainings: int, record: Record) -> None:
    """``trainings`` visitors press “Retrain”, one right after the other; all must get their result.

    They must get it in the order in which they pressed.
    """
    finished: list[int] = []
    doors = [asyncio.Event() for _ in range(trainings + 1)]

    async def visit(number: int, ready: asyncio.Barrier) -> None:
        async with Visitor(port, "retrain", patience=300) as visitor:
            await ready.wait()
            await doors[number].wait()
            with record.timed("retrain → result"):
                await visitor.click("Retrain", wait=False)
                asyncio.get_running_loop().call_later(_NEXT_CLICK, doors[number + 1].set)
                await visitor.until(lambda: visitor.all("metric"), "the test accuracy")
                finished.append(number)

    ready = asyncio.Barrier(trainings)
    doors[0].set()
    await asyncio.gather(*(visit(number, ready) for number in range(trainings)))
    if finished != sorted(finished):
        record.errors[f"out of turn: {finished}"] += 1


async def drift(port: int, uploads: int, record: Record) -> None:
    """Uploads one after the other by visitors who come and go, 20 uploads each."""
    chosen = photos()
    for start in range(0, uploads, 20):
        async with Visitor(port) as visitor:
            for number in range(start, min(start + 20, uploads)):
                photo = chosen[number % len(chosen)]
                with record.timed("upload → answer"):
                    await visitor.upload(photo.name, photo.another(number))
                    _check(visitor, photo, "Style")


async def cost(target: Server, data: bytes) -> dict[str, float]:
    """Milliseconds of computing in the server for an upload and for a switch, one visitor alone."""
    totals = {"upload": 0.0, "switch": 0.0}
    async with Visitor(target.port) as visitor:
        for turn in range(-3, _ACTIONS):  # the first ones warm up
            before = target.cpu_seconds()
            await visitor.upload("photo.jpg", data + turn.to_bytes(8, "big", signed=True))
            between = target.cpu_seconds()
            await visitor.choose("Taxonomy", "Style" if turn % 2 else "Country")
            if turn >= 0:
                totals["upload"] += between - before
                totals["switch"] += target.cpu_seconds() - between
    return {action: total / _ACTIONS * 1000 for action, total in totals.items()}


def yardstick() -> dict:
    """The app beside a bare page, in turns: with a photo, and with a picture of a preview's size.

    Streamlit shrinks a photo for its page each time, which is most of what it computes there; the
    small picture is the stricter measure.
    """
    photo, small = (_jpeg(_drawing(side)) for side in (PHOTO_SIDE, 512))
    found = {}
    with server() as app, server(script="benchmarks/bare_page.py") as bare:
        for name, target, data in (
            ("app", app, photo), ("bare page", bare, photo), ("bare page, 512 pixels", bare, small),
        ):  # fmt: skip
            found[name] = asyncio.run(cost(target, data))
    return found


def _drawing(side: int) -> Image.Image:
    with Image.open(MODELS / "samples" / "khokhloma-jar.jpg") as picture:
        return picture.resize((side, side), Image.Resampling.BICUBIC)


def _print_yardstick(found: dict) -> None:
    ours = sum(found["app"].values())
    print("\nyardstick: computing in the server for an action, ms\n"
          f"  {'':<24}{'upload':>9}{'switch':>9}{'app is':>9}")  # fmt: skip
    for name, times in found.items():
        ratio = ours / sum(times.values())
        print(f"  {name:<24}{times['upload']:>9.0f}{times['switch']:>9.0f}{ratio:>8.2f}×")


async def watched(work, target: Server | None, record: Record, every: float = 1.0) -> None:
    """Run ``work`` and write down the server's memory meanwhile."""

    async def watch() -> None:
        started = time.monotonic()
        while target:
            record.memory.append((time.monotonic() - started, *target.memory()))
            await asyncio.sleep(every)

    watching = asyncio.create_task(watch())
    try:
        await work
    finally:
        watching.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", metavar="scenario", default=SCENARIOS,
                        help=f"of {', '.join(SCENARIOS)}; all by default")  # fmt: skip
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--think", type=float, default=5.0, help="seconds, on average")
    parser.add_argument("--trainings", type=int, default=20)
    parser.add_argument("--uploads", type=int, default=2000)
    parser.add_argument("--hosted", action="store_true", help="with the limits for strangers")
    parser.add_argument("--port", type=int, help="of a server that runs at 127.0.0.1")
    parser.add_argument("--no-rest", action="store_true", help="do not wait for memory to return")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    told = {}
    for scenario in options.scenarios:
        if scenario == YARDSTICK:
            told[scenario] = yardstick()
            _print_yardstick(told[scenario])
            continue
        with nullcontext() if options.port else server(options.hosted) as target:
            told[scenario] = _run(scenario, options, target)
        _print(scenario, told[scenario])
    if options.json:
        options.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def _run(scenario: str, options: argparse.Namespace, target: Server | None) -> dict:
    record, port = Record(), options.port or target.port
    work = {
        "classify": lambda: classify(port, options.sessions, options.rounds, options.think, record),
        "train": lambda: train(port, options.trainings, record),
        "drift": lambda: drift(port, options.uploads, record),
    }[scenario]
    before = 0.0, 0.0
    if target:
        asyncio.run(drift(port, 1, Record()))  # one visitor, so that all is there
        before_mb = target.memory()
        before = target.cpu_seconds(), target.all_cpu_seconds()
    started = time.monotonic()
    asyncio.run(watched(work(), target, record))
    told = {"wall_seconds": time.monotonic() - started, **record.to_json()}
    if target:
        told["before_mb"] = before_mb
        told["server_cpu_seconds"] = target.cpu_seconds() - before[0]
        told["all_cpu_seconds"] = target.all_cpu_seconds() - before[1]
    if target and not options.no_rest:
        asyncio.run(watched(asyncio.sleep(LEFT_SECONDS), target, record, every=10))
        told["after_mb"] = target.memory()
    return told


def _print(scenario: str, told: dict) -> None:
    print(f"\n{scenario}\n  {'action':<20}{'n':>6}{'p50':>9}{'p95':>9}{'max':>9}")
    for action, found in told["seconds"].items():
        times = "".join(f"{found[name]:>8.2f}s" for name in ("p50", "p95", "max"))
        print(f"  {action:<20}{found['n']:>6}{times}")
    for words, count in told["errors"].items():
        print(f"  error, {count} times: {words}")
    if "before_mb" in told:
        _print_cost(told)


def _print_cost(told: dict) -> None:
    server, all_of_them = told["server_cpu_seconds"], told["all_cpu_seconds"]
    print(f"  computing in {told['wall_seconds']:.0f} s: {server:.1f} s in the server, "
          f"{all_of_them - server:.1f} s in its children")  # fmt: skip
    after = told.get("after_mb")
    for place, name in enumerate(("server", "children")):
        values = [row[f"{name}_mb"] for row in told["memory"]]
        later = f", {after[place]:.0f} when they have left for {LEFT_SECONDS} s" if after else ""
        print(f"  memory of the {name}: {told['before_mb'][place]:.0f} MB after one visitor, "
              f"{max(values):.0f} at most{later}")  # fmt: skip


if __name__ == "__main__":
    main()
