"""Corrections: a data set that is always taught, never tested on; what a model learned from."""

from dataclasses import replace

import numpy as np
import pytest

from decor_app.jobs.dataset_tasks import embed_dataset
from decor_app.jobs.train_tasks import TrainOnAllTask
from decor_core.data.split import assign_folds
from decor_core.datasets.corrections import correct, with_corrections
from decor_core.datasets.store import DatasetStore
from decor_core.errors import DataError
from decor_core.features.embedder import EmbeddingSpec
from decor_core.images.augment import STANDARD, Augmentation
from decor_core.model.events import never_stop
from decor_core.model.training_config import TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import run_of_training
from decor_core.training.labeled_vectors import LabeledVectors
from decor_core.training.search import grid, learning_curve, search
from decor_core.training.train import cross_validate, train

LDA = TrainingConfig(head="lda")
LEVELS = ("style", "country")


@pytest.fixture
def corrected(tmp_path, ornament, encoded, embeddings):
    """Vectors of two pictures of a new class."""
    new = [(f"{n}.png", encoded(ornament(n, "orange"))) for n in (900, 901)]
    made = correct(DatasetStore(tmp_path), "Corrections", LEVELS, new, "Delft", "Netherlands")
    return embed_dataset(made, EmbeddingSpec(views=1))


# The set


def test_a_correction_begins_a_set_and_another_joins_it(tmp_path, ornament, encoded):
    store, picture = DatasetStore(tmp_path), encoded(ornament(1))
    one = correct(store, "Mine", LEVELS, [("vase.png", picture)], "Gzhel", "Russia")
    assert one.counts == {"Gzhel": 1} and one.title == "Mine" and not one.can_undo
    two = correct(store, "Mine", LEVELS, [("../x", encoded(ornament(2)))], "Delft", "Netherlands")
    assert two.counts == {"Delft": 1, "Gzhel": 1}
    assert two.catalog.taxonomy.parent_of("Delft") == "Netherlands"
    again = correct(store, "Mine", LEVELS, [("vase.png", picture)], "Delft", "Netherlands")
    assert again.counts == {"Delft": 2}, "corrected once more, it has the last label"
    assert again.undo().counts == two.counts


def test_a_new_class_needs_a_name_and_a_home(tmp_path, ornament, encoded):
    store, picture = DatasetStore(tmp_path), [("vase.png", encoded(ornament(1)))]
    with pytest.raises(DataError, match="which country “Delft” belongs to"):
        correct(store, "Corrections", LEVELS, picture, "Delft")
    with pytest.raises(DataError, match="needs a name"):
        correct(store, "Corrections", ("class",), picture, "  ")
    assert correct(store, "Corrections", ("class",), picture, "Delft").level == "class"
    other = correct(store, "Corrections", LEVELS, picture, "Delft", "Netherlands")
    assert other.level == "style" and len(store.list()) == 2, "other levels, another set"


# Learning


def test_corrections_train_and_are_never_held_out(embeddings, corrected):
    data = with_corrections(embeddings, corrected)
    task = LabeledVectors.of(data, "style", LDA)
    taught = np.flatnonzero(~task.may_hold_out)
    assert len(taught) == 2 and data.taxonomy.parent_of("Delft") == "Netherlands"
    parts = task.split()
    assert set(taught) <= set(parts.train)
    before = LabeledVectors.of(embeddings, "style", LDA).split()
    assert np.array_equal(parts.test, before.test), "the others are divided as before"
    assert set(np.flatnonzero(assign_folds(data.table, "style") < 0)) == set(taught)
    judged = cross_validate(data, LDA, "style", repeats=1)["style"]
    assert judged.n == 36 and "Delft" in judged.labels
    assert learning_curve(data, LDA, "style", shares=(1.0,))[0].accuracy.n == 36
    assert len(search(data, grid([20], [0.1]), "style", base=TrainingConfig("softmax"))) == 1


def test_a_model_that_was_corrected_knows_the_new_class(embeddings, corrected):
    data = with_corrections(embeddings, corrected)
    bundle = train(data, LDA, "style").bundle
    answer = bundle.head.logits(corrected.vectors).argmax(axis=1)
    assert {bundle.taxonomy.labels[i] for i in answer} == {"Delft"}
    assert bundle.training["corrections"] == 2
    whole = TrainOnAllTask(data, LDA, "style", "Whole").run(lambda event: None, never_stop)
    assert whole.training["training_pictures"] == 38
    assert not whole.cross_validation, "it answers at once, and is judged later"


def test_a_picture_that_is_known_gets_the_new_label(embeddings, corrected):
    base = embeddings
    same = replace(corrected, table=corrected.table.assign(key=list(base.table["key"][:2])))
    data = with_corrections(base, same)
    assert len(data.table) == 36
    changed = data.table[data.table["key"].isin(base.table["key"][:2])]
    assert list(changed["style"]) == ["Delft", "Delft"]


def test_a_picture_that_is_all_but_a_correction_is_not_asked_either(embeddings, corrected):
    far = np.random.default_rng(0).normal(size=embeddings.vectors.shape).astype(np.float32)
    base = replace(embeddings, vectors=far)
    seen = [far[0] + far[1] / 5, far[1] + far[2]]  # a copy, and what is equally near to two
    data = with_corrections(base, replace(corrected, vectors=np.float32(seen)))
    task = LabeledVectors.of(data, "style", LDA)
    assert list(np.flatnonzero(~task.may_hold_out)) == [0, 36, 37]
    assert {0, 36, 37} <= set(task.split().train)
    assert train(data, LDA, "style").bundle.training["corrections"] == 2
    assert data.table["style"][0] == base.table["style"][0]


def test_other_levels_do_not_mix(embeddings, corrected):
    with pytest.raises(DataError, match="other kinds of labels"):
        with_corrections(embeddings.at_level("country"), corrected)
    assert with_corrections(embeddings.at_level("country"), corrected.at_level("country"))


# What a model learned from


def test_material_is_found_again_in_the_model(training):
    own = Augmentation(flip=True, crop=10, copies=3)
    training_data = TrainingData(
        "tiles-1", "Tiles", "3f2a91c0ffee", EmbeddingSpec(views=1), own, "corrections-2", 3
    )
    assert training_data.name == "Tiles (3f2a91), 3 copies (flip, crop 10 %), 3 corrections"
    run = run_of_training(training, training_data, 1.0)
    assert TrainingData.of(run.bundle) == training_data


def test_the_shipped_photos_are_told_by_their_name(training):
    assert TrainingData().name == "Decor photos"
    assert TrainingData(augmentation=None).name == "Decor photos, no copies"
    for name, copies in (("decor", STANDARD), ("decor, no copies", None)):
        found = TrainingData.of(run_of_training(training, name).bundle)
        assert found == TrainingData(spec=training.bundle.embedding, augmentation=copies)
    assert TrainingData.of(run_of_training(training, "photos of somebody").bundle) is None


@pytest.mark.parametrize(
    "change",
    [
        {"set_id": 3},
        {"augmentation": {"copies": 10**9}},
        {"augmentation": {"crop": 1000}},
        {"augmentation": "much"},
        {"taught": "x"},
    ],
)
def test_material_that_makes_no_sense_is_none(training, change):
    told = TrainingData(spec=training.bundle.embedding).to_json() | change
    bundle = training.bundle
    assert TrainingData.of(replace(bundle, training=bundle.training | {"material": told})) is None
