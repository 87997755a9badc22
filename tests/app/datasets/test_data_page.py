"""The Data page without a browser: bringing in, report and fixes, grid, map, kept sets."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from app_pages import button, ended, opened, sound, texts
from packing import zip_of
from PIL import Image
from streamlit.testing.v1 import AppTest

from decor_app.datasets import grid
from decor_app.datasets.class_folders import ONE_CLASS, UNLABELED
from decor_app.format import escape_markdown
from decor_app.jobs.dataset_tasks import MapCoordinates
from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_app.state import jobs
from decor_app.state.workspace import Workspace
from decor_core.data.findings import Finding
from decor_core.datasets.dataset import Dataset, load_dataset
from decor_core.datasets.label_steps import Label
from decor_core.datasets.store import DatasetStore
from decor_core.datasets.unlabeled_set import finish, load_unlabeled_set
from decor_core.model.events import never_stop

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def made(painted, tmp_path_factory) -> Path:
    """A set of the painted pictures and some faults, with what a model would say of it."""
    root = tmp_path_factory.mktemp("made")
    shutil.copytree(painted, root / "came")
    (root / "came" / "Gzhel" / "broken.png").write_bytes(b"\x89PNG nothing more")
    (root / "came" / "Gzhel" / "100.png").write_bytes((painted / "Khokhloma/101.png").read_bytes())
    task = IngestTask(root / "came", root / "shop-1", "My *shop*")
    pictures = ingest(task, lambda event: None, never_stop)
    files = list(pictures.table["file"])
    pictures.with_model_findings(
        [Finding("mislabelled", file, "It looks like “Iznik”.", suggestion="Iznik")
         for file in files[:6]]
    )  # fmt: skip
    return root / "shop-1"


@pytest.fixture
def open_page(home, made) -> Callable[..., AppTest]:
    """``open_page("Pictures")`` is that view of the set."""
    shutil.copytree(made, home / "shop-1")

    def run(view: str = "Report", **state: object) -> AppTest:
        mine = Workspace("me")
        mine.data_set = "shop-1"
        return opened("data", workspace=mine, data_view=view, **state)

    return run


def _click(test: AppTest, label: str) -> AppTest:
    return sound(next(b for b in test.button if b.label == label).click().run())


def _press(test: AppTest, key: str) -> AppTest:
    return sound(test.button(key=key).click().run())


def _set(home: Path) -> Dataset:
    return load_dataset(home / "shop-1")


# Bringing in


def test_at_first_it_says_what_to_bring(home):
    test = opened("data", workspace=Workspace("me"))
    assert "one for each class, named like it" in texts(test)
    assert "Kept on this computer, in" in texts(test)
    assert "Try an example" in [button.label for button in test.button]
    assert "Your data sets" not in texts(test)


def test_a_zip_becomes_a_set_with_a_report(home, painted, tmp_path):
    shutil.copytree(painted, tmp_path / "came")
    shutil.move(tmp_path / "came" / "Iznik" / "203.png", tmp_path / "came" / "Gzhel" / "203.png")
    test = opened("data", workspace=Workspace("me"))
    data = zip_of(tmp_path / "came", tmp_path / "came.zip").read_bytes()
    test.file_uploader[0].set_value([("my_shop.zip", data, "application/zip")])
    ended(ended(ended(sound(test.run()), jobs.PREVIEW), jobs.INGEST), jobs.CHECK)
    assert [header.value for header in test.header] == ["my shop"]
    assert "36 pictures in 3 classes" in texts(test)
    assert "1 picture that may be in the wrong class" in texts(test)
    (folder,) = home.glob("[!.]*")
    assert not (folder / "upload.zip").exists()
    _click(test, "It is Iznik")
    assert load_dataset(folder).label_of("Gzhel/203.png") == "Iznik"


def test_a_table_waits_for_its_pictures_and_asks_which_columns_are_meant(home, painted):
    test = opened("data", workspace=Workspace("me"))
    table = ("list.csv", b"Bild;Farbe\n100.png;Red\n101.png;Red\n000.png;Blue\n", "text/csv")
    test.file_uploader[0].set_value([table])
    sound(test.run())
    assert "A table needs its pictures" in texts(test)
    files = [painted / name for name in ("Khokhloma/100.png", "Khokhloma/101.png", "Gzhel/000.png")]
    came = [(path.name, path.read_bytes(), "image/png") for path in files]
    test.file_uploader[0].set_value([table, *came])
    ended(sound(test.run()), jobs.PREVIEW)
    assert "Which of its columns are meant?" in texts(test)
    assert test.selectbox(key="ingest_column-Classes").value == "Farbe"
    assert list(test.dataframe[0].value.columns) == ["Bild", "Farbe"]
    ended(_click(test, "Read the pictures"), jobs.INGEST)
    assert "3 pictures in 2 classes" in texts(test)
    assert "It cannot be trained on yet" in texts(test)


def _with_table(painted: Path, name: str, rows: Callable[[int, Path], str], head: str) -> list:
    """An upload of pictures in no folders, and a table with a row for each of them."""
    paths = sorted(painted.rglob("*.png"))
    table = "\n".join([head, *(rows(i, path) for i, path in enumerate(paths))])
    pictures = [(path.name, path.read_bytes(), "image/png") for path in paths]
    return [(name, table.encode(), "text/csv"), *pictures]


def test_where_several_columns_may_hold_the_classes_one_must_be_chosen(home, painted):
    test = opened("data", workspace=Workspace("me"))
    sold = "east", "west"
    came = _with_table(
        painted, "list.csv", lambda i, path: f"{path.name},{path.parent.name},{sold[i % 2]}",
        "image,made,sold",
    )  # fmt: skip
    test.file_uploader[0].set_value(came)
    ended(sound(test.run()), jobs.PREVIEW)
    assert "Several of its columns may hold the classes: made, sold. Which one is meant?" in texts(
        test
    )
    assert test.selectbox(key="ingest_column-File names").value == "image"
    chosen = test.selectbox(key="ingest_column-Classes")
    assert chosen.value is None and button(test, "Read the pictures").disabled
    sound(chosen.set_value("sold").run())
    ended(_click(test, "Read the pictures"), jobs.INGEST)
    assert "36 pictures in 2 classes" in texts(test)


def test_a_table_of_one_column_for_each_class_is_read_and_it_is_said(home, painted):
    styles = ("Gzhel", "Iznik", "Khokhloma")
    came = _with_table(
        painted, "list.csv",
        lambda i, path: ",".join([path.stem, *(str(int(path.parent.name == s)) for s in styles)]),
        ",".join(["id", *styles]),
    )  # fmt: skip
    test = opened("data", workspace=Workspace("me"))
    test.file_uploader[0].set_value(came)
    ended(sound(test.run()), jobs.PREVIEW)
    assert test.selectbox(key="ingest_column-Classes").value == "label"
    ended(_click(test, "Read the pictures"), jobs.INGEST)
    assert "36 pictures in 3 classes" in texts(test)
    assert "The columns Gzhel, Iznik, Khokhloma say yes or no" in texts(test)


def test_several_labels_in_one_cell_are_shown(home, painted):
    test = opened("data", workspace=Workspace("me"))
    came = _with_table(
        painted, "list.csv", lambda i, path: f"{path.name},{('ash', 'oak', 'ash oak')[i % 3]}",
        "image,labels",
    )  # fmt: skip
    test.file_uploader[0].set_value(came)
    ended(sound(test.run()), jobs.PREVIEW)
    ended(_click(test, "Read the pictures"), jobs.INGEST)
    assert "12 pictures with several labels" in texts(test)
    (folder,) = home.glob("[!.]*")
    _click(test, "It is oak")
    assert load_dataset(folder).counts == {"ash": 12, "ash oak": 11, "oak": 13}
    assert "11 pictures with several labels" in texts(test)
    _click(test, "Drop all")
    assert load_dataset(folder).counts == {"ash": 12, "oak": 13}
    assert "several labels" not in texts(test)


@pytest.mark.parametrize("name", ["labels.xlsx", "labels.xls", "labels.jsonl"])
def test_a_table_alone_waits_for_its_pictures_whatever_it_is(home, name):
    test = opened("data", workspace=Workspace("me"))
    test.file_uploader[0].set_value([(name, b"x", "application/octet-stream")])
    sound(test.run())
    assert "A table needs its pictures" in texts(test) and not list(home.glob("*/"))


def test_a_spreadsheet_that_cannot_be_read_is_told_with_the_way_out(home, painted):
    picture = ("a.png", (painted / "Gzhel/000.png").read_bytes(), "image/png")
    test = opened("data", workspace=Workspace("me"))
    old = ("labels.xls", b"\xd0\xcf\x11\xe0" + bytes(64), "application/vnd.ms-excel")
    test.file_uploader[0].set_value([old, picture])
    ended(sound(test.run()), jobs.PREVIEW)
    assert "please save the table as" in test.error[0].value


def test_what_is_no_data_set_is_refused_and_leaves_nothing(home):
    test = opened("data", workspace=Workspace("me"))
    test.file_uploader[0].set_value([("x.zip", b"no zip", "application/zip")])
    ended(sound(test.run()), jobs.PREVIEW)
    assert len(test.error) == 1
    _click(test, "Start again")
    assert not test.error
    assert not list(home.glob("*/"))


def test_who_cannot_keep_has_sets_until_the_session_goes(monkeypatch, made):
    monkeypatch.delenv("DECOR_HOME", raising=False)
    mine = Workspace("me")
    shutil.copytree(made, mine.folder / "datasets" / "shop-1")
    test = opened("data", workspace=mine)
    assert "until you leave" in texts(test)
    assert r"My \*shop\*" in [button.label for button in test.button]
    folder = mine.folder
    mine.forget()
    assert not folder.exists()


# Report


def test_findings_are_grouped_the_gravest_first(open_page):
    test = open_page()
    titles = [header.value for header in test.subheader]
    assert titles[:2] == ["1 picture in two classes", "6 pictures that may be in the wrong class"]
    assert len(titles) == 2
    assert "36 pictures in 3 classes" in texts(test)
    assert "- tiny: 36 of 36 pictures are like that" in texts(test)


def test_what_keeps_a_set_from_training_names_the_classes(open_page, home):
    pictures = _set(home)
    for label in ("Gzhel", "Iznik"):
        files = pictures.table["file"][pictures.table["style"] == label]
        pictures = pictures.drop(list(files)[1:])
    (warning,) = open_page().warning
    assert "yet. “Gzhel”: It has 1 picture; at least 3" in warning.value
    assert warning.value.endswith(" 1 more blocker: “Iznik”.")


def test_a_fix_is_a_click_and_can_be_undone(open_page, home):
    test = open_page()
    file = next(e.file for e in _set(home).open_findings if e.kind == "mislabelled")
    before = _set(home).label_of(file)
    _click(test, "It is Iznik")
    assert _set(home).label_of(file) == "Iznik"
    assert "“Undo” takes it back" in test.toast[0].value
    assert "5 pictures that may be" in texts(test)
    _click(test, "Undo")
    assert _set(home).label_of(file) == before
    assert "6 pictures that may be" in texts(test)


def _enlarge(test: AppTest, file: str) -> AppTest:
    """The page with this picture, which may be in the wrong class, at large."""
    _press(test, f"enlarge-mislabelled-{file}-")
    assert f"**File**: {escape_markdown(file)}" in texts(test)
    return test


def test_an_enlarged_picture_is_relabeled_or_dropped(open_page, home):
    test = open_page()
    first, second, *_ = [e.file for e in _set(home).open_findings if e.kind == "mislabelled"]
    _enlarge(test, first).selectbox(key="enlarged_label").set_value("Iznik")
    _click(test, "Relabel")  # the whole page is drawn, as where a job ends just then
    assert _set(home).label_of(first) == "Iznik"
    assert "**File**" not in texts(test)
    _click(_enlarge(test, second), "Drop")
    assert second not in set(_set(home).table["file"])
    assert "**File**" not in texts(test)


def test_an_enlarged_picture_is_not_relabeled_without_a_class(open_page, home):
    test = open_page()
    first = next(e.file for e in _set(home).open_findings if e.kind == "mislabelled")
    _click(_enlarge(test, first), "Relabel")
    assert "needs a name" in test.toast[0].value
    assert _set(home).number == 0


def test_all_of_a_group_at_once_are_one_step(open_page, home):
    test = open_page()
    _click(test, "Relabel all as suggested")
    assert "wrong class" not in texts(test)
    assert _set(home).counts["Iznik"] == 18
    _click(test, "Undo")
    assert _set(home).counts["Iznik"] == 12


@pytest.fixture
def unseen(home, painted, ornament, tmp_path) -> Callable[[], AppTest]:
    """The page of a set with two blank pictures and a dark one among the painted ones."""
    came = tmp_path / "came"
    shutil.copytree(painted, came)
    Image.new("RGB", (100, 100), "white").save(came / "Iznik" / "empty.png")
    Image.new("RGB", (100, 100), "black").save(came / "Gzhel" / "cap.png")
    ornament(77, side=100).point(lambda v: v // 4).save(came / "Gzhel" / "dark.png")
    ingest(IngestTask(came, home / "shop-1", "Mine"), lambda event: None, never_stop)

    def run() -> AppTest:
        mine = Workspace("me")
        mine.data_set = "shop-1"
        return opened("data", workspace=mine, data_view="Report")

    return run


def _titles(test: AppTest) -> list[str]:
    return [header.value for header in test.subheader]


def test_pictures_hard_to_see_are_dropped_or_kept_one_by_one(unseen, home):
    test = unseen()
    assert _titles(test) == ["2 blank pictures", "1 very dark picture"]
    assert "its areas differ by 0 of 255 gray levels" in texts(test)
    _press(test, "fix-blank-Gzhel/cap.png--0")
    assert _titles(test) == ["1 blank picture", "1 very dark picture"]
    assert not _set(home).label_of("Gzhel/cap.png")
    _press(test, "fix-blank-Iznik/empty.png--1")
    _press(test, "fix-dark-Gzhel/dark.png--1")
    assert _titles(test) == []
    assert _set(home).label_of("Iznik/empty.png") == "Iznik"
    for _ in range(3):
        _click(test, "Undo")
    assert _titles(test) == ["2 blank pictures", "1 very dark picture"]


@pytest.mark.parametrize(("button", "left"), [("Drop all", 37), ("Keep all", 39)])
def test_pictures_hard_to_see_are_dropped_or_kept_at_once(unseen, home, button, left):
    test = unseen()
    _click(test, button)
    assert _titles(test) == ["1 very dark picture"]
    assert len(_set(home).table) == left
    _click(test, "Undo")
    assert len(_set(home).table) == 39


def test_more_findings_are_shown_on_request(open_page):
    test = open_page()
    shown = sum(button.label == "Drop" for button in test.button)
    _click(test, "Show 2 more")
    assert sum(button.label == "Drop" for button in test.button) == shown + 2


def test_files_set_aside_are_listed_with_the_reason(open_page):
    test = open_page()
    table = test.dataframe[0].value
    assert "Gzhel/broken.png" in list(table["File"])
    assert all(table["Why"])


def test_a_class_can_be_renamed_and_merged(open_page, home):
    test = open_page()
    test.selectbox(key="renamed").set_value("Gzhel")
    test.selectbox(key="renamed_to").set_value("Iznik")
    _click(sound(test.run()), "Rename")
    assert set(_set(home).counts) == {"Iznik", "Khokhloma"}


def test_a_model_looks_again_on_request(open_page, home):
    pictures = _set(home)
    pictures.drop(list(pictures.table["file"][:1]))
    test = open_page()
    look = next(b.label for b in test.button if b.label.startswith("Look for label issues"))
    ended(_click(test, look), jobs.CHECK)
    assert _set(home).checked == _set(home).version
    assert look not in [button.label for button in test.button]


# Pictures


def _shown(test: AppTest) -> int:
    return int(next(c.value for c in test.caption if "Tick the ones" in c.value).split()[0])


def test_filters_leave_what_they_say(open_page, home):
    test = open_page("Pictures")
    assert _shown(test) == 36
    sound(test.multiselect(key="filter_label").set_value(["Gzhel"]).run())
    assert _shown(test) == 13
    sound(test.selectbox(key="filter_part").set_value("test").run())
    assert 1 <= _shown(test) <= 3
    sound(test.text_input(key="filter_name").set_value("no such name").run())
    assert "No picture is like that" in texts(test)


def test_a_filter_for_what_is_gone_lets_all_through(open_page, home):
    test = open_page("Pictures")
    sound(test.multiselect(key="filter_label").set_value(["Gzhel"]).run())
    _set(home).rename("Gzhel", "Iznik")
    sound(test.run())
    assert _shown(test) == 36


def test_right_and_wrong_come_from_the_model_in_use(open_page, home):
    pictures = _set(home)
    keys = list(pictures.table["key"])
    test = open_page("Pictures")
    mine = test.session_state["workspace"]
    mine.predictions[_about(pictures)] = {key: ("Iznik", 0.9) for key in keys}
    sound(test.run())
    sound(test.selectbox(key="filter_verdict").set_value("Right").run())
    assert _shown(test) == 12


def _about(pictures: Dataset) -> str:
    from decor_app.state.models import shipped_predictor

    bundle = shipped_predictor().bundle
    return f"{pictures.id} {bundle.title} {bundle.created}"


def test_what_is_picked_is_relabeled_or_dropped(open_page, home):
    files = set(_set(home).table["file"][:3])
    test = open_page("Pictures", picked=files)
    assert "3 ticked" in texts(test)
    test.selectbox(key="picked_label").set_value("Iznik")
    _click(sound(test.run()), "Relabel")
    assert {_set(home).label_of(file) for file in files} == {"Iznik"}
    assert "ticked" not in texts(test)
    test = open_page("Pictures", picked=files)
    _click(test, "Drop")
    assert len(_set(home).table) == 33


def test_nothing_is_relabeled_without_a_class(open_page, home):
    test = open_page("Pictures", picked=set(_set(home).table["file"][:3]))
    _click(test, "Relabel")
    assert "needs a name" in test.toast[0].value
    assert _set(home).number == 0


def test_pages_are_turned(open_page, monkeypatch):
    monkeypatch.setattr(grid, "PAGE", 10)
    test = open_page("Pictures")
    assert "1–10 of 36" in texts(test)
    _click(_click(_click(test, "Next"), "Next"), "Next")
    assert "31–36 of 36" in texts(test)
    assert next(b for b in test.button if b.label == "Next").disabled


# Map


def test_the_map_is_drawn_when_it_is_there(open_page, home):
    pictures = _set(home)
    test = open_page("Map")
    assert "Draw the map" in [button.label for button in test.button]
    keys = tuple(pictures.table["key"])
    spots = np.random.default_rng(0).uniform(-1, 1, (len(keys), 2))
    places = MapCoordinates(keys, spots, tuple(pictures.thumb(key) for key in keys))
    test.session_state["workspace"].maps[pictures.id] = places
    sound(test.run())
    assert "draw a box to pick" in texts(test)
    pictures.drop(list(pictures.table["file"][:2]))
    sound(test.run())
    assert "came after" not in texts(test)


def test_a_map_that_lacks_pictures_is_drawn_again(open_page, home):
    pictures, test = _set(home), open_page("Map")
    keys = tuple(pictures.table["key"])[1:]
    spots = np.random.default_rng(0).uniform(-1, 1, (len(keys), 2))
    old = MapCoordinates(keys, spots, tuple(pictures.thumb(key) for key in keys))
    test.session_state["workspace"].maps[pictures.id] = old
    sound(test.run())
    assert "1 picture came after the map was drawn and is not on it." in texts(test)
    ended(_click(test, "Draw again"), jobs.MAP)
    new = test.session_state["workspace"].maps[pictures.id]
    assert len(new.keys) == len(pictures.table)
    assert "came after" not in texts(test)


# Kept


def test_a_set_is_renamed_deleted_and_brought_back(open_page, home):
    test = open_page()
    sound(test.text_input(key="title-shop-1").set_value("Kiosk").run())
    assert [header.value for header in test.header] == ["Kiosk"]
    _click(test, "Delete")
    assert not DatasetStore(home).list()
    assert "Deleted: **Kiosk**" in texts(test)
    sound(test.button(key="restore_set").click().run())
    assert [one.title for one in DatasetStore(home).list()] == ["Kiosk"]
    assert [header.value for header in test.header] == ["Kiosk"]


def test_a_zip_that_is_too_large_for_an_upload_tells_the_way_back(open_page, monkeypatch):
    words = "unpack it and choose the folder: folders are sent in parts"
    assert words not in texts(open_page())
    monkeypatch.setattr("decor_app.state.datasets.file_limit", lambda: 1000)
    assert words in texts(open_page())


def test_a_set_that_is_gone_is_told(open_page, home):
    test = open_page()
    shutil.rmtree(home / "shop-1")
    sound(test.run())
    assert "no data set" in test.toast[0].value
    assert "one for each class" in texts(test)


def test_single_pictures_join_a_class(open_page, home, ornament, encoded):
    test = open_page("Add pictures")
    test.selectbox(key="add_label").set_value("Gzhel")
    came = [("new.png", encoded(ornament(900)), "image/png"), ("bad.png", b"bad", "image/png")]
    test.file_uploader[0].set_value(came)
    _click(sound(test.run()), "Add")
    assert _set(home).counts["Gzhel"] == 14
    assert any("bad" in toast.value for toast in test.toast)


def test_pictures_of_every_ending_are_taken(open_page, home, ornament, encoded):
    test = open_page("Add pictures")
    test.selectbox(key="add_label").set_value("Gzhel")
    names = ["one.jfif", "two.jpe", "three.JPG", "four.heif"]
    test.file_uploader[0].set_value(
        [(name, encoded(ornament(900 + i), "JPEG"), "image/jpeg") for i, name in enumerate(names)]
    )
    _click(sound(test.run()), "Add")
    assert {f"Gzhel/{name}" for name in names} <= set(_set(home).table["file"])


def test_a_new_class_is_asked_where_it_belongs(open_page, home, monkeypatch, ornament, encoded):
    said = ["Lilac", ""]  # what AppTest cannot type: it knows no new options
    monkeypatch.setattr("decor_app.datasets.upload.picked_class", lambda key: tuple(said))
    test = open_page("Add pictures")
    test.file_uploader[0].set_value([("new.png", encoded(ornament(900)), "image/png")])
    _click(sound(test.run()), "Add")
    assert "Say also which country “Lilac” belongs to" in test.toast[0].value
    assert "Lilac" not in _set(home).counts
    assert test.file_uploader[0].value  # to be added once it is said
    said[1] = "Turkey"
    _click(sound(test.run()), "Add")
    assert _set(home).catalog.taxonomy.parent_of("Lilac") == "Turkey"


def test_names_and_labels_are_data(open_page, home):
    pictures = _set(home)
    evil = "<script>alert(1)</script> **x** $y$ :red[z]"
    assert evil in pictures.rename("Gzhel", evil).counts
    for view in ("Report", "Pictures", "Map", "Add pictures"):
        test = open_page(view)
        assert "**x**" not in texts(test)


# Which folders are the classes


@pytest.fixture
def arrived(home, write_pictures, tmp_path):
    """Uploads pictures of these names as a zip, and waits until it has been looked into."""

    def arrive(*names: str) -> AppTest:
        packed = zip_of(write_pictures(*names), tmp_path / "came.zip")
        test = opened("data", workspace=Workspace("me"))
        test.file_uploader[0].set_value([("trees.zip", packed.read_bytes(), "application/zip")])
        return ended(sound(test.run()), jobs.PREVIEW)

    return arrive


def _read(test: AppTest) -> str:
    """What the page says once the pictures are read."""
    return texts(ended(_click(test, "Read the pictures"), jobs.INGEST))


def test_folds_are_shown_as_a_tree_before_anything_is_read(arrived):
    test = arrived(*(f"fold_{k}/{label}/{i}.png" for k in range(3) for label in ("ash", "oak")
                     for i in range(3)))  # fmt: skip
    assert jobs.INGEST not in test.session_state["workspace"].jobs
    tree = next(element.value for element in test.markdown if "- **fold" in element.value)
    assert tree.splitlines()[:2] == [
        "- **fold\\_0** 6 :gray-badge[part of the set]",
        "  - **ash** 3 :green-badge[class]",
    ]
    assert "18 pictures in 2 classes" in texts(test) and "are taken together" in texts(test)
    assert "18 pictures in 2 classes" in _read(test)


def test_the_guess_can_be_changed_with_one_click(arrived):
    test = arrived(*(f"{color}/{label}/{i}.png" for color in ("raw", "gray", "edges")
                     for label in ("ash", "oak") for i in range(2)))  # fmt: skip
    assert "12 pictures in 2 classes" in texts(test)
    sound(test.radio(key="ingest_classes_from").set_value(1).run())
    assert "12 pictures in 3 classes" in texts(test)
    assert "12 pictures in 3 classes" in _read(test)


def test_classes_in_file_names_are_asked_for(arrived, home):
    test = arrived(*(f"train/{kind}.{i}.png" for kind in ("cat", "dog") for i in range(4)),
                   "test/1.png", "test/2.png")  # fmt: skip
    assert "are called like parts of a data set" in texts(test)
    assert test.radio(key="ingest_classes_from").options == [
        "The file names: cat and dog", UNLABELED, "Folders on level 1: test and train", ONE_CLASS,
    ]  # fmt: skip
    assert "2 pictures left out: Its name tells no class" in texts(test).replace("\\", "")
    assert "8 pictures in 2 classes" in _read(test)
    (folder,) = home.glob("[!.]*")
    assert set(load_dataset(folder).counts) == {"cat", "dog"}


@pytest.mark.parametrize("names", (("1.png", "2.png"), ("holiday/1.png", "holiday/2.png")))
def test_an_unlabeled_set_is_labeled_unless_it_is_of_one_class(arrived, home, names):
    test = arrived(*names)
    choice = test.radio(key="ingest_classes_from")
    assert choice.options[choice.value] == UNLABELED
    test = ended(_click(test, "Read the pictures"), jobs.INGEST)
    (folder,) = home.glob("[!.]*")
    assert test.session_state["workspace"].labeling == folder.name
    _click(test, "All data sets, and new ones")
    assert "0 of 2 pictures labeled" in texts(test)
    test = sound(test.button(key=f"open_set-{folder.name}").click().run())
    assert test.session_state["workspace"].labeling == folder.name


def test_pictures_of_no_class_are_labeled_beside_those_that_have_one(
    home, write_pictures, monkeypatch
):
    source = write_pictures(*(f"{i}.png" for i in range(6)))
    labels = [f"{i}.png,{'ash' if i < 2 else 'oak'}\n" for i in range(4)]
    (source / "labels.csv").write_text(f"file,class\n{''.join(labels)}4.png,\n")
    folder, asked = home / "half-1", []
    ingest(IngestTask(source, folder, "Half"), lambda event: None, never_stop)
    monkeypatch.setattr("decor_app.state.labeling.submit_ingest", asked.append)
    mine = Workspace("me")
    mine.data_set = folder.name
    test = opened("data", workspace=mine)
    assert "2 pictures of no class: put in" in [one.label for one in test.selectbox]
    _click(test, "Label each by keys")
    assert mine.labeling == folder.name
    monkeypatch.setattr("decor_app.jobs.ingest_tasks.embed_unlabeled_set", lambda *_: None)
    asked[0].run(lambda event: None, never_stop)
    unlabeled = load_unlabeled_set(folder)
    log = unlabeled.log()
    assert len(unlabeled.ids) == 6 and set(log.labels) == set(unlabeled.ids[:4])
    log.append([Label(ids=unlabeled.ids[4:5], label="oak")])
    made = finish(unlabeled, log)
    assert made.counts == {"ash": 2, "oak": 3} and not made.unclassed
    assert not list(folder.glob("*.zip"))


def test_the_address_of_a_page_opens_an_unlabeled_set_of_ones_own_and_nothing_else(
    home, painted, tmp_path
):
    task = IngestTask(painted / "Gzhel", home / "mine", "Mine", unlabeled=True)
    task.run(lambda event: None, never_stop)
    shutil.copytree(home / "mine", tmp_path / "other" / "theirs")
    shutil.copytree(home / "mine", home / ".hidden")
    odd = ("../other/theirs", str(tmp_path / "other" / "theirs"), ".hidden", "\0")
    for asked in ("mine", *odd):
        test = AppTest.from_file(str(ROOT / "pages/data.py"), default_timeout=60)
        test.session_state["workspace"] = Workspace("me")
        test.query_params["label"] = asked
        sound(test.run())
        opened_now = test.session_state["workspace"].labeling
        assert opened_now == (asked if asked == "mine" else ""), asked


def test_masks_are_left_out_unless_their_folders_are_chosen(arrived):
    test = arrived(*(f"cup/{part}/{kind}/{i}.png" for i in range(2) for part, kind in
                     (("train", "good"), ("test", "good"), ("test", "torn"),
                      ("ground_truth", "torn"))))  # fmt: skip
    choice = test.radio(key="ingest_classes_from")
    assert len(set(choice.options)) == len(choice.options) == 4 and choice.value == 0
    assert "6 pictures in 2 classes" in texts(test) and "MVTec AD" in texts(test)
    sound(choice.set_value(2).run())
    assert "8 pictures in 2 classes" in texts(test)


def test_class_folders_are_read_at_once(arrived):
    test = ended(arrived("ash/1.png", "ash/2.png", "oak/1.png", "oak/2.png"), jobs.INGEST)
    assert "4 pictures in 2 classes" in texts(test)


def test_annotations_of_objects_are_named(arrived, write_pictures):
    folder = write_pictures("images/0.png")
    (folder / "labels").mkdir()
    (folder / "labels/0.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    test = arrived("images/0.png")
    assert "This is a YOLO data set" in test.error[0].value
