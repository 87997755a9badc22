"""The steps of a fine-tuning: estimate, epochs, and the model that comes of them."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from decor_core.errors import TrainingError, require_package
from decor_core.features.backbones import OwnNetwork, load_backbone, network_title, own_network
from decor_core.features.embedder import Block, ImageEmbedder
from decor_core.features.embeddings import Embeddings
from decor_core.images.augment import Augmentation
from decor_core.model.events import OnEvent, ShouldStop, TrainEvent
from decor_core.model.linear_head import LinearHead
from decor_core.model.novelty import Novelty
from decor_core.model.novelty_detector import FALSE_ALARMS, fit_novelty, weighted_quantiles
from decor_core.model.opinion_pool import OpinionPool
from decor_core.model.training_config import TrainingConfig
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitened_folds import WhitenedFolds
from decor_core.training.labeled_vectors import LabeledVectors
from decor_core.training.middle_maps import MiddleMaps, PictureVersions, Read
from decor_core.training.train import Training, tested

if TYPE_CHECKING:
    from decor_core.training.late_stages import LateStages

# Copies that the network learns from beside each picture, where the data set has none of its own.
_COPIES = Augmentation(flip=True, scale=43, copies=2)
_MOST_MAP_BYTES = 2**30
_PATIENCE = 4  # epochs without a better one, after which the training ends
_CALIBRATING = 50  # pictures by which the steps of a network of eight bits are chosen
_EIGHT_BITS_MAY_COST = 0.003  # of the share right, on the validation part
_CONVERSION_STEPS = 40  # that take as long as the conversion of the network
_FINE_TUNED, _LONGEST_TITLE = ", fine-tuned", 60
_ENOUGH_TO_LIMIT = 200  # pictures, of which FALSE_ALARMS can be told

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TimeEstimate:
    """About how many ``seconds`` a fine-tuning will take, with so many ``epochs``.

    ``pace`` is what was measured for it: seconds of looking at one picture, and of one step.
    """

    seconds: float
    epochs: int
    pace: tuple[float, float] = (0.0, 0.0)

    def __str__(self) -> str:
        minutes = round(self.seconds / 60)
        time = f"about {minutes} minutes" if minutes > 1 else "a minute or two"
        return f"{time}, at most {self.epochs} epoch{'s' * (self.epochs > 1)}"


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


class FineTuner:
    """One fine-tuning: what it is made of, step by step."""

    def __init__(
        self, embeddings: Embeddings, read: Read, config: TrainingConfig, level: str | None
    ) -> None:
        check_settings(config)
        self.embeddings, self.config = embeddings, config
        self.data = LabeledVectors.of(embeddings, level or embeddings.taxonomy.name, config)
        self.parts = self.data.split()
        self.embedder = ImageEmbedder(embeddings.spec)
        self.backbone = load_backbone(embeddings.spec.architecture)
        self._own_copies = embeddings.copies.shape[1]
        n = len(embeddings.table)
        augmentation = config.augmentation(n) if self._own_copies else _COPIES
        self._pictures = PictureVersions(embeddings, read, augmentation)
        self._rows = np.concatenate([self.parts.train, self.parts.validation])
        self._classes = self.data.classes[self._rows]
        self._train = np.arange(len(self.parts.train))
        self._validation = np.arange(len(self._train), len(self._rows))
        self.pace = (0.0, 0.0)  # as in TimeEstimate

    # --- time

    def estimate(self) -> TimeEstimate:
        """Measured on a few pictures of every class; fewer epochs where time is short."""
        from decor_core.training.late_stages import BATCH

        classes = self.data.classes[self.parts.train]
        order = np.argsort(classes, kind="stable")
        some = order[np.linspace(0, len(order) - 1, min(BATCH, len(order))).astype(int)]
        few = self.parts.train[np.unique(np.append(some, np.unique(classes, return_index=True)[1]))]
        started = time.monotonic()
        once = np.ones(len(few), int)
        maps = self._pictures.maps(self.embedder, few, once, self.config.fine_tune)
        look, rows = (time.monotonic() - started) / len(few), np.arange(len(few))
        late = self._begun(maps, rows, self.data.classes[few])
        late.plan(1, 0.0, 0)
        batch = np.resize(rows, BATCH)
        late.step(batch, np.zeros_like(batch))  # which traces
        started = time.monotonic()
        for _ in range(3):
            late.step(batch, np.zeros_like(batch))
        self.pace = look, (time.monotonic() - started) / 3
        epochs, budget = self.config.fine_tune_epochs, 60 * self.config.fine_tune_minutes
        looked = len(self._train) * self._versions + len(self._validation)
        rest = looked * look + self.seconds_to_finish()
        while epochs > 1 and rest + self.seconds_of_epochs(epochs) > budget:
            epochs -= 1
        return TimeEstimate(rest + self.seconds_of_epochs(epochs), epochs, self.pace)

    def seconds_of_epochs(self, epochs: int) -> float:
        from decor_core.training.late_stages import BATCH

        steps = math.ceil(len(self._train) / BATCH) + len(self._validation) / BATCH / 3
        return epochs * steps * self.pace[1]

    def seconds_to_finish(self) -> float:
        """For the conversion of the network and the vectors of all pictures."""
        look, step = self.pace
        pictures = len(self.embeddings.table) * (1 + self._own_copies)
        return pictures * look + _CONVERSION_STEPS * step

    # --- what is trained

    @cached_property
    def _late_blocks(self) -> Sequence[Block]:
        stages = [block for block in self.embedder.blocks if block.name.startswith("stage")]
        return stages[-self.config.fine_tune :]

    @cached_property
    def _versions(self) -> int:
        """How many versions of each picture there are, with itself: fewer where memory is short."""
        height, width, channels = self.backbone.shapes[-self.config.fine_tune - 1]
        size = 2 * self.embeddings.spec.views * height * width * channels
        most = _MOST_MAP_BYTES // (size * len(self._rows))
        if not most:
            raise TrainingError(
                f"Fine-tuning takes at most {_MOST_MAP_BYTES // size:,} pictures here, but there "
                f"are {len(self._rows):,}; train the last stages only, or the linear model."
            )
        return min(most, 1 + self._pictures.augmentation.copies)

    def late_stages(self, progress: OnProgress, should_stop: ShouldStop) -> "LateStages":
        """Network and head before the first epoch; Stopped where that was asked for."""
        total, counts = len(self._rows), np.ones(len(self._rows), int)
        counts[self._train] = self._versions
        maps = self._pictures.maps(
            self.embedder,
            self._rows,
            counts,
            self.config.fine_tune,
            lambda done: progress("pictures", done, total),
            should_stop,
        )
        return self._begun(maps, self._train, self._classes)

    def _begun(self, maps: "MiddleMaps", rows: np.ndarray, classes: np.ndarray) -> "LateStages":
        from decor_core.features.trainable_network import TrainableNetwork
        from decor_core.training.late_stages import LateStages

        network = TrainableNetwork(self.backbone.weights, self.config.fine_tune)
        return LateStages(network, maps, rows, classes)

    def run(
        self,
        late: "LateStages",
        *,
        epochs: int,
        on_event: OnEvent | None,
        progress: OnProgress,
        should_stop: ShouldStop,
    ) -> tuple[tuple[TrainEvent, ...], tuple[int, list[np.ndarray]] | None]:
        """The epochs, and which was best, with the weights; None where none beats what was before.

        The best is told by the mean probability of the right label on the validation part, which
        hangs less on few pictures than the log-loss and tells more than the share right.
        """
        late.plan(epochs, self.config.fine_tune_rate, self.config.seed)
        started, events, best = time.monotonic(), [], None
        most = self.judge(late).probability
        for epoch in range(1, epochs + 1):
            told = late.epoch(should_stop)
            if told is None:
                break
            now = late.weights()
            late.assign(late.interpolated())
            found = self.judge(late)
            if found.probability > most:
                most, best = found.probability, (epoch, late.weights())
            late.assign(now)
            seconds = time.monotonic() - started
            events.append(TrainEvent(epoch, told[1], told[0], found.accuracy, found.loss, seconds))
            if on_event:
                on_event(events[-1])
            progress("epochs", epoch, epochs)
            if epoch - (best[0] if best else 0) >= _PATIENCE or should_stop():
                break
        return tuple(events), best

    def judge(self, late: "LateStages") -> OpinionPool:
        """Both heads on the validation part, as the model would be kept."""
        logits = late.head().logits(late.features(self._validation))
        return self._pool(logits, self.parts.validation)

    # --- the head on what is not trained

    @cached_property
    def _late(self) -> slice:
        """Columns of the trained stages."""
        return slice(self._late_blocks[0].start, self._late_blocks[-1].stop)

    @cached_property
    def _early_columns(self) -> np.ndarray:
        return np.delete(np.arange(self.embedder.dimensions), self._late)

    @cached_property
    def _early_head(self) -> LinearHead:
        """Calibrated out of fold, which is honest: these columns have learned of no label."""
        examples, start, blocks = self.data.examples(self.parts.train), 0, []
        for block in self.embedder.blocks:
            if block not in self._late_blocks:
                blocks.append(Block(block.name, start, start + block.stop - block.start))
                start = blocks[-1].stop
        columns = self._early_columns
        examples = replace(examples, vectors=examples.vectors[:, columns], blocks=tuple(blocks))
        model = VectorClassifier.of(self.config)
        return model.fit_folds(WhitenedFolds(examples), self.data.taxonomy.labels).head_

    def _early_logits(self, rows: np.ndarray) -> np.ndarray:
        return self._early_head.logits(self.embeddings.vectors[rows][:, self._early_columns])

    # --- the model

    def finished(
        self, late: "LateStages", linear: Training, progress: OnProgress, *, stopped: bool
    ) -> tuple[Training, Embeddings]:
        """The model of a trained network, tested, and its vectors of all pictures."""
        spec, rows, head = self.embeddings.spec, self.parts.validation, late.head()
        unrounded = self.judge(late).accuracy
        progress("network", 0, 1)
        chosen: _Finished | None = None
        for network, bits in self._converted(late):
            embedder = ImageEmbedder(replace(spec, architecture=network.name))
            seen = self._pictures.vectors(embedder, rows)[:, 0, self._late]
            pool = self._pool(head.logits(seen), rows)
            chosen = _Finished(network, bits, embedder, pool)
            if pool.accuracy >= unrounded - _EIGHT_BITS_MAY_COST:
                break
        assert chosen is not None  # there is always one
        progress("network", 1, 1)
        vectors = self._embedded(chosen.embedder, progress)
        summary = {
            "stages": self.config.fine_tune,
            "network": chosen.network.title,
            "bits": chosen.bits,
            "untrained_share": chosen.pool.share,
            "validation_accuracy": chosen.pool.accuracy,
            "validation_cross_entropy": chosen.pool.loss,
            "stopped": stopped,
        }
        settings = {name: value for name, value in asdict(self.config).items()
                    if name.startswith("fine_tune")}  # fmt: skip
        bundle = replace(
            linear.bundle,
            embedding=vectors.spec,
            backbone_digest=vectors.digest,
            network=chosen.network,
            head=self._joined(head, chosen.pool),
            novelty=self._novelty(vectors, linear.bundle.novelty),
            evaluation=None,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            training={**linear.bundle.training, **settings, "fine_tuned": summary},
        )
        data = replace(self.data, embeddings=vectors)
        bundle, predictions = tested(bundle, data, self.parts)
        return Training(bundle, self.parts, predictions, (), stopped), vectors

    def _converted(self, late: "LateStages") -> Iterator[tuple[OwnNetwork, int]]:
        """The network and its bits: of eight, where it began so; then in single precision."""
        from decor_core.features.convert import to_tflite

        spec, name = self.backbone.spec, self.embeddings.spec.architecture
        title = network_title(name).removesuffix(_FINE_TUNED)[:_LONGEST_TITLE] + _FINE_TUNED
        own = own_network(name)
        about = spec.side, spec.mean, spec.scale, title, own.based_on if own else name
        if self.backbone.input["dtype"] == np.int8:
            rows = np.random.default_rng(0).permutation(self.parts.train)[:_CALIBRATING]
            seen = [
                pixels
                for row in rows.tolist()
                for pixels in self._pictures.view_pixels(row, spec.side)
            ]
            yield OwnNetwork(to_tflite(late.network, spec, seen), *about), 8
        yield OwnNetwork(to_tflite(late.network, spec, None), *about), 32

    def _embedded(self, embedder: ImageEmbedder, progress: OnProgress) -> Embeddings:
        """All pictures, and as many copies of them as there were, as vectors of another network."""
        total = len(self.embeddings.table)
        found = self._pictures.vectors(
            embedder,
            np.arange(total),
            self._own_copies,
            lambda done: progress("vectors", done, total),
        )
        return replace(
            self.embeddings,
            spec=embedder.spec,
            digest=embedder.digest,
            vectors=found[:, 0],
            copies=found[:, 1:],
        )

    def _pool(self, late_logits: np.ndarray, rows: np.ndarray) -> OpinionPool:
        return OpinionPool.fit(late_logits, self._early_logits(rows), self.data.classes[rows])

    def _joined(self, late: LinearHead, pool: OpinionPool) -> LinearHead:
        """One head on vectors, of that on the trained stages and that on the rest."""
        early = self._early_head
        weights = np.zeros((self.embedder.dimensions, early.weights.shape[1]))
        weights[self._late] = pool.first * late.weights
        weights[self._early_columns] = pool.second * early.weights
        bias = pool.first * late.bias + pool.second * early.bias
        return LinearHead(weights.astype(np.float32), bias.astype(np.float32))

    def _novelty(self, vectors: Embeddings, linear: Novelty | None) -> Novelty | None:
        """What the classes are like, with a limit by the validation part.

        That is too small to tell by itself what FALSE_ALARMS of all pictures exceed: the limit
        lies at least as far beyond the typical distance as that of the linear model.
        """
        if linear is None:
            return None
        data = replace(self.data, embeddings=vectors)
        examples = data.examples(self.parts.train)
        novelty = fit_novelty(
            np.asarray(examples.vectors[:]), examples.classes, examples.weights, linear.blocks
        )
        distances = novelty.distances(vectors.vectors[self.parts.validation])
        typical, limit = weighted_quantiles(
            distances, np.ones(len(distances)), (0.5, 1 - FALSE_ALARMS)
        )
        if len(distances) < _ENOUGH_TO_LIMIT:
            limit = max(limit, typical + linear.limit - linear.typical)
        return replace(novelty, typical=typical, limit=max(limit, typical + 1e-3))


@dataclass(frozen=True)
class _Finished:
    """A converted network and its bits, the embedder that uses it, and the pool of both heads."""

    network: OwnNetwork
    bits: int
    embedder: ImageEmbedder
    pool: OpinionPool
