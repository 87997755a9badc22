"""The model that comes of a fine-tuning: its network in a file, its head, its novelty, its test."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from decor_core.features.backbones import network_title
from decor_core.features.embedder import ImageEmbedder
from decor_core.features.embeddings import Embeddings
from decor_core.features.own_networks import OwnNetwork, own_network
from decor_core.model.linear_head import LinearHead
from decor_core.model.novelty import Novelty
from decor_core.model.novelty_detector import FALSE_ALARMS, fit_novelty, weighted_quantiles
from decor_core.model.opinion_pool import OpinionPool
from decor_core.training.fine_tuner import FineTuner
from decor_core.training.time_estimate import NETWORK, VECTORS, OnProgress
from decor_core.training.train import Training, tested

if TYPE_CHECKING:
    from decor_core.training.late_stages import LateStages

_CALIBRATING = 50  # pictures by which the steps of a network of eight bits are chosen
_EIGHT_BITS_MAY_COST = 0.003  # of the share right, on the validation part
_FINE_TUNED, _LONGEST_TITLE = ", fine-tuned", 60
_ENOUGH_TO_LIMIT = 200  # pictures, to estimate FALSE_ALARMS


def finished_model(
    tuner: FineTuner,
    late: "LateStages",
    linear: Training,
    progress: OnProgress,
    *,
    stopped: bool,
) -> tuple[Training, Embeddings]:
    """The model of a trained network, tested, and its vectors of all pictures."""
    progress(NETWORK, 0, 1)
    chosen = _chosen_file(tuner, late)
    progress(NETWORK, 1, 1)
    vectors = _embedded(tuner, chosen.embedder, progress)
    summary = {
        "stages": tuner.config.fine_tune,
        "network": chosen.network.title,
        "bits": chosen.bits,
        "untrained_share": chosen.pool.share,
        "validation_accuracy": chosen.pool.accuracy,
        "validation_cross_entropy": chosen.pool.loss,
        "stopped": stopped,
    }
    settings = {name: value for name, value in asdict(tuner.config).items()
                if name.startswith("fine_tune")}  # fmt: skip
    bundle = replace(
        linear.bundle,
        embedding=vectors.spec,
        backbone_digest=vectors.digest,
        network=chosen.network,
        head=tuner.heads.joined(chosen.head, chosen.pool),
        novelty=_novelty(tuner, vectors, linear.bundle.novelty),
        evaluation=None,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        training={**linear.bundle.training, **settings, "fine_tuned": summary},
    )
    data = replace(tuner.data, embeddings=vectors)
    bundle, predictions = tested(bundle, data, tuner.parts)
    return Training(bundle, tuner.parts, predictions, (), stopped), vectors


@dataclass(frozen=True)
class _NetworkFile:
    """A converted network and its bits, the embedder that uses it, and the heads for it."""

    network: OwnNetwork
    bits: int
    embedder: ImageEmbedder
    head: LinearHead
    pool: OpinionPool


def _chosen_file(tuner: FineTuner, late: "LateStages") -> _NetworkFile:
    """The network's file: of eight bits where that costs nearly nothing on the validation part."""
    rows, head = tuner.parts.validation, late.head()
    unrounded = tuner.validate(late).accuracy
    chosen: _NetworkFile | None = None
    for network, bits in _converted(tuner, late):
        embedder = ImageEmbedder(replace(tuner.embeddings.spec, architecture=network.name))
        seen = tuner.pictures.vectors(embedder, rows)[:, 0, tuner.heads.late_columns]
        pool = tuner.heads.pool(head.logits(seen), rows)
        chosen = _NetworkFile(network, bits, embedder, head, pool)
        if pool.accuracy >= unrounded - _EIGHT_BITS_MAY_COST:
            break
    assert chosen is not None  # there is always one
    return chosen


def _converted(tuner: FineTuner, late: "LateStages") -> Iterator[tuple[OwnNetwork, int]]:
    """The network and its bits: of eight, where it began so; then in single precision."""
    from decor_core.features.convert import to_tflite

    spec, name = tuner.backbone.spec, tuner.embeddings.spec.architecture
    title = network_title(name).removesuffix(_FINE_TUNED)[:_LONGEST_TITLE] + _FINE_TUNED
    own = own_network(name)
    about = spec.side, spec.mean, spec.scale, title, own.based_on if own else name
    if tuner.backbone.input["dtype"] == np.int8:
        rows = np.random.default_rng(0).permutation(tuner.parts.train)[:_CALIBRATING]
        seen = [
            pixels for row in rows.tolist() for pixels in tuner.pictures.view_pixels(row, spec.side)
        ]
        yield OwnNetwork(to_tflite(late.network, spec, seen), *about), 8
    yield OwnNetwork(to_tflite(late.network, spec, None), *about), 32


def _embedded(tuner: FineTuner, embedder: ImageEmbedder, progress: OnProgress) -> Embeddings:
    """All pictures, and as many copies of them as there were, as vectors of another network."""
    total = len(tuner.embeddings.table)
    found = tuner.pictures.vectors(
        embedder,
        np.arange(total),
        tuner.own_copies,
        lambda done: progress(VECTORS, done, total),
    )
    return replace(
        tuner.embeddings,
        spec=embedder.spec,
        digest=embedder.digest,
        vectors=found[:, 0],
        copies=found[:, 1:],
    )


def _novelty(tuner: FineTuner, vectors: Embeddings, linear: Novelty | None) -> Novelty | None:
    """Distributions of the classes, with a limit from the validation part.

    That is too small to tell by itself what FALSE_ALARMS of all pictures exceed: the limit
    lies at least as far beyond the median distance as that of the linear model.
    """
    if linear is None:
        return None
    examples = replace(tuner.data, embeddings=vectors).examples(tuner.parts.train)
    novelty = fit_novelty(
        np.asarray(examples.vectors[:]), examples.classes, examples.weights, linear.blocks
    )
    distances = novelty.distances(vectors.vectors[tuner.parts.validation])
    median, limit = weighted_quantiles(distances, np.ones(len(distances)), (0.5, 1 - FALSE_ALARMS))
    if len(distances) < _ENOUGH_TO_LIMIT:
        limit = max(limit, median + linear.limit - linear.median_distance)
    return replace(novelty, median_distance=median, limit=max(limit, median + 1e-3))
