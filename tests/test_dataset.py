import json

import numpy as np
import pytest
from PIL import Image

from decor_core import dataset
from decor_core.catalog import read_catalog
from decor_core.dataset import folds, prepare, split
from decor_core.errors import DataError


def rows(**sizes):
    """Labels and keys of classes of the given sizes; each picture is its own group."""
    labels = [label for label, size in sizes.items() for _ in range(size)]
    return labels, [f"{label}{i}" for i, label in enumerate(labels)]


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


def test_near_duplicates_stay_together_even_across_classes():
    labels, keys = rows(a=40, b=40)
    groups = [f"pair{min(i % 40, 19)}" if i % 40 < 20 else key for i, key in enumerate(keys)]
    for seed in range(5):
        for part in parts_of(labels, keys, groups, seed=seed):
            inside = {group for key, group in zip(keys, groups, strict=True) if key in part}
            assert all(
                key in part for key, group in zip(keys, groups, strict=True) if group in inside
            )


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


def test_classes_with_too_few_different_pictures_are_named():
    labels, keys = rows(a=10, b=3)
    groups = [*keys[:-1], keys[-2]]
    with pytest.raises(DataError, match=r"at least 3 different.*“b” has 2\. Please add"):
        split(labels, keys, groups)
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


@pytest.fixture
def catalog(tmp_path, ornament, encoded):
    source = tmp_path / "source"
    for folder, style in enumerate(("Gzhel", "Wycinanki łowickie", "Wzory kaszubskie")):
        (source / style / "more").mkdir(parents=True)
        for number in range(2):
            data = encoded(ornament(10 * folder + number))
            (source / style / ["", "more"][number] / "picture.png").write_bytes(data)
    clear = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
    clear.paste(ornament(99).crop((0, 0, 24, 48)))
    (source / "Gzhel/clear.png").write_bytes(encoded(clear))
    return read_catalog(image_dir=source)


def test_prepare_writes_clean_class_folders(catalog, tmp_path):
    told = []
    prepared = prepare(catalog, tmp_path / "out", progress=lambda *done: told.append(done))
    names = {p.relative_to(prepared.folder).as_posix() for p in prepared.folder.rglob("*.*")}
    assert names == {
        "report.json", "report.txt", "pictures.csv", "Gzhel/clear.jpg", "Gzhel/picture.jpg",
        "Gzhel/picture-2.jpg", "Wycinanki łowickie/picture.jpg", "Wycinanki łowickie/picture-2.jpg",
        "Wzory kaszubskie/picture.jpg", "Wzory kaszubskie/picture-2.jpg",
    }  # fmt: skip
    assert prepared.counts == {"Gzhel": 3, "Wycinanki łowickie": 2, "Wzory kaszubskie": 2}
    assert told[-1] == (7, 7)
    with Image.open(prepared.folder / "Gzhel/clear.jpg") as picture:
        assert picture.format == "JPEG" and picture.mode == "RGB"
        assert min(picture.getpixel((40, 24))) > 250
    assert json.loads((prepared.folder / "report.json").read_text("utf-8"))["taxonomy"] == "style"
    assert not list(tmp_path.glob(".prepare-*"))


def test_prepared_set_reads_back_both_ways(catalog, tmp_path):
    out = prepare(catalog, tmp_path / "out").folder
    for again in (read_catalog(image_dir=out), read_catalog(images=out)):
        assert again.taxonomy == catalog.taxonomy
        assert again.report.counts == catalog.report.counts
        assert not again.report.entries


def test_prepare_by_country(catalog, tmp_path):
    prepared = prepare(catalog, tmp_path / "out", "country")
    assert prepared.counts == {"Russia": 3, "Poland": 4}
    assert (prepared.folder / "Poland/picture-4.jpg").is_file()
    styles = read_catalog(images=prepared.folder).table["style"]
    assert set(styles) == set(catalog.taxonomy.labels)
    with pytest.raises(DataError, match="no taxonomy “colour”"):
        prepare(catalog, tmp_path / "out", "colour")


def test_an_earlier_set_is_replaced_whole(catalog, tmp_path):
    out = prepare(catalog, tmp_path / "out", "country").folder
    prepare(catalog, out)
    assert not (out / "Poland").exists() and (out / "Gzhel").is_dir()


def test_strangers_files_are_never_touched(catalog, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name, content in (("precious.txt", "x"), ("report.json", '{"format": "other"}'),
                          ("report.json", "[]")):  # fmt: skip
        (out / name).write_text(content)
        with pytest.raises(DataError, match="empty folder"):
            prepare(catalog, out)
        assert (out / "precious.txt").read_text() == "x"
    with pytest.raises(DataError, match="empty folder"):
        prepare(catalog, out / "precious.txt")


def test_a_failed_prepare_leaves_the_earlier_set(catalog, tmp_path, monkeypatch):
    out = prepare(catalog, tmp_path / "out").folder

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset, "_write_lists", full)
    with pytest.raises(DataError, match="No space left"):
        prepare(catalog, out)
    assert (out / "report.json").is_file() and not list(tmp_path.glob(".prepare-*"))


@pytest.mark.parametrize("label", ["a:b", "con", "x.", "tail|"])
def test_labels_that_cannot_name_a_folder_are_refused(label, tmp_path, ornament, encoded):
    for number, name in enumerate("ab"):
        (tmp_path / f"{name}.png").write_bytes(encoded(ornament(number)))
    (tmp_path / "list.csv").write_text(f"file,class\na.png,{label}\nb.png,fine\n")
    with pytest.raises(DataError, match="rename"):
        prepare(read_catalog(images=tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_real_data_splits_and_prepares(decor_data, tmp_path):
    catalog = read_catalog(csv=decor_data / "decor.csv", images=decor_data / "images")
    found = split(catalog.table["style"], catalog.table["key"], catalog.table["group"])
    # 28 groups of 282 each; a near duplicate comes along with its other
    assert all(28 <= len(part) <= 31 for part in (found.validation, found.test))
    prepared = prepare(catalog, tmp_path / "out")
    again = read_catalog(image_dir=prepared.folder)
    assert again.taxonomy == catalog.taxonomy and len(again.table) == 285
    assert prepared.report.left_out == {"pattern": 200}
