"""From a key press to the answer, on the server, while fits run behind it.

    python benchmarks/labeling.py [--pictures 2000] [--keys 300]

An unlabeled set of made vectors in ten classes; every request gives one picture its label, as a key
does, over HTTP's own objects but no network. Goal: none over 200 ms.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from decor_app.state.labeling_routes import labeling_routes
from decor_app.state.labeling_session import Labeling, labeling_of
from decor_app.state.processes import job_queues
from decor_core.data.catalog import Catalog
from decor_core.data.findings import DatasetReport
from decor_core.datasets.storage import keep_picture, stored_images
from decor_core.datasets.unlabeled_set import create_unlabeled_set
from decor_core.features.embedder import Block
from decor_core.images.encode import encode_webp
from decor_core.taxonomy import Taxonomy
from decor_core.training.active_learning import ActiveLearner
from decor_core.training.unlabeled_vectors import write_unlabeled_vectors

_CLASSES = 10
_DIMENSIONS = 64
_PAUSE = 0.1  # seconds between two keys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--keys", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        classes = np.random.default_rng(0).integers(_CLASSES, size=options.pictures)
        labeling = _unlabeled_set(Path(root) / "sets" / "heap", classes)
        client = TestClient(Starlette(routes=[labeling_routes()]))
        place = f"/labeling/{labeling.address}"
        while client.get(f"{place}/state").json()["fitting"]:
            time.sleep(0.2)
        seconds, fits, sizes = _press(client, place, labeling, classes[: options.keys])
        job_queues()["labeling"].close()
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    print(f"{options.pictures} pictures, {options.keys} keys, {fits} fits behind them")
    print(f"key → answer: p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {max(seconds) * 1000:.0f} ms")
    print(f"answers: {np.median(sizes):,.0f} bytes at the median, {max(sizes):,} at most")


def _unlabeled_set(folder: Path, classes: np.ndarray) -> Labeling:
    """Pictures of one pixel each, with vectors that tell classes apart about as well as photos."""
    import pandas as pd

    keys = []
    for i in range(len(classes)):
        picture = Image.new("RGB", (1, 1), (i % 256, i // 256 % 256, i // 65_536))
        keys.append(keep_picture(folder, encode_webp(picture), picture))
    files = [f"{i:05}.webp" for i in range(len(classes))]
    table = pd.DataFrame({"file": files, "key": keys, "group": keys})
    table = table.assign(width=1, height=1, taken="", type="product", **{"class": ""})
    source = stored_images(folder, dict(zip(files, keys, strict=True)))
    catalog = Catalog(table, Taxonomy("class", ("",)), DatasetReport((), {}), source)
    create_unlabeled_set(folder, "Heap", catalog)
    rng = np.random.default_rng(1)
    centers = rng.normal(0, 0.5, (_CLASSES, _DIMENSIONS * 6))
    vectors = (centers[classes] + rng.normal(0, 1, (len(classes), _DIMENSIONS * 6))).astype("f4")
    blocks = [Block(f"{i}", i * _DIMENSIONS, (i + 1) * _DIMENSIONS) for i in range(6)]
    learner = ActiveLearner(vectors, blocks)
    write_unlabeled_vectors(folder, learner.coordinates, learner.look_alikes())
    return labeling_of(folder, "somebody")


def _press(
    client: TestClient, place: str, labeling: Labeling, classes: np.ndarray
) -> tuple[list[float], int, list[int]]:
    """Seconds of each key, how many fits came meanwhile, and the sizes of answers in bytes."""
    seconds, sizes, revision, known, first = [], [], 0, -1, -1
    for number, label in enumerate(classes):
        steps = [
            {"do": "label", "ids": [labeling.unlabeled.ids[number]], "label": f"class {label}"}
        ]
        body = {"revision": revision, "proposals_revision": known, "steps": steps}
        began = time.perf_counter()
        answer = client.post(f"{place}/steps", json=body)
        seconds.append(time.perf_counter() - began)
        sizes.append(len(answer.content))
        told = answer.json()
        revision, known = told["revision"], told["proposals_revision"]
        first = known if first < 0 else first
        time.sleep(_PAUSE)
    return seconds, known - first, sizes


if __name__ == "__main__":
    main()
