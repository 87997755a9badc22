"""Vectors with the labels of one taxonomy: divided into parts, made into examples."""

from dataclasses import dataclass

import numpy as np

from decor_core.data.split import (
    Split,
    alike_classes,
    inner_folds,
    may_hold_out,
    needed,
    split,
)
from decor_core.errors import DataError, TrainingError, check_kind
from decor_core.features.embeddings import Embeddings
from decor_core.model.examples import Examples
from decor_core.model.training_config import TrainingConfig
from decor_core.taxonomy import Taxonomy


@dataclass(frozen=True)
class LabeledVectors:
    """Embeddings with the class [n] of each picture in ``taxonomy``, split as ``config`` says."""

    embeddings: Embeddings
    taxonomy: Taxonomy
    classes: np.ndarray
    config: TrainingConfig

    @classmethod
    def of(
        cls, embeddings: Embeddings, level: str | None, config: TrainingConfig
    ) -> "LabeledVectors":
        """``level`` is by default the finest; TrainingError where one is of another kind."""
        check_kind(embeddings, Embeddings, "Embeddings, as “embed” gives them", TrainingError)
        check_kind(config, TrainingConfig, "a TrainingConfig", TrainingError)
        taxonomy, classes = embeddings.target(level or embeddings.taxonomy.name)
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

    @property
    def alike_classes(self) -> tuple[str, ...]:
        """Labels whose pictures are nearly all alike: a test tells little of new ones."""
        need = needed(self.config.testing_percentage, self.config.validation_percentage)
        return alike_classes(self.embeddings.table[self.may_hold_out], self.taxonomy.name, need)

    def labeled(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The vectors and classes of some pictures, to ask a model about."""
        return self.embeddings.vectors[rows], self.classes[rows]

    def split(self) -> Split:
        """The parts of the data set."""
        return split(
            self.embeddings.table,
            self.taxonomy.name,
            testing_percentage=self.config.testing_percentage,
            validation_percentage=self.config.validation_percentage,
            seed=self.config.seed,
        )

    def examples(self, rows: np.ndarray) -> Examples:
        """``rows`` and their distorted copies, to train on."""
        embeddings = self.embeddings
        fold_of = inner_folds(embeddings.table.iloc[rows], self.taxonomy.name, self.config.seed)
        return Examples.with_copies(
            embeddings.vectors[rows],
            embeddings.copies[rows],
            self.classes[rows],
            embeddings.blocks,
            fold_of,
        )
