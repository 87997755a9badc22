"""The conventions of scikit-learn's estimators, without importing it.

Estimators here work in its pipelines, searches and cross-validation and pass its checks, but do
not derive from ``BaseEstimator``: importing that takes 2 s and 80 MB, which neither labeling nor a
training in the app has use for. scikit-learn is imported where input has to be checked that is no
clean array, and where scikit-learn itself asks.
"""

import inspect
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from decor_core.errors import DecorError
from decor_core.features.vectors import LazyVectors, MappedVectors, batches
from decor_core.model.linear_head import LinearHead, probabilities


class Estimator:
    """Parameters by name, as given to ``__init__``, and input checks; see BaseEstimator."""

    _requires_y = False

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: Any) -> Self:
        """Change some parameters; ValueError for a name that is none."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: "
                    f"{sorted(known)}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        """Tags of an estimator, for scikit-learn."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(None, TargetTags(required=self._requires_y), input_tags=InputTags())

    def _check_fitted(self) -> None:
        if not hasattr(self, "n_features_in_"):
            raise not_fitted(self)

    def _check_vectors(self, X: Any) -> np.ndarray:
        """Vectors [n, d] of floats to apply a fitted estimator to; ValueError for anything else."""
        self._check_fitted()
        named = hasattr(self, "feature_names_in_")
        if _is_clean(X) and not named and X.shape[1] == self.n_features_in_:
            return X
        from sklearn.utils.validation import validate_data

        # scikit-learn has no types, and pyright guesses them from defaults: here and below.
        return validate_data(  # pyright: ignore[reportReturnType]
            self, X, reset=False, dtype=[np.float64, np.float32]
        )

    def _check_training(
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Vectors [n, d], labels [n] and weights [n] to fit to; ValueError for anything else."""
        clean = _is_clean(X) and len(X) > 1
        if isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuU":
            clean = clean and len(y) == len(X)
        else:
            clean = clean and y is None and not self._requires_y
        if clean:
            self.n_features_in_ = X.shape[1]
            self.__dict__.pop("feature_names_in_", None)
        else:
            from sklearn.utils import column_or_1d
            from sklearn.utils.multiclass import check_classification_targets
            from sklearn.utils.validation import check_consistent_length, validate_data

            checks = {"dtype": [np.float64, np.float32], "ensure_min_samples": 2}
            if self._requires_y:
                X, y = validate_data(self, X, y, **checks)  # pyright: ignore[reportArgumentType]
                check_classification_targets(y)
            else:
                X = validate_data(self, X, **checks)
                if y is not None:
                    y = column_or_1d(y)
                    check_consistent_length(X, y)
        if sample_weight is None:
            return X, y, np.ones(len(X))
        weights = np.asarray(sample_weight)
        if weights.shape != (len(X),) or weights.dtype.kind != "f" or not weights.min() >= 0:
            from sklearn.utils.validation import _check_sample_weight

            weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if not weights.any():
            raise ValueError("Expected some weight, but each sample weight is zero.")
        return X, y, weights


def not_fitted(estimator: Estimator) -> Exception:
    """The error of an estimator that is not fitted: scikit-learn's, where that is installed."""
    try:
        from sklearn.exceptions import NotFittedError as NotFitted
    except ImportError:
        NotFitted = DecorError
    return NotFitted(f"This {type(estimator).__name__} is not fitted; call “fit” first.")


def _is_clean(X: Any) -> bool:
    """Whether X is an array [n, d] of finite floats, with which there is nothing to do."""
    if isinstance(X, MappedVectors):
        X = X.base
    return (
        type(X) in (np.ndarray, LazyVectors)
        and X.ndim == 2
        and X.dtype in (np.float32, np.float64)
        and min(X.shape) > 0
        and all(np.isfinite(X[rows]).all() for rows in batches(len(X)))
    )


class Transformer(Estimator):
    """Vectors → other vectors."""

    fit: Callable[..., Any]  # of the transformers made of this

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> np.ndarray:
        """``fit``, then ``transform`` the same vectors."""
        return self.fit(X, y, **fit_params).transform(X)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64", "float32"])
        return tags


class LinearClassifier(Estimator):
    """A classifier that ends in a LinearHead: ``fit`` sets ``classes_`` [c] and ``head_``."""

    _requires_y = True

    classes_: np.ndarray
    head_: LinearHead

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits [n, c]; of two classes, how much the second has more than the first [n]."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities [n, c], in the order of ``classes_``."""
        return probabilities(self._logits(X))

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class [n] of each vector."""
        logits = self._logits(X)
        return self.classes_[logits.argmax(axis=1)]

    def _logits(self, X: Any) -> np.ndarray:
        vectors = self._check_vectors(X)
        return self.head_.logits(vectors)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy, 0–1; ValueError where there is not a label for each vector."""
        predicted, y = self.predict(X), np.asarray(y)
        if y.size != len(predicted):
            raise ValueError(f"Expected {len(predicted)} labels, but got y of shape {y.shape}.")
        return float(np.average(predicted == y.reshape(-1), weights=sample_weight))

    def _encode(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Set ``classes_``; the class number [n] of every label.

        ValueError for fewer than two classes, or one whose examples count nothing.
        """
        self.classes_, codes = np.unique(y, return_inverse=True)
        counting = np.bincount(codes, weights) > 0
        if len(self.classes_) < 2 or not counting.all():
            raise ValueError(
                f"{type(self).__name__} needs examples of at least 2 classes in the data, each "
                f"with a weight above 0, but there are only those of {self.classes_[counting]}."
            )
        return codes

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags()
        return tags
