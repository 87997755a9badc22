"""Which blocks of the embedding and which head suit a data set: asked of its training pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from decor_core.features.embedder import Block
from decor_core.model.calibration import fit_temperature
from decor_core.model.linear_head import log_losses

# Logits [m, c] of the held-out pictures, by head and blocks.
OutOfFold = Callable[[str, Sequence[int]], np.ndarray]

# Sets of blocks, the one to begin with first: ornament is known to the middle of the network,
# things to its end.
_BLOCK_SETS = ("all but the last stage", "all blocks", "the last three stages", "the last stage")
_HEADS = {"logistic": "logistic regression", "lda": "linear discriminant analysis"}
# What comes first is left only for what is better by so many standard errors of the difference.
_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Candidate:
    """One way to answer, judged out of fold: share right, and log-loss in nats when calibrated."""

    head: str
    blocks: str
    log_loss: float
    accuracy: float

    def __str__(self) -> str:
        return f"{_HEADS[self.head]} on {self.blocks}"


@dataclass(frozen=True)
class Choice:
    """The ``head`` and the set of ``blocks`` chosen among ``candidates``, and why."""

    head: str
    blocks: str
    reason: str
    candidates: tuple[Candidate, ...] = ()


def block_indices(blocks: Sequence[Block], name: str) -> list[int]:
    """Which of the blocks are in the set called ``name``."""
    stages = [k for k, block in enumerate(blocks) if block.name.startswith("stage")]
    last = stages[-1:]
    if name == "all blocks":
        return list(range(len(blocks)))
    if name == "all but the last stage":
        return [k for k in range(len(blocks)) if k not in last]
    return stages[-3:] if name == "the last three stages" else last


def choose(
    blocks: Sequence[Block], head: str, out_of_fold: OutOfFold, y_true: np.ndarray
) -> Choice:
    """The set of blocks for ``head`` and, if that is “auto”, the head.

    ``out_of_fold`` predicts the classes ``y_true`` [m] of held-out pictures. Sets are judged by
    linear discriminant analysis, whose logits add up over blocks, so that judging is cheap.
    """
    sets: dict[tuple[int, ...], str] = {}
    for name in _BLOCK_SETS:  # networks of few stages have fewer that differ
        sets.setdefault(tuple(block_indices(blocks, name)), name)
    sets.pop((), None)
    if not len(y_true):
        first = "logistic" if head == "auto" else head
        return Choice(first, _BLOCK_SETS[0], "There are too few pictures to choose by.")

    def judge(head: str, indices: tuple[int, ...]) -> tuple[Candidate, np.ndarray]:
        logits = out_of_fold(head, indices)
        losses = log_losses(logits / fit_temperature(logits, y_true), y_true)
        accuracy = float((logits.argmax(axis=1) == y_true).mean())
        return Candidate(head, sets[indices], float(losses.mean()), accuracy), losses

    judged = [judge("lda", indices) for indices in sets]
    best = _preferred(judged)
    if head == "auto":
        chosen = next(indices for indices, name in sets.items() if name == best[0].blocks)
        judged.insert(0, judge("logistic", chosen))
        best = _preferred([judged[0], best])
    candidates = tuple(candidate for candidate, _ in judged)
    reason = _reason(head, best[0], candidates, len(y_true))
    return Choice(best[0].head if head == "auto" else head, best[0].blocks, reason, candidates)


def _preferred(judged: Sequence[tuple[Candidate, np.ndarray]]) -> tuple[Candidate, np.ndarray]:
    """The first, unless another is better by more than chance; then the best of those."""
    first, *others = judged
    better = []
    for other in others:
        gains = first[1] - other[1]
        error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.inf
        if gains.mean() > _STANDARD_ERRORS * error:
            better.append(other)
    return min(better, key=lambda other: other[0].log_loss, default=first)


def _reason(head: str, best: Candidate, candidates: Sequence[Candidate], n: int) -> str:
    others = [candidate for candidate in candidates if candidate != best]
    stand_in = head not in ("auto", best.head)
    chosen = f"{best.blocks}, judged by {_HEADS[best.head]}" if stand_in else str(best)
    text = (
        f"Chosen: {chosen}, {best.accuracy:.1%} right with a log-loss of "
        f"{best.log_loss:.3f} by cross-validation inside the {n} training pictures"
    )
    if others:
        following = min(others, key=lambda candidate: candidate.log_loss)
        text += (
            f"; none of {len(others)} others is better by more than chance (the nearest, "
            f"{following}: {following.accuracy:.1%}, {following.log_loss:.3f})"
        )
    return text + "."
