"""Decor: a classifier of decorated products for small data, without any user interface."""

import os
from importlib import import_module
from typing import Any

__version__ = "0.2.0"

# Heads are many small matrices: NumPy's threads would mostly wait for each other (ten times
# slower on two busy cores). Only heard where NumPy is not imported yet.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Imported when they are asked for: labeling must stay light.
_HOMES = {
    "ImageClassifier": "decor_core.training.image_classifier",
    "VectorClassifier": "decor_core.model.vector_classifier",
    "TrainingConfig": "decor_core.model.training_config",
    "DecorError": "decor_core.errors",
}
__all__ = list(_HOMES)  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module “decor_core” has no “{name}”")
    return getattr(import_module(_HOMES[name]), name)
