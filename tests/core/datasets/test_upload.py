"""Uploads become one zip: names are kept, nothing of them is taken for a path."""

import io
import warnings
import zipfile

import pytest
from packing import zip_bytes

from decor_core.datasets.upload import pack_upload, title_of
from decor_core.errors import DataError


def _packed(members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> io.BytesIO:
    return io.BytesIO(zip_bytes(members, how))


def _read(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_a_single_zip_stays_as_it_is(tmp_path):
    packed = _packed({"a/1.png": b"one"})
    pack_upload([("shop.zip", packed)], tmp_path / "set" / "upload.zip")
    assert (tmp_path / "set" / "upload.zip").read_bytes() == packed.getvalue()


def test_files_are_stored_under_their_names(tmp_path):
    files = [("../evil.png", io.BytesIO(b"x")), ("Синий/1.png", io.BytesIO(b"y"))]
    pack_upload(files, tmp_path / "set" / "upload.zip")
    assert _read(tmp_path / "set" / "upload.zip") == {"../evil.png": b"x", "Синий/1.png": b"y"}
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["upload.zip"]


def test_what_came_twice_is_written_once(tmp_path):
    table = b"file,class\n1.png,a\n"
    files = [("list.csv", table), ("1.png", b"1"), ("list.csv", table), ("list.csv", table + b"2")]
    with warnings.catch_warnings(action="error"):
        pack_upload([(name, io.BytesIO(data)) for name, data in files], tmp_path / "upload.zip")
    members = {"1.png": b"1", "list.csv": table, "list (2).csv": table + b"2"}
    assert _read(tmp_path / "upload.zip") == members
    zip_ = _packed({"a/1.png": b"one"})
    pack_upload([("s.zip", zip_), ("s.zip", io.BytesIO(zip_.getvalue()))], tmp_path / "s.zip")
    assert (tmp_path / "s.zip").read_bytes() == zip_.getvalue()


def test_parts_of_a_folder_become_one_again(tmp_path):
    parts = [
        ("shop.part1.zip", _packed({"shop/a/1.png": b"1"})),
        ("shop.part2.zip", _packed({"shop/b/2.png": b"2"})),
    ]
    pack_upload(parts, tmp_path / "upload.zip")
    assert _read(tmp_path / "upload.zip") == {"shop/a/1.png": b"1", "shop/b/2.png": b"2"}


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, None])
def test_what_only_looks_like_a_part_is_not_unpacked(tmp_path, how):
    """It may be a bomb: the process that reads pictures knows the limits."""
    data = _packed({"a.png": b"0" * 10**6}, how) if how else io.BytesIO(b"no zip")
    pack_upload([("x.part1.zip", data), ("list.csv", io.BytesIO(b""))], tmp_path / "upload.zip")
    assert _read(tmp_path / "upload.zip")["x.part1.zip"] == data.getvalue()


def test_a_disk_that_refuses_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="no room"):
        pack_upload([("a.png", io.BytesIO(b"x"))], tmp_path / "file" / "upload.zip")


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (["my_shop.zip"], "my shop"),
        (["a.png", "list of things.csv"], "list of things"),
        (["shop.part1.zip", "shop.part2.zip"], "shop"),
        (["a.png", "b.png"], "My pictures"),
        ([".zip"], "My pictures"),
    ],
)
def test_a_set_is_called_like_its_files(names, title):
    assert title_of(names) == title
