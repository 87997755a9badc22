"""What labeling costs by either engine: pictures a second, and computing of each picture.

    python -m benchmarks.cluster [--pictures 2000] [--turns 1]

The same drawn pictures (JPEG, 200 pixels) by the engine of this machine on one thread, then by Ray
with one worker and two, in turn. A tenth at either end does not count: a cluster takes a while to
start, however many there are. Computing is that of all processes that have a part in it: of Ray's,
also those that schedule and store. Where other programs take the cores, only it tells. Linux only.
"""

import argparse
import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.size import draw
from decor_core.bulk import cluster, local
from decor_core.bulk.output import Output
from decor_core.bulk.rows import PredictionRows, RowMaker, VectorRows
from decor_core.bulk.sources import PictureIndex
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import ImagePredictor
from decor_core.parallel import map_in_order

_CORES = 2
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=1)
    asked = parser.parse_args()
    predictor = ImagePredictor(load_bundle())
    makers: dict[str, RowMaker] = {
        "label": PredictionRows(predictor), "embed": VectorRows(predictor.embedder.spec)
    }  # fmt: skip
    local.map_in_order = functools.partial(map_in_order, threads=1)
    import ray  # pyright: ignore[reportMissingImports]

    ray.init(num_cpus=_CORES, object_store_memory=300 * 2**20, include_dashboard=False,
             log_to_driver=False, logging_level="ERROR")  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        draw(Path(place, "drawn"), asked.pictures)
        for _ in range(asked.turns):
            for name, maker in makers.items():
                _compare(name, maker, Path(place))


def _compare(name: str, maker: RowMaker, folder: Path) -> None:
    places = [str(folder / "drawn")]
    engines: dict[str, Callable[..., Iterator[int]]] = {"this machine, one thread": local.run}
    for workers in range(1, _CORES + 1):
        engines[f"Ray, workers: {workers}"] = functools.partial(cluster.run, workers=workers)
    for title, run in engines.items():
        with tempfile.TemporaryDirectory(dir=folder) as out:
            listing, output = PictureIndex(places), Output(f"{out}/rows.parquet", maker, places)
            counted = listing.count // 10, listing.count * 9 // 10
            first, last = (
                np.array([time.perf_counter(), _computed(), time.process_time()])
                for count in run(listing, maker, output)
                if count in counted
            )
        seconds, all_of_it, here = (last - first) / (counted[1] - counted[0])
        each = 1000 * (here if run is local.run else all_of_it)  # Ray waits beside it, and computes
        print(f"{name}, {title:25}: {1 / seconds:5.1f} a second, {each:5.1f} ms of computing each, "
              f"{1000 * here:.1f} in this process", flush=True)  # fmt: skip


def _computed() -> float:
    """Seconds of computing so far of this process and of all of Ray's."""
    total = time.process_time()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "cmdline").read_bytes()
            if name.startswith(b"ray::") or b"/raylet" in name or b"gcs_server" in name:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                total += (int(fields[11]) + int(fields[12])) / _TICKS
        except OSError:
            continue  # it has ended
    return total


if __name__ == "__main__":
    main()
