"""The log of labels: on the disk before it counts, undone step by step, shared by processes."""

import errno
import os

import pytest

from decor_core.datasets.label_log import LabelLog
from decor_core.datasets.label_steps import (
    NONE,
    SKIP,
    AddClass,
    Known,
    Label,
    Order,
    Redo,
    RemoveClass,
    RenameClass,
    Undo,
)
from decor_core.errors import DataError

IDS = ("a", "b", "c", "d")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.jsonl"


def label(ids: str, name: str, **more: str) -> Label:
    return Label(ids=tuple(ids), label=name, **more)


def test_every_step_is_undone_and_done_again(path):
    log = LabelLog(path, IDS)
    steps = [
        label("ab", "cup"),
        label("c", "bowl"),
        label("b", NONE),
        label("d", SKIP),
        AddClass(name="vase"),
        RenameClass(name="bowl", to="dish"),
        RenameClass(name="dish", to="cup"),  # two become one
        RemoveClass(name="cup"),
        label("d", ""),
    ]
    states = [(log.labels, log.classes)]
    for step in steps:
        assert log.append([step]) == []
        states.append((log.labels, log.classes))
    assert states[4][0] == {"a": "cup", "b": NONE, "c": "bowl", "d": SKIP}
    assert states[7] == ({"a": "cup", "b": NONE, "c": "cup", "d": SKIP}, {"cup": "1", "vase": "3"})
    assert states[-1] == ({"b": NONE}, {"vase": "3"})
    for before in reversed(states[:-1]):
        log.append([Undo()])
        assert (log.labels, log.classes) == before
    assert not log.can_undo
    for after in states[1:]:
        log.append([Redo()])
        assert (log.labels, log.classes) == after
    again = LabelLog(path, IDS)
    assert (again.labels, again.classes, again.revision) == (log.labels, log.classes, log.revision)


def test_what_cannot_be_done_is_told_and_does_not_stop_the_rest(path):
    log = LabelLog(path, IDS)
    refused = log.append(
        [Undo(), Redo(), RemoveClass(name="x"), label("z", "cup"), AddClass(name=" \n"),
         AddClass(name="a" * 101), label("a", "cup")]
    )  # fmt: skip
    assert len(refused) == 6 and "There is nothing to undo." in refused
    assert log.labels == {"a": "cup"} and log.revision == 1
    assert LabelLog(path, IDS).labels == {"a": "cup"}


def test_a_step_that_is_sent_twice_is_done_once(path):
    log = LabelLog(path, IDS)
    log.append([label("a", "cup"), label("b", "cup"), Undo(id="x")])
    log.append([Undo(id="x")])
    assert LabelLog(path, IDS).append([Undo(id="x")]) == []
    log.refresh()
    assert log.labels == {"a": "cup"} and log.revision == 3


def test_who_gives_the_same_label_again_confirms_it(path):
    log = LabelLog(path, IDS)
    log.append([label("ab", "cup"), label("a", "cup")])
    assert log.confirmed == {"a"}
    log.append([RenameClass(name="cup", to="mug")])
    assert log.confirmed == {"a"}
    log.append([Undo(), Undo()])
    assert log.confirmed == set() and log.labels == {"a": "cup", "b": "cup"}
    log.append([Redo(), label("a", "bowl")])
    assert log.confirmed == set()


def test_changes_since_a_step_tell_what_has_no_label_any_more(path):
    log = LabelLog(path, IDS)
    log.append([Known(ids=("d",), label="cup"), label("a", "cup"), label("b", "cup")])
    assert not log.changed_since(3) and log.changed_since(2) == {"b": "cup"}
    log.append([Undo(), Undo()])
    assert log.changed_since(2) == {"b": "", "a": ""}
    assert not log.can_undo and log.labels == {"d": "cup"}  # what was known stays
    log.append([Order(random=True)])
    assert log.at_random and LabelLog(path, IDS).at_random


def test_many_labels_are_one_step(path):
    log = LabelLog(path, IDS)
    log.append([Label(labels={"a": "cup", "b": "bowl", "c": NONE})])
    assert log.labels == {"a": "cup", "b": "bowl", "c": NONE} and list(log.classes) == [
        "cup",
        "bowl",
    ]
    log.append([Undo()])
    assert log.labels == {} and log.classes == {} and not log.can_undo


def test_two_at_once_lose_nothing(path):
    here, there = LabelLog(path, IDS), LabelLog(path, IDS)
    for number in range(10):
        here.append([label("a", f"one {number}")])
        there.append([label("b", f"two {number}")])
    here.refresh()
    assert here.labels == there.labels == {"a": "one 9", "b": "two 9"}
    assert here.revision == there.revision == 20


@pytest.mark.parametrize("torn", [b'{"do":"label","ids":["b"],"la', b"\xff\xfe", b"{}"])
def test_a_last_line_that_was_broken_off_counts_as_none(path, torn):
    LabelLog(path, IDS).append([label("a", "cup")])
    with path.open("ab") as file:
        file.write(torn)
    log = LabelLog(path, IDS)
    assert log.labels == {"a": "cup"}
    log.append([label("b", "bowl")])
    assert LabelLog(path, IDS).labels == {"a": "cup", "b": "bowl"}


def test_a_damaged_line_in_the_middle_is_told(path):
    LabelLog(path, IDS).append([label("a", "cup"), label("b", "cup")])
    path.write_bytes(path.read_bytes().replace(b'"cup"', b'"cup', 1))
    with pytest.raises(DataError, match="damaged.*line 1"):
        LabelLog(path, IDS)


def test_a_full_disk_leaves_everything_as_it_was(path, monkeypatch):
    log = LabelLog(path, IDS)
    log.append([label("a", "cup")])

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(DataError, match="space"):
            log.append([label("b", "bowl")])
    assert log.labels == {"a": "cup"} and log.revision == 1
    log.append([label("c", "vase")])
    assert LabelLog(path, IDS).labels == log.labels == {"a": "cup", "c": "vase"}


def test_deleted_pictures_are_not_brought_back_by_a_step(path):
    log = LabelLog(path.parent / "gone" / "labels.jsonl", IDS)
    with pytest.raises(DataError, match="deleted"):
        log.append([label("a", "cup")])
    assert not (path.parent / "gone").exists()


def test_keys_are_free_again_and_not_those_of_the_page(path):
    log = LabelLog(path, IDS)
    log.append([AddClass(name=f"class {i}") for i in range(40)])
    keys = list(log.classes.values())
    assert keys[:10] == [*"123456789", "a"] and not {"n", "s", "v"} & set(keys)
    assert keys[-1] == "" and len(set(filter(None, keys))) == 32
    log.append([RemoveClass(name="class 1"), AddClass(name="new")])
    assert log.classes["new"] == "2"


def test_a_log_takes_no_more_than_its_pictures_need(path, monkeypatch):
    monkeypatch.setattr("decor_core.datasets.label_log._LOG_BYTES", (500, 25))
    log = LabelLog(path, IDS)
    refused = log.append([label("ab", f"class {number}") for number in range(30)])
    assert refused and "600 bytes" in refused[0]
    assert path.stat().st_size <= 600 and log.revision == 30 - len(refused)
    assert LabelLog(path, IDS).labels == log.labels


def test_the_oldest_steps_are_no_longer_undone_where_they_would_hold_too_much(path, monkeypatch):
    monkeypatch.setattr("decor_core.datasets.label_log._HELD", (8, 0))
    log = LabelLog(path, IDS)
    log.append([label("abcd", "cup"), label("abcd", "bowl"), *[label("a", NONE)] * 9])
    log.append([Undo()] * 12)
    again = LabelLog(path, IDS)
    assert not log.can_undo and log.labels == again.labels
    assert log.labels["b"] == "bowl" and again.can_redo  # of the nine, not of the first
