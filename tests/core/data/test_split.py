"""Parts of a data set: every class in each, near duplicates together, nothing moves."""

import hashlib
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decor_core.data import split as split_module
from decor_core.data.groups import group_duplicates
from decor_core.errors import DataError


def rows(**sizes):
    """Labels and keys of classes of the given sizes; each picture is its own group."""
    labels = [label for label, size in sizes.items() for _ in range(size)]
    return labels, [f"{label}{i}" for i, label in enumerate(labels)]


def table(labels, keys, groups, **columns):
    """The table of pictures with these labels, and other columns."""
    return pd.DataFrame({"label": labels, "key": keys, "group": groups, **columns})


def split(labels, keys, groups, batches=None, **options):
    known = {"batch": batches} if batches else {}
    return split_module.split(table(labels, keys, groups, **known), "label", **options)


def folds(labels, keys, groups, batches=None, **options):
    known = {"batch": batches} if batches else {}
    return split_module.assign_folds(table(labels, keys, groups, **known), "label", **options)


def parts_of(labels, keys, groups=None, **options):
    """The set of keys in each part."""
    found = split(labels, keys, groups or keys, **options)
    return [{keys[i] for i in part} for part in (found.train, found.validation, found.test)]


def test_split_has_the_percentages_and_all_rows_once():
    labels, keys = rows(a=200, b=100, c=37)
    found = split(labels, keys, keys)
    assert (len(found.test), len(found.validation)) == (34, 34)
    everything = np.concatenate([found.train, found.validation, found.test])
    assert sorted(everything) == list(range(337))
    assert {labels[i] for i in found.test} == {labels[i] for i in found.validation} == set("abc")


def test_small_classes_are_in_every_part():
    labels, keys = rows(a=100, b=3)
    for part in parts_of(labels, keys):
        assert any(key.startswith("b") for key in part)
    big = parts_of(labels, keys, testing_percentage=45, validation_percentage=45)
    assert all(any(key.startswith("b") for key in part) for part in big)


def test_split_depends_on_content_and_seed_only():
    labels, keys = rows(a=30, b=20)
    order = np.random.default_rng(0).permutation(50)
    shuffled = parts_of([labels[i] for i in order], [keys[i] for i in order])
    assert shuffled == parts_of(labels, keys)
    assert parts_of(labels, keys, seed=1) != parts_of(labels, keys)


def test_added_pictures_hardly_move_the_others():
    labels, keys = rows(a=100, b=100)
    before = parts_of(labels, keys)
    after = parts_of([*labels, "a"], [*keys, "new"])
    for old, new in zip(before, after, strict=True):
        assert len(old - new) <= 2


def test_near_duplicates_of_a_class_stay_together_and_those_of_another_do_not_count():
    labels, keys = rows(a=40, b=40)
    groups = [f"group{i % 40 // 4}" for i in range(80)]  # each in both classes
    own = [f"{label} {group}" for label, group in zip(labels, groups, strict=True)]
    for seed in range(5):
        parts = parts_of(labels, keys, groups, seed=seed)
        assert parts == parts_of(labels, keys, own, seed=seed)
        for part in parts:
            inside = {group for key, group in zip(keys, own, strict=True) if key in part}
            assert all(key in part for key, group in zip(keys, own, strict=True) if group in inside)


def test_zero_percent_is_an_empty_part():
    labels, keys = rows(a=10, b=2)
    train, validation, test = parts_of(labels, keys, validation_percentage=0)
    assert not validation and len(test) == 2 and len(train) == 10
    assert len(parts_of(*rows(a=1), testing_percentage=0, validation_percentage=0)[0]) == 1


@pytest.mark.parametrize("percentages", [(-1, 10), (50, 50), (101, 0), (float("nan"), 0)])
def test_impossible_percentages_are_refused(percentages):
    labels, keys = rows(a=10, b=10)
    with pytest.raises(DataError, match="less than 100"):
        split(labels, keys, keys, testing_percentage=percentages[0],
              validation_percentage=percentages[1])  # fmt: skip


def test_classes_with_too_few_pictures_are_named():
    labels, keys = rows(a=10, b=2)
    with pytest.raises(DataError, match=r"at least 3 different.*“b” has 2\. Please add"):
        split(labels, keys, keys)
    with pytest.raises(DataError, match="none at all"):
        split([], [], [])


def test_folds_are_even_stratified_and_independent_of_order():
    labels, keys = rows(a=23, b=12, c=5)
    fold_of = folds(labels, keys, keys)
    assert sorted(np.bincount(fold_of)) == [8, 8, 8, 8, 8]
    assert all(len(set(fold_of[np.array(labels) == label])) == 5 for label in "abc")
    order = np.random.default_rng(0).permutation(40)
    again = folds([labels[i] for i in order], [keys[i] for i in order], [keys[i] for i in order])
    assert (again == fold_of[order]).all()
    assert (folds(labels, keys, keys, seed=1) != fold_of).any()


def test_folds_keep_groups_together():
    labels, keys = rows(a=20, b=20)
    groups = [str(i // 4) for i in range(40)]
    fold_of = folds(labels, keys, groups, n_folds=3)
    assert all(len(set(fold_of[start : start + 4])) == 1 for start in range(0, 40, 4))


def test_impossible_folds_are_refused():
    with pytest.raises(DataError, match="“b” has 1"):
        folds(*rows(a=5, b=1), [str(i) for i in range(6)])
    for count in (1, 11):
        with pytest.raises(DataError, match="from 2 to 10"):
            folds(*rows(a=5, b=5), [str(i) for i in range(10)], n_folds=count)


# Preparing


def _grown(seed):
    """A data set that grew three times: sizes, new classes and near duplicates at random."""
    rng = np.random.default_rng(seed)
    labels, keys, batches = [], [], []
    for batch in range(4):
        for label in "abcd"[: 2 + min(batch, 2)]:
            count = int(rng.integers(4, 30)) if batch == 0 else int(rng.integers(0, 9))
            labels += [label] * (count + 3 * (batch == 2 and label == "d"))
        batches += [batch] * (len(labels) - len(batches))
    keys = [f"{value:08x}" for value in rng.choice(2**31, len(labels), replace=False)]
    n = len(keys)
    pairs = [tuple(sorted(map(int, rng.choice(n, 2, replace=False)))) for _ in range(n // 6)]
    return labels, keys, batches, pairs


def _until(batch, labels, keys, batches, pairs):
    """What was there when ``batch`` had come, in another order."""
    there = [i for i, at in enumerate(batches) if at <= batch][::-1]
    place = {row: position for position, row in enumerate(there)}
    known = [(place[i], place[j]) for i, j in pairs if i in place and j in place]
    names = [keys[i] for i in there]
    came = [batches[i] for i in there]
    groups = group_duplicates(names, known, came)
    return {"labels": [labels[i] for i in there], "keys": names, "groups": groups, "batches": came}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_added_never_moves_what_was_there(seed):
    grown = _grown(seed)
    before_parts, before_folds = {}, {}
    for batch in range(4):
        now = _until(batch, *grown)
        if min(_groups_of_class(now)) < 3:  # its pictures are divided one by one, until then
            continue
        found = split(**now, seed=seed)
        parts = {now["keys"][row]: name for name, rows in vars(found).items() for row in rows}
        assert sorted(parts) == sorted(now["keys"])
        assert all(parts[key] == part for key, part in before_parts.items())
        fold_of = dict(zip(now["keys"], folds(**now, seed=seed), strict=True))
        assert all(fold_of[key] == fold for key, fold in before_folds.items())
        for where in (parts, fold_of):
            sides = {}
            for key, *of in zip(now["keys"], now["labels"], now["groups"], strict=True):
                sides.setdefault(tuple(of), set()).add(where[key])
            assert all(len(side) == 1 for side in sides.values())
        before_parts, before_folds = parts, fold_of


def _groups_of_class(rows):
    """How many groups belong to each class."""
    groups = set(zip(rows["labels"], rows["groups"], strict=True))
    return Counter(label for label, _ in groups).values()


def test_later_batches_fill_the_parts_up():
    labels, keys = rows(a=60, b=40, a2=0)
    more_labels = ["a"] * 100 + ["c"] * 5
    more_keys = [f"new{i}" for i in range(105)]
    everything = [*keys, *more_keys]
    found = split([*labels, *more_labels], everything, everything, batches=[0] * 100 + [1] * 105)
    assert (len(found.test), len(found.validation)) == (21, 21)
    held = [[*labels, *more_labels][row] for row in found.test]
    assert {label: held.count(label) for label in "abc"} == {"a": 16, "b": 4, "c": 1}


def test_one_batch_is_no_batch():
    labels, keys = rows(a=31, b=17)
    for seed in range(5):
        plain, told = split(labels, keys, keys, seed=seed), split(
            labels, keys, keys, batches=[0] * 48, seed=seed
        )  # fmt: skip
        assert all((a == b).all() for a, b in zip(vars(plain).values(), vars(told).values(),
                                                  strict=True))  # fmt: skip
        assert (folds(labels, keys, keys, seed=seed)
                == folds(labels, keys, keys, batches=[3] * 48, seed=seed)).all()  # fmt: skip


def test_later_folds_spread_each_class():
    labels, keys = rows(a=20, b=5)
    batches = [0] * 15 + [1] * 5 + [0] * 3 + [2] * 2
    fold_of = folds(labels, keys, keys, batches=batches)
    assert all(len(set(fold_of[np.array(labels) == label])) == 5 for label in "ab")


# One scene, divided by bursts or in blocks


@pytest.mark.parametrize("seed", range(4))
def test_a_burst_is_cut_in_blocks_with_the_test_away_from_the_training(seed):
    n = 50
    files = [f"good/{i:03}.jpg" for i in range(n)] + [f"bad/{i:03}.jpg" for i in range(n)]
    labels, keys = ["good"] * n + ["bad"] * n, [hashlib.md5(f.encode()).hexdigest() for f in files]
    scene = pd.DataFrame({"class": labels, "key": keys, "group": "same", "file": files})
    found = split_module.split(scene, "class", seed=seed)
    for start in (0, n):
        train, validation, test = (
            [int(row) - start for row in rows if start <= row < start + n]
            for rows in (found.train, found.validation, found.test)
        )
        assert (len(train), len(validation), len(test)) == (40, 5, 5)
        for block in (train, validation, test):
            assert block == list(range(block[0], block[-1] + 1))
        assert min(abs(a - b) for a in train for b in test) > 5
    fold_of = split_module.assign_folds(scene, "class", seed=seed)
    for start in (0, n):
        own = fold_of[start : start + n]
        assert list(np.bincount(own)) == [10] * 5
        assert np.count_nonzero(np.diff(own)) in (4, 5), "blocks of neighbors"


def test_separate_bursts_of_one_scene_stay_whole():
    files = [f"burst{b}-{i:02}.jpg" for b in range(5) for i in range(10)] * 2
    labels, keys = ["a"] * 50 + ["b"] * 50, [f"{i:03}" for i in range(100)]
    scene = pd.DataFrame({"class": labels, "key": keys, "group": "same", "file": files})
    found = split_module.split(scene, "class")
    assert [len(rows) for rows in vars(found).values()] == [60, 20, 20]
    of = [(label, file[:6]) for label, file in zip(labels, files, strict=True)]
    assert sum(len({of[row] for row in rows}) for rows in vars(found).values()) == 10


def test_stray_frames_beside_a_burst_do_not_leave_one_picture_to_train_on():
    labels, keys = ["a"] * 20 + ["b"] * 20, [f"{i:03}" for i in range(40)]
    groups = ["all"] * 18 + ["x", "y"] + keys[20:]
    scene = pd.DataFrame({"class": labels, "key": keys, "group": groups})
    for seed in range(10):
        found = split_module.split(scene, "class", seed=seed)
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
    scene = pd.DataFrame({"class": labels, "key": keys, "group": groups, "file": files})
    found = split_module.split(scene, "class", seed=seed)
    parts = {int(row): name for name, members in vars(found).items() for row in members}
    assert sorted(parts) == list(range(len(rows))), "every picture once"
    for name in ("train", "validation", "test"):
        assert {labels[row] for row in parts if parts[row] == name} == set(labels)
    fold_of = split_module.assign_folds(scene, "class", n_folds=2, seed=seed)
    for need, where in ((3, parts), (2, dict(enumerate(fold_of)))):
        sides = defaultdict(set)
        for row, side in where.items():
            sides[burst_of[row]].add(side)
        for c, members in enumerate(sizes):
            enough = len(members) >= need and max(members) <= sum(members) * 2 / 3
            if enough and (told or grouped_by == "bursts"):
                assert all(len(sides[f"{c}-{b}"]) == 1 for b in range(len(members)))
    order = np.random.default_rng(seed).permutation(len(rows))
    turned = vars(split_module.split(scene.iloc[order], "class", seed=seed))
    again = {int(order[row]): name for name, members in turned.items() for row in members}
    assert again == parts, "the order of the rows does not matter"


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def test_a_single_picture_is_still_too_few():
    scene = pd.DataFrame({"class": ["a"] * 6, "key": list("123456"), "group": "same"})
    with pytest.raises(DataError, match="“b” has 1"):
        split_module.split(scene.assign(**{"class": ["a"] * 5 + ["b"]}), "class")
    assert Counter(split_module.assign_folds(scene, "class", n_folds=3)) == {0: 2, 1: 2, 2: 2}
