"""Runs and data sets on a disk that several processes share, as servers behind a balancer do."""

import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from decor_core import io
from decor_core.datasets.corrections import correct
from decor_core.datasets.dataset import begin_dataset, edited, load_dataset
from decor_core.datasets.store import DatasetStore
from decor_core.errors import ChangedMeanwhile, DataError, RunError
from decor_core.io import locked
from decor_core.model.bundle import load_bundle
from decor_core.runs.run import run_of_bundle
from decor_core.runs.store import DiskRuns

_TIMES = 10
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run():
    return run_of_bundle(load_bundle())


@pytest.fixture
def dataset(tmp_path, ornament, encoded):
    """Four pictures of two classes."""
    pictures = [(f"{i}.png", encoded(ornament(i, "red"))) for i in range(2)]
    made = begin_dataset(tmp_path / "sets" / "one", "Shop", ("class",), pictures, {"class": "Red"})
    more = [(f"{i}.png", encoded(ornament(i, "blue"))) for i in range(2, 4)]
    return made.add(more, "Blue")[0]


@contextmanager
def other_process(code: str, *arguments: object) -> Iterator[subprocess.Popen]:
    """Another server, which does what ``code`` says at the same time; it must end well."""
    command = [sys.executable, "-c", _BEGIN + code, *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "ready\n"  # else it has died, and stderr says why
        process.stdin.write("go\n")
        process.stdin.flush()
        yield process
        assert process.wait() == 0


def _lengthen(store, run_id):
    store.update(run_id, lambda run: replace(run, note=f"{run.note}x"))


def _rename_label(folder):
    """Edits, while another process edits the same data set."""
    for i in range(_TIMES):
        for _ in range(100):  # each click takes up what is there
            try:
                edited(load_dataset(folder), lambda now, i=i: now.rename(*_names(now, i)))
                break
            except ChangedMeanwhile:
                continue


def _correct(root, picture):
    """Sets of corrections, each made while another process makes it."""
    for i in range(_TIMES):
        named = [(picture.name, picture.read_bytes())]
        correct(DatasetStore(root), f"Mine {i}", ("class",), named, "Red")


def _names(dataset, i):
    return next(label for label in dataset.counts if label.startswith("Red")), f"Red {i}"


# What another process begins with: what the code of its part uses, and a wait for the start.
_BEGIN = f"""
import sys
from dataclasses import replace
from pathlib import Path
from decor_core.datasets.corrections import correct
from decor_core.datasets.dataset import edited, load_dataset
from decor_core.datasets.store import DatasetStore
from decor_core.errors import ChangedMeanwhile
from decor_core.runs.store import DiskRuns
_TIMES = {_TIMES}
{inspect.getsource(_names)}
{inspect.getsource(_rename_label)}
{inspect.getsource(_correct)}
print("ready", flush=True)
sys.stdin.readline()
"""


def test_two_processes_that_change_one_run_lose_nothing_and_it_is_never_away(run, tmp_path):
    store = DiskRuns(tmp_path)
    store.save(run)
    code = f"""
store = DiskRuns(Path(sys.argv[1]))
for _ in range({_TIMES}):
    store.update(sys.argv[2], lambda run: replace(run, note=run.note + "x"))
"""
    with other_process(code, tmp_path, run.id) as other:
        for _ in range(_TIMES):
            _lengthen(store, run.id)
            assert run.id in {one.id for one in DiskRuns(tmp_path).list()}
        while other.poll() is None:
            assert run.id in {one.id for one in DiskRuns(tmp_path).list()}
    assert DiskRuns(tmp_path).get(run.id).note == 2 * _TIMES * "x"


def test_two_processes_that_edit_one_data_set_lose_no_step(dataset):
    first = dataset.table["file"][0]
    with other_process("_rename_label(Path(sys.argv[1]))", dataset.folder):
        _rename_label(dataset.folder)
    now = load_dataset(dataset.folder)
    assert now.number == dataset.number + 2 * _TIMES
    assert now.label_of(first) == f"Red {_TIMES - 1}"


def test_two_servers_that_get_a_first_correction_at_once_make_one_set(tmp_path, ornament, encoded):
    for i in range(2):
        (tmp_path / f"{i}.png").write_bytes(encoded(ornament(i)))
    sets = tmp_path / "sets"
    with other_process("_correct(Path(sys.argv[1]), Path(sys.argv[2]))", sets, tmp_path / "0.png"):
        _correct(sets, tmp_path / "1.png")
    assert sorted((one.title, one.pictures) for one in DatasetStore(sets).list()) == [
        (f"Mine {i}", 2) for i in range(_TIMES)
    ]


def test_an_edit_of_what_was_changed_meanwhile_is_refused_and_can_be_done_anew(dataset):
    files = list(dataset.table["file"])
    dataset.relabel(files[:1], "Green")
    for change in (lambda old: old.drop(files[3:]), lambda old: old.undo()):
        with pytest.raises(ChangedMeanwhile, match="“Shop” was changed meanwhile"):
            change(dataset)
    now = edited(dataset, lambda old: old.drop(files[3:]))
    assert now.counts == {"Red": 1, "Blue": 1, "Green": 1}


def test_a_title_does_not_take_an_edit_back_nor_an_edit_a_title(dataset):
    dataset.retitled("Market")
    after = dataset.rename("Red", "Rose")
    assert (after.title, load_dataset(after.folder).title) == ("Market", "Market")
    dataset.retitled("Bazaar")
    assert load_dataset(after.folder).counts == {"Rose": 2, "Blue": 2}


def test_who_edits_what_was_deleted_is_told_and_it_comes_back_whole(dataset, ornament, encoded):
    sets = DatasetStore(dataset.folder.parent)
    sets.delete("one")
    with pytest.raises(DataError, match="“one” .any more.: it was deleted"):
        dataset.add([("new.png", encoded(ornament(9, "red")))], "Red")
    assert sets.list() == []
    assert sets.restore("one").counts == dataset.counts


def test_who_changes_a_run_that_was_deleted_does_not_bring_it_back(run, tmp_path):
    here, there = DiskRuns(tmp_path), DiskRuns(tmp_path)
    here.save(run)
    there.delete(run.id)
    with pytest.raises(RunError, match="any more"):
        here.update(run.id, lambda run: replace(run, note="late"))
    assert here.restore(run.id).note == ""


def test_who_cannot_have_the_lock_is_told_why(run, tmp_path, monkeypatch):
    monkeypatch.setattr(io, "_LONGEST_WAIT", 0.05)
    store, has_it, may_go = DiskRuns(tmp_path), threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path):
            has_it.set()
            may_go.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    has_it.wait()
    try:
        with pytest.raises(RunError, match="somebody else has been changing it"):
            store.save(run)
    finally:
        may_go.set()
        holder.join()
    assert store.save(run) is run
