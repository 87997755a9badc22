"""The pointing game: does the evidence for a style lie on the product of that style?

    python benchmarks/pointing.py --images IMAGES_FOLDER_OR_ZIP

Two products of different styles stand side by side in one picture. A pair counts where, for both
styles, most of the map's positive mass lies on the half of its own product (after Zhang et al.,
"Top-down neural attention by excitation backprop", 2016). Each pair is judged by a model that has
seen neither product.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from decor_core.data.sources.source import Source, open_source
from decor_core.data.split import assign_folds
from decor_core.features.embeddings import Embeddings
from decor_core.images.decode import load_picture
from decor_core.model.bundle import Bundle
from decor_core.model.evaluation import wilson
from decor_core.model.explain import explain
from decor_core.model.predictor import ImagePredictor
from decor_core.model.training_config import TrainingConfig
from decor_core.training.train import train

_CONFIG = TrainingConfig(head="auto", testing_percentage=0, validation_percentage=0)
_HEIGHT = 384


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    source = open_source(options.images)
    found = []
    for predictor, one, other in _pairs(options.pairs, options.seed):
        found.append(_pointed(predictor, source, one, other))
    _tell("pairs", np.all(found, axis=1))
    _tell("maps", np.ravel(found))


def _tell(name: str, hits: np.ndarray) -> None:
    low, high = wilson(int(hits.sum()), hits.size)
    print(f"{name}: {hits.mean():.1%} of {hits.size} (95 % interval {low:.1%}–{high:.1%})")


def _pairs(count: int, seed: int) -> Iterator[tuple[ImagePredictor, tuple, tuple]]:
    """As many pairs (file, style) from each of five folds, with a model of the other four."""
    products = Embeddings.load().of_types("product")
    table = products.table
    fold_of = assign_folds(table, "style", seed=seed)
    rng = np.random.default_rng(seed)
    for fold in range(5):
        predictor = ImagePredictor(_trained(products.rows(fold_of != fold)))
        rows = list(table[fold_of == fold][["file", "style"]].itertuples(index=False, name=None))
        for _ in range(count // 5):
            one, other = _two_styles(rows, rng)
            yield predictor, one, other


def _trained(products: Embeddings) -> Bundle:
    return train(products, _CONFIG, "style").bundle


def _two_styles(rows: list[tuple], rng: np.random.Generator) -> tuple[tuple, tuple]:
    while True:
        one, other = (rows[i] for i in rng.choice(len(rows), 2, replace=False))
        if one[1] != other[1]:
            return one, other


def _pointed(predictor: ImagePredictor, source: Source, one: tuple, other: tuple) -> list[bool]:
    """Whether the map of each of the two styles points at its own half."""
    left, right = (_scaled(source, file) for file, _ in (one, other))
    both = Image.new("RGB", (left.width + right.width, _HEIGHT))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    explanation = explain(predictor, both)
    seam = round(left.width / both.width * explanation.maps.shape[2])
    hits = []
    for style, own in ((one[1], slice(None, seam)), (other[1], slice(seam, None))):
        positive = np.maximum(explanation.attribution(style), 0)
        hits.append(bool(positive[:, own].sum() > positive.sum() / 2))
    return hits


def _scaled(source: Source, file: str) -> Image.Image:
    name = next(name for name in source.names if name.endswith(file))
    picture = load_picture(source.read(name), max_side=512)
    return picture.resize((max(round(picture.width * _HEIGHT / picture.height), 1), _HEIGHT))


if __name__ == "__main__":
    main()
