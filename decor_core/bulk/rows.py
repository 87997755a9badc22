"""One picture's bytes → one row: its result, or its vector. No I/O, so that any engine can call it.

A ``RowMaker`` has ``columns``, each with its type (str, float, int, or the length of a vector),
and ``made_by``, in JSON: all that decides the rows and their columns. An output is continued only
by what is the same.
"""

import logging
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from decor_core.errors import PictureError
from decor_core.features.embedder import EmbeddingSpec
from decor_core.features.own_networks import OwnNetwork, own_network
from decor_core.images.decode import DECODER_VERSION, content_hash, open_picture
from decor_core.model.bundle import Bundle
from decor_core.model.predictor import ImagePredictor, shared_embedder
from decor_core.model.results_table import Row, result_columns, result_row

_PREDICTIONS, _VECTORS = "decor-answers/1", "decor-vectors/1"

Content = bytes | PictureError
_log = logging.getLogger(__name__)


class RowMaker(Protocol):
    """Makes rows of pictures; safe to share between threads, and can be pickled.

    Pickles its arguments; the network only if the model contains it, else it is found by name.
    """

    columns: dict[str, type | int]
    made_by: dict[str, Any]

    def row(self, file: str, content: Content) -> Row:
        """The row of a picture called ``file``; with ``error``, if it cannot be read.

        What has no value is left out.
        """
        ...


def row_of(maker: RowMaker, file: str, content: Content) -> Row:
    """The row of a picture, whatever happens: one among millions must not end the run."""
    try:
        return maker.row(file, content)
    except Exception as error:  # a mistake of Decor's or of a decoder's, and told as such
        _log.exception("“%s” could not be looked at", file)
        reason = f"{type(error).__name__}: {error}".rstrip(": .")
        return {"file": file, "error": f"Decor failed on it ({reason}); please report it."}


class PredictionRows:
    """What a model says of pictures: its likeliest ``top`` labels, as ``ImagePredictor`` tells."""

    def __init__(
        self, predictor: ImagePredictor, taxonomy: str | None = None, top: int = 5
    ) -> None:
        bundle = predictor.bundle
        level = bundle.taxonomy.level(taxonomy or bundle.taxonomy.name)
        self._predictor, self._level, self._top = predictor, level.name, min(top, len(level.labels))
        self.columns: dict[str, type | int] = {**result_columns(self._top)}
        weights, labels = predictor.identity
        self.made_by = {
            "format": _PREDICTIONS,
            "model": bundle.title,
            "weights": weights,
            "labels": list(labels),
            "taxonomy": level.name,
            "top": self._top,
            **_embedded_by(bundle.embedding),
        }

    @classmethod
    def _of_bundle(cls, bundle: Bundle, taxonomy: str, top: int) -> "PredictionRows":
        return cls(ImagePredictor(bundle), taxonomy, top)

    def __reduce__(self) -> tuple[Any, ...]:
        return PredictionRows._of_bundle, (self._predictor.bundle, self._level, self._top)

    def row(self, file: str, content: Content) -> Row:
        if isinstance(content, PictureError):
            return {"file": file, "error": str(content)}
        return result_row(self._predictor.label_one(file, content, self._level), self._top)


class VectorRows:
    """Vectors of pictures by a spec, float16, to train on; ``key`` is the SHA-256 of the file."""

    def __init__(self, spec: EmbeddingSpec, network: OwnNetwork | None = None) -> None:
        # Held here: as long as it is in memory its name finds it.
        self._network = network or own_network(spec.architecture)
        self._embedder = shared_embedder(spec)
        self.columns: dict[str, type | int] = {
            "file": str, "key": str, "width": int, "height": int,
            "vector": self._embedder.dimensions, "notes": str, "error": str,
        }  # fmt: skip
        self.made_by = {
            "format": _VECTORS,
            **_embedded_by(spec),
            "blocks": [asdict(block) for block in self._embedder.blocks],
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return VectorRows, (self._embedder.spec, self._network)

    def row(self, file: str, content: Content) -> Row:
        if isinstance(content, PictureError):
            return {"file": file, "error": str(content)}
        row: Row = {"file": file, "key": content_hash(content)}
        try:
            opened = open_picture(content, max_side=self._embedder.working_side)
        except PictureError as error:
            return row | {"error": str(error)}
        row["width"], row["height"] = opened.size
        row["vector"] = self._embedder.embed(opened.picture).astype(np.float16)
        if opened.notes:
            row["notes"] = " ".join(opened.notes)
        return row


def _embedded_by(spec: EmbeddingSpec) -> dict[str, Any]:
    return {
        "spec": asdict(spec),
        "digest": shared_embedder(spec).digest,
        "decoder": DECODER_VERSION,
    }
