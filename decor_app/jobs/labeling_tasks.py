"""Behind the labeling of a set: its pictures embedded once; proposals from the labels so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from decor_app.jobs.dataset_tasks import DatasetTask
from decor_app.jobs.tasks import QueueName, Report, Task
from decor_core.datasets.unlabeled_set import load_unlabeled_set
from decor_core.errors import DataError, damaged_file
from decor_core.features.embedder import EmbeddingSpec
from decor_core.model.evaluation import Proportion
from decor_core.model.events import ShouldStop
from decor_core.training.labeling_progress import (
    ClassProgress,
    changed_by_doubling,
    class_progress,
    estimate,
)
from decor_core.training.unlabeled_vectors import embed_unlabeled_set, read_unlabeled_vectors

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
_BATCH = 12  # that are chosen together; the labels of some are there before the next are
_NEXT = 200
_MIN_ALIKE = 3  # pictures of a cluster


@dataclass(frozen=True)
class EmbedUnlabeledTask(DatasetTask):
    """Embed the unlabeled set ``data``: for proposals, and which pictures look alike."""

    kind: ClassVar[str] = "embed an unlabeled set"

    data: Path
    spec: EmbeddingSpec = EmbeddingSpec()

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        unlabeled = load_unlabeled_set(self.data)
        embed_unlabeled_set(unlabeled, self.spec, self.progress(report, "embedding"), should_stop)


@dataclass(frozen=True)
class LabelingFit:
    """Result of a fit to the labels after ``revision`` steps, for the n pictures of a set.

    ``labels`` are those that it learned from, by row. ``proposed`` [n] are indices into
    ``classes``, ``confidence`` [n] their probabilities; both are empty before there are proposals.
    ``next_rows`` are those to label next, ``clusters`` rows that look alike. ``errors`` tell, for
    each of THRESHOLDS, how many answers out of fold above it were wrong; ``right`` how many were
    right, ``by_class`` of each class. ``rest`` is the share of proposals that are right, with its
    interval; ``changed`` tells how many the second half of the labels has changed.
    ``disagreements`` are row, class index, probability.
    """

    revision: int
    labels: Mapping[int, str]
    next_rows: np.ndarray
    clusters: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...] = ()
    proposed: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    confidence: np.ndarray = field(default_factory=lambda: np.empty(0))
    errors: tuple[Proportion, ...] = ()
    right: Proportion = Proportion(0, 0)
    by_class: tuple[ClassProgress, ...] = ()
    rest: tuple[float, float, float] | None = None
    changed: Proportion = Proportion(0, 0)
    disagreements: tuple[tuple[int, int, float], ...] = ()


@dataclass(frozen=True)
class FitTask(Task):
    """Learn from the ``labels`` of the unlabeled set ``data``, by row; gives a LabelingFit.

    It had so many ``pictures`` when the labels were read. Rows in ``left_out`` have an answer that
    is no class: they are not asked for.
    """

    kind: ClassVar[str] = "fit labels"
    queue: ClassVar[QueueName] = "labeling"

    data: Path
    pictures: int
    revision: int
    labels: Mapping[int, str]
    left_out: tuple[int, ...]
    at_random: bool

    def run(self, report: Report, should_stop: ShouldStop) -> LabelingFit:
        with damaged_file(DataError, "What was seen in the pictures cannot be read"):
            learner, clusters = read_unlabeled_vectors(self.data, self.pictures)
        proposals = learner.propose(self.labels)
        answered = {*self.labels, *self.left_out}
        left = np.setdiff1d(np.arange(len(learner.coordinates)), sorted(answered))
        if self.at_random:
            following = learner.next_rows(_NEXT, leave_out=sorted(answered), at_random=True)
        else:
            following = learner.next_rows(_BATCH, proposals, leave_out=sorted(answered))
            rest = np.setdiff1d(left, following)
            if proposals is not None:
                rest = rest[np.argsort(proposals.margin[rest], kind="stable")]
            following = np.concatenate([following, rest])[:_NEXT]
        by_cluster = left[np.argsort(clusters[left], kind="stable")]
        groups = np.split(by_cluster, np.flatnonzero(np.diff(clusters[by_cluster])) + 1)
        large = [tuple(map(int, group)) for group in groups if len(group) >= _MIN_ALIKE]
        alike = tuple(sorted(large, key=len, reverse=True))
        if proposals is None:
            return LabelingFit(self.revision, self.labels, following, alike)
        number = {name: i for i, name in enumerate(proposals.classes)}
        return LabelingFit(
            self.revision,
            self.labels,
            following,
            alike,
            proposals.classes,
            proposals.probabilities.argmax(axis=1),
            proposals.confidence,
            tuple(map(proposals.errors_above, THRESHOLDS)),
            proposals.accuracy,
            tuple(class_progress(proposals)),
            estimate(proposals),
            changed_by_doubling(learner, proposals),
            tuple((row, number[name], p) for row, name, p in proposals.disagreements()),
        )
