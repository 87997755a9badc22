"""Fine-tuning: the last stages of the network learn from the pictures, too; needs TensorFlow.

The linear model comes first, and stays unless the test part says by more than chance that the
fine-tuned one is better. Everything is chosen and calibrated on the validation part: on what it was
trained on, a fine-tuned network is overconfident.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from decor_core.errors import Stopped
from decor_core.features.embeddings import Embeddings
from decor_core.model.evaluation import mcnemar
from decor_core.model.events import OnEvent, ShouldStop, TrainEvent, never_stop
from decor_core.model.training_config import TrainingConfig
from decor_core.training.fine_tuned_model import finished_model
from decor_core.training.fine_tuner import FineTuner
from decor_core.training.intermediate_features import Read
from decor_core.training.time_estimate import OnProgress, TimeEstimate
from decor_core.training.train import Training, train

_ALPHA = 0.05


@dataclass(frozen=True)
class FineTuning:
    """The linear model, the fine-tuned one where there is one, and which of them is kept.

    ``verdict`` says why, with figures. ``events`` are the epochs; their accuracies are those of
    the weights that would be kept after each, and ``best_epoch`` is the one that was.
    """

    linear: Training
    fine_tuned: Training | None
    is_better: bool
    verdict: str
    events: tuple[TrainEvent, ...] = ()
    best_epoch: int | None = None
    embeddings: Embeddings | None = None

    @property
    def kept(self) -> Training:
        return self.fine_tuned if self.fine_tuned and self.is_better else self.linear

    def to_json(self) -> dict[str, Any]:
        tuned = self.fine_tuned
        return {
            "is_better": self.is_better,
            "verdict": self.verdict,
            "epochs": [asdict(event) for event in self.events],
            "best_epoch": self.best_epoch,
            "linear_test_accuracy": _test_accuracy(self.linear),
            "fine_tuned_test_accuracy": tuned and _test_accuracy(tuned),
            "fine_tuned": tuned and tuned.bundle.training["fine_tuned"],
        }


def _test_accuracy(training: Training) -> float | None:
    evaluation = training.bundle.evaluation
    return evaluation.accuracy if evaluation else None


def fine_tune(
    embeddings: Embeddings,
    read: Read,
    config: TrainingConfig,
    level: str | None = None,
    *,
    title: str = "My model",
    linear: Training | None = None,
    estimate: TimeEstimate | None = None,
    on_estimate: Callable[[TimeEstimate], None] | None = None,
    on_event: OnEvent | None = None,
    progress: OnProgress | None = None,
    should_stop: ShouldStop = never_stop,
) -> FineTuning:
    """Train the last ``config.fine_tune`` stages of the network, with a head, on the pictures.

    ``embeddings`` are those of the linear model, and ``read`` gives the bytes of a picture by the
    name in their column ``file``. ``linear`` is what ``train`` gave for the same arguments; it is
    trained first where it is not given, and ``estimate`` what ``FineTuner.estimate`` gave; it is
    measured first where it is not given. ``on_estimate`` gets the time before the work starts,
    ``on_event`` each epoch: its ``step`` counts from 1. ``progress`` is called with the phase
    (one of PHASES), how much of it is done, and of how much.

    When ``should_stop`` says so, or the time of ``config.fine_tune_minutes`` is over, the best
    epoch so far is finished, which takes a while more; before the first epoch the linear model is
    what there is. DecorError where TensorFlow is not installed, TrainingError where there is no
    validation part.
    """
    deadline = time.monotonic() + 60 * config.fine_tune_minutes
    tuner = FineTuner(embeddings, read, config, level)
    linear = linear or train(embeddings, replace(config, fine_tune=0), level, title=title)
    estimate = estimate or tuner.estimate()
    if on_estimate:
        on_estimate(estimate)
    tell = progress or (lambda what, done, total: None)
    try:
        late = tuner.late_stages(tell, should_stop)
    except Stopped:
        return FineTuning(linear, None, False, _without("It was stopped before the first epoch"))
    events, best = tuner.train(
        late,
        epochs=estimate.epochs,
        on_event=on_event,
        progress=tell,
        should_stop=lambda: should_stop() or time.monotonic() > deadline - estimate.finishing,
    )
    if best is None:
        reason = "No epoch did better on the validation part than the network as it was"
        return FineTuning(linear, None, False, _without(reason), events)
    best_epoch, weights = best
    late.set_weights(weights)
    found, vectors = finished_model(tuner, late, linear, tell, stopped=should_stop())
    found = replace(found, events=events)
    is_better, verdict = _compared(linear, found)
    return FineTuning(linear, found, is_better, verdict, events, best_epoch, vectors)


def _without(reason: str) -> str:
    return f"{reason}: the linear model stays."


def _compared(linear: Training, tuned: Training) -> tuple[bool, str]:
    """Whether the fine-tuned model is better on the test part by more than chance; in words."""
    n = len(linear.predictions)
    if not n:
        return False, _without("There is no test part to compare on")
    ours, theirs = (one.predictions["answer"] == one.predictions["truth"]
                    for one in (tuned, linear))  # fmt: skip
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    p = mcnemar(only_theirs, only_ours)
    result = f"{ours.sum()} of {n} test pictures right, {theirs.sum()} by the linear model."
    if only_ours > only_theirs and p < _ALPHA:
        return True, f"Fine-tuned: {result} That is better by more than chance (p = {p:.2g})."
    if only_ours <= only_theirs:
        return False, _without(f"Fine-tuned: {result} Fine-tuning is no better")
    return False, _without(f"Fine-tuned: {result} The difference may well be chance (p = {p:.2g})")
