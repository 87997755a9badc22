"""Settings of a training: ranges, types, and what flags and widgets are made from."""

import json
from dataclasses import asdict, fields, replace

import pytest

from decor_core.errors import TrainingError
from decor_core.features.embedder import AUTO, EmbeddingSpec
from decor_core.images.augment import STANDARD, Augmentation
from decor_core.model.training_config import TrainingConfig


@pytest.mark.parametrize("settings, named", [
    ({"head": "forest"}, "no head “forest”; choose auto, ensemble, logistic, softmax or lda"),
    ({"steps": 0}, "training steps must lie between 1 and 100,000, but it is 0"),
    ({"steps": 100_001}, "training steps"),
    ({"steps": 10.5}, "training steps is 10.5. Expected `int`"),
    ({"steps": "10"}, "training steps is '10'. Expected `int`"),
    ({"learning_rate": 0.0}, "learning rate"),
    ({"learning_rate": 10.5}, "learning rate"),
    ({"learning_rate": float("nan")}, "learning rate"),
    ({"batch_size": 0}, "batch size"),
    ({"weight_decay": -0.1}, "weight decay"),
    ({"eval_interval": 0}, "evaluation interval"),
    ({"testing_percentage": 101}, "test share"),
    ({"seed": -1}, "random seed"),
    ({"seed": 2**32}, "random seed"),
    ({"views": 7}, "views of each picture must lie between 1 and 6"),
    ({"region": "corner"}, "no part of the picture “corner”; choose auto, object or frame"),
    ({"copies": -1}, "copies of each picture"),
    ({"random_crop": 120}, "crop, % must lie between 0 and 100"),
])  # fmt: skip
def test_settings_out_of_range_or_of_another_type_are_refused(settings, named):
    with pytest.raises(TrainingError, match=named):
        TrainingConfig(**settings)


def test_settings_at_their_limits_are_taken():
    TrainingConfig(steps=1, learning_rate=1e-6, batch_size=1, weight_decay=0, seed=2**32 - 1)
    TrainingConfig(steps=100_000, learning_rate=10, weight_decay=1, copies=0)


def test_every_setting_can_be_told_and_shown():
    for field in fields(TrainingConfig):
        assert field.metadata["label"] and field.metadata["help"].endswith(".")
        if field.metadata["slider"]:
            low, high, step = field.metadata["slider"]
            assert field.metadata["min"] <= low < high <= field.metadata["max"]
            assert (high - low) % step == 0
        if field.metadata["options"]:
            assert field.default in field.metadata["options"]


def _another(field):
    """A value of a setting that is not its default."""
    if field.type is bool:
        return not field.default
    choices = field.metadata["choices"] or (field.metadata["min"], field.metadata["max"])
    if field.name == "architecture":
        choices = ("mobilenet_1.0_224",)
    return next(value for value in choices if value != field.default)


def test_each_setting_that_changes_vectors_says_so():
    usual = TrainingConfig()
    # Beside the vectors these change how they are learned from, so they are never without effect.
    do_more = {"seed", "quick"}
    for field in fields(TrainingConfig):
        other = replace(usual, **{field.name: _another(field)})
        changed = other.spec != usual.spec or other.augmentation(10) != usual.augmentation(10)
        assert field.metadata["of_vectors"] == (changed and field.name not in do_more), field.name


def test_json_and_back():
    config = TrainingConfig("softmax", learning_rate=1, copies=3)
    assert TrainingConfig(**json.loads(json.dumps(asdict(config)))) == config


def test_it_says_how_pictures_become_vectors():
    assert TrainingConfig().spec == EmbeddingSpec(region=AUTO)
    assert TrainingConfig(region="object").spec == EmbeddingSpec()
    assert TrainingConfig(
        architecture="mobilenet_1.0_224", views=6, region="frame"
    ).spec == EmbeddingSpec("mobilenet_1.0_224", 6, region="frame")


def test_copies_are_the_standard_ones_or_those_that_are_chosen():
    assert TrainingConfig().augmentation(10) == STANDARD
    assert TrainingConfig().augmentation(5000).copies == 0
    assert TrainingConfig(copies=1, seed=3).augmentation(5000).copies == 1
    chosen = TrainingConfig(random_crop=10, flip_left_right=True).augmentation(10)
    assert chosen == Augmentation(flip=True, crop=10, copies=4)
