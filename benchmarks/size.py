"""What many pictures cost: memory and time of `check`, by their number, from a folder and a zip.

    python -m benchmarks.size [--pictures 2000 20000] [--keep FOLDER]

Draws small distinct pictures (JPEG, 200 pixels) in ten class folders, and runs
`python -m decor_core check --no_model` on each in a process of its own, whose peak of memory is
what the operating system counted.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

_CLASSES, _SIDE, _CELLS = 10, 200, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--keep", type=Path, help="where the pictures are drawn, and stay")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for count in asked.pictures:
            folder = (asked.keep or Path(place)) / f"pictures-{count}"
            packed = folder.with_suffix(".zip")
            if not packed.exists():
                draw(folder, count)
                pack(folder, packed)
            for source in (folder, packed):
                kind = "folder" if source is folder else "zip"
                print(f"{count:6,} in a {kind}: {measured(source)}", flush=True)


def draw(folder: Path, count: int) -> None:
    """Pictures unlike each other: random cells of random colors."""
    rng = np.random.default_rng(0)
    for i in range(count):
        cells = rng.integers(0, 256, (_CELLS, _CELLS, 3), np.uint8)
        path = folder / f"class {i % _CLASSES}" / f"{i:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(cells).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        picture.save(path, quality=80)


def pack(folder: Path, to: Path) -> None:
    """The folder as a zip, its pictures stored as they are."""
    with zipfile.ZipFile(to, "w") as archive:
        for path in sorted(folder.rglob("*.jpg")):
            archive.write(path, path.relative_to(folder))


def measured(source: Path) -> str:
    """Time and peak of memory of a check of ``source``."""
    command = [sys.executable, "-m", "decor_core", "check", "--no_model", "--image_dir", source]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout
        report = running.stdout.read()
        _, _, usage = os.wait4(running.pid, 0)
    size = len(report.splitlines())
    return (
        f"{time.perf_counter() - begun:6.1f} s, {usage.ru_maxrss / 2**10:6.0f} MiB at most, "
        f"{usage.ru_utime + usage.ru_stime:6.1f} s of processor time, {size} lines of report"
    )


if __name__ == "__main__":
    main()
