"""Pictures without classes: kept like a data set, labeled, finished, gone on with."""

import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from decor_core.data.catalog import open_dataset, open_unlabeled_set
from decor_core.data.sources.source import open_source
from decor_core.datasets.archive import hugging_face_pieces
from decor_core.datasets.dataset import create_dataset
from decor_core.datasets.label_steps import NONE, SKIP, Label, RemoveClass, Undo
from decor_core.datasets.storage import UNLABELED_SET, keep_picture
from decor_core.datasets.store import DatasetStore
from decor_core.datasets.unlabeled_set import (
    UnlabeledSet,
    add_pictures,
    create_unlabeled_set,
    finish,
    label_table,
    labeled_dataset,
    left_out,
    load_unlabeled_set,
    take_over_edits,
    unlabeled_set_of,
)
from decor_core.errors import DamagedFile, DataError
from decor_core.features.embedder import Block, EmbeddingSpec
from decor_core.training import unlabeled_vectors


@pytest.fixture
def unlabeled(tmp_path, write_pictures) -> UnlabeledSet:
    """Twelve pictures in folders that say nothing; the first two have a class already."""
    source = write_pictures(*(f"day {i // 6}/{i:02}.png" for i in range(12)), "notes.txt")
    (source / "broken.jpg").write_bytes(b"no picture")
    into = DatasetStore(tmp_path / "sets").begin("My heap")
    found = open_unlabeled_set(
        open_source(source), on_picture=lambda data, upright: keep_picture(into, data, upright)
    )
    return create_unlabeled_set(
        into, "My heap", found, {"day 0/00.png": "cup", "day 0/01.png": "cup"}
    )


def label(unlabeled: UnlabeledSet, rows: range, name: str) -> Label:
    return Label(ids=tuple(unlabeled.ids[row] for row in rows), label=name)


def file_at(unlabeled: UnlabeledSet, row: int) -> str:
    return unlabeled.catalog.table["file"][row]


def test_an_unlabeled_set_is_found_again_as_it_was(unlabeled):
    again = load_unlabeled_set(unlabeled.folder)
    assert again.ids == unlabeled.ids and len(set(again.ids)) == 12
    assert (again.title, again.level) == ("My heap", "class")
    assert set(again.log().labels.values()) == {"cup"} and len(again.log().labels) == 2
    assert again.catalog.read(again.file_of(again.ids[3])) and again.thumb(again.ids[3])
    assert [f.file for f in again.catalog.report.of("unreadable")] == ["broken.jpg"]
    with pytest.raises(DataError, match="no picture"):
        again.thumb("unknown")


def test_what_has_a_class_becomes_a_data_set_and_the_rest_is_told(unlabeled):
    log = unlabeled.log()
    log.append([label(unlabeled, range(2, 5), "cup"), label(unlabeled, range(5, 9), "bowl")])
    log.append([label(unlabeled, range(9, 10), NONE), label(unlabeled, range(10, 11), SKIP)])
    said = "3 pictures left out: 1 not labeled, 1 skipped, 1 none of these."
    assert left_out(unlabeled, log) == said
    assert labeled_dataset(unlabeled, log).counts == {"bowl": 4, "cup": 5}
    made = finish(unlabeled, log)
    assert made.counts == {"bowl": 4, "cup": 5} and made.title == "My heap"
    told = made.open_report
    assert any(said in finding.message for finding in told.of("assumed"))
    assert [f.file for f in told.of("unreadable")] == ["broken.jpg"]
    assert len(made.catalog.read(made.table["file"][0]))


def test_labels_are_taken_along_as_a_table_and_for_hugging_face(unlabeled, tmp_path):
    log = unlabeled.log()
    log.append([label(unlabeled, range(2, 6), "=bowl"), label(unlabeled, range(6, 7), NONE)])
    table = label_table(unlabeled, log)
    assert list(table["label"][:7]) == ["cup", "cup", *["=bowl"] * 4, ""]
    assert list(table["note"][5:8]) == ["", "none of these", "not labeled"]
    place = tmp_path / "hf.zip"
    place.write_bytes(b"".join(hugging_face_pieces(labeled_dataset(unlabeled, log))))
    with zipfile.ZipFile(place) as archive:
        told = archive.read("metadata.csv").decode().splitlines()
        assert told[0] == "file_name,label" and told[1] == "cup/00.png,cup"
        assert len(archive.namelist()) == 7 and "cup/01.png" in archive.namelist()
    assert open_dataset(place).report.counts == {"=bowl": 4, "cup": 2}


def test_nothing_labeled_makes_no_data_set(unlabeled):
    log = unlabeled.log()
    log.append([label(unlabeled, range(12), SKIP)])
    with pytest.raises(DataError, match="label some first"):
        finish(unlabeled, log)


def test_labeling_goes_on_with_what_was_changed_in_the_data_set(unlabeled, encoded, ornament):
    log = unlabeled.log()
    log.append([label(unlabeled, range(2, 5), "cup"), label(unlabeled, range(5, 9), "bowl")])
    made = finish(unlabeled, log)
    made = made.relabel([file_at(unlabeled, 2)], "vase").drop([file_at(unlabeled, 5)])
    made, _ = made.add([("new.png", encoded(ornament(99)))], "vase")
    again = load_unlabeled_set(unlabeled.folder).log()
    take_over_edits(unlabeled, again, made)
    assert again.labels[unlabeled.ids[2]] == "vase" and again.labels[unlabeled.ids[5]] == SKIP
    again.append([label(unlabeled, range(9, 12), "bowl")])
    later = finish(unlabeled, again)
    assert later.counts == {"bowl": 6, "cup": 4, "vase": 2}
    assert later.undo().counts == made.counts
    again.append([Undo()])
    assert finish(unlabeled, again).counts == {"bowl": 3, "cup": 4, "vase": 2}


def test_an_unlabeled_set_is_listed_kept_deleted_and_restored_like_a_data_set(
    unlabeled, monkeypatch
):
    sets = DatasetStore(unlabeled.folder.parent)
    assert sets.list() == [] and sets.is_unlabeled_set(unlabeled.id)
    (summary,) = sets.unlabeled_sets()
    assert (summary.id, summary.title, summary.pictures, summary.labels) == (
        unlabeled.id, "My heap", 12, 2,
    )  # fmt: skip
    unlabeled.log().append([label(unlabeled, range(2, 5), "bowl")])
    assert sets.unlabeled_sets()[0].labels == 5
    monkeypatch.setattr("time.time", lambda: 4e9)
    sets.begin("Another")  # clears what was broken off long ago
    assert sets.unlabeled_sets()
    sets.delete(unlabeled.id)
    assert sets.unlabeled_sets() == []
    assert isinstance(sets.restore(unlabeled.id), UnlabeledSet)
    finish(unlabeled, unlabeled.log())
    assert sets.unlabeled_sets() == [] and len(sets.list()) == 1
    sets.delete(unlabeled.id)
    assert not isinstance(sets.restore(unlabeled.id), UnlabeledSet)


def test_a_damaged_unlabeled_set_is_told_and_not_listed(unlabeled):
    file = Path(unlabeled.folder / UNLABELED_SET)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        load_unlabeled_set(unlabeled.folder)
    assert DatasetStore(unlabeled.folder.parent).unlabeled_sets() == []


def test_a_source_without_pictures_is_no_unlabeled_set(write_pictures, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        open_unlabeled_set(open_source(tmp_path / "empty"))


def test_files_that_are_no_pictures_are_told_of_an_unlabeled_set(write_pictures, tmp_path):
    folder = write_pictures("a.png", "b/c.png")
    for name in ("notes.txt", "README.md", "Thumbs.db", "labels.csv", "clip.mov"):
        (folder / name).write_bytes(b"\0text")
    assert open_unlabeled_set(open_source(folder)).report.set_aside.keys() == {
        "notes.txt",
        "clip.mov",
    }


def test_pictures_are_added_after_those_that_are_there(unlabeled, write_pictures):
    log = unlabeled.log()
    log.append([label(unlabeled, range(6), "cup")])
    names = [file_at(unlabeled, row) for row in range(12)]
    source = write_pictures(*names, *(f"day 0/{i}.png" for i in (20, 21)))
    for name in names[1:]:  # one that is there already, two others, one of which has a known name
        (source / name).unlink()
    (source / "day 0/21.png").rename(source / names[5])
    more = open_unlabeled_set(
        open_source(source),
        on_picture=lambda data, upright: keep_picture(unlabeled.folder, data, upright),
    )
    both = add_pictures(unlabeled, more, {"day 0/20.png": "bowl", names[0]: "bowl"})
    assert both.ids[:12] == unlabeled.ids and len(both.ids) == 14
    added = dict(zip(both.catalog.table["file"][12:], both.ids[12:], strict=True))
    assert added.keys() == {"day 0/20.png", "day 0/05-2.png"}
    assert both.log().labels == log.labels | {added["day 0/20.png"]: "bowl"}
    assert add_pictures(both, more).ids == unlabeled.retitled("Other").ids == both.ids
    assert both.catalog.read("day 0/05-2.png") and both.thumb(both.ids[-1])


def test_more_pictures_of_any_data_set_can_be_labeled(tmp_path, write_pictures):
    source = write_pictures(*(f"{name}/{i}.png" for name in ("cup", "new") for i in range(4)))
    folder = DatasetStore(tmp_path / "sets").begin("Set")
    read = open_dataset(
        source, on_picture=lambda data, upright: keep_picture(folder, data, upright)
    )
    made = create_dataset(folder, "Set", read)
    unlabeled = unlabeled_set_of(made)
    log = unlabeled.log()
    assert log.classes == {"cup": "1", "new": "2"} and len(log.labels) == 8
    log.append([RemoveClass(name="new")])  # “new” says that they have no class yet
    rest = [one for one in unlabeled.ids if one not in log.labels]
    log.append([Label(ids=tuple(rest[:2]), label="bowl")])
    changed = finish(unlabeled, log)
    assert changed.counts == {"bowl": 2, "cup": 4} and changed.can_undo
    assert unlabeled_set_of(changed).log().labels == log.labels


def test_what_was_seen_of_an_unlabeled_set_gives_proposals(unlabeled, monkeypatch):
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 1, (12, 6)).astype(np.float32)
    vectors[:6, :3] += 4
    seen = SimpleNamespace(vectors=vectors, blocks=(Block("a", 0, 3), Block("b", 3, 6)))
    monkeypatch.setattr(unlabeled_vectors, "embed_pictures", lambda *_, **__: seen)
    assert not unlabeled_vectors.has_unlabeled_vectors(unlabeled)
    unlabeled_vectors.embed_unlabeled_set(unlabeled, EmbeddingSpec())
    assert unlabeled_vectors.has_unlabeled_vectors(unlabeled)
    learner, clusters = unlabeled_vectors.read_unlabeled_vectors(unlabeled.folder, 12)
    assert clusters.shape == (12,)
    proposals = learner.propose(dict.fromkeys(range(3), "a") | dict.fromkeys(range(8, 12), "b"))
    assert proposals and proposals.proposed.tolist() == ["a"] * 6 + ["b"] * 6
    (unlabeled.folder / "heap-vectors-12.npz").write_bytes(b"no arrays")
    with pytest.raises(DamagedFile):
        unlabeled_vectors.read_unlabeled_vectors(unlabeled.folder, 12)
