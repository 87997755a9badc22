"""The readers of fuzz.py under Atheris: what reaches new lines is kept and changed further.

    pip install atheris
    python benchmarks/guided.py {picture,table,set} FOLDER [-max_total_time=600]

FOLDER holds the files so far, and a file on which a reader fails. What follows goes to libFuzzer.
"""

import contextlib
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import atheris

with atheris.instrument_imports(include=["decor_core"]):
    from benchmarks import fuzz

from decor_core.errors import DecorError


def main() -> None:
    target, corpus, *options = sys.argv[1:]
    seeds, _, read = fuzz.TARGETS[target]
    Path(corpus).mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds()):
        Path(corpus, f"seed-{number}").write_bytes(data)

    def attempt(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(DecorError):
            read(data, Path(folder))

    warnings.simplefilter("ignore")
    atheris.Setup([sys.argv[0], corpus, f"-artifact_prefix={corpus}/", *options], attempt)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
