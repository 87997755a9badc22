"""One scene: cameras that stand still, bursts and videos are divided by what came together."""

import hashlib
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scenes import fixed_camera, frame, hand, hand_signs, part, write

from decor_core.data.bursts import bursts
from decor_core.data.catalog import open_dataset
from decor_core.data.split import alike_classes, assign_folds, different_pictures, split
from decor_core.datasets.dataset import create_dataset
from decor_core.datasets.storage import keep_picture
from decor_core.errors import DataError
from decor_core.images.decode import open_picture


def _named(files, taken=None):
    """The bursts of files, by their names, as they come."""
    return [[files[i] for i in burst] for burst in bursts(files, taken or [""] * len(files))]


# What names and clocks tell


@pytest.mark.parametrize(
    "name",
    [
        *("IMG_{:04}.JPG", "{}.jpg", "frame_{:06}.png", "cat.{}.jpg", "shot ({}).png"),
        *("a/b {:02}-final.jpg", "2024-01-02 10.11.{:02}.jpg", "PXL_20240102_1011120{:02}.jpg"),
        "frame_{:03}_jpg.rf.0f3a99c2b1.jpg",
        "2026-11-28 17.30.05 burst-x7f2 {:03}.jpg",
    ],
)
def test_what_is_numbered_or_timed_is_one_burst_in_its_order(name):
    files = [name.format(i) for i in range(3, 33)]
    shuffled = [files[i] for i in np.random.default_rng(0).permutation(30)]
    assert _named(shuffled) == [files]


def test_label_studios_prefix_does_not_part_a_burst():
    files = [f"{hashlib.md5(bytes([i])).hexdigest()[:7]}a-IMG_{i:04}.jpg" for i in range(12)]
    assert _named(files) == [files]


def test_a_gap_another_folder_and_another_name_part_bursts():
    files = [f"IMG_{i:04}.jpg" for i in (*range(10), *range(500, 510))]
    files += [f"b/IMG_{i:04}.jpg" for i in range(10)] + [f"clip2_{i}.jpg" for i in range(10)]
    assert sorted(map(len, _named(files))) == [10, 10, 10, 10]
    every_tenth = [f"frame_{10 * i:05}.jpg" for i in range(20)]
    assert _named(every_tenth) == [every_tenth]


def test_what_is_neither_numbered_nor_timed_stands_alone():
    assert _named(["left.jpg", "right.jpg", ""]) == [["left.jpg"], ["right.jpg"], [""]]
    assert _named(["9999-99-99 99.99.99.jpg"]) == [["9999-99-99 99.99.99.jpg"]]


def test_the_cameras_clock_goes_before_names():
    files = [f"{hashlib.md5(bytes([i])).hexdigest()}.jpg" for i in range(20)]
    taken = [f"2026:11:28 17:{30 + i // 10}:05.{i % 10}" for i in range(20)]
    assert _named(files, taken) == [files[:10], files[10:]]
    lapse = [f"2026:11:28 17:{i:02}:00" for i in range(20)]
    assert _named(files, lapse) == [files]
    assert len(_named(["a.jpg", "b.jpg"], ["0000:00:00 00:00:00", "yesterday"])) == 2


def test_the_time_of_a_photo_is_read(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:11:28 17:30:05"
    exif.get_ifd(0x8769)[0x9291] = "12"
    write(tmp_path, {"ash/a.jpg": frame(0, 0), "oak/b.jpg": frame(1, 0)}, exif=exif)
    assert set(open_dataset(tmp_path).table["taken"]) == {"2026:11:28 17:30:05.12"}
    assert open_picture((tmp_path / "ash/a.jpg").read_bytes()).taken == "2026:11:28 17:30:05.12"


# Reading


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


# Dividing


@pytest.mark.parametrize("seed", range(4))
def test_a_burst_is_cut_in_blocks_with_the_test_away_from_the_training(seed):
    n = 50
    files = [f"good/{i:03}.jpg" for i in range(n)] + [f"bad/{i:03}.jpg" for i in range(n)]
    labels, keys = ["good"] * n + ["bad"] * n, [hashlib.md5(f.encode()).hexdigest() for f in files]
    table = pd.DataFrame({"class": labels, "key": keys, "group": "same", "file": files})
    found = split(table, "class", seed=seed)
    for start in (0, n):
        train, validation, test = (
            [int(row) - start for row in rows if start <= row < start + n]
            for rows in (found.train, found.validation, found.test)
        )
        assert (len(train), len(validation), len(test)) == (40, 5, 5)
        for block in (train, validation, test):
            assert block == list(range(block[0], block[-1] + 1))
        assert min(abs(a - b) for a in train for b in test) > 5
    fold_of = assign_folds(table, "class", seed=seed)
    for start in (0, n):
        own = fold_of[start : start + n]
        assert list(np.bincount(own)) == [10] * 5
        assert np.count_nonzero(np.diff(own)) in (4, 5), "blocks of neighbors"


def test_separate_bursts_of_one_scene_stay_whole():
    files = [f"burst{b}-{i:02}.jpg" for b in range(5) for i in range(10)] * 2
    labels, keys = ["a"] * 50 + ["b"] * 50, [f"{i:03}" for i in range(100)]
    table = pd.DataFrame({"class": labels, "key": keys, "group": "same", "file": files})
    found = split(table, "class")
    assert [len(rows) for rows in vars(found).values()] == [60, 20, 20]
    of = [(label, file[:6]) for label, file in zip(labels, files, strict=True)]
    assert sum(len({of[row] for row in rows}) for rows in vars(found).values()) == 10


def test_stray_frames_beside_a_burst_do_not_leave_one_picture_to_train_on():
    labels, keys = ["a"] * 20 + ["b"] * 20, [f"{i:03}" for i in range(40)]
    groups = ["all"] * 18 + ["x", "y"] + keys[20:]
    table = pd.DataFrame({"class": labels, "key": keys, "group": groups})
    for seed in range(10):
        found = split(table, "class", seed=seed)
        assert sum(row < 20 for row in found.train) == 16


classes_of_bursts = st.lists(
    st.lists(st.integers(1, 9), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) >= 3),
    min_size=2,
    max_size=4,
)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(classes_of_bursts, st.integers(0, 5), st.sampled_from(["alike", "bursts"]), st.booleans())
def test_whatever_is_divided(sizes, seed, grouped_by, told):
    """Near duplicates, or bursts, are on one side where there are enough; all classes on each."""
    rows = [(f"class {c}", f"{c}-{b}", i) for c, members in enumerate(sizes)
            for b, size in enumerate(members) for i in range(size)]  # fmt: skip
    labels, burst_of, numbers = map(list, zip(*rows, strict=True))
    keys = [hashlib.md5(repr(row).encode()).hexdigest() for row in rows]
    groups = burst_of if grouped_by == "bursts" else ["alike"] * len(rows)  # under every label
    files = [f"{b}x{i:02}.jpg" if told else f"{key}.jpg".translate(_LETTERS)
             for b, i, key in zip(burst_of, numbers, keys, strict=True)]  # fmt: skip
    table = pd.DataFrame({"class": labels, "key": keys, "group": groups, "file": files})
    found = split(table, "class", seed=seed)
    parts = {int(row): name for name, members in vars(found).items() for row in members}
    assert sorted(parts) == list(range(len(rows))), "every picture once"
    for name in ("train", "validation", "test"):
        assert {labels[row] for row in parts if parts[row] == name} == set(labels)
    fold_of = assign_folds(table, "class", n_folds=2, seed=seed)
    for need, where in ((3, parts), (2, dict(enumerate(fold_of)))):
        sides = defaultdict(set)
        for row, side in where.items():
            sides[burst_of[row]].add(side)
        for c, members in enumerate(sizes):
            enough = len(members) >= need and max(members) <= sum(members) * 2 / 3
            if enough and (told or grouped_by == "bursts"):
                assert all(len(sides[f"{c}-{b}"]) == 1 for b in range(len(members)))
    order = np.random.default_rng(seed).permutation(len(rows))
    turned = vars(split(table.iloc[order], "class", seed=seed))
    again = {int(order[row]): name for name, members in turned.items() for row in members}
    assert again == parts, "the order of the rows does not matter"


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def test_a_single_picture_is_still_too_few():
    table = pd.DataFrame({"class": ["a"] * 6, "key": list("123456"), "group": "same"})
    with pytest.raises(DataError, match="“b” has 1"):
        split(table.assign(**{"class": ["a"] * 5 + ["b"]}), "class")
    assert Counter(assign_folds(table, "class", n_folds=3)) == {0: 2, 1: 2, 2: 2}
