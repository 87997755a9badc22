"""What a click can do about each finding, on a real set."""

import pytest

from decor_app.datasets.fixes import GROUPS, Fix, fixes, fixes_of_all
from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_core.data.findings import ABOUT_CLASSES, BLOCKERS, KINDS, Finding
from decor_core.datasets.dataset import load_dataset
from decor_core.model.events import never_stop


@pytest.fixture
def pictures(painted, tmp_path):
    task = IngestTask(painted, tmp_path / "set", "Painted")
    return ingest(task, lambda event: None, never_stop)


def _files(pictures, label: str) -> list[str]:
    return [file for file in pictures.table["file"] if pictures.label_of(file) == label]


def _click(entry: Finding, label: str, pictures):
    return _tried(next(fix for fix in fixes(entry, pictures) if fix.label == label), pictures)


def _tried(fix: Fix, pictures):
    """What a fix makes of the set; on the disk it is as before."""
    after = fix.change(load_dataset(pictures.folder))
    after.undo()
    return after


def test_every_kind_is_a_group_or_known_to_be_only_told():
    notes = {"repaired", "duplicate", "duplicate row", "misnamed", "huge", "ignored", "assumed"}
    notes |= {"dataset quality"}
    set_aside = {"unreadable", "missing", "incomplete", "unlisted"}
    assert set(KINDS) == set(GROUPS) | notes | set_aside
    assert not set(GROUPS) & (notes | set_aside)


def test_what_merging_mends_comes_after_the_labels_to_merge():
    order = list(KINDS)
    assert order.index("similar labels") < min(
        map(order.index, ("too few pictures", "few pictures"))
    )


def test_a_wrong_label_is_corrected_kept_or_dropped(pictures):
    file = _files(pictures, "Gzhel")[0]
    entry = Finding("mislabelled", file, "", suggestion="Iznik")
    state = pictures.with_model_findings([entry])
    assert [fix.label for fix in fixes(entry, state)] == ["It is Iznik", "It is Gzhel", "Drop"]
    assert _click(entry, "It is Iznik", state).label_of(file) == "Iznik"
    assert entry not in _click(entry, "It is Gzhel", state).open_findings
    assert not _click(entry, "Drop", state).label_of(file)


def test_a_pair_under_two_labels_gets_one_or_stays(pictures):
    one, other = _files(pictures, "Gzhel")[0], _files(pictures, "Iznik")[0]
    entry = Finding("near conflict", one, "", other, "Iznik")
    state = pictures.with_model_findings([entry])
    assert entry in state.open_findings
    for words, label in (("Both are Iznik", "Iznik"), ("Both are Gzhel", "Gzhel")):
        after = _click(entry, words, state)
        assert (after.label_of(one), after.label_of(other)) == (label, label)
        assert entry not in after.open_findings
    assert entry not in _click(entry, "Both are right", state).open_findings


def test_a_class_that_may_be_another_one_is_merged(pictures):
    entry = Finding("similar labels", "Iznik", "", "Gzhel", "Gzhel")
    merged = _click(entry, "Same as Gzhel", pictures)
    assert merged.counts == {"Gzhel": 24, "Khokhloma": 12}
    coarser = Finding("similar labels", "Turkey", "", "Russia", "Russia")
    assert set(_click(coarser, "Same as Russia", pictures).table["country"]) == {"Russia"}


def test_a_small_class_is_left_out(pictures):
    entry = Finding("few pictures", "Iznik", "")
    assert "Iznik" not in _click(entry, "Leave the class out", pictures).counts
    alone = load_dataset(pictures.folder).drop_label("Iznik").drop_label("Gzhel")
    assert [fix.label for fix in fixes(Finding("one class", "Khokhloma", ""), alone)] == []


def test_obstacles_cannot_be_waved_through(pictures):
    for kind in BLOCKERS:
        entry = Finding(kind, "Iznik", "")
        assert "Keep" not in [fix.label for fix in fixes(entry, pictures)]
        assert not fixes_of_all(kind, [entry, entry])


def test_suggestions_follow_a_class_that_is_renamed(pictures):
    file = _files(pictures, "Gzhel")[0]
    state = pictures.with_model_findings([Finding("mislabelled", file, "", suggestion="Iznik")])
    renamed = state.rename("Iznik", "Tiles")
    (entry,) = (entry for entry in renamed.open_findings if entry.kind == "mislabelled")
    assert entry.suggestion == "Tiles"


@pytest.mark.parametrize("kind", sorted(set(GROUPS) - ABOUT_CLASSES))
def test_every_fix_of_every_kind_does_something(pictures, kind):
    one, other = _files(pictures, "Gzhel")[0], _files(pictures, "Iznik")[0]
    entries = [Finding(kind, one, "", other, "Iznik"), Finding(kind, other, "", one, "Gzhel")]
    state = pictures.with_model_findings(entries)
    for fix in [*fixes(entries[0], state), *fixes_of_all(kind, entries)]:
        assert _tried(fix, state).number == state.number + 1, fix.label
