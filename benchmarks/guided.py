"""The readers of fuzz.py under Atheris: what reaches new lines is kept and changed further.

    pip install atheris
    python benchmarks/guided.py {picture,table,set,model,run,vectors} FOLDER [-max_total_time=600]

FOLDER holds the files so far, and a file on which a reader fails. What follows goes to libFuzzer.
In a model, a run or vectors, zips of zips, another byte is but a wrong checksum: there FOLDER holds
what is in them, one file after the other, and half of the changes are to values in their JSON.
"""

import contextlib
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import atheris

with atheris.instrument_imports(include=["decor_core"]):
    from benchmarks import fuzz

from benchmarks.changes import changed_json, packed, unpacked
from decor_core.errors import DecorError

_NESTED = ("model", "run", "vectors")
_BETWEEN = b"\n--8<--\n"


def change(data: bytes, most: int, seed: int) -> bytes:
    """One file of several changed: a value in its JSON, or bytes as libFuzzer thinks fit."""
    rng, parts = random.Random(seed), data.split(_BETWEEN)
    chosen = rng.randrange(len(parts))
    if parts[chosen].startswith(b"{") and rng.random() < 0.8:
        with contextlib.suppress(ValueError, RecursionError, IndexError):
            parts[chosen] = changed_json(parts[chosen], rng)
            return _BETWEEN.join(parts)[:most]
    room = most - len(data) + len(parts[chosen])
    parts[chosen] = atheris.Mutate(parts[chosen], room)
    return _BETWEEN.join(parts)


def _reader(target: str) -> tuple[list[bytes], Callable[[bytes, Path], None]]:
    """Seeds in the form that is changed, and what reads them."""
    make, _, read = fuzz.TARGETS[target]
    if target not in _NESTED:
        return make(), read
    files = unpacked(make()[0])

    def read_packed(data: bytes, folder: Path) -> None:
        read(packed(dict(zip(files, data.split(_BETWEEN), strict=False))), folder)

    return [_BETWEEN.join(files.values())], read_packed


def main() -> None:
    target, corpus, *options = sys.argv[1:]
    seeds, read = _reader(target)
    Path(corpus).mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds):
        Path(corpus, f"seed-{number}").write_bytes(data)

    def attempt(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(DecorError):
            read(data, Path(folder))

    warnings.simplefilter("ignore")
    arguments = [sys.argv[0], corpus, f"-artifact_prefix={corpus}/", *options]
    if target in _NESTED:
        # Left to itself libFuzzer begins with files of a few bytes, which are no zips.
        arguments[2:2] = ["-max_len=40000", "-len_control=0"]
        atheris.Setup(arguments, attempt, custom_mutator=change)
    else:
        atheris.Setup(arguments, attempt)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
