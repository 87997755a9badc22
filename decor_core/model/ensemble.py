"""The head “ensemble”: logistic regression on all whitened blocks, and on single blocks."""

from collections.abc import Sequence

import numpy as np

from decor_core.features.embedder import Block
from decor_core.model.examples import Examples
from decor_core.model.linear_head import LinearHead, fit_temperature
from decor_core.model.standardized_blocks import StandardizedBlocks

# How much the members count: logistic regression on all whitened blocks, which is best at home,
# and single blocks, which hold up better on other people's pictures: the network's late stages
# together, and what is no stage, the colors. Chosen by cross-validation on decor and by
# photographs of other shops (benchmarks/ACCURACY.md).
_JOINT_SHARE, _LATE_SHARE, _OTHER_SHARE = 0.50, 0.27, 0.23


class Ensemble:
    """A logarithmic opinion pool (Genest & Zidek, 1986): log-probabilities are averaged.

    Logistic regression on all whitened blocks is fitted elsewhere and called joint here; on single
    blocks it is fitted to ``examples``, and to the first rows of each pair of ``splits``. Each is
    calibrated by itself on what the splits hold out, where there are any.
    """

    def __init__(self, examples: Examples, splits: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        blocks, self._shares = _members(examples.blocks)
        self._single = StandardizedBlocks(
            examples.vectors, examples.classes, examples.weights, blocks, splits
        )
        self._logits = self._single.out_of_fold() if splits else []
        held_out = [rows for _, rows in splits]
        self._y_true = examples.classes[np.concatenate(held_out)] if held_out else None

    def fit(self, joint: LinearHead, joint_logits: np.ndarray | None) -> LinearHead:
        """All members as one head on vectors; ``joint_logits`` [m, c] are those out of fold."""
        heads = [joint, *self._single.fit()]
        weights = self._weights(joint_logits)
        slopes = sum(w * head.weights for w, head in zip(weights, heads, strict=True))
        bias = sum(w * head.bias for w, head in zip(weights, heads, strict=True))
        return LinearHead(np.asarray(slopes, np.float32), np.asarray(bias, np.float32))

    def out_of_fold(self, joint_logits: np.ndarray) -> np.ndarray:
        """Logits [m, c] of the held-out examples of all splits."""
        members = np.stack([joint_logits, *self._logits])
        return np.tensordot(self._weights(joint_logits), members, 1)

    def _weights(self, joint_logits: np.ndarray | None) -> np.ndarray:
        """How often each member counts [k]."""
        if joint_logits is None or self._y_true is None:
            return self._shares
        members = (joint_logits, *self._logits)
        return self._shares / np.array([fit_temperature(one, self._y_true) for one in members])


def _members(blocks: Sequence[Block]) -> tuple[list[Block], np.ndarray]:
    """The blocks that are read one by one, and the shares of all members, the joint one first."""
    stages = [block for block in blocks if block.name.startswith("stage")]
    others = [block for block in blocks if block not in stages]
    late = stages[-3:]
    shares = [_LATE_SHARE / len(late) for _ in late]
    shares += [_OTHER_SHARE / len(others) for _ in others]
    single = np.array(shares) * (1 - _JOINT_SHARE) / sum(shares)
    return late + others, np.array([_JOINT_SHARE, *single])
