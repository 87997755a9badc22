"""Vectors with labels → pictures that may be mislabelled, by confident learning."""

import numpy as np

from .evaluation import fit_temperature
from .features import Embeddings
from .fitting import ShouldStop, never
from .heads import TrainConfig, probabilities
from .report import Entry
from .workflow import fold_heads


def find_suspects(
    embeddings: Embeddings, level: str, *, should_stop: ShouldStop = never
) -> tuple[Entry, ...]:
    """Pictures that a model which has not seen them takes for another label, surest first.

    Confident learning (Northcutt, Jiang & Chuang, 2021): a picture is listed if its probability
    of another label is at least the mean that pictures of that label have of it. DataError where
    there are too few pictures for folds.
    """
    taxonomy, classes = embeddings.target(level)
    config = TrainConfig(head="lda")
    logits = np.zeros((len(classes), len(taxonomy.labels)))
    for _, asked, head in fold_heads(embeddings, config, level, repeats=1, should_stop=should_stop):
        logits[asked] = head.logits(embeddings.vectors[asked])
    chances = probabilities(logits / fit_temperature(logits, classes))
    own = chances[np.arange(len(classes)), classes]
    threshold = np.array([own[classes == c].mean() for c in range(len(taxonomy.labels))])
    sure = np.where(chances >= threshold, chances, 0)
    best = sure.argmax(axis=1)
    margin = sure.max(axis=1) - own
    wrong = np.flatnonzero((sure.max(axis=1) > 0) & (best != classes))
    files = embeddings.table["file"]
    return tuple(
        Entry(
            "mislabelled",
            files[i],
            f"“{taxonomy.labels[classes[i]]}”, but it looks like “{taxonomy.labels[best[i]]}”.",
            suggestion=taxonomy.labels[best[i]],
        )
        for i in sorted(wrong, key=lambda i: -margin[i])
    )
