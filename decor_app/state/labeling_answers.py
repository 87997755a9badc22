"""A fit as JSON for the browser: proposals, what to label next, the curve."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from decor_app.jobs.labeling_tasks import THRESHOLDS, LabelingFit
from decor_core.datasets.label_log import LabelLog
from decor_core.datasets.label_steps import NONE
from decor_core.model.evaluation import Proportion

_KEYS = ("proposals", "next", "clusters", "threshold", "curve", "disagreements")


def learned_json(
    fit: LabelingFit | None,
    ids: Sequence[str],
    log: LabelLog,
    points: Sequence[tuple[int, int, int]],
) -> dict[str, Any]:
    """The result of a fit to pictures of these ``ids``; None for what it could not learn yet.

    ``points`` of the curve: number of labels, and of those asked about without their label how many
    were right of how many.
    """
    learned: dict[str, Any] = dict.fromkeys(_KEYS)
    if fit is None:
        return learned
    labels = log.labels
    learned["next"] = [ids[row] for row in fit.next_rows.tolist()]
    learned["clusters"] = [[ids[row] for row in rows] for rows in fit.clusters]
    if not fit.classes:
        return learned
    ids = ids[: len(fit.confidence)]  # some may just be added
    unlabeled = np.array([one not in labels for one in ids])
    sure = np.round(fit.confidence, 3).tolist()
    proposed = fit.proposed.tolist()
    learned["proposals"] = {
        ids[row]: [fit.classes[proposed[row]], sure[row]]
        for row in np.flatnonzero(unlabeled).tolist()
    }
    learned["threshold"] = {
        "values": list(THRESHOLDS),
        "errors": list(map(_with_interval, fit.errors)),
        "counts": [int((unlabeled & (fit.confidence >= t)).sum()) for t in THRESHOLDS],
    }
    confirmed = log.confirmed
    learned["disagreements"] = [
        [ids[row], fit.classes[label], round(probability, 3)]
        for row, label, probability in fit.disagreements
        if ids[row] not in confirmed and labels.get(ids[row]) == fit.labels[row]
    ]
    learned["curve"] = _curve_json(fit, points)
    return learned


def _curve_json(fit: LabelingFit, points: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    names = ("accuracy", "low", "high")
    rest = fit.rest and [round(value, 4) for value in fit.rest]
    return {
        "points": [
            {"labels": labels, **dict(zip(names, _with_interval(Proportion(k, n)), strict=True))}
            for labels, k, n in points
        ],
        "rest": rest and dict(zip(names, rest, strict=True)),
        "classes": [
            {
                "name": one.name,
                "labels": one.labels,
                "right": one.right.value if one.right.n else None,
                "needs_more": one.needs_more,
            }
            for one in fit.by_class
            if one.name != NONE
        ],
    }


def _with_interval(share: Proportion) -> list[float | None]:
    """A share with its 95 % interval; nothing is known of none."""
    low, high = share.ci95
    return [round(share.value, 4) if share.n else None, round(low, 4), round(high, 4)]
