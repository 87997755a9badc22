"""The training images most like a new one, as the head sees them, and what decides between labels.

Two images are alike where each block of the embedding says the same of each class: the cosine
of their block-wise scores. In this space 97 % of products have a neighbor of their own style
first, against 88 % by the vectors themselves (benchmarks/EVIDENCE.md).
"""

from dataclasses import dataclass

import numpy as np

from decor_core.features.embeddings import Embeddings
from decor_core.model.bundle import Bundle
from decor_core.model.whitening import class_means


@dataclass(frozen=True)
class Neighbor:
    """A training image: its file, content hash, label, and similarity of −1 to 1."""

    file: str
    key: str
    label: str
    similarity: float


class NeighborIndex:
    """The images of ``embeddings`` as the model of ``bundle`` sees them."""

    def __init__(self, bundle: Bundle, embeddings: Embeddings) -> None:
        taxonomy, classes = embeddings.target(embeddings.taxonomy.name)
        weights = bundle.head.weights
        self._weights = weights - weights.mean(axis=1, keepdims=True)
        self._blocks = embeddings.blocks
        self._labels = bundle.taxonomy.labels
        self._center = class_means(embeddings.vectors, classes).mean(axis=0)
        self._directions = self._unit_scores(embeddings.vectors)
        # Where whole classes are near duplicates, each picture counts.
        alike = bundle.training.get("alike_classes", [])
        labels = [taxonomy.labels[c] for c in classes]
        self._images = [
            (row.file, row.key, label, row.key if label in alike else f"{row.group} {label}")
            for row, label in zip(embeddings.table.itertuples(), labels, strict=True)
        ]

    @staticmethod
    def fits(bundle: Bundle, embeddings: Embeddings) -> bool:
        """Whether the model sees these images at all: same vectors, labels in common."""
        same_vectors = (bundle.embedding, bundle.backbone_digest) == (
            embeddings.spec,
            embeddings.digest,
        )
        levels = [set(level.labels) for level in embeddings.taxonomy.levels]
        return same_vectors and any(set(bundle.taxonomy.labels) <= labels for labels in levels)

    def nearest(self, vector: np.ndarray, count: int = 5) -> list[Neighbor]:
        """The ``count`` images most like ``vector`` [d], best first, one of near duplicates."""
        similarities = self._directions @ self._unit_scores(vector[None])[0]
        found: dict[str, Neighbor] = {}
        for i in np.argsort(-similarities, kind="stable"):
            file, key, label, group = self._images[i]
            found.setdefault(group, Neighbor(file, key, label, float(similarities[i])))
            if len(found) == count:
                break
        return list(found.values())

    def log_odds_by_trait(self, vector: np.ndarray, label: str, rival: str) -> dict[str, float]:
        """Log-odds of ``label`` against ``rival`` by kind of trait, in nats.

        Traits are the colors and the network's early, middle and late stages.
        """
        scores = self._block_scores(vector[None])[0]
        for_label, for_rival = (scores[:, self._labels.index(name)] for name in (label, rival))
        n_stages = sum(block.name.startswith("stage") for block in self._blocks)
        sums: dict[str, float] = {}
        for i, block in enumerate(self._blocks):
            is_stage = i < n_stages
            trait = ("texture", "pattern", "shapes")[i * 3 // n_stages] if is_stage else block.name
            sums[trait] = sums.get(trait, 0.0) + float(for_label[i] - for_rival[i])
        return sums

    def _block_scores(self, vectors: np.ndarray) -> np.ndarray:
        """Contributions of blocks to the scores of classes [n, blocks, classes], 0 on average."""
        centered = vectors - self._center
        parts = [centered[:, b.columns] @ self._weights[b.columns] for b in self._blocks]
        return np.stack(parts, axis=1)

    def _unit_scores(self, vectors: np.ndarray) -> np.ndarray:
        """Block scores of each vector as one row of length 1 [n, blocks · classes]."""
        rows = self._block_scores(vectors).reshape(len(vectors), -1)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
