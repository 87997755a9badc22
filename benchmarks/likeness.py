"""Are the nearest known pictures of the same style? Each fold is asked of the others' model.

python benchmarks/likeness.py
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import load_bundle
from decor_core.model.evaluation import wilson
from decor_core.model.neighbors import NeighborIndex
from decor_core.model.training_config import TrainingConfig
from decor_core.training.train import fold_heads

_COUNT = 5


def main() -> None:
    products = Embeddings.load().of_types("product")
    shipped = load_bundle()
    styles = products.table["style"].to_numpy()
    alike = np.zeros((len(styles), _COUNT), bool)
    plain = np.zeros_like(alike)
    for _, asked, head in fold_heads(products, TrainingConfig(head="auto"), "style", repeats=1):
        rest = products.rows(~asked)
        known = NeighborIndex(replace(shipped, head=head), rest)
        for row in np.flatnonzero(asked):
            found = known.nearest(products.vectors[row], _COUNT)
            alike[row] = [one.label == styles[row] for one in found]
            plain[row] = _nearest_vectors(products.vectors[row], rest) == styles[row]
    for name, hits in (("block-wise scores", alike), ("vectors as they are", plain)):
        low, high = wilson(int(hits[:, 0].sum()), len(hits))
        print(
            f"{name}: nearest right {hits[:, 0].mean():.1%} ({low:.1%}–{high:.1%}), "
            f"five nearest right {hits.mean():.1%}"
        )


def _nearest_vectors(vector: np.ndarray, known: Embeddings) -> np.ndarray:
    lengths = np.linalg.norm(known.vectors, axis=1) * np.linalg.norm(vector)
    order = np.argsort(-(known.vectors @ vector) / lengths)[:_COUNT]
    return known.table["style"].to_numpy()[order]


if __name__ == "__main__":
    main()
