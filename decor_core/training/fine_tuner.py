"""The steps of a fine-tuning: an estimate of its time, features of the pictures, epochs."""

import math
import time
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from decor_core.errors import TrainingError, require_package
from decor_core.features.backbones import is_at_hand, load_backbone
from decor_core.features.embedder import ImageEmbedder
from decor_core.features.embeddings import Embeddings
from decor_core.images.augment import Augmentation
from decor_core.model.events import OnEvent, ShouldStop, TrainEvent
from decor_core.model.opinion_pool import OpinionPool
from decor_core.model.training_config import TrainingConfig
from decor_core.training.intermediate_features import IntermediateFeatures, PictureVersions, Read
from decor_core.training.labeled_vectors import LabeledVectors
from decor_core.training.pooled_heads import PooledHeads
from decor_core.training.time_estimate import (
    EPOCHS,
    NETWORK,
    PICTURES,
    VECTORS,
    OnProgress,
    TimeEstimate,
)

if TYPE_CHECKING:
    from decor_core.training.late_stages import LateStages

# Copies that the network learns from beside each picture, where the data set has none of its own.
_COPIES = Augmentation(flip=True, scale=43, copies=2)
_MAX_MAP_BYTES = 2**30
_PATIENCE = 4  # epochs without a better one, after which the training ends
_CONVERSION_STEPS = 40  # that take as long as the conversion of the network


def check_settings(config: TrainingConfig) -> None:
    """DecorError where fine-tuning cannot be done, or not with these settings."""
    require_package("Fine-tuning", "tensorflow", "train")
    if not config.fine_tune:
        raise TrainingError("Expected at least one stage to fine-tune, but it is 0.")
    if not config.validation_percentage:
        raise TrainingError(
            "Fine-tuning needs a validation part, by which it ends and is calibrated; set the "
            "validation share above 0."
        )
    if is_at_hand(config.architecture):  # else it is fetched first
        count = len(load_backbone(config.architecture).shapes)
        if config.fine_tune >= count:
            raise TrainingError(
                f"The network “{config.architecture}” has {count} stages, of which 1 to "
                f"{count - 1} can be fine-tuned, not {config.fine_tune}."
            )


class FineTuner:
    """One fine-tuning, step by step."""

    def __init__(
        self, embeddings: Embeddings, read: Read, config: TrainingConfig, level: str | None
    ) -> None:
        check_settings(config)
        self.embeddings, self.config = embeddings, config
        self.data = LabeledVectors.of(embeddings, level or embeddings.taxonomy.name, config)
        self.parts = self.data.split()
        self.embedder = ImageEmbedder(embeddings.spec)
        self.backbone = load_backbone(embeddings.spec.architecture)
        self.own_copies = embeddings.copies.shape[1]
        stages = [block for block in self.embedder.blocks if block.name.startswith("stage")]
        self.heads = PooledHeads(self.data, self.parts.train, stages[-config.fine_tune :])
        n = len(embeddings.table)
        augmentation = config.augmentation(n) if self.own_copies else _COPIES
        self.pictures = PictureVersions(embeddings, read, augmentation)
        self._rows = np.concatenate([self.parts.train, self.parts.validation])
        self._classes = self.data.classes[self._rows]
        self._train = np.arange(len(self.parts.train))
        self._validation = np.arange(len(self._train), len(self._rows))

    # --- time

    def estimate(self) -> TimeEstimate:
        """Measured on a few pictures of every class; fewer epochs where time is short."""
        from decor_core.training.late_stages import BATCH_SIZE

        classes = self.data.classes[self.parts.train]
        order = np.argsort(classes, kind="stable")
        some = order[np.linspace(0, len(order) - 1, min(BATCH_SIZE, len(order))).astype(int)]
        few = self.parts.train[np.unique(np.append(some, np.unique(classes, return_index=True)[1]))]
        started = time.monotonic()
        once = np.ones(len(few), int)
        maps = self.pictures.maps(self.embedder, few, once, self.config.fine_tune)
        embed_seconds, rows = (time.monotonic() - started) / len(few), np.arange(len(few))
        late = self._build_late_stages(maps, rows, self.data.classes[few])
        late.compile(1, 0.0, 0)
        batch = np.resize(rows, BATCH_SIZE)
        started = time.monotonic()
        late.train_step(batch, np.zeros_like(batch))  # which traces
        traced = time.monotonic()
        for _ in range(3):
            late.train_step(batch, np.zeros_like(batch))
        return self._estimate(embed_seconds, (time.monotonic() - traced) / 3, traced - started)

    def _estimate(self, embed_seconds: float, step: float, trace: float) -> TimeEstimate:
        """The estimate, from the seconds to embed one picture, of one step, and of tracing."""
        from decor_core.training.late_stages import BATCH_SIZE

        seen = len(self._train) * self._versions + len(self._validation)
        phases = {
            PICTURES: seen * embed_seconds,
            EPOCHS: trace,
            NETWORK: _CONVERSION_STEPS * step,
            VECTORS: len(self.embeddings.table) * (1 + self.own_copies) * embed_seconds,
        }
        steps = math.ceil(len(self._train) / BATCH_SIZE) + len(self._validation) / BATCH_SIZE / 3
        budget = 60 * self.config.fine_tune_minutes - sum(phases.values())
        epochs = min(max(1, int(budget / (steps * step))), self.config.fine_tune_epochs)
        return TimeEstimate({**phases, EPOCHS: trace + epochs * steps * step}, epochs)

    # --- what is trained

    @cached_property
    def _versions(self) -> int:
        """Number of versions of each picture, with itself: fewer where memory is short."""
        height, width, channels = self.backbone.shapes[-self.config.fine_tune - 1]
        size = 2 * self.embeddings.spec.views * height * width * channels
        most = _MAX_MAP_BYTES // (size * len(self._rows))
        if not most:
            raise TrainingError(
                f"Fine-tuning takes at most {_MAX_MAP_BYTES // size:,} pictures here, but there "
                f"are {len(self._rows):,}; train the last stages only, or the linear model."
            )
        return min(most, 1 + self.pictures.augmentation.copies)

    def late_stages(self, progress: OnProgress, should_stop: ShouldStop) -> "LateStages":
        """Network and head before the first epoch; Stopped where ``should_stop`` says so."""
        total, counts = len(self._rows), np.ones(len(self._rows), int)
        counts[self._train] = self._versions
        maps = self.pictures.maps(
            self.embedder,
            self._rows,
            counts,
            self.config.fine_tune,
            lambda done: progress(PICTURES, done, total),
            should_stop,
        )
        return self._build_late_stages(maps, self._train, self._classes)

    def _build_late_stages(
        self, maps: "IntermediateFeatures", rows: np.ndarray, classes: np.ndarray
    ) -> "LateStages":
        from decor_core.features.trainable_network import TrainableNetwork
        from decor_core.training.late_stages import LateStages

        network = TrainableNetwork(self.backbone.weights, self.config.fine_tune)
        return LateStages(network, maps, rows, classes)

    def train(
        self,
        late: "LateStages",
        *,
        epochs: int,
        on_event: OnEvent | None,
        progress: OnProgress,
        should_stop: ShouldStop,
    ) -> tuple[tuple[TrainEvent, ...], tuple[int, list[np.ndarray]] | None]:
        """The epochs, and the best with its weights; None where none beats the linear model.

        The best has the highest mean probability of the right label on the validation part, which
        depends less on few pictures than the log-loss and tells more than the accuracy.
        """
        late.compile(epochs, self.config.fine_tune_rate, self.config.seed)
        started, events, best = time.monotonic(), [], None
        best_probability = self.validate(late).probability
        for epoch in range(1, epochs + 1):
            trained = late.train_epoch(should_stop)
            if trained is None:
                break
            loss, accuracy = trained
            weights = late.get_weights()
            late.set_weights(late.interpolated())
            found = self.validate(late)
            if found.probability > best_probability:
                best_probability, best = found.probability, (epoch, late.get_weights())
            late.set_weights(weights)
            seconds = time.monotonic() - started
            events.append(TrainEvent(epoch, accuracy, loss, found.accuracy, found.loss, seconds))
            if on_event:
                on_event(events[-1])
            progress(EPOCHS, epoch, epochs)
            if epoch - (best[0] if best else 0) >= _PATIENCE or should_stop():
                break
        return tuple(events), best

    def validate(self, late: "LateStages") -> OpinionPool:
        """Both heads on the validation part, as the model would be kept."""
        logits = late.head().logits(late.features(self._validation))
        return self.heads.pool(logits, self.parts.validation)
