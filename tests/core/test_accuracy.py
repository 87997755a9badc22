"""What benchmarks/accuracy.py keeps in a bundle for the About page, on drawn pictures."""

import argparse
import shutil
import zipfile

import pytest

from decor_core.export.formats import export_model
from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.predictor import ImagePredictor

accuracy = pytest.importorskip("benchmarks.accuracy")


def test_figures_from_elsewhere_are_counted_and_kept(training, painted, tmp_path):
    folder = save_bundle(training.bundle, tmp_path / "model")
    shops = tmp_path / "shops"
    for style, to in (("Gzhel", shops / "gzhel"), ("Khokhloma", shops / "KHOKHLOMA"),
                      ("Iznik", tmp_path / "kinds" / "green_tiles")):  # fmt: skip
        to.mkdir(parents=True)
        for file in sorted((painted / style).iterdir())[:4]:
            shutil.copy(file, to)
    first = sorted((shops / "gzhel").iterdir())[0]
    first.rename(shops / "KHOKHLOMA" / "in the wrong folder.png")
    predictor = ImagePredictor(training.bundle)
    others = accuracy._predict_folders(predictor, shops)
    strangers = accuracy._predict_folders(predictor, tmp_path / "kinds")
    evaluation = accuracy._evaluation(training.bundle, others)
    options = argparse.Namespace(bundle=folder, source="other shops")
    accuracy._write(training.bundle, options, others, evaluation, strangers)
    found = load_bundle(folder).elsewhere
    assert found.source == "other shops" and found.evaluation.n == 8
    assert found.evaluation.accuracy == pytest.approx(7 / 8)
    assert set(found.unknown) == {"Gzhel", "Khokhloma"}
    (tiles,) = found.strangers
    assert (tiles.kind, tiles.n) == ("Green tiles", 4)
    assert tiles.unknown + sum(tiles.confident.values()) <= 4
    with zipfile.ZipFile(export_model(load_bundle(folder), "bundle", tmp_path / "it.zip")) as out:
        readme = next(out.read(name) for name in out.namelist() if name.endswith("README.md"))
    assert "| other shops | other sources | 8 | 87.5 (" in readme.decode()
    rows = {row.name: row for row in accuracy._stranger_rows(strangers, others["gzhel"])}
    auroc = rows["strangers, all, AUROC against other shops"]
    assert auroc.interval[0] <= auroc.value <= auroc.interval[1]


def test_a_folder_that_is_no_label_is_named(training):
    with pytest.raises(SystemExit, match="“Delft” is no label of the model"):
        accuracy._evaluation(training.bundle, {"Delft": []})
