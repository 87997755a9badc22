"""External evaluation: on pictures of other sources, and on pictures out of distribution.

What ships carries these figures, which ``benchmarks/accuracy.py`` measures; a model that somebody
trains has none.
"""

from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from decor_core.model.evaluation import Evaluation

_Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
_Some = Annotated[int, msgspec.Meta(ge=1, le=10**9)]


@dataclass(frozen=True)
class OutOfDistribution:
    """Answers for ``n`` pictures of a ``kind`` that has none of the labels.

    ``unknown`` of them were called unknown, ``confident`` tells how many were confidently given
    each label; the others were between labels.
    """

    kind: str
    n: _Some
    unknown: _Count
    confident: dict[str, _Count]

    def __post_init__(self) -> None:
        if self.unknown + sum(self.confident.values()) > self.n:
            raise ValueError(f"of {self.n} strangers, more than all were counted")


@dataclass(frozen=True)
class ExternalEvaluation:
    """Figures on pictures from ``source``, in words; none of them was trained on.

    ``evaluation`` goes by the likeliest label, whether or not a picture was called unknown;
    ``unknown`` tells how many of each label were.
    """

    source: str
    evaluation: Evaluation | None = None
    unknown: dict[str, _Count] = field(default_factory=dict)
    strangers: tuple[OutOfDistribution, ...] = ()

    def __post_init__(self) -> None:
        known = self.evaluation.labels if self.evaluation else ()
        counts = self.evaluation.confusion.sum(axis=1) if self.evaluation else ()
        pictures = dict(zip(known, counts, strict=True))
        if any(not 0 < pictures.get(label, 0) >= count for label, count in self.unknown.items()):
            raise ValueError("more pictures from elsewhere are unknown than there are")

    @property
    def labels(self) -> set[str]:
        """The labels that the figures name."""
        named = {label for one in self.strangers for label in one.confident}
        return named.union(self.evaluation.labels if self.evaluation else ())
