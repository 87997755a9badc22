"""Tables on the command line: read, or refused with the flag that helps; assumptions are told."""

import io
import json

import openpyxl
import pytest

KINDS = ("ash", "oak", "elm")
NAMES = [f"{i:04}.png" for i in range(18)]
QUICK = ("--views", 1, "--copies", 0)


def _rows(header, row):
    return "\n".join([*header, *(row(i, name, KINDS[i % 3]) for i, name in enumerate(NAMES))])


def _sheet():
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["id", "tree"])
    for i in range(18):
        book.active.append([i, KINDS[i % 3]])
    book.save(stream)
    return stream.getvalue()


def _zeros_and_ones(i, name, kind):
    return f"{name},{','.join(str(int(kind == one)) for one in KINDS)}"


TABLES = {
    "no header": _rows([], lambda i, name, kind: f"{name},{kind}"),
    "a part": _rows(
        [], lambda i, name, kind: f"{'TEST' if i % 4 else 'TRAIN'},gs://b/{name},{kind}"
    ),
    "a rare flag": _rows(["file,species,torn"], lambda i, n, kind: f"{n},{kind},{'ny'[i == 4]}"),
    "one-hot": _rows(["image,ash,oak,elm"], _zeros_and_ones),
    "called type": _rows(["image,type"], lambda i, name, kind: f"{name},{kind}"),
    "Label Studio": _rows(["image,choice"], lambda i, name, kind: f"/up/{i:08x}-{name},{kind}"),
    "no zeros": _rows(["id,label"], lambda i, name, kind: f"{i},{kind}"),
    "Excel": _sheet(),
}


@pytest.fixture
def listed(write_pictures):
    """Writes 18 pictures and a table that lists them; gives the flags that name them."""

    def write(data, name="list.csv"):
        folder = write_pictures(*NAMES)
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return "--image_dir", folder

    return write


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_every_kind_are_read_and_what_was_assumed_is_told(kind, run, listed):
    source = listed(TABLES[kind], "list.xlsx" if kind == "Excel" else "list.csv")
    code, out, _ = run("check", *source, "--no_model", "--json")
    told = json.loads(out)
    assert told["counts"] == {"ash": 6, "elm": 6, "oak": 6} and told["findings"]["assumed"]
    assert "repaired" not in told["findings"] and "unlisted" not in told["findings"]


TWO = _rows(["image,kind,place"], lambda i, name, kind: f"{name},{kind},{['east', 'west'][i % 2]}")


@pytest.mark.parametrize("command", [
    ("check",), ("prepare", "--out", "written"), ("retrain",), ("evaluate",), ("sweep",),
])  # fmt: skip
def test_every_command_asks_which_column_is_meant(command, refused, listed):
    told = refused(*command, *listed(TWO))
    assert "kind, place" in told and "--label_column kind" in told


def test_the_label_column_alone_is_enough(run, listed):
    code, out, _ = run("check", *listed(TWO), "--label_column", "Place", "--no_model", "--json")
    assert json.loads(out)["counts"] == {"east": 9, "west": 9}


@pytest.mark.parametrize("command", [
    ("retrain", "--head", "lda"), ("retrain", "--head", "lda", "--json"),
    ("evaluate", "--head", "lda", "--repeats", 1), ("sweep", "--head", "lda", "--folds", 2),
])  # fmt: skip
def test_every_training_tells_what_was_assumed(command, run, listed):
    code, out, err = run(*command, *listed(TABLES["no header"]), *QUICK)
    assert code == 0
    assert "Assumed on reading: list.csv: Its row 1 names a picture, so that there" in err
    assert "--json" not in command or json.loads(out)


def test_prepare_tells_what_was_assumed(run, listed, tmp_path):
    code, out, _ = run("prepare", *listed(TABLES["no zeros"]), "--out", tmp_path / "out")
    assert code == 0 and "matched by number" in out


def test_several_labels_in_a_cell_are_told_by_every_training(run, listed):
    cells = _rows(["image,labels"], lambda i, n, kind: f"{n},{kind if i % 2 else 'ash oak'}")
    code, _, err = run("retrain", *listed(cells), *QUICK, "--head", "lda")
    assert code == 0 and "9 pictures: “ash oak” looks like several labels in one cell" in err


@pytest.mark.parametrize("name", ["labels.xls", "labels.ods", "labels.xlsx"])
def test_spreadsheets_that_cannot_be_read_are_refused_with_the_way_out(name, refused, listed):
    told = refused("check", *listed(b"\xd0\xcf\x11\xe0" + bytes(64), name))
    assert "please save the table as .xlsx or CSV" in told
    folder = listed(TABLES["no header"])[1]
    assert "as .xlsx or CSV" in refused("check", "--csv", folder / name, "--images", folder)
