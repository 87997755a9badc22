"""What labeling many pictures costs: pictures a second, memory by their number, interruptions.

    python -m benchmarks.bulk memory [--pictures 1000 10000 100000] [--whole] [--only parquet]
    python -m benchmarks.bulk rate [--pictures 400]
    python -m benchmarks.bulk interrupted [--times 10]

Pictures are drawn (JPEG, 200 pixels); of very many, most are links to the same few. ``memory``
leaves out the network, which takes the time and none of the memory that grows, but with --whole.
``interrupted`` kills a run at random moments, in turn at once and by Ctrl-C, goes on each time,
and compares the rows with those of a run that nobody disturbed.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.size import draw

if TYPE_CHECKING:
    from pandas import DataFrame

_DRAWN, _IN_FOLDER = 200, 10_000
_WITHOUT_NETWORK = """
import sys
import numpy as np
from decor_core.cli.main import main
from decor_core.features.embedder import ImageEmbedder
ImageEmbedder.embed = lambda self, picture: np.ones(self.dimensions, np.float32)
sys.exit(main(sys.argv[1:]))
"""
_FORMATS = ("label answers.parquet", "label answers.jsonl", "label answers.csv", "embed vectors/")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("memory", "rate", "interrupted"))
    parser.add_argument("--pictures", type=int, nargs="+")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--whole", action="store_true", help="with the network")
    parser.add_argument("--only", default="", help="what the output's name has in it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw(folder / "drawn", _DRAWN)
        if asked.what == "memory":
            for count in asked.pictures or [1_000, 10_000, 100_000]:
                _memory(folder, count, asked.whole, asked.only)
        elif asked.what == "rate":
            _rate(folder, (asked.pictures or [400])[0])
        else:
            _interrupted(folder, asked.times)


def _links(folder: Path, count: int) -> Path:
    """A folder of so many pictures."""
    drawn = sorted((folder / "drawn").rglob("*.jpg"))
    pictures = folder / f"pictures-{count}"
    for i in range(count):
        path = pictures / f"{i // _IN_FOLDER:03}" / f"{i:07}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.link(drawn[i % len(drawn)], path)
    return pictures


def _memory(folder: Path, count: int, whole: bool, only: str) -> None:
    pictures = _links(folder, count)
    program = ["-m", "decor_core"] if whole else ["-c", _WITHOUT_NETWORK]
    for words in (words for words in _FORMATS if only in words):
        command, out = words.split()
        place = f"{folder}/{count}-{out}"
        seconds, peak, _ = _measured([*program, command, pictures, "--out", place])
        print(f"{count:8,} {words:22} {peak:5.0f} MiB at most, {count / seconds:6.0f} a second",
              flush=True)  # fmt: skip


def _rate(folder: Path, count: int) -> None:
    pictures = _links(folder, count)
    for words in _FORMATS:
        command, out = words.split()
        place = f"{folder}/rate-{out}"
        seconds, _, computed = _measured(["-m", "decor_core", command, pictures, "--out", place])
        start, _, _ = _measured(["-m", "decor_core", command, next(pictures.rglob("*.jpg")),
                                 "--out", f"{folder}/one-{out}"])  # fmt: skip
        print(f"{words:22} {count / (seconds - start):5.1f} pictures a second on {os.cpu_count()} "
              f"cores, {computed / count * 1000:.0f} ms of computing each", flush=True)  # fmt: skip


def _measured(arguments: list) -> tuple[float, float, float]:
    """Seconds, peak of memory in MiB, and processor seconds of a command that must succeed."""
    begun = time.perf_counter()
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL) as running:
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"Exit code {running.returncode}")
    seconds = time.perf_counter() - begun
    return seconds, usage.ru_maxrss / 2**10, usage.ru_utime + usage.ru_stime


def _interrupted(folder: Path, times: int) -> None:
    """Runs that are ended at random moments have the rows of one that is not."""
    pictures, rng = folder / "drawn", random.Random(0)
    for words in _FORMATS:
        command, out = words.split()
        program = [sys.executable, "-m", "decor_core", command, pictures]
        begun = time.perf_counter()
        subprocess.run([*program, "--out", f"{folder}/whole-{out}"], check=True)
        longest = time.perf_counter() - begun
        whole = _rows(f"{folder}/whole-{out}")
        done = turn = 0
        while turn < times:  # an output that is done is followed by another
            again = [*program, "--out", f"{folder}/{done}-{out}", "--resume"]
            with subprocess.Popen(again, stderr=subprocess.PIPE, text=True) as running:
                time.sleep(rng.uniform(0, longest / 2))
                running.send_signal(signal.SIGINT if turn % 2 else signal.SIGKILL)
                assert running.stderr
                told = running.stderr.read().splitlines()
            print(f"{words}: exit code {running.returncode}, {' '.join(told[:1])}", flush=True)
            turn += running.returncode != 0
            if running.returncode == 0 or turn == times:
                subprocess.run(again, check=True)
                same = whole.equals(_rows(f"{folder}/{done}-{out}"))
                print(f"{words}: {len(whole)} rows, {'the same' if same else 'OTHERS'}", flush=True)
                done += 1


def _rows(path: str) -> "DataFrame":
    from pandas import read_csv, read_json, read_parquet

    if path.endswith(".csv"):
        return read_csv(path)
    if path.endswith(".jsonl"):
        return read_json(path, lines=True)
    rows = read_parquet(path)
    if "vector" in rows:
        rows["vector"] = [vector.tobytes() for vector in rows["vector"]]
    return rows


if __name__ == "__main__":
    main()
