"""The real thing: the shipped model and vectors, and the decor pictures where they are at hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decor_core.__main__ import main
from decor_core.features.embedder import ImageEmbedder
from decor_core.features.embeddings import Embeddings
from decor_core.images.decode import content_hash, load_picture
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import ImagePredictor
from decor_core.model.training_config import TrainingConfig
from decor_core.taxonomy import DECOR
from decor_core.training.train import cross_validate

SAMPLES = Path(__file__).parents[2] / "models" / "samples"
LISTED = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shipped():
    return Embeddings.load()


@pytest.fixture(scope="module")
def predictor():
    return ImagePredictor(load_bundle())


# With what ships alone


@pytest.mark.parametrize("sample", LISTED, ids=lambda sample: sample["file"])
def test_shipped_model_recognizes_the_drawn_sample(predictor, sample):
    vector = predictor.embed(load_picture(SAMPLES / sample["file"], max_side=512))[None]
    assert predictor.predict(vector)[0].verdict == sample["style"]
    country = predictor.predict(vector, "country")[0].verdict
    assert country == DECOR.parent_of(sample["style"])


def test_shipped_vectors_are_all_decor_pictures(shipped):
    assert shipped.taxonomy == DECOR
    assert shipped.table["type"].value_counts().to_dict() == {"product": 285, "pattern": 200}
    assert shipped.table["key"].is_unique
    assert np.isfinite(shipped.vectors).all()


def test_shipped_model_fits_the_shipped_vectors(shipped, predictor):
    assert predictor.bundle.embedding == shipped.spec
    assert predictor.bundle.backbone_digest == shipped.digest
    products = shipped.of_types("product")
    answers = [prediction.verdict for prediction in predictor.predict(products.vectors)]
    assert (products.table["style"] == answers).mean() >= 0.98  # it was trained on them


def test_cross_validation_on_the_products(shipped):
    judged = cross_validate(
        shipped.of_types("product"), TrainingConfig(head="lda"), "style", repeats=1
    )
    assert judged["style"].n == 285
    assert judged["style"].accuracy >= 0.95
    assert judged["country"].accuracy >= 0.97
    assert judged["style"].ece < 0.06


# With the pictures


@pytest.mark.parametrize("file", ["01_02_2_001.png", "02_04_1_016.png", "04_06_2_003.png"])
def test_shipped_vectors_are_those_of_the_pictures(decor_data, shipped, file):
    path = decor_data / "images" / file
    row = shipped.table.index[shipped.table["file"] == file][0]
    assert shipped.table.at[row, "key"] == content_hash(path.read_bytes())
    vector = ImageEmbedder(shipped.spec).embed(
        load_picture(path, max_side=ImageEmbedder.working_side)
    )
    np.testing.assert_allclose(shipped.vectors[row], vector, atol=1e-2)


def test_prepare_retrain_and_label(decor_data, tmp_path, capfd):
    table = pd.read_csv(decor_data / "decor.csv")
    few = table[table["type"] == "product"].groupby("decor").head(12)
    few.to_csv(tmp_path / "few.csv", index=False)

    def run(*arguments):
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return code, capfd.readouterr().out

    code, out = run("prepare", "--csv", tmp_path / "few.csv", "--images", decor_data / "images",
                    "--out", tmp_path / "set", "--json")  # fmt: skip
    assert code == 0
    assert json.loads(out)["counts"] == dict.fromkeys(DECOR.labels, 12)
    assert (tmp_path / "set" / "Wycinanki łowickie").is_dir()

    code, out = run("retrain", "--image_dir", tmp_path / "set", "--how_many_training_steps", 500,
                    "--learning_rate", 0.03, "--copies", 0, "--bundle", tmp_path / "model",
                    "--json")  # fmt: skip
    assert code == 0
    assert json.loads(out)["final_test_accuracy"] >= 0.85  # N is small
    assert json.loads(out)["labels"] == list(DECOR.labels)

    images = decor_data / "images"
    code, out = run("label", "--image", images / "01_02_2_001.png", images / "02_04_1_016.png",
                    "--bundle", tmp_path / "model", "--json")  # fmt: skip
    assert code == 0
    verdicts = [answer["verdict"] for answer in json.loads(out)]
    assert verdicts == ["Khokhloma", "Wycinanki łowickie"]
