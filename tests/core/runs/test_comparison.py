"""Runs side by side: differing settings, and whether a difference is more than chance."""

from dataclasses import replace

import pandas as pd
import pytest

from decor_core.runs.comparison import compare, mcnemar
from decor_core.runs.run import run_of_bundle, run_of_training


@pytest.fixture
def make(training):
    """A run by what it answers: ``make("A", "110")`` was right, right and wrong."""

    def make(title, right, first=0, **settings):
        base = run_of_bundle(training.bundle.titled(title))
        rows = [(f"key{first + i}", f"{i}.png", "Iznik", "Iznik" if r == "1" else "Gzhel", 0.9)
                for i, r in enumerate(right)]  # fmt: skip
        predictions = pd.DataFrame(rows, columns=base.predictions.columns)
        return replace(base, predictions=predictions, config=replace(base.config, **settings))

    return make


def test_exact_p_values_by_hand():
    assert mcnemar(0, 0) == 1
    assert mcnemar(1, 1) == 1
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(1, 9) == mcnemar(9, 1) == pytest.approx(2 * 11 / 1024)
    assert mcnemar(10, 10) == 1  # both tails overlap


def test_better_by_more_than_chance(make):
    comparison = compare([make("Weak", "1" * 10 + "0" * 10), make("Strong", "1" * 20)])
    (pair,) = comparison.pairs
    assert (pair.shared, pair.both, pair.only_first, pair.only_second) == (20, 10, 0, 10)
    assert pair.p == pytest.approx(2 / 1024)
    assert pair.verdict == (
        "“Strong” is better than “Weak”, and by more than chance (p = 0.002): "
        "20 against 10 of the same 20 test pictures right."
    )


def test_difference_that_may_be_chance(make):
    (pair,) = compare([make("A", "11111110"), make("B", "11111101")]).pairs
    assert pair.p == 1
    assert "7 and 7 of the same 8 test pictures right; the difference may well be chance" in (
        pair.verdict
    )
    (pair,) = compare([make("A", "11111111"), make("B", "11111111")]).pairs
    assert pair.verdict.endswith("8 and 8 of the same 8 test pictures right: the same ones.")


def test_only_pictures_that_both_were_tested_on_count(make):
    (pair,) = compare([make("A", "1" * 10), make("B", "1" * 10, first=4)]).pairs
    assert pair.shared == 6 and pair.p == 1
    (pair,) = compare([make("A", "1" * 10), make("B", "1" * 10, first=5)]).pairs
    assert pair.p is None and "share too few test pictures to compare them (5)" in pair.verdict


def test_runs_without_answers_or_of_other_labels(make, training):
    bare = run_of_bundle(training.bundle.titled("Bare"))
    (pair,) = compare([make("A", "1" * 10), bare]).pairs
    assert pair.p is None and pair.verdict == "“Bare” has no test answers to compare with."
    country = replace(bare.bundle, taxonomy=bare.bundle.taxonomy.coarser)
    (pair,) = compare([make("A", "1" * 10), replace(bare, bundle=country)]).pairs
    assert pair.p is None and "different things apart (style and country)" in pair.verdict


def test_several_pairs_are_corrected(make):
    runs = [make("A", "1" * 10), make("B", "0" * 6 + "1" * 4), make("C", "0" * 6 + "1" * 4)]
    pairs = compare(runs).pairs
    assert [(pair.first, pair.second) for pair in pairs] == [
        (runs[0].id, runs[1].id), (runs[0].id, runs[2].id), (runs[1].id, runs[2].id)
    ]  # fmt: skip
    # Each alone would be 2 / 64 < 0.05; as two of three it is three times as much.
    assert [pair.p for pair in pairs] == [pytest.approx(6 / 64), pytest.approx(6 / 64), 1]
    assert "may well be chance" in pairs[0].verdict


def test_settings_that_differ(make):
    runs = [make("A", "1", steps=100), make("B", "1", steps=500, seed=3), make("C", "1", steps=100)]
    assert compare(runs).settings == {"steps": (100, 500, 100), "seed": (0, 3, 0)}
    assert compare(runs[:1]).pairs == () and compare([]).settings == {}
    odd = replace(runs[0], data={"not": "a name"})  # as in a run that was kept and damaged
    assert compare([runs[0], odd]).settings == {"data": (runs[0].data, odd.data)}


def test_a_real_training_with_itself(training):
    runs = [run_of_training(training, "painted") for _ in range(2)]
    (pair,) = compare(runs).pairs
    assert pair.shared == len(training.predictions) and pair.only_first == pair.only_second == 0
