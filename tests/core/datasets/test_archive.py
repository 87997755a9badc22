"""A data set as a zip: read back it is the same, whatever its classes are called."""

import io
import zipfile

import pytest
from packing import zip_bytes

from decor_app.jobs.ingest_tasks import IngestTask, PreviewTask, ingest
from decor_core.datasets.archive import aside_pieces, zip_pieces
from decor_core.datasets.dataset import Dataset
from decor_core.datasets.upload import pack_upload
from decor_core.model.events import never_stop

LABELS = ("=Sum", "a/b", "CON", "Röd", "Синий", "<b>🏺</b>")


def quiet(event: object) -> None:
    """Nobody listens."""


@pytest.fixture
def pictures(tmp_path, ornament, encoded) -> Dataset:
    """Two pictures of each of the LABELS, one of another type, and a file that is none."""
    folder = tmp_path / "came"
    folder.mkdir()
    rows = ["file,class,type"]
    for number, label in enumerate(LABELS * 2):
        (folder / f"{number}.png").write_bytes(encoded(ornament(number)))
        quoted = "'=Sum" if label == "=Sum" else label
        rows.append(f'{number}.png,"{quoted}",{"pattern" if number == 3 else "product"}')
    (folder / "broken.png").write_bytes(b"\x89PNG nothing more")
    (folder / "list.csv").write_text("\n".join([*rows, "broken.png,CON,product"]), "utf-8")
    return ingest(IngestTask(folder, tmp_path / "set", "Odd names"), quiet, never_stop)


def _again(pictures: Dataset, tmp_path, name: str) -> Dataset:
    (tmp_path / f"{name}.zip").write_bytes(b"".join(zip_pieces(pictures)))
    request = IngestTask(tmp_path / f"{name}.zip", tmp_path / name, "Again")
    return ingest(request, quiet, never_stop)


def test_what_is_exported_is_read_back_unchanged(pictures, tmp_path):
    again = _again(pictures, tmp_path, "again")
    assert set(again.counts) == set(LABELS)
    assert again.version == pictures.version
    assert _again(again, tmp_path, "once-more").version == pictures.version


def test_labels_that_other_tables_have_for_none_come_back(pictures, tmp_path):
    names = (".", "NA", "none", "['ash', 'oak']", "?")
    files = pictures.table["file"]
    named = pictures.relabel_each(dict(zip(files, names, strict=False)))
    again = _again(named, tmp_path, "again")
    assert again.counts == named.counts and set(names) < set(again.counts)
    assert again.version == named.version


def test_unpacked_it_comes_back_as_a_folder_that_is_sent_in_parts(pictures, tmp_path):
    """As browsers send what is too large for one upload: ``folder_upload.js``."""
    (tmp_path / "out.zip").write_bytes(b"".join(zip_pieces(pictures)))
    parts = [{}, {}]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        for number, name in enumerate(archive.namelist()):
            parts[number % 2][f"out/{name}"] = archive.read(name)
    sent = [(f"out.part{i}.zip", io.BytesIO(zip_bytes(part, zipfile.ZIP_STORED)))
            for i, part in enumerate(parts, start=1)]  # fmt: skip
    pack_upload(sent, tmp_path / "upload.zip")
    again = ingest(IngestTask(tmp_path / "upload.zip", tmp_path / "in", "Back"), quiet, never_stop)
    assert (again.version, set(again.counts)) == (pictures.version, set(LABELS))


def test_nothing_is_asked_about_what_was_exported(pictures, tmp_path):
    (tmp_path / "out.zip").write_bytes(b"".join(zip_pieces(pictures)))
    preview = PreviewTask(tmp_path / "out.zip", tmp_path / "new").run(quiet, never_stop)
    assert (preview.layout.kind, preview.layout.guessed, preview.pictures) == ("csv", False, 12)


def test_names_and_table_are_safe_everywhere(pictures):
    packed = io.BytesIO(b"".join(zip_pieces(pictures)))
    with zipfile.ZipFile(packed) as archive:
        table = archive.read("pictures.csv").decode("utf-8")
        folders = {name.partition("/")[0] for name in archive.namelist() if "/" in name}
    assert ",'=Sum," in table and ",=Sum," not in table
    assert "a_b" in folders and "CON" not in folders
    assert not any(set(name) & set('<>:"|?*\\') for name in folders)


def test_a_zip_in_pieces_is_the_zip_and_no_piece_holds_much_of_it(pictures):
    pieces = list(zip_pieces(pictures))
    packed, whole = io.BytesIO(b"".join(pieces)), io.BytesIO()
    with zipfile.ZipFile(packed) as archive, zipfile.ZipFile(whole, "w") as at_once:
        for member in archive.infolist():
            at_once.writestr(member, archive.read(member))
        largest = max(member.file_size for member in archive.infolist())
    assert packed.getvalue() == whole.getvalue()
    assert max(map(len, pieces)) < largest + 4000 < len(whole.getvalue())


def test_files_set_aside_come_with_their_reasons(pictures):
    packed = io.BytesIO(b"".join(aside_pieces(pictures)))
    with zipfile.ZipFile(packed) as archive:
        assert archive.read("broken.png") == b"\x89PNG nothing more"
        assert archive.read("reasons.txt").decode().startswith("broken.png: ")


def test_an_edited_set_comes_back_as_it_was_left(pictures, tmp_path):
    moved = pictures.relabel([pictures.table["file"][0]], "Röd").drop_label("CON")
    again = _again(moved, tmp_path, "edited")
    assert again.version == moved.version
    assert not [entry for entry in again.open_findings if entry.kind == "unreadable"]
