"""Data as people really have them: each fault gets a clear sentence, or simply works."""

import os
import struct
import zipfile

import pandas as pd
import pytest
from packing import list_table, zip_bytes

from decor_core.data.catalog import find_layout, open_dataset
from decor_core.data.checks import check_table, similar_labels
from decor_core.data.export import prepare
from decor_core.data.groups import group_duplicates
from decor_core.data.sources.encodings import decode
from decor_core.data.sources.source import SourceLimits, open_archive, open_source
from decor_core.data.tables.columns import ColumnGuess, Columns, guess_columns
from decor_core.data.tables.csv_escape import escape_cell
from decor_core.data.tables.table import read_table
from decor_core.errors import DataError, Stopped
from decor_core.images.duplicates import fingerprint, near_duplicates


@pytest.fixture
def zipped(tmp_path, ornament, encoded):
    """A zip of pictures at the given names, and of other members with the bytes given."""

    def write(*names, **others):
        pictures = {name: encoded(ornament(number)) for number, name in enumerate(names)}
        path = tmp_path / "some.zip"
        path.write_bytes(zip_bytes(pictures | others, zipfile.ZIP_DEFLATED))
        return path

    return write


def _of(catalog, kind):
    return {entry.file: entry.message for entry in catalog.report.of(kind)}


# Zips


def test_names_that_climb_out_or_are_absolute_stay_inside(zipped):
    names = ("../../ash/1.png", "/etc/ash/2.png", "C:\\Users\\me\\oak\\1.png", "./oak/./2.png",
             "oak\\3.png")  # fmt: skip
    assert open_source(zipped(*names)).names == (
        "Users/me/oak/1.png", "ash/1.png", "etc/ash/2.png", "oak/2.png", "oak/3.png"
    )  # fmt: skip


def test_two_names_that_become_one_are_both_kept(zipped):
    source = open_source(zipped("ash/1.png", "../ash/1.png", "ash/e\u0301.png", "ash/\u00e9.png"))
    assert source.names == ("ash/1 (2).png", "ash/1.png", "ash/é (2).png", "ash/é.png")
    assert source.read("ash/1.png") != source.read("ash/1 (2).png")
    assert [(note.kind, note.file, note.other) for note in source.notes] == [
        ("assumed", "ash/1 (2).png", "ash/1.png"), ("assumed", "ash/é (2).png", "ash/é.png")
    ]  # fmt: skip


def test_a_member_without_a_name_is_passed_over(tmp_path):
    data = zip_bytes({"QQ": b"x", "ash/1.png": b"y"}).replace(b"QQ", b"\0Q")
    (tmp_path / "some.zip").write_bytes(data)
    assert open_source(tmp_path / "some.zip").names == ("ash/1.png",)


def test_links_in_a_zip_are_not_followed(zipped):
    path = zipped("ash/1.png", "oak/1.png")
    link = zipfile.ZipInfo("oak/passwd.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    catalog = open_dataset(path)
    assert len(catalog.table) == 2
    assert "link" in _of(catalog, "ignored")["oak/passwd.png"]
    assert "oak/passwd.png" in catalog.report.set_aside


def test_a_bomb_is_refused_by_what_it_unpacks_to(tmp_path):
    path = tmp_path / "bomb.zip"
    path.write_bytes(zip_bytes({"a/1.png": bytes(100 * 2**20)}, zipfile.ZIP_DEFLATED))
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match="times its size"):
        open_source(path)


def test_many_small_bombs_count_together(tmp_path):
    path = tmp_path / "bombs.zip"
    bombs = {f"a/{number}.png": bytes(2**20) for number in range(80)}
    path.write_bytes(zip_bytes(bombs, zipfile.ZIP_DEFLATED))
    with pytest.raises(DataError, match="times its size"):
        open_source(path)


def test_a_member_that_lies_about_its_size_is_read_no_further(zipped):
    path = zipped("ash/1.png", "oak/1.png", **{"oak/2.png": bytes(2**20)})
    data = bytearray(path.read_bytes())
    place = data.rfind(b"oak/2.png") - 46
    data[place + 24 : place + 28] = struct.pack("<I", 100)
    path.write_bytes(data)
    catalog = open_dataset(path)
    assert len(catalog.table) == 2 and "oak/2.png" in _of(catalog, "unreadable")


def test_a_method_of_compression_that_is_not_known_is_named(zipped):
    path = zipped("ash/1.png", "oak/1.png")
    data = path.read_bytes()
    for signature, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        at = data.rfind(signature) + place
        data = data[:at] + struct.pack("<H", 9) + data[at + 2 :]  # Deflate64
    path.write_bytes(data)
    catalog = open_dataset(path)
    assert "method that cannot be read" in _of(catalog, "unreadable")["oak/1.png"]
    assert "give the folder" in _of(catalog, "unreadable")["oak/1.png"]


def test_too_many_tiny_files_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(50_001):
            archive.writestr(zipfile.ZipInfo(f"a/{number}.png"), b"x")
    with pytest.raises(DataError, match="50001 files; at most 50000"):
        open_source(path)
    for number in range(21):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    with pytest.raises(DataError, match="more than 20 files"):
        open_source(tmp_path, SourceLimits(max_files=20))


def test_zips_in_a_zip_are_folders_one_level_deep(zipped, ornament, encoded):
    inner = {name: zip_bytes({"1.png": encoded(ornament(i)), "2.png": encoded(ornament(9 - i))})
             for i, name in enumerate(("ash.zip", "oak.zip"))}  # fmt: skip
    inner["oak.zip"] = zip_bytes({
        "1.png": encoded(ornament(5)), "2.png": encoded(ornament(6)), "deep.zip": inner["ash.zip"]
    })  # fmt: skip
    catalog = open_dataset(zipped(**inner, **{"bad.zip": b"PK\3\4"}))
    assert catalog.report.counts == {"ash": 2, "oak": 2}
    assert "deep.zip" in next(iter(_of(catalog, "ignored")))
    assert "damaged" in _of(catalog, "unreadable")["bad.zip"]


def test_the_limits_apply_to_all_zips_together(zipped):
    inner = {f"{name}.zip": zip_bytes({"1.png": bytes(600)}) for name in "abc"}
    path = zipped(**inner)
    for limits in (SourceLimits(max_bytes=3000), SourceLimits(max_files=5)):
        with pytest.raises(DataError, match="together"):
            open_source(path, limits)
    notes = open_source(path, SourceLimits(max_inner_bytes=100)).notes
    assert len(notes) == 3 and all("unpack the outer" in note.message for note in notes)


@pytest.mark.parametrize("encoding, name", [
    ("cp437", "Müller"), ("cp1250", "Wycinanki łowickie"), ("cp1251", "Гжель"), ("cp866", "Гжель"),
    ("cp852", "łąka"), ("shift_jis", "陶器の皿"), ("utf-8", "Гжель"),
])  # fmt: skip
def test_names_in_old_encodings_get_their_letters(encoding, name, zipped):
    raw = f"{name}/1.png".encode(encoding)
    path = zipped("x" * len(raw))
    data = path.read_bytes().replace(b"x" * len(raw), raw)
    path.write_bytes(data)
    assert open_source(path).names == (f"{name}/1.png",)


def test_an_open_file_works_like_a_path(zipped):
    with zipped("ash/1.png", "oak/1.png").open("rb") as file:
        catalog = open_dataset(open_archive(file, "some.zip"))
        assert catalog.report.counts == {"ash": 1, "oak": 1}


# Folders


def test_links_never_lead_out_of_the_folder(write_pictures, tmp_path):
    folder = write_pictures("ash/1.png", "oak/1.png")
    (tmp_path / "secret.png").write_bytes((folder / "ash/1.png").read_bytes())
    (folder / "oak/out.png").symlink_to(tmp_path / "secret.png")
    (folder / "oak/in.png").symlink_to(folder / "ash/1.png")
    (folder / "oak/none.png").symlink_to(folder / "nowhere")
    (folder / "oak/self.png").symlink_to(folder / "oak/self.png")
    (folder / "round").symlink_to(folder)
    os.mkfifo(folder / "oak/pipe.png")  # opening it would wait for ever
    source = open_source(folder)
    assert source.names == ("ash/1.png", "oak/1.png", "oak/in.png")
    told = {note.file: note.message for note in source.notes}
    assert "outside" in told["oak/out.png"] and "nowhere" in told["oak/none.png"]
    assert "nowhere" in told["oak/self.png"] and "link to a folder" in told["round"]


def test_names_on_disk_that_are_not_utf8(write_pictures):
    folder = write_pictures("ash/1.png", "oak/1.png")
    os.rename(os.fsencode(folder / "oak"), os.fsencode(folder) + b"/" + "дуб".encode("cp1251"))
    catalog = open_dataset(folder)
    assert catalog.report.counts == {"ash": 1, "дуб": 1}


def test_empty_class_one_class_and_one_picture_per_class(write_pictures):
    folder = write_pictures("ash/1.png", "oak/1.png")
    (folder / "elm").mkdir()
    catalog = open_dataset(folder)
    assert list(_of(catalog, "empty class")) == ["elm"]
    assert set(_of(catalog, "too few pictures")) == {"ash", "oak"}
    assert "at least 3 are needed" in _of(catalog, "too few pictures")["ash"]
    assert not catalog.report.usable
    (folder / "oak/1.png").unlink()
    catalog = open_dataset(folder)
    assert list(_of(catalog, "one class")) == ["ash"]
    assert set(_of(catalog, "empty class")) == {"elm", "oak"}


def test_train_and_test_folders_are_no_classes(write_pictures):
    folder = write_pictures(
        "train/ash/1.png", "train/oak/2.png", "test/ash/3.png", "test/oak/4.png"
    )
    catalog = open_dataset(folder)
    assert catalog.report.counts == {"ash": 2, "oak": 2}
    assert "“test”, “train”" in _of(catalog, "assumed")["the folders"]


def test_labels_alike_imbalance_and_sizes(write_pictures, ornament, encoded):
    many = [f"Dąb/{i}.png" for i in range(45)]
    folder = write_pictures(
        *many, "dąb /1.png", "Кот/1.png", "Koт/2.png", "kırmızı/1.png", "Kirmizi/1.png"
    )
    (folder / "Dąb/large.png").write_bytes(encoded(ornament(99, side=5000)))
    catalog = open_dataset(folder)
    alike = {e.file: e.suggestion for e in catalog.report.of("similar labels")}
    assert alike == {"dąb": "Dąb", "Кот": "Koт", "kırmızı": "Kirmizi"}
    assert "“Dąb” 46 times as many" in _of(catalog, "imbalance")["Koт"]
    assert list(_of(catalog, "huge")) == ["Dąb/large.png"]
    assert catalog.table.set_index("file").loc["Dąb/large.png", "width"] == 5000
    assert "50 of 51 pictures are like that" in _of(catalog, "dataset quality")["tiny"]


@pytest.mark.parametrize("label", [
    "Гжель", "ısırgan", "🎨 paint", "<script>alert(1)</script>", "=1+1", "-oak", "'=1", "@home",
    "'quoted'", "👩\u200d🎨", "ł" * 150,
])  # fmt: skip
def test_any_label_works_and_reads_back(label, tmp_path, ornament, encoded):
    for number, name in enumerate("ab"):
        (tmp_path / f"{name}.png").write_bytes(encoded(ornament(number)))
    text = f"file,class\na.png,{escape_cell(label)}\nb.png,plain\n"
    listing = list_table(text.encode(), ["a.png", "b.png"])
    assert listing.rows[0].labels == (label,)
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    catalog = open_dataset(tmp_path)
    assert set(catalog.taxonomy.labels) == {label, "plain"}
    if "<" in label or len(label) > 100:
        with pytest.raises(DataError, match="rename"):
            prepare(catalog, tmp_path / "out")
        return
    out = tmp_path / "out"
    prepare(catalog, out)
    table = (out / "pictures.csv").read_text("utf-8")
    assert not any(
        cell.startswith(("=", "+", "-", "@")) for cell in table.replace("\n", ",").split(",")
    )
    for again in (open_dataset(out), open_dataset(out, csv=out / "pictures.csv")):
        assert set(again.taxonomy.labels) == {label, "plain"}


def test_labels_lose_what_cannot_be_seen_and_may_not_be_endless():
    text = 'file,class\na.png,"Red\n\u200b wing "\nb.png,Red wing\nc.png,\u200b\nd.png,' + "x" * 201
    listing = list_table(text.encode(), ["a.png", "b.png", "c.png", "d.png"])
    assert [row.labels for row in listing.rows] == [("Red wing",), ("Red wing",)]
    assert {entry.file: entry.kind for entry in listing.findings} == {
        "c.png": "incomplete", "d.png": "incomplete"
    }  # fmt: skip


# CSV

NAMES = ["łódź/a.png", "łódź/b.png", "ż c.png"]
CSV = "file,class\nłódź/a.png,Wycinanki łowickie\nłódź/b.png,koń\nż c.png,koń\n"


@pytest.mark.parametrize("encoding, told", [
    ("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("utf-16-le", "UTF-16"),
    ("utf-16-be", "UTF-16"), ("utf-32", ""), ("cp1250", "Windows-1250"),
])  # fmt: skip
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_in_any_encoding(encoding, told, separator):
    listing = list_table(CSV.replace(",", separator).encode(encoding), NAMES)
    assert [row.labels[0] for row in listing.rows] == ["Wycinanki łowickie", "koń", "koń"]
    assumed = " ".join(entry.message for entry in listing.findings)
    assert told in assumed and bool(assumed) == bool(told)


@pytest.mark.parametrize("text, encoding", [
    ("Гжель;Хохлома;Городец", "cp1251"), ("yeşil;kırmızı;çini", "cp1254"),
    ("Größe;schön;Übung", "cp1252"), ("źdźbło;śnieg;łąka", "cp1250"),
    ("青い皿;赤い皿;白い花瓶", "shift_jis"), ("forêt;château;île", "cp1252"),
    ("İZNİK;ÇİNİ;GÜZEL", "cp1254"),
])  # fmt: skip
def test_letters_tell_the_encoding(text, encoding):
    assert decode(text.encode(encoding))[0] == text
    assert decode(text.encode()) == (text, "")


def test_quotes_newlines_and_excels_first_line():
    text = 'sep=;\nfile;note;class\n"a;1.png";"two\nlines, and ""quotes""";oak\nb.png;;"ash"\n\n'
    table = read_table(text.encode())
    assert table["file"].tolist() == ["a;1.png", "b.png"]
    assert table["note"][2] == 'two\nlines, and "quotes"'
    assert list(table.index) == [2, 3]


def test_rows_that_are_too_long_or_too_short():
    listing = list_table(
        b"file,class,\na.png,oak,,\nb.png,ash,red,7\nc.png\n", ["a.png", "b.png", "c.png"]
    )
    assert [row.labels[0] for row in listing.rows] == ["oak", "ash"]
    told = {entry.kind: entry.message for entry in listing.findings}
    assert "Row 3 has more cells" in told["assumed"]
    assert told["incomplete"] == "The row 4 has no class."


@pytest.mark.parametrize("data, why", [
    (b"", "no table"), (b"\n\n", "no table"), (b"file,class\n", "no row below"),
    (b"name,colour\nx,red\n", "it has: name, colour"), (b"\x00\x01\x02\x80", "no text"),
    (b"file,class,Class\na.png,x,y", "two columns"),
])  # fmt: skip
def test_tables_that_are_none_are_explained(data, why, write_pictures):
    folder = write_pictures("a.png", "b.png")
    with pytest.raises(DataError, match=why):
        open_dataset(folder, csv=data)


def test_files_are_found_by_end_of_path_case_and_stem():
    names = ["train/a.png", "test/a.png", "x/B.PNG", "x/c.png"]
    rows = "C:\\data\\train\\a.png,1\n/data/test/a.png,2\nb.png,1\nc,2\n"
    listing = list_table(f"file,class\n{rows}".encode(), names)
    assert [row.file for row in listing.rows] == names
    listing = list_table(b"file,class\na.png,1\n", names)
    assert "2 files have this name" in listing.findings[0].message


def test_duplicate_rows_and_two_labels_for_one_file():
    text = b"file,class\na.png,x\na.png,x\na.png,y\nb.png,y\n"
    listing = list_table(text, ["a.png", "b.png"])
    assert [entry.kind for entry in listing.findings] == ["duplicate row", "label conflict"]
    assert listing.findings[1].suggestion == "y"


# Columns


def _table(text):
    return read_table(text.encode())


SPECIES = "id,picture,species,family,split\n" + "".join(
    f"{i},{name}{i}.jpg,{name},{family},{['train', 'test'][i % 2]}\n"
    for i, (name, family) in enumerate([("oak", "beech"), ("ash", "olive"), ("elm", "elm"),
                                        ("cork", "beech")] * 3)
)  # fmt: skip


def test_columns_are_guessed():
    names = [f"p/{name}{i}.jpg" for i, name in enumerate(["oak", "ash", "elm", "cork"] * 3)]
    table = _table(SPECIES)
    assert guess_columns(table, names) == ColumnGuess(Columns("picture", "species", "family"))
    assert not guess_columns(_table("id,size\n1,2\n2,3\n"), ["other.jpg"]).columns.file
    listing = list_table(SPECIES.encode(), names)
    assert listing.levels == ("species", "family") and len(listing.rows) == 12
    assert (
        "“picture”, labels are in “species”, coarser ones in “family”"
        in listing.findings[0].message
    )


def test_columns_can_be_named_in_any_case():
    names = [f"{name}{i}.jpg" for i, name in enumerate(["oak", "ash", "elm", "cork"] * 3)]
    listing = list_table(SPECIES.encode(), names, Columns("Picture", "FAMILY", type="split"))
    assert listing.levels == ("family",) and listing.rows[1].type == "test"
    assert not listing.findings
    for columns in (Columns("picture", "kind"), Columns("picture", "picture")):
        with pytest.raises(DataError, match="it has: id, picture"):
            list_table(SPECIES.encode(), names, columns)


def test_a_coarser_label_is_the_one_most_rows_have():
    rows = ["a,oak,beech", "b,oak,beech", "c,oak,olive", "d,ash,olive", "e,ash,olive", "f,oak,"]
    text = "file,kind,family\n" + "\n".join(rows)
    listing = list_table(
        text.encode(), [f"{c}.png" for c in "abcdef"], Columns("file", "kind", "family")
    )
    assert [row.labels[1] for row in listing.rows] == ["beech"] * 3 + ["olive"] * 2 + ["beech"]
    assert {e.file: e.message for e in listing.findings}["c.png"].startswith(
        "family “olive” → “beech”"
    )


def test_a_column_called_like_ours_makes_a_level_of_its_own(write_pictures):
    folder = write_pictures("a.png", "b.png")
    csv = b"pic,group\na.png,x\nb.png,y"
    catalog = open_dataset(folder, csv=csv, columns=Columns("pic", "group"))
    assert catalog.taxonomy.name == "group label"


# Layouts


def test_layouts_are_told_apart(write_pictures, tmp_path):
    folder = write_pictures("ash/1.png", "oak/2.png")
    assert find_layout(folder).kind == "folders"
    (folder / "list.csv").write_text("what,ever\n1,2\n")
    (folder / "sizes.csv").write_text("photo,width,maker\n1.png,10,me\n2.png,20,you\n")
    assert find_layout(folder).kind == "folders"  # it does not say that it holds labels
    (folder / "labels.csv").write_text("photo,label\n1.png,hard\n2.png,soft\n")
    assert find_layout(folder).csv == "labels.csv"
    loose = tmp_path / "loose"
    loose.mkdir()
    assert find_layout(loose).kind == "empty"
    (loose / "1.png").write_bytes(b"x")
    assert find_layout(loose).kind == "loose"
    (loose / "list.csv").write_text("what,ever\n1,2\n")
    assert find_layout(loose).kind == "table"
    with pytest.raises(DataError, match="it has: what, ever"):
        open_dataset(loose)


def test_of_several_tables_it_is_said_which_one_is_taken(tmp_path, ornament):
    for i in range(4):
        ornament(i).save(tmp_path / f"{i}.png")
    rows = [f"{i}.png,{'ab'[i % 2]}" for i in range(4)]
    for name, count in (("old.csv", 2), ("whole.csv", 4)):
        (tmp_path / name).write_text("\n".join(["file,class", *rows[:count]]))
    report = open_dataset(tmp_path).report
    assert [entry.file for entry in report.of("assumed")] == ["whole.csv"]
    (ignored,) = report.of("ignored")
    assert ignored.file == "old.csv" and "“whole.csv”, was taken" in ignored.message
    (tmp_path / "old.csv").unlink()
    assert not {"assumed", "ignored"} & set(open_dataset(tmp_path).report.counts_by_kind)


def test_a_table_beside_class_folders_that_is_not_read_is_named(write_pictures):
    folder = write_pictures("ash/1.png", "ash/2.png", "oak/1.png", "oak/2.png")
    (folder / "prices.csv").write_text("tree;price\nash;3\noak;4\n")
    found = open_dataset(folder)
    assert found.taxonomy.labels == ("ash", "oak")
    assert _of(found, "ignored") == {
        "prices.csv": "The folders tell the classes; this table was not read."
    }


def test_a_zip_of_csv_and_zip_of_pictures(zipped, ornament, encoded):
    pictures = zip_bytes({f"{i}.png": encoded(ornament(i)) for i in range(4)})
    text = "file,decor,country\n" + "".join(
        f"{i}.png,{['Gzhel', 'Iznik'][i % 2]},{['Russia', 'Turkey'][i % 2]}\n" for i in range(4)
    )
    path = zipped(**{"decor.csv": text.encode(), "images.zip": pictures})
    assert find_layout(path).csv == "decor.csv"
    catalog = open_dataset(path)
    assert catalog.taxonomy.levels[1].labels == ("Russia", "Turkey")
    assert catalog.table["file"][0] == "images/0.png" and catalog.read("images/0.png")


def test_a_set_without_products_is_taken_whole(write_pictures):
    folder = write_pictures("a.png", "b.png")
    text = b"file,class,type\na.png,x,front\nb.png,y,back"
    assert len(open_dataset(folder, csv=text).table) == 2
    assert len(open_dataset(folder, csv=text, types=("front",)).table) == 1
    assert len(open_dataset(folder, csv=text, types=None).table) == 2


def test_reading_can_be_stopped(write_pictures):
    folder = write_pictures(*(f"{name}/{i}.png" for name in ("ash", "oak") for i in range(20)))
    told = []
    with pytest.raises(Stopped):
        open_dataset(folder, progress=lambda *done: told.append(done),
                      should_stop=lambda: len(told) >= 3)  # fmt: skip
    assert len(told) == 3


def test_an_endless_csv_is_refused(write_pictures, monkeypatch):
    folder = write_pictures("a.png", "b.png")
    (folder / "list.csv").write_bytes(b"file,class\n" + b"a.png,x\n" * (5 * 2**20))
    with pytest.raises(DataError, match="more than 32 MiB"):
        open_dataset(folder)


def test_control_characters_do_not_reach_the_terminal(write_pictures):
    catalog = open_dataset(write_pictures("ash/\x1b[31m1.png", "oak/\u202egnp.1.png"))
    text = catalog.report.to_text()
    assert "�[31m1.png" in text and "\x1b" not in text and "\u202e" not in text


def test_thousands_of_the_same_picture_are_told_once_each(ornament):
    prints = [fingerprint(ornament(0))] * 1000
    pairs = near_duplicates(prints)
    assert len(pairs) < 101 * 1000
    assert len(set(group_duplicates([str(i) for i in range(1000)], pairs))) == 1


def test_a_near_duplicate_under_another_label_is_another_picture():
    table = pd.DataFrame({"kind": list("aaabbb"), "group": list("123345")})
    found = {e.file: e.message for e in check_table(table, ["kind"]) if "few" in e.kind}
    assert all(found[label].startswith("It has 3 pictures, so a single one") for label in "ab")


def test_near_duplicates_are_counted_once_and_it_is_said():
    table = pd.DataFrame({"kind": list("aaaabcc"), "group": list("1123455")})
    found = {e.file: e.message for e in check_table(table, ["kind"]) if "few" in e.kind}
    assert found["a"].startswith("It has 3 different pictures (near duplicates count once), so")
    assert found["b"].startswith("It has 1 picture; at least 3")
    assert found["c"].startswith("It has 2 pictures; at least 3")


def test_numbers_are_not_alike_for_a_point():
    assert not list(similar_labels({"1.5": 3, "15": 3, "1-5": 2}))
    assert [entry.file for entry in similar_labels({"class 1": 3, "Class_1": 2})] == ["Class_1"]


def test_one_of_several_tables_is_taken(write_pictures):
    folder = write_pictures("a.png", "b.png")
    (folder / "notes.csv").write_text("what,ever\n1,2\n")
    (folder / "list.csv").write_text("photo,tree,maker\na.png,oak,x\nb.png,ash,y\n")
    assert open_dataset(folder).taxonomy.name == "tree"
    assert open_dataset(folder, columns=Columns("photo", "maker")).taxonomy.name == "maker"
