"""Vectors with the labels of one taxonomy: divided into parts and folds, made into examples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from decor_core.data.split import (
    Split,
    different_pictures,
    folds,
    identity,
    may_hold_out,
    split,
)
from decor_core.errors import DataError
from decor_core.features.embeddings import Embeddings
from decor_core.model.training_config import TrainingConfig
from decor_core.model.whitened_folds import Examples
from decor_core.taxonomy import Taxonomy

_INNER_FOLDS = 5


@dataclass(frozen=True)
class LabeledVectors:
    """Embeddings with the class [n] of each picture in ``taxonomy``, split as ``config`` says."""

    embeddings: Embeddings
    taxonomy: Taxonomy
    classes: np.ndarray
    config: TrainingConfig

    @classmethod
    def of(cls, embeddings: Embeddings, level: str, config: TrainingConfig) -> "LabeledVectors":
        taxonomy, classes = embeddings.target(level)
        if len(taxonomy.labels) < 2:
            found = f"only one, “{taxonomy.labels[0]}”" if taxonomy.labels else "none"
            raise DataError(
                f"Two classes are needed to learn to tell them apart, but there is {found}; "
                "add pictures of at least one more."
            )
        return cls(embeddings, taxonomy, classes, config)

    @property
    def may_hold_out(self) -> np.ndarray:
        """Mask [n] of the pictures that may be held out: all but corrections and their copies."""
        return may_hold_out(self.embeddings.table)

    def _identity(self, rows: np.ndarray) -> dict[str, Any]:
        labels = [self.taxonomy.labels[c] for c in self.classes[rows]]
        return identity(self.embeddings.table.iloc[rows], labels)

    def split(self) -> Split:
        """The parts of the data set; corrections always train."""
        eligible = np.flatnonzero(self.may_hold_out)
        parts = split(
            **self._identity(eligible),
            testing_percentage=self.config.testing_percentage,
            validation_percentage=self.config.validation_percentage,
            seed=self.config.seed,
        )
        train = np.concatenate([eligible[parts.train], np.flatnonzero(~self.may_hold_out)])
        return Split(np.sort(train), eligible[parts.validation], eligible[parts.test])

    def folds(self, count: int, seed: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Fold number of each of ``rows`` (all by default); −1 for those never held out."""
        chosen = np.arange(len(self.classes)) if rows is None else rows
        eligible = self.may_hold_out[chosen]
        fold_of = np.full(len(chosen), -1)
        fold_of[eligible] = folds(**self._identity(chosen[eligible]), n_folds=count, seed=seed)
        return fold_of

    def examples(self, rows: np.ndarray) -> Examples:
        """``rows`` and their distorted copies, to train on."""
        data, fold_of = self.embeddings, np.full(len(rows), -1)
        eligible = rows[self.may_hold_out[rows]]
        different = different_pictures(data.table.iloc[eligible], self.taxonomy.name, need=2)
        smallest = min(different.values(), default=0)
        if smallest > 1:
            fold_of = self.folds(min(_INNER_FOLDS, smallest), self.config.seed, rows)
        return Examples.with_copies(
            data.vectors[rows], data.copies[rows], self.classes[rows], data.blocks, fold_of
        )
