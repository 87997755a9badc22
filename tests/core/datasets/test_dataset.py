"""Data sets of one's own: taken in, edited, undone, kept, moved."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from decor_app.jobs.dataset_tasks import CheckTask, EmbedTask, MapTask
from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_core.data.findings import Finding
from decor_core.datasets.dataset import load_dataset
from decor_core.datasets.storage import read_aside
from decor_core.datasets.store import DatasetStore
from decor_core.errors import DataError
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec
from decor_core.model.events import never_stop

ONE_VIEW = EmbeddingSpec(views=1)


def quiet(event):
    """Nobody listens."""


@pytest.fixture(scope="module")
def taken(painted, tmp_path_factory):
    """The painted pictures, and a file that is none, as a data set."""
    messy = tmp_path_factory.mktemp("messy") / "shop"
    shutil.copytree(painted, messy)
    (messy / "Gzhel" / "broken.png").write_bytes(b"\x89PNG nothing more")
    into = tmp_path_factory.mktemp("sets") / "shop-1"
    return ingest(IngestTask(messy, into, "My shop"), quiet, never_stop)


@pytest.fixture
def pictures(taken, tmp_path):
    """A copy of that set, to edit."""
    shutil.copytree(taken.folder, tmp_path / "sets" / "shop-1")
    return load_dataset(tmp_path / "sets" / "shop-1")


def files_of(pictures, label):
    return list(pictures.table["file"][pictures.table[pictures.level] == label])


def test_what_came_is_there(pictures):
    assert pictures.counts == {"Gzhel": 12, "Khokhloma": 12, "Iznik": 12}
    assert [level.name for level in pictures.catalog.taxonomy.levels] == ["style", "country"]
    row = pictures.table.iloc[0]
    assert pictures.catalog.read(row.file).startswith(b"\x89PNG")
    assert pictures.thumb(row.key)[8:12] == b"WEBP"
    assert read_aside(pictures.folder, "Gzhel/broken.png") == b"\x89PNG nothing more"
    assert [entry.file for entry in pictures.open_findings if entry.kind == "unreadable"]


def test_an_edit_is_on_the_disk_and_can_be_undone(pictures):
    moved = pictures.relabel(files_of(pictures, "Gzhel")[:2], "Iznik")
    assert load_dataset(pictures.folder).counts == moved.counts == {
        "Gzhel": 10, "Khokhloma": 12, "Iznik": 14,
    }  # fmt: skip
    assert moved.step == "2 pictures relabeled as “Iznik”"
    assert set(moved.table.query("style == 'Iznik'")["country"]) == {"Turkey"}
    dropped = moved.drop(files_of(moved, "Khokhloma"))
    assert "Khokhloma" not in dropped.counts
    assert dropped.undo().undo().counts == pictures.counts
    assert not load_dataset(pictures.folder).can_undo


def test_an_edit_after_an_undo_takes_the_place_of_what_was_undone(pictures):
    one = pictures.rename("Gzhel", "Blue").undo().rename("Gzhel", "Cobalt")
    assert list(load_dataset(pictures.folder).counts) == list(one.counts)
    assert "Cobalt" in one.counts
    assert "Blue" not in one.undo().counts


def test_the_version_tells_pictures_and_labels_and_nothing_else(pictures, tmp_path):
    moved = replace(pictures, folder=tmp_path / "elsewhere")
    assert moved.version == pictures.version == pictures.retitled("Another name").version
    changed = pictures.rename("Gzhel", "Cobalt")
    assert changed.version != pictures.version
    assert changed.rename("Cobalt", "Gzhel").version == pictures.version


def test_a_new_name_may_belong_elsewhere(pictures):
    moved = pictures.rename("Gzhel", "Delft", "Netherlands")
    assert set(moved.table.query("style == 'Delft'")["country"]) == {"Netherlands"}
    kept = moved.undo().rename("Gzhel", "Delft")
    assert set(kept.table.query("style == 'Delft'")["country"]) == {"Russia"}


def test_renaming_to_another_class_merges_them(pictures):
    assert pictures.rename("Gzhel", "Iznik").counts == {"Khokhloma": 12, "Iznik": 24}


def test_new_pictures_come_in_under_a_new_class(pictures, ornament, encoded):
    data = encoded(ornament(900, "purple"))
    grown, refused = pictures.add(
        [("cup.png", data), ("cup.png", encoded(ornament(901, "purple"))), ("x.txt", b"words")],
        "Lilac",
        "Nowhere",
    )
    assert grown.counts["Lilac"] == 2
    assert set(files_of(grown, "Lilac")) == {"Lilac/cup.png", "Lilac/cup-2.png"}
    assert set(grown.table.query("style == 'Lilac'")["country"]) == {"Nowhere"}
    assert [(entry.kind, entry.file) for entry in refused] == [("unreadable", "x.txt")]
    assert grown.table["batch"].tolist() == [0] * 36 + [1] * 2
    again, _ = grown.add([("other name.png", data)], "Gzhel")
    assert again.counts["Lilac"] == 1
    assert again.counts["Gzhel"] == 13


def test_all_pictures_of_a_new_class_belong_to_one_parent(pictures, ornament, encoded):
    new = "cup.png", encoded(ornament(900, "purple"))
    known = "old.png", pictures.catalog.read(files_of(pictures, "Iznik")[0])
    with pytest.raises(DataError, match="Say also which country “Lilac” belongs to"):
        pictures.add([new], "Lilac", " ")
    for parent, expected in (("", "Turkey"), ("Nowhere", "Nowhere")):
        grown, _ = pictures.add([known, new], "Lilac", parent)
        assert grown.table.query("style == 'Lilac'")["country"].tolist() == [expected] * 2
        assert grown.catalog.taxonomy.parent_of("Lilac") == expected
        pictures = grown.undo()


def test_adding_says_what_was_there_already(pictures, ornament, encoded):
    new = [(f"{i}.png", encoded(ornament(900 + i, "purple"))) for i in range(2)]
    own, other = ((label, pictures.catalog.read(files_of(pictures, label)[0]))
                  for label in ("Gzhel", "Iznik"))  # fmt: skip
    for came, step in (
        ([*new, other], "2 pictures added to “Gzhel”, 1 moved from “Iznik”"),
        ([new[0], own], "1 picture added to “Gzhel”, 1 already there"),
        ([other], "1 picture moved from “Iznik” to “Gzhel”"),
        ([own], "1 picture already there"),
    ):
        grown, _ = pictures.add(came, "Gzhel")
        assert grown.step == step
        pictures = grown.undo()


def test_a_new_picture_joins_its_near_duplicates(pictures, encoded):
    known = pictures.table.iloc[0]
    from decor_core.images.decode import load_picture

    copy = load_picture(pictures.catalog.read(known.file)).resize((96, 96))
    grown, _ = pictures.add([("copy.jpg", encoded(copy, "JPEG"))], known["style"])
    groups = grown.table.set_index("file")["group"]
    assert groups["Gzhel/copy.jpg"] == groups[known.file]
    (near,) = (entry for entry in grown.open_findings if entry.kind == "near duplicate")
    assert (near.file, near.other) == ("Gzhel/copy.jpg", known.file)
    other, _ = grown.undo().add([("copy.jpg", encoded(copy, "JPEG"))], "Iznik")
    (near,) = (entry for entry in other.open_findings if entry.kind == "near conflict")
    assert near.suggestion == "Gzhel"


def test_a_finding_goes_when_it_is_settled_or_mended(pictures):
    first, second = files_of(pictures, "Gzhel")[:2]
    entries = [Finding("mislabelled", file, "Looks like Iznik.", suggestion="Iznik")
               for file in (first, second)]  # fmt: skip
    judged = pictures.with_model_findings(entries)
    assert load_dataset(pictures.folder).open_findings == judged.open_findings
    assert judged.checked == judged.version
    assert {entry.file for entry in judged.open_findings} >= {first, second}
    left = judged.relabel([first], "Iznik").dismiss([entries[1]])
    assert not [entry for entry in left.open_findings if entry.kind == "mislabelled"]
    assert entries[1] in left.undo().open_findings


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda it: it.relabel(files_of(it, "Gzhel"), " \t"), "needs a name"),
        (lambda it: it.relabel(files_of(it, "Gzhel"), "x" * 101), "at most 100 letters"),
        (lambda it: it.relabel(["gone.png"], "Iznik"), "None of these pictures"),
        (lambda it: it.rename("Gone", "Iznik"), "no class “Gone”"),
        (lambda it: it.drop(it.table["file"]), "delete the set instead"),
        (lambda it: it.add([("a.txt", b"words")], "Iznik"), "None of the pictures can be read"),
        (lambda it: it.undo(), "nothing to undo"),
        (lambda it: it.retitled(" "), "needs a name"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_and_changes_nothing(pictures, edit, said):
    with pytest.raises(DataError, match=said):
        edit(pictures)
    assert load_dataset(pictures.folder).counts == pictures.counts


def test_states_keep_the_keys_that_are_on_peoples_disks(pictures):
    first = files_of(pictures, "Gzhel")[0]
    found = Finding("outlier", first, "Unlike the others.")
    pictures.with_model_findings([found]).dismiss([found])
    path = pictures.folder / "states" / "000001.json"
    state = json.loads(path.read_text("utf-8"))
    assert state["settled"] == [["outlier", first]]
    assert found.message in {entry["message"] for entry in state["entries"]}
    del state["checked"], state["step"]  # as the first release wrote it, and a later one may
    path.write_text(json.dumps({**state, "later": 1}), "utf-8")
    again = load_dataset(pictures.folder)
    assert again.counts == pictures.counts and found not in again.open_findings


@pytest.mark.parametrize("damage", ["pictures.json", "states/000000.json"])
def test_a_damaged_set_says_so_and_hides_no_other(pictures, damage):
    sets = DatasetStore(pictures.folder.parent)
    shutil.copytree(pictures.folder, sets.root / "sound")
    (pictures.folder / damage).write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        sets.get("shop-1")
    assert [one.id for one in sets.list()] == ["sound"]


@pytest.mark.parametrize(
    "change",
    [{"table": 7}, {"table": {"file": ["a"]}}, {"levels": []}, {"levels": ["no column"]},
     {"entries": [{"kind": 1}]}, {"settled": [["outlier"]]}, {"step": None}],
)  # fmt: skip
def test_a_state_of_another_shape_is_damage(pictures, change):
    file = pictures.folder / "states" / "000000.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change))
    with pytest.raises(DataError, match="is damaged"):
        load_dataset(pictures.folder)
    assert not DatasetStore(pictures.folder.parent).list()


def test_what_a_model_finds_overwrites_no_edit(pictures):
    first, second, third = files_of(pictures, "Gzhel")[:3]
    edited = pictures.relabel([first], "Khokhloma").drop([second])
    edited.retitled("Renamed")
    judged = pictures.with_model_findings(
        [Finding("outlier", file, "") for file in (first, second, third)]
    )
    assert (judged.title, judged.number, judged.counts) == ("Renamed", 2, edited.counts)
    assert [e.file for e in judged.catalog.report.of("outlier")] == [third]
    assert judged.checked == pictures.version != judged.version
    assert load_dataset(pictures.folder).version == edited.version
    assert judged.undo().undo().counts == pictures.counts


def test_sets_are_listed_found_deleted_and_brought_back(pictures):
    sets = DatasetStore(pictures.folder.parent)
    (one,) = sets.list()
    assert (one.title, one.pictures, one.labels) == ("My shop", 36, 3)
    assert sets.find("My shop").id == sets.get("shop-1").id == "shop-1"
    sets.delete("shop-1")
    assert not sets.list()
    assert sets.restore("shop-1").counts == pictures.counts
    for wrong in ("", "..", "../shop-1", "shop-2"):
        with pytest.raises(DataError, match="no data set"):
            sets.get(wrong)
    assert sets.begin("Łódź: мои чашки").name.startswith("odz-")


def test_vectors_are_made_once(pictures):
    events = []
    embeddings = EmbedTask(pictures.folder, ONE_VIEW).run(events.append, never_stop)
    assert len(embeddings.vectors) == 36
    assert events[-1].done == events[-1].total == 36
    other = embed_catalog(pictures.catalog, ONE_VIEW, cache=pictures.folder / "vectors")
    assert (other.vectors == embeddings.vectors).all()


def test_what_is_edited_before_it_is_looked_at_is_looked_at_as_it_was(pictures):
    asked = EmbedTask(pictures.folder, ONE_VIEW, number=0, version=pictures.version)
    dropped = pictures.drop(files_of(pictures, "Gzhel")[:2])
    assert len(asked.run(quiet, never_stop).table) == 36
    assert len(EmbedTask(pictures.folder, ONE_VIEW).run(quiet, never_stop).table) == 34
    later = replace(asked, number=1, version=dropped.version)
    dropped.undo()
    load_dataset(pictures.folder).rename("Gzhel", "Cobalt")
    with pytest.raises(DataError, match="“My shop” was edited before"):
        later.run(quiet, never_stop)
    assert len(asked.run(quiet, never_stop).table) == 36
    with pytest.raises(DataError, match="damaged"):
        EmbedTask(pictures.folder / "none", ONE_VIEW).run(quiet, never_stop)


def test_an_ingest_task_reads_and_embeds(painted, tmp_path):
    events = []
    request = IngestTask(painted, tmp_path / "new", "New", spec=ONE_VIEW)
    folder = request.run(events.append, never_stop)
    assert load_dataset(folder).counts["Iznik"] == 12
    shares = [request.fraction_done(events[: i + 1]) for i in range(len(events))]
    assert shares == sorted(shares)
    assert {event.phase for event in events} == {"reading", "comparing", "embedding"}


def test_a_swapped_label_is_found(pictures):
    wrong = files_of(pictures, "Gzhel")[0]
    swapped = pictures.relabel([wrong], "Iznik")
    found = CheckTask(swapped.folder, ONE_VIEW).run(quiet, never_stop)
    assert (wrong, "Gzhel") in {(entry.file, entry.suggestion) for entry in found}


def test_a_set_that_is_edited_while_a_model_looks_keeps_the_edit(painted, tmp_path):
    folder = tmp_path / "sets" / "shop-1"

    def edit(phase):
        if phase.phase == "checking":
            now = load_dataset(folder)
            now.drop(list(now.table["file"][:1]))

    IngestTask(painted, folder, "My shop", spec=ONE_VIEW).run(quiet, never_stop)
    looked_at = load_dataset(folder).version
    CheckTask(folder, ONE_VIEW).run(edit, never_stop)
    now = load_dataset(folder)
    assert (now.number, len(now.table)) == (1, 35)
    assert now.checked == looked_at != now.version


def test_a_map_puts_pictures_of_a_class_together(pictures):
    found = MapTask(pictures.folder, ONE_VIEW).run(quiet, never_stop)
    assert found.keys == tuple(pictures.table["key"])
    assert all(thumb[8:12] == b"WEBP" and len(thumb) < 2000 for thumb in found.thumbs)
    places = found.places
    assert places.shape == (36, 2)
    assert abs(places).max() <= 1
    distances = ((places[:, None] - places[None]) ** 2).sum(2)
    distances[range(36), range(36)] = 9
    labels = pictures.table["style"].to_numpy()
    assert (labels[distances.argmin(1)] == labels).mean() > 0.8


def test_the_list_tells_what_was_edited_after_an_undo(pictures):
    sets = DatasetStore(pictures.folder.parent)
    pictures.drop(files_of(pictures, "Gzhel"))
    assert [(one.pictures, one.labels) for one in sets.list()] == [(24, 2)]
    load_dataset(pictures.folder).undo().drop(files_of(pictures, "Gzhel")[:1])
    assert [(one.pictures, one.labels) for one in sets.list()] == [(35, 3)]


def test_what_was_left_half_made_goes_a_day_later(pictures):
    sets = DatasetStore(pictures.folder.parent)
    for name in ("old", "young"):
        (sets.root / name).mkdir()
    os.utime(sets.root / "old", (0, 0))
    sets.begin("New")
    assert {path.name for path in sets.root.iterdir()} == {"shop-1", "young"}


def test_the_stamp_tells_every_change_of_a_set(pictures):
    sets = DatasetStore(pictures.folder.parent)
    stamps = [sets.stamp("shop-1")]
    for change in (
        lambda: pictures.retitled("Other"),
        lambda: pictures.with_model_findings([Finding("outlier", pictures.table["file"][0], "")]),
        lambda: load_dataset(pictures.folder).rename("Gzhel", "Cobalt"),
        lambda: load_dataset(pictures.folder).undo(),
    ):
        change()
        stamps.append(sets.stamp("shop-1"))
    assert all(one != next_ for one, next_ in zip(stamps, stamps[1:], strict=False))
    with pytest.raises(DataError, match="no data set"):
        sets.stamp("../shop-1")
