"""A bundle and pictures → predictions; light enough for the web server and “label”."""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from decor_core.errors import BundleError, PictureError
from decor_core.features.backbones import network_title
from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder
from decor_core.images.decode import open_picture
from decor_core.model.bundle import Bundle
from decor_core.model.linear_head import probabilities
from decor_core.model.novelty import UNKNOWN, discount_by_novelty

CONFIDENCE_THRESHOLD = 0.8
# By construction of Novelty, where FALSE_ALARMS of the training pictures lie above it: for more or
# fewer unknown pictures change that. Docstrings and docs/reference say “above ½”, too.
NOVELTY_THRESHOLD = 0.5


@dataclass(frozen=True)
class Score:
    """One label and its probability, 0–1."""

    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """Every label of a taxonomy with its probability for a picture, likeliest first.

    ``novelty`` is from 0, all but seen before, to 1; above ½ the picture is none of the labels.
    """

    taxonomy: str
    scores: tuple[Score, ...]
    novelty: float = 0.0

    @property
    def verdict(self) -> str:
        """The likeliest label, or UNKNOWN."""
        return UNKNOWN if self.unknown else self.scores[0].label

    @property
    def confidence(self) -> float:
        return self.scores[0].probability

    def decision(
        self,
        confidence_threshold: float = CONFIDENCE_THRESHOLD,
        novelty_threshold: float = NOVELTY_THRESHOLD,
    ) -> "Decision":
        """The decision by two thresholds.

        Above ``novelty_threshold`` it is of no known kind. Else the likeliest labels are named that
        together reach ``confidence_threshold``; more than two are no answer. Where it rather is of
        no known kind than of the second label, the first alone is named, ambiguous.
        """
        if self.novelty > novelty_threshold:
            return Decision("unknown", ())
        probs = [score.probability for score in self.scores]
        reached = np.cumsum(probs)
        needed = int(np.searchsorted(reached, confidence_threshold - 1e-9)) + 1
        rather_none = len(probs) > 1 and self.novelty > probs[1]
        if needed > 1 and rather_none and probs[0] + self.novelty >= confidence_threshold:
            return Decision("ambiguous", (self.scores[0].label,))
        kind = {1: "confident", 2: "ambiguous"}.get(needed, "undecided")
        return Decision(kind, tuple(score.label for score in self.scores[: min(needed, 3)]))

    @property
    def unknown(self) -> bool:
        """Whether it is none of the labels; one of them may well be called “unknown”."""
        return self.novelty > NOVELTY_THRESHOLD


@dataclass(frozen=True)
class Decision:
    """The answer that a prediction allows: its ``kind``, and the ``labels`` that it is between.

    The kind is “confident”, “ambiguous”, “undecided” or “unknown”.
    """

    kind: str
    labels: tuple[str, ...]

    @property
    def maybe_none(self) -> bool:
        """Whether it is between one label and none of the known."""
        return self.kind == "ambiguous" and len(self.labels) == 1


@dataclass(frozen=True)
class Labeled:
    """A file and either its prediction or, in one sentence, why there is none.

    ``notes`` tell, a sentence each, what was left out of the file or assumed for it.
    """

    file: str
    prediction: Prediction | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()

    def to_json(self, top: int) -> dict[str, Any]:
        """For the command line: the ``top`` likeliest labels, or the error."""
        if self.prediction is None:
            return {"file": self.file, "error": self.error}
        scores = self.prediction.scores[:top]
        return {
            "file": self.file,
            "verdict": self.prediction.verdict,
            "decision": self.prediction.decision().kind,
            "novelty": self.prediction.novelty,
            "scores": [{"label": s.label, "probability": s.probability} for s in scores],
        }


class VectorPredictor:
    """Predicts vectors of pictures with the model of one bundle; needs no network."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    @cached_property
    def identity(self) -> tuple[str, tuple[str, ...]]:
        """Tells models apart: a hash of the weights and, as classes can be renamed, the labels."""
        weights = np.ascontiguousarray(self.bundle.head.weights)
        # An array is a buffer, which stubs can say from Python 3.12 on only.
        digest = hashlib.sha256(weights)  # pyright: ignore[reportArgumentType]
        return digest.hexdigest(), self.bundle.taxonomy.labels

    def predict(self, vectors: np.ndarray, taxonomy: str | None = None) -> list[Prediction]:
        """Predictions for vectors [n, d], in ``taxonomy`` or the one the model was trained on.

        A coarser taxonomy sums the probabilities of the labels that belong together.
        """
        trained = self.bundle.taxonomy
        level = trained.level(taxonomy or trained.name)
        probs, novelties = self.probabilities(vectors)
        rolled = trained.roll_up(probs, level.name)
        predictions = []
        for row, novelty in zip(rolled, novelties, strict=True):
            order = np.argsort(-row, kind="stable")
            scores = tuple(Score(level.labels[i], float(row[i])) for i in order)
            predictions.append(Prediction(level.name, scores, float(novelty)))
        return predictions

    def probabilities(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities [n, labels] and novelty [n], 0 where there is nothing to tell it by."""
        # Each vector is multiplied by itself: BLAS rounds the last bits of a matrix by its size,
        # and a picture gets the same answer alone and among others.
        alone = np.ascontiguousarray(vectors)[:, None]
        probs, known = probabilities(self.bundle.head.logits(alone))[:, 0], self.bundle.novelty
        if known is None:
            return probs, np.zeros(len(vectors))
        novelties = known.scores(alone)[:, 0]
        return discount_by_novelty(probs, novelties), novelties


class ImagePredictor(VectorPredictor):
    """Embeds pictures and predicts them; safe to share between threads.

    Raises BundleError where the network here is not the one the model was trained on.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.embedder = shared_embedder(bundle.embedding)
        if self.embedder.digest != bundle.backbone_digest:
            raise BundleError(
                f"The model “{bundle.title}” was trained on another version of "
                f"{network_title(bundle.embedding.architecture)}; retrain it here."
            )
        if len(bundle.head.weights) != self.embedder.dimensions:
            raise BundleError(
                f"The model “{bundle.title}” expects {len(bundle.head.weights)} numbers for each "
                f"picture, but there are {self.embedder.dimensions}; retrain it here."
            )

    def embed(self, picture: Image.Image) -> np.ndarray:
        """The vector [d] of a picture, which answers for every taxonomy."""
        return self.embedder.embed(picture)

    def embed_blank(self) -> np.ndarray:
        """The vector [d] of a blank picture, to try a model out with."""
        return self.embed(Image.new("RGB", (64, 64), "white"))

    def label_one(self, name: str, source: Path | bytes, taxonomy: str | None = None) -> Labeled:
        """Label the picture in ``source``, called ``name``; an unreadable one gets its reason."""
        try:
            opened = open_picture(source, max_side=self.embedder.working_side)
        except PictureError as error:
            return Labeled(name, error=str(error))
        vector = self.embed(opened.picture)
        return Labeled(name, self.predict(vector[None], taxonomy)[0], notes=opened.notes)


@lru_cache(maxsize=2)
def shared_embedder(spec: EmbeddingSpec) -> ImageEmbedder:
    """One embedder for each spec in this process: networks are large."""
    return ImageEmbedder(spec)
