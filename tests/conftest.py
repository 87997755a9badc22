"""Pictures that tests make for themselves, and the real data where it is at hand."""

import gc
import io
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as decor_core does, but NumPy comes first here
# Computed behind every start and every data set that comes; the tests of it switch it on.
os.environ |= {"DECOR_WARM_UP": "0", "DECOR_FIRST_MODEL": "0"}

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from packing import LABELS
from PIL import Image
from tiny_network import tiny_network

from decor_core.data.catalog import open_dataset
from decor_core.features.backbone_spec import DEFAULT
from decor_core.features.backbones import load_backbone
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec
from decor_core.features.embeddings import Embeddings
from decor_core.features.own_networks import OwnNetwork
from decor_core.model.training_config import TrainingConfig
from decor_core.shipped import MODELS
from decor_core.training.train import Training, train


def pytest_collection_finish() -> None:
    """Let the collector of garbage look only at what comes after all has been imported.

    Where Keras is imported, Streamlit clears it after each run of a page, and that collects: 0.2 s.
    """
    gc.freeze()


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


@pytest.fixture(scope="session")
def members(ornament: Callable, encoded: Callable) -> dict[str, bytes]:
    """Three pictures in each of three class folders."""
    return {
        f"{label}/{i}.png": encoded(ornament(10 * place + i, side=96))
        for place, label in enumerate(LABELS)
        for i in range(3)
    }


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


@pytest.fixture(scope="session")
def own_network() -> OwnNetwork:
    """The network that ships with other biases in it: one that no name gives."""
    content = (MODELS / "backbone" / f"{DEFAULT}.tflite").read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    (graph,) = model.subgraphs
    for tensor in graph.tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None and tensor.type == schema.TensorType.INT32:
            biases = np.asarray(data).view("<i4")
            model.buffers[tensor.buffer].data = (biases + biases // 4).view(np.uint8)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return OwnNetwork(bytes(builder.Output()), 224, 127.0, 128.0, "Changed", based_on=DEFAULT)


@pytest.fixture(scope="session")
def own_training(painted: Path, own_network: OwnNetwork) -> Training:
    """As ``training``, in closed form on the vectors of ``own_network``."""
    spec = EmbeddingSpec(architecture=own_network.name, views=1)
    vectors = embed_catalog(open_dataset(painted), spec)
    return train(vectors, TrainingConfig("lda"), "style", title="Painted, changed")


@pytest.fixture(scope="session")
def tiny_training(painted: Path) -> Training:
    """As ``own_training``, on a network of two convolutions, which takes no time."""
    network = OwnNetwork(tiny_network(), 32, 127.5, 127.5, "Tiny", based_on=DEFAULT)
    vectors = embed_catalog(open_dataset(painted), EmbeddingSpec(network.name, views=2))
    training = train(vectors, TrainingConfig("lda"), "style", title="Painted, tiny")
    account = {"fine_tuned": {"stages": 2, "untrained_share": 0.15, "bits": 32}}
    training.bundle.training.update(account)
    return training


@pytest.fixture(scope="session", autouse=True)
def quick_zips() -> Iterator[None]:
    """Zips need not be small here: to pack a model at the usual level takes two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zlib, "Z_DEFAULT_COMPRESSION", zlib.Z_BEST_SPEED)
        yield


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


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of converted networks."""
    monkeypatch.setenv("DECOR_BACKBONES", str(tmp_path / "networks"))
    load_backbone.cache_clear()
    yield tmp_path / "networks"
    load_backbone.cache_clear()
