"""Vectors and labels → a calibrated linear classifier: the one way in which Decor trains."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np

from decor_core.features.embedder import Block
from decor_core.model.calibration import fit_temperature
from decor_core.model.estimator import LinearClassifier
from decor_core.model.events import OnEvent, ShouldStop, never_stop
from decor_core.model.linear_head import LinearHead
from decor_core.model.selection import block_indices, choose
from decor_core.model.softmax import SoftmaxRegression
from decor_core.model.training_config import TrainingConfig
from decor_core.model.whitened_folds import Examples, WhitenedFolds, fit_logistic

_FOLDS = 5
_SETTINGS = "head", "steps", "learning_rate", "batch_size", "weight_decay", "eval_interval"


class VectorClassifier(LinearClassifier):
    """Whitens blocks of the vectors, fits a linear head to them, calibrates it out of fold.

    BlockPCA → BlockWhitener → head → temperature, folded into one matrix and one bias: a prediction
    is one matrix product. ``head`` and the settings after it are those of TrainingConfig.
    ``blocks`` says which columns belong together and are whitened together, by default all; of
    an ImageEmbedder's, those that suit the data are chosen. ``cv`` is a number of folds, or pairs
    of row numbers (to train on, to hold out). Blocks and head are chosen, and confidence is
    calibrated, on what is held out.

    Fitted: ``head_``, a LinearHead on vectors, calibrated; ``choice_``, the blocks and kind of head
    that were chosen, and why; ``classes_``.
    """

    def __init__(
        self,
        head: str = "auto",
        *,
        steps: int = 500,
        learning_rate: float = 0.01,
        batch_size: int = 100,
        weight_decay: float = 0.0,
        eval_interval: int = 10,
        random_state: int = 0,
        blocks: Sequence[Block] | None = None,
        cv: int | Iterable[tuple[np.ndarray, np.ndarray]] = _FOLDS,
    ) -> None:
        self.head = head
        self.steps = steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.eval_interval = eval_interval
        self.random_state = random_state
        self.blocks = blocks
        self.cv = cv

    @classmethod
    def of(cls, config: TrainingConfig) -> Self:
        """One with the settings of ``config``."""
        settings = {name: getattr(config, name) for name in _SETTINGS}
        return cls(**settings, random_state=config.seed)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **watch: Any) -> Self:
        """Example i counts ``sample_weight[i]`` times; ``watch`` is what ``fit_folds`` takes."""
        X, y, weights = self._check_training(X, y, sample_weight)
        codes = self._encode(y, weights)
        blocks = tuple(self.blocks or [Block("all", 0, X.shape[1])])
        examples = Examples(X, codes, weights, blocks, self._splits(codes))
        return self.fit_folds(WhitenedFolds(examples), self.classes_, **watch)

    def fit_folds(
        self,
        folds: WhitenedFolds,
        classes: Sequence[Any] | np.ndarray,
        *,
        validation: tuple[np.ndarray, np.ndarray] | None = None,
        on_event: OnEvent | None = None,
        should_stop: ShouldStop = never_stop,
    ) -> Self:
        """Fit to ``folds``, which hold for any settings.

        ``classes`` [c] are the labels of class numbers 0…c-1.

        Of the head “softmax”, ``on_event`` gets the points of the training curves, for
        ``validation`` (vectors, class numbers) too; ``should_stop`` ends it with what there is.
        TrainingError where a setting is out of range or the training diverges.
        """
        settings = {name: getattr(self, name) for name in _SETTINGS}
        TrainingConfig(**settings, seed=self.random_state)  # checks their ranges
        del settings["head"]
        softmax = SoftmaxRegression(**settings, random_state=self.random_state)
        examples = folds.examples
        self.classes_, self.n_features_in_ = np.asarray(classes), examples.vectors.shape[1]
        self.choice_ = choose(examples.blocks, self.head, folds.closed_form_logits, folds.y_true)
        kind, chosen = self.choice_.head, block_indices(examples.blocks, self.choice_.blocks)

        def descend(*whitened: np.ndarray, **watch: Any) -> LinearHead:
            return softmax.fit(*whitened, should_stop=should_stop, **watch).head_

        if kind == "softmax":
            held_out = None
            if validation is not None and len(validation[1]):
                held_out = folds.transform(validation[0], chosen), validation[1]
            head = folds.fit(partial(descend, validation=held_out, on_event=on_event), chosen)
        else:
            head = folds.fit(folds.fit_lda(chosen) if kind == "lda" else fit_logistic, chosen)
        logits = None
        if folds.has_folds and not should_stop():
            if kind == "softmax":
                logits = folds.out_of_fold(descend, chosen)
            else:
                logits = folds.closed_form_logits(kind, chosen)
        if logits is not None and not should_stop():  # else the folds' heads are unfinished
            temperature = fit_temperature(logits, folds.y_true)
        else:
            # In-sample logits are overconfident; where all are right, Laplace’s rule in
            # fit_temperature bounds it.
            originals = examples.weights == examples.weights.max()  # copies weigh less
            logits = head.logits(examples.vectors[originals])
            temperature = fit_temperature(logits, examples.classes[originals])
        self.head_ = head.with_temperature(temperature)
        return self

    def _splits(self, codes: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Those of ``cv``; as a number, of that many folds over which classes spread evenly."""
        if not isinstance(self.cv, int):
            return tuple((np.asarray(train), np.asarray(test)) for train, test in self.cv)
        count = min(self.cv, int(np.bincount(codes).min()))
        order = np.random.default_rng(self.random_state).permutation(len(codes))
        order = order[np.argsort(codes[order], kind="stable")]
        fold_of = np.empty(len(codes), int)
        fold_of[order] = np.arange(len(codes)) % max(count, 1)
        folds = range(count if count > 1 else 0)
        return tuple((np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in folds)
