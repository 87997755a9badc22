"""A model that carries its network answers, explains and travels as the one that ships does."""

import gc
import json
import pickle
import subprocess
import sys
from dataclasses import replace
from weakref import WeakSet

import numpy as np
import pytest
from packing import zip_bytes
from PIL import Image

from decor_core.bulk.cluster_worker import WorkerPayload
from decor_core.bulk.rows import PredictionRows, VectorRows
from decor_core.cli.main import main
from decor_core.data.catalog import open_dataset
from decor_core.errors import BackboneError, BundleError, DecorError
from decor_core.export.formats import export_bytes
from decor_core.features import backbones, own_networks
from decor_core.features.backbone_spec import DEFAULT
from decor_core.features.backbones import is_at_hand, load_backbone
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder
from decor_core.features.own_networks import OwnNetwork
from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.explain import explain
from decor_core.model.neighbors import NeighborIndex
from decor_core.model.predictor import ImagePredictor
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.import_run import import_run
from decor_core.runs.run import run_of_training
from decor_core.runs.store import DiskRuns
from decor_core.training.train import train, train_on_all


@pytest.fixture(scope="module")
def bundle(own_training):
    return own_training.bundle


@pytest.fixture(scope="module")
def picture(ornament):
    return ornament(7, "firebrick")


def test_the_network_is_not_the_one_that_ships(own_network, picture):
    assert own_network.digest != load_backbone().digest
    own, shipped = (
        ImageEmbedder(EmbeddingSpec(name, views=1)).embed(picture)
        for name in (own_network.name, DEFAULT)
    )
    assert own.shape == shipped.shape and not np.allclose(own, shipped, atol=0.01)


def test_a_training_on_it_carries_it(bundle, own_network):
    assert bundle.network is own_network
    assert bundle.backbone_digest == own_network.digest
    assert bundle.embedding.architecture == own_network.name


def test_it_is_found_as_long_as_it_is_in_memory(own_network):
    other = OwnNetwork(own_network.content, 224, 127.5, 127.5, "Another")
    assert other.name != own_network.name and is_at_hand(other.name)
    name = other.name
    del other
    gc.collect()
    with pytest.raises(BackboneError, match="in none of the models here"):
        load_backbone(name)
    again = pickle.loads(pickle.dumps(own_network))
    assert again.name == own_network.name and is_at_hand(again.name)
    del again
    gc.collect()
    assert is_at_hand(own_network.name)


def test_saved_and_loaded(bundle, tmp_path):
    folder = save_bundle(bundle, tmp_path / "model")
    assert (folder / "network.tflite").read_bytes() == bundle.network.content
    again = load_bundle(folder)
    told = {name: value for name, value in vars(again.network).items() if name != "digest"}
    assert told == {k: v for k, v in vars(bundle.network).items() if k != "digest"}


def test_another_process_answers_alike(bundle, picture, tmp_path, encoded):
    folder = save_bundle(bundle, tmp_path / "model")
    (tmp_path / "one.png").write_bytes(encoded(picture))
    found = subprocess.run(
        [sys.executable, "-m", "decor_core", "label", str(tmp_path / "one.png"), "--json",
         "--bundle", str(folder)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    predictor = ImagePredictor(bundle)
    (wanted,) = predictor.predict(predictor.embed(picture)[None])
    (told,) = json.loads(found.stdout)
    assert told["scores"][0]["label"] == wanted.scores[0].label == "Khokhloma"
    assert told["scores"][0]["probability"] == pytest.approx(wanted.confidence, abs=1e-6)


def test_explained_and_compared(bundle, own_network, picture, painted, embeddings):
    predictor = ImagePredictor(bundle)
    found = explain(predictor, picture)
    vector = predictor.embed(picture)
    np.testing.assert_allclose(found.scores, bundle.head.logits(vector[None])[0], atol=1e-3)
    own = embed_catalog(open_dataset(painted), bundle.embedding)
    assert NeighborIndex.fits(bundle, own) and not NeighborIndex.fits(bundle, embeddings)
    assert NeighborIndex(bundle, own).nearest(vector)[0].label == "Khokhloma"
    noise = Image.effect_noise((64, 64), 90).convert("RGB")
    (known,), (strange,) = (predictor.predict(predictor.embed(p)[None]) for p in (picture, noise))
    assert known.novelty < strange.novelty


def test_exported_and_imported(bundle):
    run = import_run(export_bytes(bundle, "bundle"))
    assert run.bundle.network.content == bundle.network.content


def test_rows_take_it_to_other_machines(bundle, own_network, encoded, picture):
    maker = PredictionRows(ImagePredictor(bundle))
    vectors = VectorRows(bundle.embedding)
    for made in (maker, vectors):
        shipment = WorkerPayload.of(made)
        assert shipment.weights is None
        script = "import pickle, sys; s = pickle.load(sys.stdin.buffer); m = s.unpack(); " + (
            "print(m.made_by['digest'])"
        )
        told = subprocess.run(
            [sys.executable, "-c", script], input=pickle.dumps(shipment), capture_output=True,
            check=True,
        )  # fmt: skip
        assert told.stdout.decode().strip() == own_network.digest


def test_vectors_of_it_are_kept_apart(bundle, own_cache):
    kept = {path.name.partition("-")[0] for path in (own_cache / "vectors").iterdir()}
    assert bundle.network.name in kept


def _with_other_mean(bundle):
    network = replace(bundle.network, mean=126.5)
    spec = replace(bundle.embedding, architecture=network.name)
    return replace(bundle, network=network, backbone_digest=network.digest, embedding=spec)


def _forget_networks(monkeypatch):
    monkeypatch.setattr(own_networks, "_held", {})
    monkeypatch.setattr(own_networks, "_living", WeakSet())
    load_backbone.cache_clear()


@pytest.fixture
def forgotten(tiny_training, tmp_path, monkeypatch):
    """The folder of a model whose network nothing else in this process has."""
    _forget_networks(monkeypatch)
    return save_bundle(_with_other_mean(tiny_training.bundle), tmp_path / "model")


def test_its_vectors_are_written_and_trained_on(forgotten, painted, tmp_path, capsys, monkeypatch):
    vectors, again = str(tmp_path / "vectors.parquet"), tmp_path / "again"
    assert main(["embed", str(painted), "--bundle", str(forgotten), "--out", vectors]) == 0
    _forget_networks(monkeypatch)  # as in another process
    arguments = ["train", "--head", "lda", "--quick", "--embeddings", vectors, "--out", str(again)]
    assert main(arguments) == 0
    assert "“Tiny” learned from pictures before. Assumed that these are" in capsys.readouterr().err
    content = (forgotten / "network.tflite").read_bytes()
    assert (again / "network.tflite").read_bytes() == content
    monkeypatch.setenv("DECOR_BACKBONES", str(tmp_path / "empty"))  # as on another machine
    _forget_networks(monkeypatch)
    capsys.readouterr()
    assert main(arguments) == 2
    assert "name that model by --architecture" in capsys.readouterr().err
    assert main([*arguments, "--architecture", str(forgotten)]) == 0
    assert load_bundle(again).network.title == "Tiny"


def test_no_model_is_trained_that_lacks_its_network(tiny_training, painted, monkeypatch):
    spec = tiny_training.bundle.embedding
    vectors = embed_catalog(open_dataset(painted), spec)
    _forget_networks(monkeypatch)
    with pytest.raises(BackboneError, match="in none of the models here"):
        train(vectors, TrainingConfig("lda"), "style")
    with pytest.raises(BackboneError, match="in none of the models here"):
        train_on_all(vectors, TrainingConfig("lda"), "style", repeats=0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"side": 192}, "its network is not the one that it was trained on"),
        ({"scale": 0.0}, "what its network takes makes no sense"),
        ({"mean": float("inf")}, "Expected `float`"),
        ({"title": "a\nb"}, "its network's title must be a text"),
        ({"title": 3}, "Expected `str`"),
    ],
)
def test_damaged_words_about_it(bundle, tmp_path, changes, reason):
    folder = save_bundle(bundle, tmp_path / "model")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["network"] |= changes
    (folder / "manifest.json").write_text(json.dumps(manifest).replace("Infinity", '"x"'))
    with pytest.raises(BundleError, match=reason):
        load_bundle(folder)


def test_another_file_in_its_place(bundle, tmp_path):
    folder = save_bundle(bundle, tmp_path / "model")
    path = folder / "network.tflite"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(BundleError, match="not the one that it was trained on"):
        load_bundle(folder)
    path.unlink()
    with pytest.raises(BundleError, match="network.tflite is missing"):
        load_bundle(folder)


def test_a_model_without_the_network_that_it_needs(bundle, tmp_path, capsys):
    lost = replace(bundle, network=None)
    name = "own_" + "0" * 16
    lost = replace(lost, embedding=replace(lost.embedding, architecture=name))
    folder = save_bundle(lost, tmp_path / "model")
    assert main(["label", str(tmp_path), "--bundle", str(folder)]) == 2
    assert "is in none of the models here" in capsys.readouterr().err
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(BundleError, match="in none of the models here"):
        import_run(zip_bytes(files))


def test_steps_of_its_input_are_the_levels_of_pixels(own_network):
    other = replace(own_network, mean=0.0)
    with pytest.raises(BackboneError, match="“Changed” of the model is refused: expected that"):
        backbones.load_backbone(other.name)


@pytest.fixture
def kept(tiny_training, tmp_path):
    """A kept run whose model carries its network, as another process finds it, and the file."""
    run = DiskRuns(tmp_path).save(run_of_training(tiny_training, "painted"))
    return DiskRuns(tmp_path).get(run.id), tmp_path / run.id / "model" / "network.tflite"


def test_that_of_a_kept_run_is_read_when_it_is_wanted(kept, tiny_training, tmp_path, picture):
    run, file = kept
    content = file.read_bytes()
    file.write_bytes(bytes(len(content)))  # while it is listed nobody looks into it
    network = DiskRuns(tmp_path).get(run.id).bundle.network
    assert network.name == tiny_training.bundle.network.name and network.size == len(content)
    with pytest.raises(BackboneError, match="Tiny.*damaged.*not the one.*retrain it"):
        network.content  # noqa: B018
    file.write_bytes(content)
    sent = pickle.loads(pickle.dumps(network))
    predictor = ImagePredictor(run.bundle)
    (found,) = predictor.predict(predictor.embed(picture)[None])
    assert found.scores[0].label == "Khokhloma"
    assert run.bundle.network.content == content
    file.unlink()  # the run is deleted: what was read once lasts
    assert pickle.loads(pickle.dumps(run.bundle.network)).content == content
    for unread in (sent, DiskRuns(tmp_path)):
        with pytest.raises(DecorError, match="damaged|no run"):
            unread.content if unread is sent else unread.get(run.id)  # noqa: B018


def test_a_kept_run_is_renamed_and_exported_with_its_network(kept, tiny_training, tmp_path):
    run, file = kept
    store = DiskRuns(tmp_path)
    assert store.rename(run.id, "Other").bundle.network.content == file.read_bytes()
    assert file.read_bytes() == tiny_training.bundle.network.content
    exported = import_run(export_bytes(store.get(run.id).bundle, "bundle"))
    assert exported.bundle.network.content == file.read_bytes()
