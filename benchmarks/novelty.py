"""How well “none of these” works: known pictures, held out, against pictures that are no decor.

    python benchmarks/novelty.py [--strangers FOLDER_OF_PHOTOGRAPHS] [--json]

Known are the shipped vectors of the decor products, each scored by a model that has not seen it.
Strangers are pictures drawn here and, from the folder, whole photographs, their quarters, and
discs of them on white, as a plate would lie there.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from robustness import cloudy, cluttered, plain

from decor_core.data.split import assign_folds
from decor_core.features.embedder import ImageEmbedder
from decor_core.features.embeddings import Embeddings
from decor_core.images.decode import load_picture
from decor_core.model.training_config import TrainingConfig
from decor_core.model.whitened_folds import WhitenedFolds
from decor_core.training.labeled_vectors import LabeledVectors

SIDE = 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strangers", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    shipped = Embeddings.load()
    products, patterns = shipped.of_types("product"), shipped.of_types("pattern")
    embedder = ImageEmbedder(shipped.spec)
    strangers = {
        kind: np.stack([embedder.embed(picture) for picture in pictures])
        for kind, pictures in _strangers(options.strangers).items()
    }
    data = LabeledVectors.of(products, "style", TrainingConfig())
    known, scored = [], {kind: [] for kind in strangers}
    unseen = []
    for repeat in range(options.repeats):
        fold_of = assign_folds(products.table, "style", seed=repeat)
        for fold in range(5):
            hull = WhitenedFolds(data.examples(np.flatnonzero(fold_of != fold))).novelty
            known.append(hull.scores(products.vectors[fold_of == fold]))
            unseen.append(hull.scores(patterns.vectors))
            for kind, vectors in strangers.items():
                scored[kind].append(hull.scores(vectors))
    known = np.concatenate(known)
    found = {
        "known products": {"pictures": len(products.table), "unknown": _unknown(known)},
        "patterns of the same styles": {
            "pictures": len(patterns.table),
            "unknown": _unknown(np.concatenate(unseen)),
        },
    }
    for kind, rows in scored.items():
        scores = np.concatenate(rows)
        found[kind] = {
            "pictures": len(strangers[kind]),
            "unknown": _unknown(scores),
            "auroc": auroc(known, scores),
        }
    every = np.concatenate([np.concatenate(rows) for rows in scored.values()])
    found["all strangers"] = {
        "pictures": sum(len(vectors) for vectors in strangers.values()),
        "unknown": _unknown(every),
        "auroc": auroc(known, every),
    }
    if options.json:
        print(json.dumps(found, indent=1))
        return
    print("| pictures | number | called unknown | AUROC |\n|---|---|---|---|")
    for kind, row in found.items():
        area = f"{row['auroc']:.4f}" if "auroc" in row else ""
        print(f"| {kind} | {row['pictures']} | {row['unknown']:.1%} | {area} |")


def _unknown(scores: np.ndarray) -> float:
    return float((scores > 0.5).mean())


def auroc(known: np.ndarray, strange: np.ndarray) -> float:
    """Chance that a stranger scores higher than a known picture (Hanley & McNeil, 1982)."""
    ordered = np.sort(known)
    below = np.searchsorted(ordered, strange, "left") + np.searchsorted(ordered, strange, "right")
    return float(below.mean() / (2 * len(known)))


def _strangers(folder: Path | None) -> dict[str, list[Image.Image]]:
    rng = np.random.default_rng(0)
    kinds = {
        "drawn: one colour": [plain(SIDE, SIDE, rng) for _ in range(10)],
        "drawn: clouds": [cloudy(SIDE, SIDE, rng) for _ in range(20)],
        "drawn: clutter": [cluttered(SIDE, SIDE, rng) for _ in range(20)],
        "drawn: discs of clutter": [_disc(cluttered(SIDE, SIDE, rng)) for _ in range(20)],
        "drawn: noise": [
            Image.fromarray(rng.integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8))
            for _ in range(10)
        ],
    }
    if folder:
        photographs = [load_picture(file, max_side=512) for file in sorted(folder.iterdir())]
        kinds["photographs"] = photographs
        kinds["quarters of photographs"] = [q for p in photographs for q in _quarters(p)]
        kinds["discs of photographs"] = [_disc(p) for p in photographs]
    return kinds


def _quarters(picture: Image.Image) -> Iterator[Image.Image]:
    width, height = picture.width // 2, picture.height // 2
    for left in (0, width):
        for upper in (0, height):
            yield picture.crop((left, upper, left + width, upper + height))


def _disc(picture: Image.Image) -> Image.Image:
    plate = ImageOps.fit(picture, (SIDE, SIDE))
    mask = Image.new("L", plate.size)
    ImageDraw.Draw(mask).ellipse((12, 12, SIDE - 12, SIDE - 12), 255)
    return Image.composite(plate, Image.new("RGB", plate.size, "white"), mask)


if __name__ == "__main__":
    main()
