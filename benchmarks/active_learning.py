"""How many labels it takes to learn nearly all there is to learn: chosen pictures, or random ones.

    python benchmarks/active_learning.py [NAME=CLASS_FOLDERS_OR_ZIP ...]

The shipped decor pictures (styles, products and patterns) are always measured. A quarter of each
set is held out; labels are given in batches, as ActiveLearner asks for them or at random, until
the head on them is as right on what is held out as 95 % of the head on all labels, and stays so
for two more batches. 95 % intervals of means are those of a normal distribution over seeds.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from decor_core.data.catalog import open_dataset
from decor_core.features.embeddings import Embeddings
from decor_core.model.training_config import TrainingConfig
from decor_core.training.active_learning import ActiveLearner, Proposals
from decor_core.training.region import embed_pictures

_FIRST, _BATCH = 10, 5
_SHARE = 0.95
_HELD_OUT = 0.25
_STAYS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="NAME=CLASS_FOLDERS_OR_ZIP")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--most", type=int, default=300, help="Labels after which it gives up.")
    options = parser.parse_args()
    print(
        "| set | pictures | classes | accuracy with all labels | labels, chosen | random | share |"
    )
    print("|---|---|---|---|---|---|---|")
    _tell("decor", Embeddings.load(), options)
    for one in options.sets:
        name, _, place = one.partition("=")
        catalog = open_dataset(Path(place))
        _tell(name, embed_pictures(catalog, TrainingConfig().spec), options)


def _tell(name: str, embeddings: Embeddings, options: argparse.Namespace) -> None:
    taxonomy, y = embeddings.target(embeddings.taxonomy.name)
    labels = np.array(taxonomy.labels)[y]
    needed, final = [], []
    for seed in range(options.seeds):
        learner = ActiveLearner(embeddings.vectors, embeddings.blocks, random_state=seed)
        test = _held_out(labels, seed)
        pool = np.setdiff1d(np.arange(len(labels)), test)
        whole = _right(learner.propose(_given(labels, pool)), labels, test)
        final.append(whole)
        needed.append(
            [
                _labels_needed(learner, labels, test, pool, whole, choose, options.most)
                for choose in (_ask, _at_random(seed))
            ]
        )
    chosen, random = np.array(needed, float).T
    shares = chosen / random
    figures = (f"{np.mean(final):.1%}", *map(_interval, (chosen, random)), _interval(shares, 2))
    print("|", " | ".join([name, str(len(labels)), str(len(taxonomy.labels)), *figures]), "|")


def _interval(values: np.ndarray, digits: int = 0) -> str:
    mean, error = values.mean(), 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{mean:.{digits}f} ({mean - error:.{digits}f}–{mean + error:.{digits}f})"


def _held_out(labels: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = (rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels))
    return np.concatenate([one[: round(_HELD_OUT * len(one))] for one in rows])


def _given(labels: np.ndarray, rows: Sequence[int] | np.ndarray) -> dict[int, str]:
    return {int(row): str(labels[row]) for row in rows}


def _right(proposals: Proposals | None, labels: np.ndarray, rows: np.ndarray) -> float:
    return float((proposals.proposed == labels)[rows].mean()) if proposals else 0.0


def _ask(
    learner: ActiveLearner, proposals: Proposals | None, count: int, left_out: np.ndarray
) -> np.ndarray:
    return learner.next_rows(count, proposals, leave_out=left_out)


def _at_random(seed: int):
    rng = np.random.default_rng(seed)

    def choose(_: ActiveLearner, proposals: Proposals | None, count: int, left_out: np.ndarray):
        return rng.permutation(np.setdiff1d(np.arange(left_out.max() + 1), left_out))[:count]

    return choose


def _labels_needed(
    learner: ActiveLearner,
    labels: np.ndarray,
    test: np.ndarray,
    pool: np.ndarray,
    whole: float,
    choose,
    most: int,
) -> int:
    """Labels of ``pool`` until those of ``test`` are nearly as right as with all of them."""
    rows: list[int] = []
    proposals, enough = None, 0
    beyond = len(labels)  # no row; only tells how many there are
    while len(rows) < min(most, len(pool)):
        count = _BATCH if rows else _FIRST
        left_out = np.concatenate([test, np.array(rows, int), [beyond]])
        rows += choose(learner, proposals, count, left_out).tolist()
        proposals = learner.propose(_given(labels, rows))
        enough = enough + 1 if _right(proposals, labels, test) >= _SHARE * whole else 0
        if enough > _STAYS:
            return len(rows) - _STAYS * _BATCH
    return most


if __name__ == "__main__":
    main()
