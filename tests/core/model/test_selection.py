"""The choice of blocks and head: what is clearly better is found, chance moves nothing."""

from dataclasses import replace

import numpy as np
import pytest

from decor_core.features.embedder import Block
from decor_core.model.examples import Examples
from decor_core.model.vector_classifier import VectorClassifier, choose
from decor_core.model.whitened_folds import WhitenedFolds

FIRST = "all but the last stage"
STAGES = [Block(f"stage {k + 1}", 4 * k, 4 * k + 4) for k in range(5)]
BLOCKS = [*STAGES, Block("colours", 20, 24)]


def examples(telling, n=90, folds=3, strength=3.0):
    """Blocks of noise, but for those whose names are ``telling``: they know the class."""
    random = np.random.default_rng(0)
    classes = np.arange(n) % 3
    vectors = random.normal(size=(n, 24))
    for block in BLOCKS:
        if block.name in telling:
            vectors[:, block.start : block.start + 3] += strength * np.eye(3)[classes]
    fold_of = np.arange(n) // 3 % folds if folds else np.full(n, -1)
    return Examples.with_copies(vectors, np.zeros((n, 0, 24)), classes, BLOCKS, fold_of)


def fitted(head, telling, **options):
    folds = WhitenedFolds(examples(telling, **options))
    return VectorClassifier(head, steps=50).fit_folds(folds, np.arange(3))


@pytest.mark.parametrize("telling, expected", [
    ({"stage 5"}, {"the last stage", "the last three stages", "all blocks"}),
    ({"stage 1"}, {FIRST}),
    ({"colours"}, {FIRST}),
    (set(), {FIRST}),
])  # fmt: skip
@pytest.mark.parametrize("head", ["auto", "softmax", "lda"])
def test_blocks_that_know_the_classes_are_chosen(telling, expected, head):
    choice = fitted(head, telling).choice_
    assert choice.blocks in expected
    assert choice.head == head or head == "auto"


@pytest.mark.parametrize("telling", ["stage 5", "stage 3", "colours"])
def test_the_ensemble_knows_what_single_blocks_know(telling):
    folds = WhitenedFolds(examples({telling}, strength=6))
    right = {
        head: (folds.out_of_fold(head, [0]).argmax(axis=1) == folds.y_true).mean()
        for head in ("logistic", "ensemble")
    }
    assert right["logistic"] < 0.6 < 0.95 < right["ensemble"]


def test_the_ensemble_is_one_head_whose_scores_are_the_weighted_sum():
    examples_ = examples({"stage 1", "colours"})
    folds = WhitenedFolds(examples_)
    head = folds.fit("ensemble", [0, 5])
    for block in (STAGES[0], STAGES[4], BLOCKS[5]):
        assert head.weights[block.columns].any()
    assert not head.weights[STAGES[1].columns].any()  # neither chosen nor late
    assert (head.logits(examples_.vectors).argmax(axis=1) == examples_.classes).mean() > 0.95


def test_blocks_that_are_no_stages_make_an_ensemble_too():
    examples_ = replace(examples({"stage 1"}), blocks=(Block("all", 0, 24),))
    model = VectorClassifier("ensemble").fit_folds(WhitenedFolds(examples_), np.arange(3))
    assert model.score(examples_.vectors, examples_.classes) > 0.9


def test_blocks_not_chosen_have_no_weight():
    model = fitted("logistic", {"stage 1"})
    assert model.choice_.blocks == FIRST
    assert not model.head_.weights[STAGES[-1].columns].any()
    assert model.head_.weights[STAGES[0].columns].any()


@pytest.mark.parametrize(
    "lda, ensemble, expected",
    [(60, 60, "ensemble"), (62, 60, "ensemble"), (85, 60, "lda"), (60, 85, "ensemble")],
)
def test_the_head_is_left_only_for_what_is_better_by_more_than_chance(lda, ensemble, expected):
    y_true, right = np.arange(90) % 3, {"lda": lda, "ensemble": ensemble}

    def out_of_fold(head, blocks):
        """Of 90 predictions the first so many are right, and sure."""
        shown = np.where(np.arange(90) < right[head], y_true, (y_true + 1) % 3)
        return 4.0 * np.eye(3)[shown]

    folds = WhitenedFolds(examples({"stage 1"}))
    folds.y_true, folds.out_of_fold = y_true, out_of_fold
    choice, _ = choose(folds, "auto")
    assert choice.head == expected
    assert f"{right[expected] / 90:.1%} right" in choice.reason
    assert {candidate.head for candidate in choice.candidates} == {"lda", "ensemble"}


def test_without_folds_it_says_that_it_cannot_choose():
    choice = fitted("auto", {"stage 1"}, folds=0).choice_
    assert (choice.head, choice.candidates) == ("ensemble", ())
    assert "too few pictures" in choice.reason


@pytest.mark.parametrize("head, words", [
    ("auto", "Chosen: an ensemble of logistic regressions on all but the last stage, "),
    ("lda", "Chosen: linear discriminant analysis on all but"),
    ("softmax", "Chosen: all but the last stage, judged by linear discriminant analysis, "),
])  # fmt: skip
def test_the_reason_names_what_was_chosen(head, words):
    assert fitted(head, {"stage 1"}).choice_.reason.startswith(words)


def test_equal_examples_are_equal_and_others_are_not():
    assert examples({"stage 1"}) == examples({"stage 1"}) != examples({"stage 2"})
    assert hash(examples({"stage 1"})) == hash(examples({"stage 1"}))
