"""Which blocks of the embedding and which head suit a data set: asked of its training pictures."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from decor_core.model.evaluation import fit_temperature
from decor_core.model.heads import log_losses
from decor_core.model.whitened_folds import Prepared

OutOfFold = Callable[[str, str], np.ndarray]

# Sets of blocks, the one to begin with first: ornament is known to the middle of the network,
# things to its end.
_BLOCK_SETS = ("all but the last stage", "all blocks", "the last three stages", "the last stage")
_HEADS = ("logistic", "lda")
# What comes first is left only for what is better by so many standard errors of the difference.
_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Candidate:
    """One way to answer, judged out of fold: share right, and log-loss in nats when calibrated."""

    head: str
    blocks: str
    log_loss: float
    accuracy: float


@dataclass(frozen=True)
class Choice:
    """The ``head`` and the set of ``blocks`` chosen among ``candidates``, and why."""

    head: str
    blocks: str
    reason: str
    candidates: tuple[Candidate, ...] = ()

    def to_json(self) -> dict[str, object]:
        """In types that JSON knows."""
        return asdict(self)


def block_numbers(prepared: Prepared, name: str) -> list[int]:
    """The positions of the blocks in the set called ``name``."""
    stages = [k for k, block in enumerate(prepared.blocks) if block.name.startswith("stage")]
    last = stages[-1:]
    if name == "all blocks":
        return list(range(len(prepared.blocks)))
    if name == "all but the last stage":
        return [k for k in range(len(prepared.blocks)) if k not in last]
    return stages[-3:] if name == "the last three stages" else last


def choose(prepared: Prepared, head: str, out_of_fold: OutOfFold) -> Choice:
    """The set of blocks for ``head`` and, if that is “auto”, the head.

    ``out_of_fold(head, blocks)`` gives logits [m, c] for the held-out pictures. Sets are judged
    by linear discriminant analysis, whose logits add up over blocks, so that judging is cheap.
    """
    heads = _HEADS if head == "auto" else (head,)
    if not prepared.folds:
        return Choice(heads[0], _BLOCK_SETS[0], "There are too few pictures to choose by.")
    sets = [_Judged.of(prepared, "lda", blocks, out_of_fold) for blocks in _block_sets(prepared)]
    best = _preferred(sets)
    asked = sets
    if head == "auto":
        logistic = _Judged.of(prepared, "logistic", best.candidate.blocks, out_of_fold)
        best = _preferred([logistic, best])
        asked = [logistic, *sets]
    chosen = best.candidate.head if head == "auto" else head
    candidates = tuple(judged.candidate for judged in asked)
    return Choice(
        chosen,
        best.candidate.blocks,
        _reason(head, best.candidate, candidates, len(prepared.truth)),
        candidates,
    )


@dataclass(frozen=True)
class _Judged:
    """A candidate with the log-loss of each picture [m]."""

    candidate: Candidate
    losses: np.ndarray

    @classmethod
    def of(cls, prepared: Prepared, head: str, blocks: str, out_of_fold: OutOfFold) -> "_Judged":
        logits = out_of_fold(head, blocks)
        losses = log_losses(logits / fit_temperature(logits, prepared.truth), prepared.truth)
        right = logits.argmax(axis=1) == prepared.truth
        return cls(Candidate(head, blocks, float(losses.mean()), float(right.mean())), losses)


def _preferred(judged: Sequence[_Judged]) -> _Judged:
    """The first, unless another is better by more than chance; then the best of those."""
    first, *others = judged
    better = [other for other in others if _clearly_better(other.losses, first.losses)]
    return min(better, key=lambda other: other.candidate.log_loss, default=first)


def _clearly_better(one: np.ndarray, other: np.ndarray) -> bool:
    gains = other - one
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.inf
    return bool(gains.mean() > _STANDARD_ERRORS * error)


def _block_sets(prepared: Prepared) -> list[str]:
    """Sets that are not empty and differ from each other, in networks of few stages too."""
    sets: dict[tuple[int, ...], str] = {}
    for name in _BLOCK_SETS:
        sets.setdefault(tuple(block_numbers(prepared, name)), name)
    return [name for numbers, name in sets.items() if numbers]


_WORDS = {"logistic": "logistic regression", "lda": "linear discriminant analysis"}


def _reason(head: str, best: Candidate, candidates: Sequence[Candidate], n: int) -> str:
    others = [candidate for candidate in candidates if candidate != best]
    stand_in = head not in ("auto", best.head)
    chosen = f"{best.blocks}, judged by {_WORDS[best.head]}" if stand_in else _named(best)
    text = (
        f"Chosen: {chosen}, {best.accuracy:.1%} right with a log-loss of "
        f"{best.log_loss:.3f} by cross-validation inside the {n} training pictures"
    )
    if others:
        following = min(others, key=lambda candidate: candidate.log_loss)
        text += (
            f"; none of {len(others)} others is better by more than chance (the nearest, "
            f"{_named(following)}: {following.accuracy:.1%}, {following.log_loss:.3f})"
        )
    return text + "."


def _named(candidate: Candidate) -> str:
    return f"{_WORDS[candidate.head]} on {candidate.blocks}"
