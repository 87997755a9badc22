"""Input of a network: its size and preprocessing; where its file is."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decor_core.config import cache_directory
from decor_core.shipped import MODELS

DEFAULT = "efficientnet_lite0"


@dataclass(frozen=True)
class BackboneSpec:
    """A network: square input of ``side`` pixels, fed ``(pixel - mean) / scale``."""

    name: str
    side: int
    mean: float
    scale: float

    @property
    def path(self) -> Path:
        """Its TFLite file: shipped under ``models/``, or converted once and kept.

        It is kept in $DECOR_BACKBONES, by default in the cache.
        """
        shipped = MODELS / "backbone" / f"{self.name}.tflite"
        return shipped if self.name == DEFAULT or shipped.exists() else kept_path(self.name)


def kept_path(name: str) -> Path:
    """Path of the TFLite file of a network that does not ship."""
    folder = Path(os.environ.get("DECOR_BACKBONES") or cache_directory() / "backbone")
    return folder / f"{name}.tflite"


def preprocess(pixels: np.ndarray, spec: BackboneSpec, kind: type = np.float32) -> np.ndarray:
    """Pixels [n, side, side, 3], uint8, as a network takes them whose input is of that ``kind``.

    Float32, or int8: with a step for each level of the pixels.
    """
    if kind == np.int8:
        return (pixels ^ 128).view(np.int8)  # pixels - 128, without leaving eight bits
    scaled = pixels.astype(np.float32)
    scaled -= spec.mean
    scaled /= spec.scale
    return scaled
