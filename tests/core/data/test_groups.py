"""Groups: what is so alike that it is held together; one scene, videos, near duplicates."""

import pytest
from scenes import fixed_camera, frame, hand, hand_signs, part, write

from decor_core.data.catalog import open_dataset
from decor_core.data.groups import group_duplicates
from decor_core.data.split import alike_classes, different_pictures, split
from decor_core.datasets.dataset import create_dataset
from decor_core.datasets.storage import keep_picture


@pytest.mark.parametrize("make", [
    fixed_camera,
    hand_signs,
    lambda folder: hand_signs(folder, moving=True),
    lambda folder: fixed_camera(folder, name=lambda i: f"{chr(97 + i) * 3}.jpg"),
])  # fmt: skip
def test_one_scene_can_be_trained_on_and_one_finding_says_what_the_test_is_worth(tmp_path, make):
    report = open_dataset(make(tmp_path)).report
    assert report.usable and report.counts_by_kind == {"same scene": 1}
    (finding,) = report.findings
    assert finding.message.startswith("These pictures are nearly alike (one scene): the test acc")
    assert all(label in finding.file for label in report.counts)


def test_the_very_same_picture_under_two_labels_is_still_a_conflict(tmp_path):
    folder = fixed_camera(tmp_path)
    (folder / "scratched/900.jpg").write_bytes((folder / "good/000.jpg").read_bytes())
    kinds = open_dataset(folder).report.counts_by_kind
    assert kinds == {"label conflict": 1, "same scene": 1}


def test_one_class_before_a_camera_beside_others(tmp_path, ornament):
    write(tmp_path, {f"hand/{i}.jpg": hand(i, 2) for i in range(12)})
    write(tmp_path, {f"tile/{i}.jpg": ornament(i, side=160) for i in range(12)})
    catalog = open_dataset(tmp_path)
    (finding,) = catalog.report.findings
    assert finding.message.startswith("The pictures of “hand” are nearly alike")
    assert alike_classes(catalog.table, "class") == ("hand",)


def test_videos_stay_whole(tmp_path):
    files = {f"{label}/clip{v}_frame_{i:04}.jpg": frame(3 * place + v, i)
             for place, label in enumerate(("ash", "oak")) for v in range(3)
             for i in range(10)}  # fmt: skip
    catalog = open_dataset(write(tmp_path, files))
    table = catalog.table.assign(clip=catalog.table["file"].str.split("_").str[0])
    assert (table.groupby("clip")["group"].nunique() == 1).all()
    assert table["group"].nunique() == 6 and catalog.report.usable
    found = split(table, "class")
    sides = [set(table["clip"].iloc[rows]) for rows in vars(found).values()]
    assert sum(map(len, sides)) == 6


def test_objects_that_lie_numbered_side_by_side_stay_apart(tmp_path, ornament):
    shots = {f"{label}/{n:03}.jpg": ornament(100 * place + n // 3, side=100 + 20 * (n % 3))
             for place, label in enumerate(("ash", "oak")) for n in range(30)}  # fmt: skip
    table = open_dataset(write(tmp_path, shots)).table
    assert different_pictures(table, "class", 3) == {"ash": 10, "oak": 10}


def test_a_burst_that_is_added_is_divided_too_and_moves_nothing(tmp_path, encoded):
    folder = tmp_path / "set"
    catalog = open_dataset(
        fixed_camera(tmp_path / "in"), on_picture=lambda data, up: keep_picture(folder, data, up)
    )
    made = create_dataset(folder, "Parts", catalog)
    before = split(made.table, "class")
    more = [(f"9{i:02}.jpg", encoded(part(500 + i, False), "JPEG")) for i in range(20)]
    grown, _ = made.add(more, "good")
    assert {finding.kind for finding in grown.open_findings} == {"same scene"}
    after = split(grown.table, "class")
    for name, rows in vars(before).items():
        assert set(rows) <= set(vars(after)[name])
    assert any(row >= 40 for row in after.test)
    assert len(grown.undo().table) == 40


def test_groups_of_earlier_batches_keep_their_name_and_members():
    assert group_duplicates(["c", "b", "a"], [(0, 1), (1, 2)]) == ["a", "a", "a"]
    grown = group_duplicates(["c", "b", "a"], [(0, 2), (1, 2)], [0, 0, 1])
    assert grown == ["c", "b", "b"]  # the later one joins one of the two, and does not join them
    assert group_duplicates(["c", "b", "a"], [(0, 1)], [0, 1, 1]) == ["c", "c", "a"]
