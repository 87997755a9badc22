"""Tables as people make them: read right, or refused with what to do; nothing in silence."""

import io
import json
from collections import Counter

import openpyxl
import pytest
from packing import list_table, zip_bytes

from decor_core.data.catalog import open_dataset
from decor_core.data.layout import find_layout
from decor_core.data.tables.columns import Columns
from decor_core.data.tables.spreadsheets import read_sheets
from decor_core.data.tables.table import read_table
from decor_core.data.tables.table_listing import list_tables
from decor_core.errors import DataError

TREES = ("ash", "oak", "elm", "fir")
NAMES = [f"img_{i:02}.jpg" for i in range(16)]
LABELS = [TREES[i % 4] for i in range(16)]
NUMBERED = [f"{i:04}.jpg" for i in range(16)]
FOUR_EACH = dict.fromkeys(TREES, 4)


def _csv(*columns, header=""):
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([header, *rows] if header else rows).encode()


def _counts(listing):
    return dict(Counter(row.labels[0] for row in listing.rows))


def _of(listing, kind):
    return [finding.message for finding in listing.findings if finding.kind == kind]


def _assumed(listing):
    return " ".join(_of(listing, "assumed"))


# Header or none

PARTS = ["TRAIN" if i % 3 else "TEST" for i in range(16)]


@pytest.mark.parametrize("columns, names, label", [
    ((NAMES, LABELS), NAMES, "column 2"),
    ((LABELS, NAMES), NAMES, "column 1"),
    ((PARTS, [f"gs://trees/{name}" for name in NAMES], LABELS), NAMES, "column 3"),
    (([name[:-4] for name in NUMBERED], LABELS), NUMBERED, "column 2"),
    ((range(16), LABELS), NUMBERED, "column 2"),
])  # fmt: skip
def test_a_table_without_a_header_keeps_its_first_row(columns, names, label):
    listing = list_table(_csv(*columns), names)
    assert _counts(listing) == FOUR_EACH and listing.levels == (label,)
    assert "Its row 1 names a picture, so that there is no header" in _assumed(listing)


@pytest.mark.parametrize("columns, names", [
    ((NAMES[:1] * 2 + NAMES, LABELS[:1] * 2 + LABELS), NAMES),  # a row that is there again
    ((["0000", *(name[:-4] for name in NUMBERED[1:])], LABELS), NUMBERED[1:]),  # its file is not
])  # fmt: skip
def test_a_first_row_that_is_odd_is_still_a_row(columns, names):
    listing = list_table(_csv(*columns), names)
    assert listing.levels == ("column 2",) and len(listing.rows) == len(names)


@pytest.mark.parametrize("header, columns, names", [
    ("image,label", ([name[:-4] for name in ["image.jpg", *NAMES[1:]]], LABELS),
     ["image.jpg", *NAMES[1:]]),
    ("0,1", (NAMES, LABELS), NAMES),
    (",image,label", (range(16), NUMBERED, LABELS), NUMBERED),
    (",label", (NAMES, LABELS), NAMES),
    ("My trees,,\nimage,tree,", (NAMES, LABELS, [""] * 16), NAMES),
])  # fmt: skip
def test_a_header_is_known_for_one(header, columns, names):
    listing = list_table(_csv(*columns, header=header), names)
    assert _counts(listing) == FOUR_EACH and "no header" not in _assumed(listing)


def test_columns_without_a_header_can_be_named():
    columns = Columns("column 2", "column 1")
    assert _counts(list_table(_csv(PARTS, NAMES), NAMES, columns)) == {"TRAIN": 10, "TEST": 6}


# Which column is the label

SKIN = "lesion_id,image_id,dx,dx_type,age,sex,localization"


@pytest.fixture
def skin():
    """A table of four columns of words, and the names of its pictures."""
    rows = [
        (f"HAM_{i // 2:07}", f"ISIC_{i:07}", ("nv", "mel", "bcc")[i % 3],
         ("histo", "follow_up")[i // 3 % 2], 30.0 + i % 9, ("male", "female")[i // 5 % 2],
         ("back", "face", "neck")[i // 7 % 3])
        for i in range(70)
    ]  # fmt: skip
    return _csv(*zip(*rows, strict=True), header=SKIN), [f"ISIC_{i:07}.jpg" for i in range(70)]


def test_of_several_columns_that_may_be_the_label_one_must_be_named(skin):
    data, names = skin
    with pytest.raises(DataError, match="dx, dx_type, sex, localization; .* --label_column dx"):
        list_table(data, names)
    listing = list_table(data, names, Columns(label="dx"))
    assert listing.levels == ("dx",) and len(listing.rows) == 70
    assert "column “image_id”" in _assumed(listing)


def test_two_columns_called_like_labels_that_disagree_are_asked_about():
    colors = ["red" if i % 3 else "blue" for i in range(16)]
    data = _csv(NAMES, LABELS, colors, header="image,label,category")
    with pytest.raises(DataError, match="label, category"):
        list_table(data, NAMES)


@pytest.mark.parametrize("header, column", [
    ("image,label_id,label", [TREES.index(label) for label in LABELS]),  # the same in numbers
    ("image,note,species", ["x" if i % 3 else "y" for i in range(16)]),
    ("image,split,tree", ["train" if i % 4 else "test" for i in range(16)]),
    ("image,fold,tree", ["a" if i % 3 else "b" for i in range(16)]),
    ("image,damaged,tree", ["no" if i % 5 else "yes" for i in range(16)]),
    ("image,type,tree", ["product" if i % 3 else "pattern" for i in range(16)]),  # Decor's own
])  # fmt: skip
def test_a_label_that_is_clear_is_read_at_once(header, column):
    listing = list_table(_csv(NAMES, column, LABELS, header=header), NAMES)
    assert listing.levels == (header.split(",")[2],) and _counts(listing) == FOUR_EACH


def test_a_label_called_type_is_read():
    listing = list_table(_csv(NAMES, LABELS, header="image,type"), NAMES)
    assert _counts(listing) == FOUR_EACH and "labels are in “type”" in _assumed(listing)


@pytest.mark.parametrize("label", ["species", "tree"])
@pytest.mark.parametrize("flag", [("no", "yes"), ("ok", "broken"), ("0", "1"), ("False", "True")])
def test_a_flag_that_is_rarely_set_is_neither_label_nor_coarser_label(label, flag):
    names, trees = [f"{i:03}.jpg" for i in range(60)], [TREES[i % 4] for i in range(60)]
    flags = [flag[i in (3, 21, 44)] for i in range(60)]
    listing = list_table(_csv(names, trees, flags, header=f"filename,{label},damaged"), names)
    assert listing.levels == (label,) and _counts(listing) == dict.fromkeys(TREES, 15)
    assert {finding.kind for finding in listing.findings} == {"assumed"}


def test_what_nobody_named_is_never_repaired():
    families = ["a" if label in ("ash", "oak") else "b" for label in LABELS]
    data = _csv(NAMES, LABELS, families, header="image,species,family")
    assert list_table(data, NAMES).levels == ("species", "family")
    families[8] = "b"  # an ash
    data = _csv(NAMES, LABELS, families, header="image,species,family")
    listing = list_table(data, NAMES)
    assert listing.levels == ("species",) and not _of(listing, "repaired")
    named = list_table(data, NAMES, Columns("image", "species", "family"))
    assert named.levels == ("species", "family") and len(_of(named, "repaired")) == 1


# A column for each label

CODES = "ASH,OAK,ELM,FIR"


def _one_hot(yes, no):
    return [[yes if label == tree else no for label in LABELS] for tree in TREES]


@pytest.mark.parametrize("yes, no", [
    ("1", "0"), ("1.0", "0.0"), ("True", "False"), ("yes", "no"), ("x", ""), ("1", "-1"),
])  # fmt: skip
def test_a_column_for_each_label_is_read(yes, no):
    listing = list_table(_csv(NAMES, *_one_hot(yes, no), header=f"image,{CODES}"), NAMES)
    assert _counts(listing) == dict.fromkeys(CODES.split(","), 4)
    assert "The columns ASH, OAK, ELM, FIR say yes or no" in _assumed(listing)


def test_rows_with_no_label_or_several_are_named():
    columns = _one_hot("1", "0")
    columns[3][3] = "0"
    columns[1][4] = "1"
    listing = list_table(_csv(NAMES, *columns, header=f"image,{CODES}"), NAMES)
    told = {finding.file: finding.message for finding in listing.findings if finding.set_aside}
    assert len(listing.rows) == 14 and set(told) == {"img_03.jpg", "img_04.jpg"}
    assert "none of the columns" in told["img_03.jpg"] and "ASH, OAK" in told["img_04.jpg"]


def test_a_flag_beside_a_column_for_each_label_is_none_of_them():
    flag = [int(i in (2, 9)) for i in range(16)]
    data = _csv(NAMES, *_one_hot(1, 0), flag, header=f"image,{CODES},damaged")
    assert _counts(list_table(data, NAMES)) == dict.fromkeys(CODES.split(","), 4)


def test_columns_that_often_say_yes_together_are_told_as_several_labels():
    columns = [[i >> shift & 1 for i in range(16)] for shift in range(3)]
    with pytest.raises(DataError, match="A, B, C hold yes or no.*several labels.*--label_column"):
        list_table(_csv(NAMES, *columns, header="image,A,B,C"), NAMES)
    listing = list_table(_csv(NAMES, *columns, header="image,A,B,C"), NAMES, Columns(label="B"))
    assert _counts(listing) == {"0": 8, "1": 8}


# Several labels in a cell


@pytest.mark.parametrize("between", [" ", ";", "|", ", ", "/", " | ", "+"])
def test_several_labels_in_a_cell_are_named(between):
    cells = [label if i % 3 else f"{label}{between}{TREES[(i + 1) % 4]}"
             for i, label in enumerate(LABELS)]  # fmt: skip
    data = "\n".join(["image\tlabels", *map("\t".join, zip(NAMES, cells, strict=True))]).encode()
    listing = list_table(data, NAMES)
    found = [finding for finding in listing.findings if finding.kind == "several labels"]
    assert [finding.file for finding in found] == NAMES[::3]
    assert (found[0].other, found[0].suggestion) == (f"ash{between}oak", "ash")
    told = f"“ash{between}oak” looks like several labels in one cell, “ash” and “oak”"
    assert found[0].message.startswith(told)


def test_lists_are_labels():
    cells = [f'"{[label]}"' for label in LABELS]
    listing = list_table(_csv(NAMES, cells, header="image,labels"), NAMES)
    assert _counts(listing) == FOUR_EACH and "Lists in column “labels”" in _assumed(listing)
    cells[0] = "\"['ash', 'oak']\""
    listing = list_table(_csv(NAMES, cells, header="image,labels"), NAMES)
    assert "“ash | oak” looks like several labels" in _of(listing, "several labels")[0]


@pytest.mark.parametrize("labels", [
    ("white oak", "red oak", "elm", "slippery elm"), ("Oak, red", "Oak, white", "Elm", "Fir"),
    ("1/2", "3/4", "1", "4"), ("black-white", "black", "white", "grey"),
])  # fmt: skip
def test_labels_of_several_words_are_one_label(labels):
    data = "\n".join(["image\tlabel", *(f"{n}\t{labels[i % 4]}" for i, n in enumerate(NAMES))])
    assert not _of(list_table(data.encode(), NAMES), "several labels")


# No label


@pytest.mark.parametrize("nothing", ["nan", "NULL", "None", "n/a", "NA", "-", "#N/A", "<NA>", ""])
def test_cells_that_are_null_by_convention_are_no_label(nothing):
    cells = [nothing if i in (2, 9) else label for i, label in enumerate(LABELS)]
    listing = list_table(_csv(NAMES, cells, header="image,label"), NAMES)
    aside = {finding.file for finding in listing.findings if finding.set_aside}
    assert set(_counts(listing)) == set(TREES) and aside == {"img_02.jpg", "img_09.jpg"}
    assert not nothing or f"taken for no label: “{nothing}” (2 rows)" in _assumed(listing)


def test_many_ways_to_say_no_label_are_no_labels_however_many():
    ways = ["nan", "null", "none", "n/a", "NA", "-", "#N/A", ""]
    listing = list_table(_csv(NAMES, ways + LABELS[8:], header="image,label"), NAMES)
    assert _counts(listing) == dict.fromkeys(TREES, 2)


@pytest.mark.parametrize("labels", [
    ("none", "crack"), ("none", "ash", "oak"), ("-", "+"), ("NA", "EU"),
])  # fmt: skip
def test_none_is_a_label_where_it_is_as_frequent_or_half_of_them(labels):
    cells = [labels[i % len(labels)] for i in range(16)]
    listing = list_table(_csv(NAMES, cells, header="image,label"), NAMES)
    assert set(_counts(listing)) == set(labels) and len(listing.rows) == 16
    assert f"taken for a label: “{labels[0]}”" in _assumed(listing)


# Names that are written otherwise


@pytest.mark.parametrize("wanted, names, said", [
    ([f"/data/upload/1/{i * 7919 + 0xABCDEF01:08x}-{n}" for i, n in enumerate(NAMES)], NAMES,
     "Label Studio"),
    (NAMES, [f"{i * 7919 + 0xABCDEF01:08x}-{n}" for i, n in enumerate(NAMES)], "Label Studio"),
    ([f"{i * 7919 + 0xABCDEF01:08x}-My_tree_{i}.jpg" for i in range(16)],
     [f"My tree {i}.jpg" for i in range(16)], "Label Studio"),
    ([f"/data/local-files/?d=trees/{n}" for n in NAMES], NAMES, ""),
    ([f"https://a.org/{n}?alt=media" for n in NAMES], NAMES, ""),
    ([f"my%20trees/{n}" for n in NAMES], NAMES, ""),
    (range(16), NUMBERED, "by number"),
    ([f"{i}.0" for i in range(16)], NUMBERED, "by number"),
    ([f"{i}.jpg" for i in range(16)], NUMBERED, "by number"),
])  # fmt: skip
def test_files_are_found_and_what_had_to_be_left_out_is_said(wanted, names, said):
    listing = list_table(_csv(wanted, LABELS, header="id,label"), names)
    assert _counts(listing) == FOUR_EACH and len(listing.rows) == 16
    assert said in _assumed(listing) and bool(said) == ("matched" in _assumed(listing))


def test_what_is_not_clear_is_not_matched():
    listing = list_table(_csv(range(16), LABELS, header="id,label"), [*NUMBERED, "001.jpg"])
    assert _of(listing, "missing") == [
        "2 files have this name: 0001.jpg, 001.jpg; please write the folder along."
    ]
    assert len(listing.rows) == 15
    dated = ["20240101-a.jpg", "20240102-b.jpg"]  # looks like a prefix, but is none
    listing = list_table(b"file,label\n20240101-a.jpg,x\n20240103-b.jpg,y\n", dated)
    assert [row.file for row in listing.rows] == dated[:1]


# Several tables; tables beside folders


@pytest.fixture
def written(write_pictures):
    """Writes pictures, and beside them tables by their names; gives the folder."""

    def write(pictures, **tables):
        folder = write_pictures(*pictures)
        for name, data in tables.items():
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            (folder / name).write_bytes(data)
        return folder

    return write


def _metadata(n, shift=0):
    names = [f"{i:04}.png" for i in range(n)]
    return names, _csv(names, [TREES[(i + shift) % 4] for i in range(n)], header="file_name,label")


def test_names_are_relative_to_their_table_and_tables_are_joined(written):
    (train, train_csv), (test, test_csv) = _metadata(12), _metadata(8, shift=1)
    pictures = [*(f"train/{name}" for name in train), *(f"test/{name}" for name in test)]
    tables = {"train/metadata.csv": train_csv, "test/metadata.csv": test_csv}
    catalog = open_dataset(written(pictures, **tables))
    labels = dict(zip(catalog.table["file"], catalog.table["label"], strict=True))
    assert len(labels) == 20
    assert (labels["train/0000.png"], labels["test/0000.png"]) == ("ash", "oak")
    told = [finding.message for finding in catalog.report.of("assumed")]
    assert "These 2 tables were taken together: train/metadata.csv, test/metadata.csv." in told
    assert not catalog.report.of("ignored")


def test_hugging_face_json_lines(written):
    names, _ = _metadata(12)
    lines = [json.dumps({"file_name": name, "label": TREES[i % 4], "width": 48})
             for i, name in enumerate(names)]  # fmt: skip
    data = "\n".join(lines).encode()
    catalog = open_dataset(written([f"train/{n}" for n in names], **{"train/metadata.jsonl": data}))
    assert catalog.report.counts == dict.fromkeys(sorted(TREES), 3)
    with pytest.raises(DataError, match="Line 2 of the table is no JSON"):
        read_table(b'{"file_name": "a"}\n{"file_name"')


def test_a_table_goes_before_folders_that_are_parts_of_a_set(written):
    ids = [f"{i:04x}a" for i in range(12)]
    table = _csv(ids, [TREES[i % 3] for i in range(12)], header="id,breed")
    answers = _csv([f"{i:04x}b" for i in range(12)], ["ash"] * 12, header="id,breed")
    pictures = [*(f"train/{i}.jpg" for i in ids), *(f"test/{i:04x}b.jpg" for i in range(12))]
    tables = {"labels.csv": table, "sample_submission.csv": answers}
    catalog = open_dataset(written(pictures, **tables))
    assert catalog.report.counts == {"ash": 4, "elm": 4, "oak": 4}
    unlisted = {finding.file for finding in catalog.report.of("unlisted")}
    assert unlisted == {f"test/{i:04x}b.jpg" for i in range(12)}
    assert [finding.file for finding in catalog.report.of("ignored")] == ["sample_submission.csv"]


def test_files_that_no_row_names_are_told_whatever_they_are_called(written, tmp_path):
    table = _csv(NAMES, LABELS, header="image,label")
    beside = {
        "notes.txt": b"taken in May", "boxes/img_00.xml": b"<annotation/>", "clip.mov": b"\0" * 90,
        "README.md": b"# Trees", "LICENSE": b"MIT", "Thumbs.db": b"\xd0\xcf", ".DS_Store": b"\0",
        "__MACOSX/._img_00.jpg": b"\0", "desktop.ini": b"[x]", "other.csv": b"a,b\n1,2\n",
    }  # fmt: skip
    folder = written([*NAMES, "without_ending.png"], **{"labels.csv": table}, **beside)
    (folder / "without_ending.png").rename(folder / "without_ending")
    inside = open_dataset(folder).report
    assert inside.counts == dict.fromkeys(sorted(TREES), 4)
    assert {finding.file for finding in inside.of("unlisted")} == {"without_ending"}
    ignored = {"notes.txt", "boxes/img_00.xml", "clip.mov", "other.csv"}
    assert {finding.file for finding in inside.of("ignored")} == ignored
    assert "Files that are no pictures, ignored: 4" in inside.summary()
    assert "notes.txt" in inside.to_text()

    given = tmp_path / "elsewhere.csv"
    given.write_bytes(table)
    for csv in (folder / "labels.csv", given, table):
        report = open_dataset(folder, csv=csv).report
        assert report.set_aside.keys() == inside.set_aside.keys()
        assert report.set_aside["other.csv"].startswith("Another table was given")


@pytest.mark.parametrize("folders", [("HAM_images_part_1", "HAM_images_part_2"), ("cam1", "cam2")])
def test_a_table_goes_before_folders_that_are_only_numbered(folders, written):
    pictures = [f"{folders[i % 2]}/{name}" for i, name in enumerate(NAMES)]
    data = _csv([name[:-4] for name in NAMES], LABELS, header="image_id,dx")
    catalog = open_dataset(written(pictures, **{"metadata.csv": data}))
    assert catalog.report.counts == FOUR_EACH
    told = [finding.message for finding in catalog.report.of("assumed")]
    assert told[0].startswith(f"The table tells the classes, not the folders: “{folders[0]}”")


def test_the_name_of_a_table_tells_the_part_that_it_is_of(written):
    names, data = _metadata(12)
    pictures = [f"{part}/{name}" for part in ("train", "test") for name in names]
    folder = written(pictures, **{"Training_set.csv": data})
    assert all(file.startswith("train/") for file in open_dataset(folder).table["file"])
    (folder / "Training_set.csv").rename(folder / "labels.csv")
    with pytest.raises(DataError, match="2 files have this name: test/0000.png, train/0000.png"):
        open_dataset(folder)


def test_tables_that_name_the_same_pictures_are_not_joined(written):
    names, data = _metadata(8)
    folder = written(names, **{"a.csv": data, "b.csv": data.replace(b"ash", b"oak")})
    assert find_layout(folder).tables == ("a.csv",)


def test_a_coarser_label_that_tables_disagree_on_is_left_out():
    tables = {
        f"{part}/list.csv": _csv(NAMES[:8], LABELS[:8], families, header="image,tree,family")
        for part, families in (("a", list("xxyyxxyy")), ("b", list("xyxyxyxy")))
    }
    names = [f"{part}/{name}" for part in "ab" for name in NAMES[:8]]
    listing = list_tables(tables, names)
    assert listing.levels == ("tree",) and len(listing.rows) == 16


# Spreadsheets


def _xlsx(**sheets):
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(stream)
    return stream.getvalue()


def test_the_sheet_that_names_pictures_is_read():
    rows = [["Unsere Bäume"], [], ["Bild", "Baum"], *zip(NAMES, LABELS, strict=True)]
    prices = [["tree", "price"], ["ash", 3], ["oak", 4.5]]
    listing = list_table(_xlsx(Preise=prices, Liste=rows), NAMES)
    assert _counts(listing) == FOUR_EACH
    assert "The sheet “Liste” was read, and not “Preise”." in _assumed(listing)
    assert "row 1, “Unsere Bäume”, was taken for a title" in _assumed(listing)


def test_numbers_in_a_sheet_are_as_they_are_seen():
    rows = [["id", "grade"], *((i, float(i % 3)) for i in range(16))]
    listing = list_table(_xlsx(a=rows), NUMBERED)
    assert set(_counts(listing)) == {"0", "1", "2"} and "by number" in _assumed(listing)
    book = openpyxl.Workbook()
    book.active.append([7, True, "=1/0", None])
    book.active["A1"].number_format = "0000"
    stream = io.BytesIO()
    book.save(stream)
    assert read_sheets(stream.getvalue()) == {"Sheet": [["0007", "TRUE"]]}


def test_a_bug_is_not_told_as_a_damaged_workbook(monkeypatch):
    def fails(*_):
        raise TypeError("a bug")

    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["file", "class"])
    book.save(stream)
    monkeypatch.setattr("decor_core.data.tables.spreadsheets.cell_text", fails)
    with pytest.raises(TypeError, match="a bug"):
        read_sheets(stream.getvalue())


@pytest.mark.parametrize("data, why", [
    (b"\xd0\xcf\x11\xe0 old", r"old Excel file \(.xls\) or has a password; please save .*"),
    (b"PK\x03\x04 torn", r"Excel file is damaged \(.*\); please save the table as .xlsx or CSV"),
])  # fmt: skip
def test_spreadsheets_that_cannot_be_read_say_what_to_do(data, why, written):
    for name in ("labels.xlsx", "labels.xls", "labels.ods"):
        with pytest.raises(DataError, match=f"^labels.*: The .*{why}"):
            open_dataset(written(["a.png", "b.png"], **{name: data}))


def test_other_spreadsheets_are_named(written):
    data = zip_bytes({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"})
    with pytest.raises(DataError, match="such as .ods, .numbers or .xlsb; please save"):
        open_dataset(written(["a.png"], **{"labels.ods": data}))


def test_a_sheet_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("decor_core.data.tables.spreadsheets._MAX_CELLS", 10)
    with pytest.raises(DataError, match="more than 10 cells"):
        read_sheets(_xlsx(a=[["x"] * 11]))
    monkeypatch.setattr("decor_core.data.tables.spreadsheets._MAX_BYTES", 10)
    with pytest.raises(DataError, match="unpacks to more than"):
        read_sheets(_xlsx(a=[["x"]]))
