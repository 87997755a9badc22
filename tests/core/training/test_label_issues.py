"""Wrong labels and outliers are found by what the other images say."""

from dataclasses import replace

import numpy as np
import pytest

from decor_core.features.embeddings import Embeddings
from decor_core.training.label_issues import find_label_issues, label_findings


def _findings(embeddings, level="style", **options):
    return label_findings(find_label_issues(embeddings, level, **options), embeddings.table, level)


def _relabeled(embeddings, changes):
    table = embeddings.table.copy()
    for row, label in changes.items():
        table.loc[row, "style"] = label
    return replace(embeddings, table=table)


def test_a_wrong_label_is_found_with_the_right_one(embeddings):
    assert _findings(embeddings) == ()
    told = []
    wrong = _relabeled(embeddings, {0: "Iznik", 30: "Gzhel"})
    found = _findings(wrong, progress=lambda *done: told.append(done))
    assert {(e.kind, e.file, e.suggestion) for e in found} == {
        ("mislabelled", embeddings.table["file"][row], embeddings.table["style"][row])
        for row in (0, 30)
    }
    assert "It is labeled “" in found[0].message and "%" in found[0].message
    assert told[-1] == (9, 9)


def test_issues_are_rows_labels_and_probabilities(embeddings):
    table = _relabeled(embeddings, {0: "Iznik", 30: "Gzhel"}).table
    vectors = embeddings.vectors.copy()
    vectors[5] = np.random.default_rng(0).permutation(vectors[5]) * 3
    issues = find_label_issues(replace(embeddings, table=table, vectors=vectors), "style")
    assert set(issues.mislabeled) == {0, 30} and list(issues.outliers) == [5]
    suggested = dict(zip(issues.mislabeled, issues.suggested, strict=True))
    assert suggested == {row: embeddings.table["style"][row] for row in (0, 30)}
    assert (issues.probability > 0.5).all()


def test_coarser_levels_can_be_judged(embeddings):
    table = embeddings.table.copy()
    table.loc[0, "country"] = "Turkey"
    (found,) = _findings(replace(embeddings, table=table), "country")
    assert (found.file, found.suggestion) == (embeddings.table["file"][0], "Russia")


def test_a_stranger_is_an_outlier_and_not_mislabeled(embeddings):
    vectors = embeddings.vectors.copy()
    vectors[5] = np.random.default_rng(0).permutation(vectors[5]) * 3
    found = _findings(replace(embeddings, vectors=vectors))
    assert [(e.kind, e.file) for e in found] == [("outlier", embeddings.table["file"][5])]


def test_classes_too_small_are_left_alone(embeddings):
    few = embeddings.rows(np.r_[0:12, 12:16, 24:36])  # of the second class only four
    wrong = _relabeled(few, {0: "Iznik"})
    assert [e.file for e in _findings(wrong)] == [few.table["file"][0]]
    assert _findings(embeddings.rows(np.r_[0:12, 12:16])) == ()
    assert _findings(embeddings.rows(np.r_[0:3])) == ()


def test_near_duplicates_do_not_vouch_for_each_other(embeddings):
    double = embeddings.rows(np.r_[0:36, 0])
    table = double.table.copy()
    table.loc[36, ["file", "key"]] = ["copy.png", "copy"]
    table.loc[[0, 36], "style"] = "Iznik"
    found = _findings(replace(double, table=table))
    assert {entry.file for entry in found} == {"copy.png", table["file"][0]}


def test_stopped_gives_nothing(embeddings):
    wrong = _relabeled(embeddings, {0: "Iznik"})
    assert _findings(wrong, should_stop=lambda: True) == ()


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_swapped_labels_of_the_decor_products(share):
    known = Embeddings.load().of_types("product")
    rng = np.random.default_rng(1)
    swapped = rng.choice(len(known.table), round(share * len(known.table)), replace=False)
    labels = known.taxonomy.labels
    truth = known.table["style"]
    changes = {row: rng.choice([name for name in labels if name != truth[row]]) for row in swapped}
    listed = set(find_label_issues(_relabeled(known, changes), "style").mislabeled)
    bad = set(swapped)
    assert len(listed & bad) >= 0.85 * len(bad)
    assert len(listed - bad) <= 0.25 * len(listed)
