"""Fine-tuning: the trainable network sees what the file sees, and what comes of training it."""

from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tiny_network import tiny_network

from decor_core.data.catalog import open_dataset
from decor_core.errors import BackboneError, DecorError, TrainingError
from decor_core.features.backbone_spec import preprocess
from decor_core.features.backbones import load_backbone
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec
from decor_core.features.own_networks import OwnNetwork
from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.predictor import ImagePredictor
from decor_core.model.training_config import TrainingConfig
from decor_core.training import fine_tuner, fine_tuning
from decor_core.training.fine_tuner import FineTuner
from decor_core.training.fine_tuning import fine_tune
from decor_core.training.time_estimate import PHASES, TimeEstimate

pytest.importorskip("tensorflow")

EPOCHS = 3
CONFIG = TrainingConfig(
    "lda",
    fine_tune=1,
    fine_tune_epochs=20,
    fine_tune_rate=0.01,
    testing_percentage=25,
    validation_percentage=25,
)


@pytest.fixture(scope="module")
def catalog(painted):
    return open_dataset(painted)


@pytest.fixture(scope="module")
def tiny():
    return OwnNetwork(tiny_network(), 32, 127.0, 128.0, "Tiny")


@pytest.fixture(scope="module")
def vectors(catalog, tiny):
    return embed_catalog(catalog, EmbeddingSpec(architecture=tiny.name, views=1))


def _second_epoch_is_best():
    """Validation that finds it: with so few pictures it is luck which is best, if any."""
    validate, probabilities = fine_tuner.FineTuner.validate, iter((0.4, 0.5, 0.7, 0.6))
    return lambda tuner, late: replace(validate(tuner, late), probability=next(probabilities, 0.7))


@pytest.fixture(scope="module")
def tuning(vectors, catalog):
    """A fine-tuning that is stopped after EPOCHS, and what it told on its way."""
    told = {"estimates": [], "events": [], "progress": []}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fine_tuner.FineTuner, "validate", _second_epoch_is_best())
        found = fine_tune(
            vectors,
            catalog.read,
            CONFIG,
            title="Deeper",
            on_estimate=told["estimates"].append,
            on_event=told["events"].append,
            progress=lambda *what: told["progress"].append(what),
            should_stop=lambda: len(told["events"]) == EPOCHS,
        )
    return found, told


# --- the network


def test_the_trainable_network_sees_what_the_shipped_file_sees(ornament):
    from decor_core.features.trainable_network import TrainableNetwork

    backbone = load_backbone()
    pixels = np.asarray(ornament(3, "seagreen", side=224))[None]
    network = TrainableNetwork(backbone.weights, 3)
    found = network(preprocess(pixels, backbone.spec))
    for ours, theirs in zip(found, backbone.stage_maps(pixels), strict=True):
        error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
        assert error < 0.25, theirs.shape  # the file rounds to eight bits
    late = network.late_maps(found[3])
    for ours, theirs in zip(late, found[4:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_only_the_late_stages_are_trained(tiny):
    import tensorflow as tf

    from decor_core.features.trainable_network import TrainableNetwork

    network = TrainableNetwork(tiny.content, 1)
    kernel, bias = network.trainable_variables
    assert kernel.shape == (3, 3, 4, 6) and bias.shape == (6,)
    pixels = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(pixels)[-1] ** 2)
    slope = tape.gradient(loss, kernel).numpy()
    # As small a step down that slope as single precision shows.
    before, step = float(loss), 1e-3 / np.abs(slope).max()
    kernel.assign_sub(step * slope)
    after = float(tf.reduce_sum(network(pixels)[-1] ** 2))
    assert before - after == pytest.approx(step * (slope**2).sum(), rel=0.1)


@pytest.mark.parametrize("stages", [2, 9])
def test_a_network_has_so_many_stages_to_train(tiny, stages):
    from decor_core.features.trainable_network import TrainableNetwork

    with pytest.raises(
        BackboneError, match=f"2 stages, of which 1 to 1 can be trained, not {stages}"
    ):
        TrainableNetwork(tiny.content, stages)


# --- what comes of it


def test_it_tells_what_it_does(tuning):
    found, told = tuning
    (estimate,) = told["estimates"]
    assert min(estimate.phases.values()) > 0 and 1 <= estimate.epochs <= 20
    assert [event.step for event in told["events"]] == [1, 2, 3]
    assert tuple(told["events"]) == found.events
    done = [what for what, done, total in told["progress"] if done == total]
    assert done == ["pictures", "network", "vectors"]
    assert all(0 <= event.validation_accuracy <= 1 for event in found.events)


def test_the_fine_tuned_model_can_be_kept_and_used(tuning, vectors, catalog, tmp_path, painted):
    found, _ = tuning
    assert found.fine_tuned and found.embeddings
    bundle = found.fine_tuned.bundle
    loaded = load_bundle(save_bundle(bundle, tmp_path / "deeper"))
    assert loaded.network and loaded.network.title == "Tiny, fine-tuned"
    told = loaded.training["fine_tuned"]
    assert told["stages"] == 1 and told["bits"] == 32
    file, vector = found.embeddings.table["file"].iloc[0], found.embeddings.vectors[0]
    predictor = ImagePredictor(loaded)
    labeled = predictor.label_one(file, painted / file)
    assert labeled.prediction
    expected = predictor.predict(vector[None])[0]
    assert labeled.prediction.scores[0].label == expected.scores[0].label
    # What is not trained is as it was, and what is trained is not.
    early, late = found.embeddings.blocks[0].columns, found.embeddings.blocks[1].columns
    np.testing.assert_allclose(
        found.embeddings.vectors[:, early], vectors.vectors[:, early], atol=1e-5
    )
    assert np.abs(found.embeddings.vectors[:, late] - vectors.vectors[:, late]).max() > 1e-3
    assert loaded.novelty and loaded.novelty.limit > loaded.novelty.median_distance


def test_test_and_linear_model_are_those_of_the_same_split(tuning):
    found, _ = tuning
    assert found.fine_tuned
    linear, tuned = found.linear.predictions, found.fine_tuned.predictions
    pd.testing.assert_frame_equal(linear[["key", "truth"]], tuned[["key", "truth"]])
    assert found.linear.bundle.network and found.linear.bundle.network.title == "Tiny"


def test_a_stop_keeps_the_best_so_far(tuning):
    found, _ = tuning
    assert found.fine_tuned and found.fine_tuned.stopped
    told = found.fine_tuned.bundle.training["fine_tuned"]
    assert told["stopped"]
    best = found.events[found.best_epoch - 1]
    assert told["validation_cross_entropy"] == pytest.approx(best.validation_cross_entropy, 1e-2)


def test_the_best_epoch_is_kept_and_the_same_seed_gives_the_same(
    tuning, vectors, catalog, monkeypatch
):
    found, told = tuning
    tuner = fine_tuner.FineTuner(vectors, catalog.read, CONFIG, None)
    late, events = tuner.late_stages(lambda *what: None, lambda: False), []
    with monkeypatch.context() as patch:
        patch.setattr(fine_tuner.FineTuner, "validate", _second_epoch_is_best())
        _, best = tuner.train(
            late,
            epochs=told["estimates"][0].epochs,
            on_event=events.append,
            progress=lambda *what: None,
            should_stop=lambda: len(events) == EPOCHS,
        )
    losses = [event.validation_cross_entropy for event in events]
    expected = [event.validation_cross_entropy for event in found.events]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    epoch, weights = best
    assert not all(map(np.array_equal, weights, late.get_weights())), "an epoch came after it"
    late.set_weights(weights)
    assert epoch == found.best_epoch == 2
    assert tuner.validate(late).loss == pytest.approx(losses[1], rel=1e-5)


def test_a_stop_before_the_first_epoch_leaves_the_linear_model(
    tuning, vectors, catalog, monkeypatch
):
    monkeypatch.delattr(fine_tuner.FineTuner, "estimate")  # what is given is not measured again
    found, told = tuning
    (estimate,), again = told["estimates"], []
    stopped = fine_tune(
        vectors,
        catalog.read,
        CONFIG,
        linear=found.linear,
        estimate=estimate,
        on_estimate=again.append,
        should_stop=lambda: True,
    )
    assert again == [estimate] and tuple(estimate.phases) == PHASES
    assert stopped.fine_tuned is None and stopped.kept is found.linear
    assert "the linear model stays" in stopped.verdict


def test_there_are_as_many_epochs_as_there_is_time_for(vectors, catalog, monkeypatch):
    def epochs(minutes: float) -> int:
        second_after_second = SimpleNamespace(monotonic=count(0.0).__next__)
        monkeypatch.setattr(fine_tuner, "time", second_after_second)  # a step takes a third of one
        config = replace(CONFIG, fine_tune_epochs=1000, fine_tune_minutes=minutes)
        return FineTuner(vectors, catalog.read, config, None).estimate().epochs

    assert 1 == epochs(0.1) < epochs(2) < epochs(1000) == 1000


@pytest.mark.parametrize(
    ("linear_right", "tuned_right", "is_better", "words"),
    [
        (10, 10, False, "no better"),
        (12, 10, False, "no better"),
        (10, 13, False, "may well be chance (p = 0.25)"),
        (10, 18, True, "better by more than chance (p = 0.0078)"),
    ],
)
def test_the_linear_model_stays_unless_it_is_beaten(
    tuning, linear_right, tuned_right, is_better, words
):
    def training(right):
        answers = ["a" if i < right else "b" for i in range(20)]
        return replace(
            tuning[0].linear, predictions=pd.DataFrame({"truth": "a", "answer": answers})
        )

    linear, tuned = training(linear_right), training(tuned_right)
    better, verdict = fine_tuning._compared(linear, tuned)
    assert better is is_better and words in verdict
    assert f"{tuned_right} of 20 test pictures right, {linear_right} by the linear model" in verdict
    found = fine_tuning.FineTuning(linear, tuned, better, verdict)
    assert found.kept is (tuned if is_better else linear)


def test_without_a_test_part_the_linear_model_stays(tuning):
    empty = replace(tuning[0].linear, predictions=tuning[0].linear.predictions[:0])
    assert fine_tuning._compared(empty, empty) == (
        False,
        "There is no test part to compare on: the linear model stays.",
    )


# --- what cannot be


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"validation_percentage": 0}, "needs a validation part"),
        ({"fine_tune": 0}, "at least one stage"),
        ({"fine_tune": 20}, "can be fine-tuned, not 20"),
    ],
)
def test_settings_that_leave_nothing_to_do_are_refused(vectors, catalog, settings, words):
    with pytest.raises(TrainingError, match=words):
        fine_tune(vectors, catalog.read, replace(CONFIG, **settings))


def test_without_tensorflow_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("decor_core.errors.find_spec", lambda package: None)
    with pytest.raises(DecorError, match=r"Fine-tuning needs the package tensorflow.*\[train\]"):
        fine_tuner.check_settings(CONFIG)


def test_more_pictures_than_there_is_memory_for_are_refused(vectors, catalog, monkeypatch):
    monkeypatch.setattr(fine_tuner, "_MAX_MAP_BYTES", 10_000)
    with pytest.raises(TrainingError, match="at most 4 pictures here, but there are"):
        FineTuner(vectors, catalog.read, CONFIG, None).estimate()


def test_time_in_words():
    assert str(TimeEstimate({"epochs": 200.0}, 8)) == "about 3 minutes, at most 8 epochs"
    assert str(TimeEstimate({"epochs": 20.0}, 1)) == "a minute or two, at most 1 epoch"
