"""What many vectors cost: time and memory from file to tested model, by their number.

    python -m benchmarks.growth [--pictures 1000 5000 20000 100000] [--only_parquet] [--beside]

Makes vectors of 20 classes with the spectrum of those that ship: each is the center of its class
and a random combination of differences between shipped pictures and their class. Runs ``retrain
--embeddings`` on each file in a process of its own, whose peak of memory is what the operating
system counted. With ``--parquet``, also on the same vectors as ``embed`` writes them, in folders
of their class (alone: ``--only_parquet``). Pages of a mapped file are no more than a cache, which
the system takes back where it needs them, so that memory of the process's own is told apart. With
``--beside``, scikit-learn's LogisticRegression on the same file, standardized, and on the same
split; ``--curve`` draws time and memory. Linux only.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as decor_core does, but NumPy comes first

import numpy as np
import pandas as pd

from decor_core.bulk.writers import Parquet
from decor_core.features.embeddings import Embeddings
from decor_core.model.whitening import class_means
from decor_core.taxonomy import Taxonomy

CLASSES = 20
# How far class centers lie apart, against pictures of a class: about 90 % are then told right.
_SPREAD = 0.5
_AXES_OF_CENTERS = 64
_MIXED = 8
_ROWS = 2000

_BESIDE = """
import json, sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from decor_core.features.embeddings import Embeddings
from decor_core.model.training_config import TrainingConfig
from decor_core.training.labeled_vectors import LabeledVectors

data = LabeledVectors.of(Embeddings.load(sys.argv[1]), "class", TrainingConfig())
parts, vectors = data.split(), data.embeddings.vectors
scaler = StandardScaler(copy=False)
train = scaler.fit_transform(np.asarray(vectors[parts.train]))
head = LogisticRegression(C=0.01, max_iter=200).fit(train, data.classes[parts.train])
test = scaler.transform(np.asarray(vectors[parts.test]))
print(json.dumps({"final_test_accuracy": head.score(test, data.classes[parts.test])}))
"""


@dataclass(frozen=True)
class Measured:
    """Of one run: seconds by the clock and of all cores, peaks of memory in MB, accuracy 0–1.

    ``own_megabytes`` leaves out the pages of files (RssAnon, looked at twenty times a second).
    """

    pictures: int
    program: str
    seconds: float
    computing: float
    megabytes: float
    own_megabytes: float
    accuracy: float

    def line(self) -> str:
        return (
            f"{self.pictures:8,}  {self.program:<20} {self.seconds:7.1f} s {self.computing:7.1f} s "
            f"of computing {self.megabytes:7.0f} MB, {self.own_megabytes:7.0f} without files "
            f"{self.accuracy:7.2%}"
        )


def make(count: int, path: Path, shipped: Embeddings) -> None:
    """Write vectors of so many pictures; the first are the same whatever ``count`` is."""
    _, classes = shipped.target(shipped.taxonomy.name)
    known = np.concatenate([shipped.vectors, *np.moveaxis(shipped.copies, 1, 0)])
    classes = np.tile(classes, 1 + shipped.copies.shape[1])
    residuals = known - class_means(known, classes)[classes]
    random = np.random.default_rng(0)
    principal = np.linalg.eigh(residuals @ residuals.T)[1][:, -_AXES_OF_CENTERS:]
    axes = principal.T @ residuals / np.sqrt(len(residuals))  # as long as their deviation
    centers = _SPREAD * random.standard_normal((CLASSES, len(axes))) @ axes + known.mean(axis=0)
    vectors = np.empty((count, known.shape[1]), np.float16)
    labels = np.arange(count) % CLASSES
    for start in range(0, count, _ROWS):
        own = labels[start : start + _ROWS]
        mixed = random.random((_ROWS, len(residuals)), np.float32) < _MIXED / len(residuals)
        weights = mixed * random.standard_normal(mixed.shape, np.float32) / np.sqrt(_MIXED)
        drawn = weights.astype(np.float32) @ residuals.astype(np.float32)
        vectors[start : start + _ROWS] = centers[own] + drawn[: len(own)]
    names = [f"class {c:02}" for c in range(CLASSES)]
    keys = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(count)]
    table = pd.DataFrame({"type": "product", "file": [f"{i}.jpg" for i in range(count)],
                          "key": keys, "group": keys,
                          "class": np.array(names, object)[labels]})  # fmt: skip
    copies = np.empty((count, 0, vectors.shape[1]), np.float16)
    taxonomy = Taxonomy("class", tuple(names))
    made = replace(shipped, taxonomy=taxonomy, table=table, vectors=vectors, copies=copies)
    made.save(path)


def as_parquet(path: Path, folder: Path) -> None:
    """Write the vectors of a file as ``embed`` does into a folder; their folders tell classes."""
    made = Embeddings.load(path)
    columns = {"file": str, "key": str, "vector": made.vectors.shape[1], "error": str}
    writer = Parquet(columns, {"spec": asdict(made.spec), "digest": made.digest})
    folder.mkdir(exist_ok=True)
    for start in range(0, len(made.table), _ROWS):
        rows = made.table.iloc[start : start + _ROWS]
        files = (rows["class"] + "/" + rows["file"]).tolist()
        vectors = made.vectors[start : start + _ROWS]
        cells = zip(files, rows["key"], np.asarray(vectors, np.float16), strict=True)
        part = [{"file": file, "key": key, "vector": vector} for file, key, vector in cells]
        (folder / f"part-{start:09}.parquet").write_bytes(writer.part(part))


def measured(count: int, program: str, arguments: Sequence[object], patience: float) -> Measured:
    """Run Python with these arguments; RuntimeError where it fails or takes too long."""
    begun, own = time.perf_counter(), 0.0
    with (
        tempfile.TemporaryFile() as told,
        subprocess.Popen(
            [sys.executable, *map(str, arguments)], stdout=told, stderr=subprocess.DEVNULL
        ) as running,
    ):
        while not (ended := os.wait4(running.pid, os.WNOHANG))[0]:
            own = max(own, _own_megabytes(running.pid))
            if time.perf_counter() - begun > patience:
                running.kill()
            time.sleep(0.05)
        _, status, usage = ended
        running.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        if running.returncode:
            raise RuntimeError(f"{program} on {count} ended with {running.returncode}")
        return Measured(
            count, program, time.perf_counter() - begun, usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * 1024 / 1e6, own, json.load(told)["final_test_accuracy"],
        )  # fmt: skip


def _own_megabytes(process: int) -> float:
    """Memory of a process that is no page of a file; 0 where it has just ended."""
    status = Path(f"/proc/{process}/status").read_text()
    return sum(int(n) for n in re.findall(r"^RssAnon:\s*(\d+) kB", status, re.M)) * 1024 / 1e6


def draw(found: Sequence[Measured], path: Path) -> None:
    """Seconds and megabytes against pictures, as a page that a browser shows."""
    import altair as alt

    table = pd.DataFrame([vars(one) for one in found])
    across = alt.X("pictures:Q").scale(type="log")
    curves = [
        alt.Chart(table).mark_line(point=True).encode(
            across, alt.Y(f"{name}:Q").scale(type="log"), alt.Color("program:N")
        )
        for name in ("seconds", "computing", "megabytes")
    ]  # fmt: skip
    alt.hconcat(*curves).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=int, nargs="+", default=[1_000, 5_000, 20_000, 100_000])
    parser.add_argument("--parquet", action="store_true", help="from Parquet files, too")
    parser.add_argument("--only_parquet", action="store_true", help="from Parquet files alone")
    parser.add_argument("--beside", action="store_true", help="scikit-learn on the same, too")
    parser.add_argument("--keep", type=Path, help="where the vectors are made, and stay")
    parser.add_argument("--patience", type=float, default=1800, help="seconds for each run")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--curve", type=Path, help="draw the curves into this HTML file")
    asked = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as place:
        for count in asked.pictures:
            path = (asked.keep or Path(place)) / f"vectors-{count}.npz"
            if not path.exists():
                make(count, path, Embeddings.load())
            retrain = "-m", "decor_core", "retrain", "--json", "--embeddings", path
            commands: list[tuple[str, Sequence[object]]] = [("decor retrain", retrain)]
            if asked.parquet or asked.only_parquet:
                folder = path.with_suffix("")
                as_parquet(path, folder)
                commands.append(("the same, Parquet", (*retrain[:-1], folder)))
            if asked.only_parquet:
                commands = commands[1:]
            if asked.beside:
                commands.append(("LogisticRegression", ("-c", _BESIDE, path)))
            for program, arguments in commands:
                found.append(measured(count, program, arguments, asked.patience))
                print(found[-1].line(), flush=True)
    if asked.curve:
        draw(found, asked.curve)
    if asked.json:
        asked.json.write_text(json.dumps([vars(one) for one in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
