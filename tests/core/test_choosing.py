"""The choice of blocks and head: what is clearly better is found, chance moves nothing."""

import numpy as np
import pytest

from decor_core.features.embedder import Block
from decor_core.model.calibration import Fitter
from decor_core.model.selection import choose
from decor_core.model.training_config import TrainingConfig
from decor_core.model.whitened_folds import Examples, prepare_examples

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
    of_fold = np.arange(n) // 3 % folds if folds else np.full(n, -1)
    return Examples(vectors, classes, BLOCKS, of_fold, np.zeros(n, bool))


@pytest.mark.parametrize("telling, expected", [
    ({"stage 5"}, {"the last stage", "the last three stages", "all blocks"}),
    ({"stage 1"}, {FIRST}),
    ({"colours"}, {FIRST}),
    (set(), {FIRST}),
])  # fmt: skip
@pytest.mark.parametrize("head", ["auto", "softmax", "lda"])
def test_blocks_that_know_the_classes_are_chosen(telling, expected, head):
    choice = Fitter(examples(telling)).choice(head)
    assert choice.blocks in expected
    assert choice.head == head or head == "auto"


def test_blocks_not_chosen_have_no_weight():
    fitted = Fitter(examples({"stage 1"})).fit(TrainingConfig(head="auto"))
    assert fitted.choice.blocks == FIRST
    assert not fitted.head.weights[STAGES[-1].columns].any()
    assert fitted.head.weights[STAGES[0].columns].any()


def answers(prepared, right):
    """A stand-in for out-of-fold logits: of the m pictures ``right`` are right and sure."""
    truth = prepared.truth
    shown = np.where(np.arange(len(truth)) < right, truth, (truth + 1) % 3)
    return 4.0 * np.eye(3)[shown]


@pytest.mark.parametrize(
    "lda, logistic, expected",
    [(60, 60, "logistic"), (62, 60, "logistic"), (85, 60, "lda"), (60, 85, "logistic")],
)
def test_the_head_is_left_only_for_what_is_better_by_more_than_chance(lda, logistic, expected):
    prepared = prepare_examples(examples(set()))
    counts = {"lda": lda, "logistic": logistic}
    choice = choose(prepared, "auto", lambda head, blocks: answers(prepared, counts[head]))
    assert choice.head == expected
    assert f"{counts[expected] / 90:.1%} right" in choice.reason
    assert {c.head for c in choice.candidates} == {"lda", "logistic"}


def test_without_folds_it_says_that_it_cannot_choose():
    choice = Fitter(examples({"stage 1"}, folds=0)).choice("auto")
    assert (choice.head, choice.candidates) == ("logistic", ())
    assert "too few pictures" in choice.reason


def test_equal_examples_are_equal_and_others_are_not():
    assert examples({"stage 1"}) == examples({"stage 1"}) != examples({"stage 2"})
    assert hash(examples({"stage 1"})) == hash(examples({"stage 1"}))


@pytest.mark.parametrize("head, words", [
    ("auto", "Chosen: l"),
    ("lda", "Chosen: linear discriminant analysis on all but"),
    ("softmax", "Chosen: all but the last stage, judged by linear discriminant analysis, "),
])  # fmt: skip
def test_the_reason_names_what_was_chosen(head, words):
    assert Fitter(examples({"stage 1"})).choice(head).reason.startswith(words)
