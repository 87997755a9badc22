"""Pictures that tests make for themselves, and the real data where it is at hand."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as decor_core does, but NumPy comes first here
# Computed behind every start and every intake; the tests of it switch it on.
os.environ |= {"DECOR_WARM_UP": "0", "DECOR_FIRST_MODEL": "0"}

import numpy as np
import pytest
from PIL import Image

from decor_core.data.catalog import open_dataset
from decor_core.features.embedder import EmbeddingSpec
from decor_core.features.embeddings import Embeddings, embed_catalog
from decor_core.model.training_config import TrainingConfig
from decor_core.training.train import Training, train

_DECOR_DATA = Path(__file__).parents[2] / "shared/data/decor"


@pytest.fixture(scope="session")
def decor_data() -> Path:
    """Folder with decor.csv and images/ of the real data set; skips where it is absent."""
    if not (_DECOR_DATA / "decor.csv").is_file():
        pytest.skip("the decor pictures are not on this machine")
    return _DECOR_DATA


@pytest.fixture(scope="session")
def ornament() -> Callable[..., Image.Image]:
    """Makes pictures: ``ornament(number, color)`` is a picture of 48 pixels unlike all others."""

    def make(number: int, color: str = "navy", side: int = 48) -> Image.Image:
        cells = np.random.default_rng(number).random((8, 8)) < 0.5
        shape = Image.fromarray(cells).resize((side * 3 // 4,) * 2, Image.Resampling.NEAREST)
        picture = Image.new("RGB", (side, side), "white")
        picture.paste(Image.new("RGB", shape.size, color), (side // 8, side // 8), shape)
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


@pytest.fixture
def write_pictures(tmp_path, ornament, encoded):
    """Writes pictures at the given names under one folder."""

    def write(*names):
        folder = tmp_path / "set"
        for number, name in enumerate(names):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(encoded(ornament(number)))
        return folder

    return write


PAINTED = {"Gzhel": "navy", "Khokhloma": "firebrick", "Iznik": "seagreen"}


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keeps every test away from the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECOR_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory, ornament: Callable) -> Path:
    """Class folders of three styles, 12 ornaments each; a style is told by its color."""
    root = tmp_path_factory.mktemp("painted")
    for place, (style, color) in enumerate(PAINTED.items()):
        (root / style).mkdir()
        for i in range(12):
            number = 100 * place + i
            ornament(number, color).save(root / style / f"{number:03}.png")
    return root


@pytest.fixture(scope="session")
def embeddings(painted: Path, own_cache: Path) -> Embeddings:
    """The painted pictures as vectors of one view."""
    return embed_catalog(open_dataset(painted), EmbeddingSpec(views=1))


@pytest.fixture(scope="session")
def training(embeddings: Embeddings) -> Training:
    """A softmax head trained on the painted pictures by TensorFlow."""
    return train(
        embeddings, TrainingConfig("softmax", steps=60, learning_rate=0.1), "style", title="Painted"
    )
