"""A model whose network is not on this machine: every command says so before it is fetched."""

from dataclasses import replace

import pytest

from decor_core.cli import terminal
from decor_core.cli.main import main
from decor_core.errors import BackboneError
from decor_core.export.formats import export_model
from decor_core.model.bundle import load_bundle, save_bundle


@pytest.fixture
def elsewhere_trained(training, tmp_path, monkeypatch):
    """The folder of a model whose network is not here, and cannot be had."""
    monkeypatch.setenv("DECOR_BACKBONES", str(tmp_path / "networks"))

    def offline(spec, path, seen=None, progress=None):
        progress(1_000_000, 94_000_000)
        raise BackboneError(f"The weights of {spec.name} could not be downloaded")

    monkeypatch.setattr("decor_core.features.convert.convert_backbone", offline)
    spec = replace(training.bundle.embedding, architecture="resnet50")
    return save_bundle(replace(training.bundle, embedding=spec), tmp_path / "model")


def test_a_network_that_is_not_here_is_fetched_in_words(
    elsewhere_trained, tmp_path, monkeypatch, capfd, encoded, ornament
):
    (tmp_path / "one.png").write_bytes(encoded(ornament(7, "firebrick")))
    packed = export_model(load_bundle(elsewhere_trained), "bundle", tmp_path / "model.zip")
    model = str(elsewhere_trained)
    bars = []

    def bar(title, **_):
        return lambda done, total: bars.append((title, done, total))

    monkeypatch.setattr(terminal, "progress_bar", bar)
    for arguments in (
        ["label", str(tmp_path / "one.png"), "--bundle", model],
        ["embed", str(tmp_path), "--bundle", model, "--out", str(tmp_path / "vectors.parquet")],
        ["export", model, "--format", "tflite", "--out", str(tmp_path / "new.zip")],
        ["import", str(packed)],
        ["serve", "--model", f"name={model}"],
    ):
        assert main(arguments) == 2
        told = capfd.readouterr().err
        assert "decor: resnet50 (94 MB) is fetched and converted once" in told
        assert bars == [("Downloading", 1_000_000, 94_000_000)]
        bars.clear()
        assert "decor: The weights of resnet50 could not be downloaded" in told
    assert not (tmp_path / "new.zip").exists()
    assert main(["export", model, "--out", str(tmp_path / "light.zip")]) == 0
