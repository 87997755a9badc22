"""Pictures that tests make for themselves, and the real data where it is at hand."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

_DECOR_DATA = Path(__file__).parents[2] / "shared/data/decor"


@pytest.fixture(scope="session")
def decor_data() -> Path:
    """Folder with decor.csv and images/ of the real data set; skips where it is absent."""
    if not (_DECOR_DATA / "decor.csv").is_file():
        pytest.skip("the decor pictures are not on this machine")
    return _DECOR_DATA


@pytest.fixture(scope="session")
def ornament() -> Callable[..., Image.Image]:
    """Makes pictures: ``ornament(number, colour)`` is a picture of 48 pixels unlike all others."""

    def make(number: int, colour: str = "navy", side: int = 48) -> Image.Image:
        cells = np.random.default_rng(number).random((8, 8)) < 0.5
        shape = Image.fromarray(cells).resize((side * 3 // 4,) * 2, Image.Resampling.NEAREST)
        picture = Image.new("RGB", (side, side), "white")
        picture.paste(Image.new("RGB", shape.size, colour), (side // 8, side // 8), shape)
        return picture

    return make


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Pictures as bytes: ``encoded(picture, "PNG", **options of Pillow's save)``."""

    def encode(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
        stream = io.BytesIO()
        picture.save(stream, kind, **options)
        return stream.getvalue()

    return encode
