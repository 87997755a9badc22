"""Decor: a classifier of decorated products for small data, without any user interface.

What is named here is the public API; the reference of the documentation describes it.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# Heads are many small matrices: NumPy's threads would mostly wait for each other (ten times
# slower on two busy cores). Only heard where NumPy is not imported yet.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Imported when they are asked for: labeling must stay light. Type checkers read the imports below.
_HOMES = {
    "ImageClassifier": "training.image_classifier",
    "VectorClassifier": "model.vector_classifier",
    "TrainingConfig": "model.training_config",
    "open_dataset": "data.catalog",
    "embed": "training.region",
    "train": "training.train",
    "cross_validate": "training.train",
    "compare": "runs.comparison",
    "export_model": "export.formats",
    "load_picture": "images.decode",
    "overlay": "model.overlay",
    "DiskRuns": "runs.store",
    "run_of_training": "runs.run",
    "Catalog": "data.catalog",
    "Embeddings": "features.embeddings",
    "Training": "training.train",
    "Bundle": "model.bundle",
    "Evaluation": "model.evaluation",
    "Prediction": "model.predictor",
    "Explanation": "model.explain",
    "Comparison": "runs.comparison",
    "Run": "runs.run",
    "DecorError": "errors",
}
__all__ = list(_HOMES)  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from decor_core.data.catalog import Catalog as Catalog
    from decor_core.data.catalog import open_dataset as open_dataset
    from decor_core.errors import DecorError as DecorError
    from decor_core.export.formats import export_model as export_model
    from decor_core.features.embeddings import Embeddings as Embeddings
    from decor_core.images.decode import load_picture as load_picture
    from decor_core.model.bundle import Bundle as Bundle
    from decor_core.model.evaluation import Evaluation as Evaluation
    from decor_core.model.explain import Explanation as Explanation
    from decor_core.model.overlay import overlay as overlay
    from decor_core.model.predictor import Prediction as Prediction
    from decor_core.model.training_config import TrainingConfig as TrainingConfig
    from decor_core.model.vector_classifier import VectorClassifier as VectorClassifier
    from decor_core.runs.comparison import Comparison as Comparison
    from decor_core.runs.comparison import compare as compare
    from decor_core.runs.run import Run as Run
    from decor_core.runs.run import run_of_training as run_of_training
    from decor_core.runs.store import DiskRuns as DiskRuns
    from decor_core.training.image_classifier import ImageClassifier as ImageClassifier
    from decor_core.training.region import embed as embed
    from decor_core.training.train import Training as Training
    from decor_core.training.train import cross_validate as cross_validate
    from decor_core.training.train import train as train


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module “decor_core” has no “{name}”")
    return getattr(import_module(f"decor_core.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
