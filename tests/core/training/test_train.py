"""The whole way on made pictures: real labels are learned, random ones are not."""

from dataclasses import replace

import numpy as np
import pytest

from decor_core.data.split import Split
from decor_core.errors import DataError, TrainingError
from decor_core.model.linear_head import probabilities
from decor_core.model.training_config import TrainingConfig
from decor_core.training import labeled_vectors
from decor_core.training import train as train_module
from decor_core.training.train import cross_validate, train, train_on_all

GATE = 0.9
LDA = TrainingConfig(head="lda")
SOFTMAX = TrainingConfig("softmax", steps=60, learning_rate=0.1)


def _relabeled(embeddings, labels):
    country = {"Gzhel": "Russia", "Khokhloma": "Russia", "Iznik": "Turkey"}
    table = embeddings.table.assign(style=labels, country=[country[label] for label in labels])
    return replace(embeddings, table=table)


@pytest.fixture(scope="module")
def judged(embeddings):
    return cross_validate(embeddings, LDA, "style", repeats=2)


# The gate


def test_real_labels_pass_the_gate(training, judged):
    assert training.bundle.evaluation.accuracy >= GATE
    assert judged["style"].accuracy >= GATE
    assert judged["style"].n == 36


@pytest.mark.parametrize("config", [LDA, SOFTMAX], ids=["lda", "softmax"])
def test_random_labels_must_fail_it(embeddings, config):
    random = np.random.default_rng(0).permutation(embeddings.table["style"].to_numpy())
    judged = cross_validate(_relabeled(embeddings, random), config, "style", n_folds=3, repeats=1)
    assert judged["style"].accuracy < 0.6 < GATE


# What a training gives


def test_training_gives_curves_answers_and_an_account(training, embeddings):
    bundle = training.bundle
    assert [event.step for event in training.events] == [10, 20, 30, 40, 50, 60]
    assert not training.stopped
    assert len(training.predictions) == bundle.evaluation.n == len(training.split.test)
    assert list(training.predictions) == ["key", "file", "truth", "answer", "probability"]
    right = training.predictions["truth"] == training.predictions["answer"]
    assert right.mean() == pytest.approx(bundle.evaluation.accuracy)
    assert training.predictions["file"].tolist() == (
        embeddings.table["file"].iloc[training.split.test].tolist()
    )
    assert bundle.training["pictures"] == 36
    assert bundle.training["training_pictures"] == len(training.split.train)
    assert bundle.training["steps_done"] == 60
    assert bundle.training["pictures_per_class"] == {"Gzhel": 12, "Khokhloma": 12, "Iznik": 12}


def test_same_seed_same_model(training, embeddings):
    again = train(embeddings, SOFTMAX, "style")
    np.testing.assert_array_equal(again.bundle.head.weights, training.bundle.head.weights)
    np.testing.assert_array_equal(again.bundle.head.bias, training.bundle.head.bias)


def test_other_seed_other_split(embeddings):
    splits = [train(embeddings, replace(LDA, seed=seed), "style").split.test for seed in (0, 1)]
    assert splits[0].tolist() != splits[1].tolist()


def test_lda_needs_no_steps_and_tells_no_curve(embeddings):
    found = train(embeddings, LDA, "style")
    assert found.events == () and not found.stopped
    assert found.bundle.training["steps_done"] is None
    assert found.bundle.evaluation.accuracy >= GATE


def test_stopped_training_is_a_model_and_says_so(embeddings):
    seen = []
    found = train(
        embeddings, replace(SOFTMAX, steps=4000), "style",
        on_event=seen.append, should_stop=lambda: len(seen) >= 2,
    )  # fmt: skip
    assert found.stopped
    assert found.bundle.training["steps_done"] == 20
    assert found.bundle.evaluation.n == len(found.split.test)


def test_train_on_all_is_judged_by_cross_validation(embeddings):
    bundle = train_on_all(embeddings, LDA, "style", title="All", repeats=1)
    assert bundle.evaluation is None
    assert bundle.training["training_pictures"] == 36
    assert set(bundle.cross_validation) == {"style", "country"}


# The test set is read once


@pytest.mark.parametrize("config", [LDA, SOFTMAX], ids=["lda", "softmax"])
def test_test_pictures_change_no_weight(embeddings, config):
    plain = train(embeddings, config, "style")
    vectors = embeddings.vectors.copy()
    vectors[plain.split.test] = np.random.default_rng(0).normal(size=vectors.shape[1])
    other = train(replace(embeddings, vectors=vectors), config, "style")
    np.testing.assert_array_equal(other.split.test, plain.split.test)
    np.testing.assert_array_equal(other.bundle.head.weights, plain.bundle.head.weights)
    assert other.bundle.evaluation.accuracy < plain.bundle.evaluation.accuracy


def test_test_labels_change_no_weight(embeddings, monkeypatch):
    rows = np.arange(36)
    fixed = Split(rows[rows % 4 > 1], rows[rows % 4 == 1], rows[rows % 4 == 0])
    monkeypatch.setattr(labeled_vectors, "split", lambda *_, **__: fixed)
    plain = train(embeddings, LDA, "style")
    labels = embeddings.table["style"].to_numpy().copy()
    labels[fixed.test] = np.roll(labels[fixed.test], 3)
    other = train(_relabeled(embeddings, labels), LDA, "style")
    np.testing.assert_array_equal(other.bundle.head.weights, plain.bundle.head.weights)
    assert other.bundle.evaluation.accuracy < plain.bundle.evaluation.accuracy


def test_groups_never_straddle(embeddings):
    pairs = [f"pair {i // 2}" for i in range(36)]
    grouped = replace(embeddings, table=embeddings.table.assign(group=pairs))
    parts = train(grouped, LDA, "style").split
    sides = [{pairs[i] for i in part} for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, sides)) == 18 == len(set.union(*sides))


def test_groups_never_straddle_folds(embeddings, monkeypatch):
    pairs = np.array([f"pair {i // 2}" for i in range(36)])
    grouped = replace(embeddings, table=embeddings.table.assign(group=pairs))
    trained_on = []
    examples = train_module.LabeledVectors.examples

    def spy(self, rows):
        trained_on.append(set(pairs[rows]))
        assert not set(pairs[rows]) & set(pairs[np.setdiff1d(np.arange(36), rows)])
        return examples(self, rows)

    monkeypatch.setattr(train_module.LabeledVectors, "examples", spy)
    cross_validate(grouped, LDA, "style", n_folds=3, repeats=2)
    assert len(trained_on) == 6


# Levels


def test_country_of_cross_validation_is_rolled_up(judged):
    style, country = judged["style"], judged["country"]
    assert country.labels == ("Russia", "Turkey")
    assert country.n == style.n
    np.testing.assert_allclose(country.confusion.sum(axis=1), [24, 12])
    assert country.accuracy >= style.accuracy  # a wrong style may be the right country


def test_training_directly_on_the_coarser_level(embeddings):
    found = train(embeddings, LDA, "country")
    assert found.bundle.taxonomy.labels == ("Russia", "Turkey")
    assert found.bundle.taxonomy.levels == (found.bundle.taxonomy,)
    assert found.bundle.evaluation.accuracy >= GATE
    assert set(found.predictions["truth"]) == {"Russia", "Turkey"}


def test_unknown_level_is_an_error(embeddings):
    with pytest.raises(DataError, match="no taxonomy “colour”.*style and country"):
        train(embeddings, LDA, "colour")


# What cannot be learned


def test_one_class_is_an_error(embeddings):
    one = embeddings.rows((embeddings.table["style"] == "Iznik").to_numpy())
    with pytest.raises(DataError, match="Two classes are needed.*only one, “Iznik”; add pictures"):
        train(one, LDA, "style")


def test_no_pictures_at_all_is_an_error(embeddings):
    with pytest.raises(DataError, match="Two classes are needed.*there is none"):
        train(embeddings.rows(np.zeros(len(embeddings.table), bool)), LDA, "style")


def test_too_few_pictures_is_an_error_that_counts_them(embeddings):
    styles = embeddings.table["style"]
    few = embeddings.rows((styles != "Iznik").to_numpy() | (styles.index % 12 < 2))
    with pytest.raises(DataError, match="at least 3 different pictures.*“Iznik” has 2"):
        train(few, LDA, "style")
    fewer = embeddings.rows((styles != "Iznik").to_numpy() | (styles.index % 12 < 1))
    with pytest.raises(DataError, match="at least 2 different pictures.*“Iznik” has 1"):
        cross_validate(fewer, LDA, "style")


@pytest.mark.parametrize("config", [LDA, SOFTMAX], ids=["lda", "softmax"])
def test_three_pictures_of_each_class_are_enough(embeddings, config):
    small = embeddings.rows(np.arange(36)[np.arange(36) % 12 < 3])
    found = train(small, config, "style")
    assert [len(part) for part in (found.split.train, found.split.test)] == [3, 3]
    assert np.isfinite(found.bundle.head.weights).all()


def test_percentages_out_of_range_are_an_error(embeddings):
    config = replace(LDA, testing_percentage=60, validation_percentage=40)
    with pytest.raises(DataError, match="together less than 100; they are 60 and 40"):
        train(embeddings, config, "style")


def test_no_test_part_gives_a_model_without_a_judgement(embeddings):
    found = train(embeddings, replace(LDA, testing_percentage=0), "style")
    assert found.bundle.evaluation is None
    assert len(found.predictions) == 0


def test_no_validation_part_gives_curves_without_validation(embeddings):
    config = replace(SOFTMAX, steps=10, validation_percentage=0)
    assert train(embeddings, config, "style").events[0].validation_accuracy is None


def test_diverging_training_is_an_error(embeddings):
    huge = replace(embeddings, vectors=embeddings.vectors * np.float32(1e12))
    config = TrainingConfig("softmax", steps=50, learning_rate=10, weight_decay=1)
    with pytest.raises(TrainingError, match="diverged.*smaller learning rate"):
        train(huge, config, "style")


def test_one_training_picture_per_class_makes_for_little_confidence(embeddings):
    rows = embeddings.table.groupby("style", sort=False).head(3).index.to_numpy()
    few = embeddings.rows(rows)
    for head in ("lda", "softmax"):
        training = train(few, TrainingConfig(head=head, steps=50, learning_rate=0.1), "style")
        assert len(training.split.train) == 3
        confidence = probabilities(training.bundle.head.logits(few.vectors)).max(axis=1)
        assert 0.4 < confidence.mean() < 0.9
        assert training.bundle.novelty is None


def test_a_stop_while_it_is_calibrated_is_told(embeddings):
    config = TrainingConfig("softmax", steps=40, learning_rate=0.1)
    seen = []
    stopped = train(embeddings, config, "style", on_event=seen.append,
                    should_stop=lambda: bool(seen) and seen[-1].step == config.steps)  # fmt: skip
    assert stopped.stopped
    assert not train(embeddings, config, "style").stopped
