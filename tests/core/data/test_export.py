"""What ``prepare`` writes, and what it leaves alone."""

import json

import pytest
from PIL import Image

from decor_core.data.catalog import open_dataset
from decor_core.data.export import prepare
from decor_core.data.split import split
from decor_core.errors import DataError


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
    return open_dataset(source)


def test_prepare_writes_clean_class_folders(catalog, tmp_path):
    told = []
    out = tmp_path / "out"
    counts = prepare(catalog, out, progress=lambda *done: told.append(done))
    names = {p.relative_to(out).as_posix() for p in out.rglob("*.*")}
    assert names == {
        "report.json", "report.txt", "pictures.csv", "Gzhel/clear.jpg", "Gzhel/picture.jpg",
        "Gzhel/picture-2.jpg", "Wycinanki łowickie/picture.jpg", "Wycinanki łowickie/picture-2.jpg",
        "Wzory kaszubskie/picture.jpg", "Wzory kaszubskie/picture-2.jpg",
    }  # fmt: skip
    assert counts == {"Gzhel": 3, "Wycinanki łowickie": 2, "Wzory kaszubskie": 2}
    assert told[-1] == (7, 7)
    with Image.open(out / "Gzhel/clear.jpg") as picture:
        assert picture.format == "JPEG" and picture.mode == "RGB"
        assert min(picture.getpixel((40, 24))) > 250
    assert json.loads((out / "report.json").read_text("utf-8"))["taxonomy"] == "style"
    assert {path.name for path in tmp_path.iterdir()} == {"source", "out"}


def test_prepared_set_reads_back_both_ways(catalog, tmp_path):
    out = tmp_path / "out"
    prepare(catalog, out)
    for again in (open_dataset(out), open_dataset(out, csv=out / "pictures.csv")):
        assert again.taxonomy == catalog.taxonomy
        assert again.report.counts == catalog.report.counts
        told = ("too few pictures", "few pictures", "tiny", "dataset quality")
        assert not again.report.without(*told).findings


def test_prepare_by_country(catalog, tmp_path):
    out = tmp_path / "out"
    counts = prepare(catalog, out, "country")
    assert counts == {"Russia": 3, "Poland": 4}
    assert (out / "Poland/picture-4.jpg").is_file()
    styles = open_dataset(out, csv=out / "pictures.csv").table["style"]
    assert set(styles) == set(catalog.taxonomy.labels)
    with pytest.raises(DataError, match="no taxonomy “colour”"):
        prepare(catalog, tmp_path / "out", "colour")


def test_an_earlier_set_is_replaced_whole(catalog, tmp_path):
    out = tmp_path / "out"
    prepare(catalog, out, "country")
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


def test_a_failed_prepare_leaves_the_earlier_set(catalog, tmp_path):
    out = tmp_path / "out"
    prepare(catalog, out)

    def full(*_):
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="No space left"):
        prepare(catalog, out, progress=full)
    assert (out / "report.json").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"source", "out"}


@pytest.mark.parametrize("label", ["a:b", "con", "x.", "tail|", "thumbs.db", "__MACOSX"])
def test_labels_that_cannot_name_a_folder_are_refused(label, tmp_path, ornament, encoded):
    for number, name in enumerate("ab"):
        (tmp_path / f"{name}.png").write_bytes(encoded(ornament(number)))
    (tmp_path / "list.csv").write_text(f"file,class\na.png,{label}\nb.png,fine\n")
    with pytest.raises(DataError, match="rename"):
        prepare(open_dataset(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_labels_that_differ_in_case_alone_are_refused(tmp_path, ornament, encoded):
    for number, name in enumerate("abc"):
        (tmp_path / f"{name}.png").write_bytes(encoded(ornament(number)))
    (tmp_path / "list.csv").write_text("file,class\na.png,Eggs\nb.png,eggs\nc.png,Plates\n")
    with pytest.raises(DataError, match="“Eggs” and “eggs” would be one folder"):
        prepare(open_dataset(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_real_data_splits_and_prepares(decor_data, tmp_path):
    catalog = open_dataset(decor_data / "images", csv=decor_data / "decor.csv")
    found = split(catalog.table, "style")
    # 28 groups of 282 each; a near duplicate comes along with its other
    assert all(28 <= len(part) <= 31 for part in (found.validation, found.test))
    out = tmp_path / "out"
    prepare(catalog, out)
    again = open_dataset(out)
    assert again.taxonomy == catalog.taxonomy and len(again.table) == 285
    assert catalog.report.left_out == {"pattern": 200}


# Batches
