"""How fast pictures are ingested: read and looked at, and how near that is to what is possible.

    python -m benchmarks.ingest [--pictures 300] [--views 2]

Makes photos of 800 × 600 pixels, ingests them as the app does, and measures beside it what the
decoder alone and the network alone do on as many threads. “By processor time” is what two cores
would do that have nothing else to do: it hardly depends on what else the machine is busy with.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_core.data.catalog import open_dataset
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder
from decor_core.images.decode import load_picture
from decor_core.model.events import never_stop

_CLASSES = 10
_CORES = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--views", type=int, default=EmbeddingSpec().views)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "photos")
        _make(folder, asked.pictures)
        _measure(folder, Path(place), EmbeddingSpec(views=asked.views))


def _make(folder: Path, count: int) -> None:
    """Photos in class folders: soft blotches in the colors of the class, with grain."""
    rng = np.random.default_rng(0)
    hues = rng.integers(40, 215, (_CLASSES, 3))
    for i in range(count):
        label = i % _CLASSES
        blotches = (rng.normal(0, 45, (12, 16, 3)) + hues[label]).clip(0, 255).astype(np.uint8)
        photo = Image.fromarray(blotches).resize((800, 600), Image.Resampling.BICUBIC)
        grain = rng.normal(0, 6, (600, 800, 1))
        noisy = (np.asarray(photo) + grain).clip(0, 255).astype(np.uint8)
        path = folder / f"class {label}" / f"{i:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy).save(path, quality=85)


@dataclass(frozen=True)
class _Took:
    """Seconds that passed, and those that processors worked, for each picture."""

    wall: float
    work: float

    def told(self, name: str, times: int = 1, unit: str = "pictures") -> str:
        """``times``: how many such units there are in a picture."""
        here, cores = times / self.wall, _CORES * times / self.work
        return f"{name:48s}{here:7.0f} {unit} a second here, {cores:5.0f} by processor time"


def _measure(folder: Path, place: Path, spec: EmbeddingSpec) -> None:
    catalog = open_dataset(folder)
    files, embedder = list(catalog.table["file"]), ImageEmbedder(spec)
    side, n = embedder.working_side, len(files)
    one = load_picture(catalog.read(files[0]), max_side=side)
    threads = min(4, os.cpu_count() or 1)

    def on_threads(work: Callable[[str], object]) -> _Took:
        with ThreadPoolExecutor(threads) as pool:
            return _took(n, lambda: list(pool.map(work, files)))

    request = IngestTask(folder, place / "set", "Photos")
    reading = _took(n, lambda: ingest(request, lambda event: None, never_stop))
    decoder = on_threads(lambda file: load_picture(catalog.read(file), max_side=side))
    network = on_threads(lambda file: embedder.embed(one))
    looking = _took(n, lambda: embed_catalog(catalog, spec, cache=place / "vectors"))
    print(f"{n} photos of 800 × 600 pixels, {spec.views} views, {threads} threads")
    print(reading.told("reading: decode, thumbnail, hash, fingerprint"))
    print(decoder.told("decoder alone"))
    print(network.told("network, object and pooling alone", spec.views, "views"))
    print(looking.told("looking: all of it, and vectors to the disk"))
    print(looking.told("", spec.views, "views"))
    share = (decoder.work + network.work) / looking.work
    print(f"of the work, decoder and network: {share:.0%}")


def _took(n: int, work: Callable[[], object]) -> _Took:
    begun, worked = time.perf_counter(), time.process_time()
    work()
    return _Took((time.perf_counter() - begun) / n, (time.process_time() - worked) / n)


if __name__ == "__main__":
    main()
