"""Corrections of a visitor, and the trainings with them."""

from dataclasses import dataclass

import numpy as np

from decor_core.model.bundle import Bundle
from decor_core.model.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class Correction:
    """An image, by its ``key`` in the data set, with its right label.

    ``before`` is the wrong label, with its probability; ``vector`` [d] is the image as the
    ``network`` sees it.
    """

    name: str
    key: str
    thumb: bytes
    vector: np.ndarray
    network: tuple
    label: str
    before: tuple[str, float]


@dataclass(frozen=True, eq=False)
class CorrectionTraining:
    """A training with the ``corrections`` of a data set, each a picture's key and label.

    ``before`` is the model in use until then, None for the shipped one; ``evaluation_before`` its
    evaluation, if it has one.
    ``earlier`` is the training with corrections before this one.
    """

    dataset_id: str
    version: str
    corrections: frozenset[tuple[str, str]]
    before: Bundle | None
    evaluation_before: Evaluation | None
    earlier: "CorrectionTraining | None"
