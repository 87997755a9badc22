"""Archives as people really have them: tars are read like zips, what cannot be read is named."""

import gzip
import io
import struct
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from packing import tar_bytes, with_method, zip_bytes, zip_of_raw_names

from decor_core.data.catalog import open_dataset
from decor_core.data.sources.source import SourceLimits, open_source
from decor_core.datasets.upload import pack_upload, title_of
from decor_core.errors import DataError

MODES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}


@pytest.fixture
def members(ornament, encoded):
    """Two pictures in each of two class folders."""
    names = ("ash/1.png", "ash/2.png", "oak/1.png", "oak/2.png")
    return {name: encoded(ornament(number)) for number, name in enumerate(names)}


@pytest.fixture
def keep(tmp_path):
    """Keeps bytes as a file; gives its path."""

    def write(name, data):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def often():
    """Threads take turns a thousand times as often."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def _notes(source):
    return {note.file: note.message for note in source.notes}


# Tars


@pytest.mark.parametrize("ending", MODES)
def test_a_tar_is_read_like_a_zip(ending, members, keep):
    path = keep(f"set{ending}", tar_bytes(members, MODES[ending]))
    catalog = open_dataset(path)
    assert catalog.report.counts == {"ash": 2, "oak": 2}
    assert not catalog.source.notes
    assert {name: catalog.read(name) for name in members} == members


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_kind_of_tar_and_long_names(form, members, keep):
    long = "oak/" + "x" * 90 + ".png"
    path = keep("set.tar", tar_bytes({**members, long: b"x", "дуб/3.png": b"y"}, form=form))
    assert set(open_source(path).names) == {*members, long, "дуб/3.png"}


def test_the_content_tells_what_an_archive_is_not_its_ending(members, keep):
    tar, zip_ = tar_bytes(members, "w:gz"), zip_bytes(members)
    assert set(open_source(keep("set.zip", tar)).names) == set(members)
    assert set(open_source(keep("set.tar.gz", zip_)).names) == set(members)
    assert set(open_source(keep("set", b"#!/bin/sh\n" + zip_)).names) == set(members)
    with pytest.raises(DataError, match="is a RAR archive"):
        open_source(keep("rar.zip", b"Rar!\x1a\x07\1\0" + bytes(600)))
    inside = {**members, "oak/inner.zip": zip_}  # its end looks like that of a zip
    assert "oak/inner/ash/1.png" in open_source(keep("outer.tar", tar_bytes(inside))).names


def test_archives_in_folders_and_archives_are_folders_of_the_same_name(members, keep, tmp_path):
    inner = {name.partition("/")[2]: data for name, data in members.items()}
    keep("in/ash.tar.gz", tar_bytes(inner, "w:gz"))
    keep("in/oak.zip", zip_bytes(inner))
    keep("in/elm.7z", b"7z\xbc\xaf\x27\x1c" + bytes(600))
    source = open_source(tmp_path / "in")
    assert source.names == ("ash/1.png", "ash/2.png", "elm.7z", "oak/1.png", "oak/2.png")
    assert "is a 7-Zip archive" in _notes(source)["elm.7z"]
    for pack in (zip_bytes, tar_bytes):
        packed = pack({f.name: f.read_bytes() for f in (tmp_path / "in").iterdir()})
        again = open_source(keep("outer", packed))
        assert again.names == source.names
        assert all(again.read(name) == source.read(name) for name in source.names)


def test_links_devices_and_holes_in_a_tar_are_left_out_and_named(members, keep):
    others = {
        "ash/soft.png": {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        "ash/hard.png": {"type": tarfile.LNKTYPE, "linkname": "ash/1.png"},
        "ash/null.png": {"type": tarfile.CHRTYPE},
        "ash/pipe.png": {"type": tarfile.FIFOTYPE},
        "ash/holes.png": {"pax_headers": {"GNU.sparse.size": "9" * 12, "GNU.sparse.map": "0,0"}},
        "../../oak/up.png": b"up",
    }
    source = open_source(keep("set.tar", tar_bytes({**members, **others})))
    assert set(source.names) == {*members, "oak/up.png"}
    told = _notes(source)
    assert "link" in told["ash/soft.png"] and "link" in told["ash/hard.png"]
    assert "device" in told["ash/null.png"] and "device" in told["ash/pipe.png"]
    assert "holes" in told["ash/holes.png"]
    assert all(note.set_aside for note in source.notes)


def test_a_tar_is_held_to_the_limits_before_it_fills_the_disk(members, keep):
    bomb = keep("bomb.tar.gz", tar_bytes({"a/1.png": bytes(100 * 2**20)}, "w:gz"))
    with pytest.raises(DataError, match="100 times its size"):
        open_source(bomb)
    path = keep("set.tar.xz", tar_bytes(members, "w:xz"))
    with pytest.raises(DataError, match="holds 4 files; at most 3"):
        open_source(path, SourceLimits(max_members=3))
    with pytest.raises(DataError, match="unpacks to"):
        open_source(path, SourceLimits(max_bytes=100))
    big = keep("big.tar.gz", tar_bytes({"a/1.png": bytes(10**6)}, "w:gz"))
    with pytest.raises(DataError, match="unpacks to more than"):
        open_source(big, SourceLimits(max_bytes=1000, max_members=10))


def test_damaged_tars_and_single_compressed_files_are_told(members, keep):
    packed = tar_bytes(members, "w:gz")
    torn = packed[:400] + b"\xff\xff" + packed[402:]
    for data in (packed[:-200], torn, tar_bytes(members)[:1500]):
        with pytest.raises(DataError, match="damaged or cut short"):
            open_source(keep("set.tar.gz", data))
    with pytest.raises(DataError, match="one compressed file"):
        open_source(keep("labels.csv.gz", gzip.compress(b"file,class\n")))


# What cannot be read


@pytest.mark.parametrize("start, words", [
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"), (b"Rar!\x1a\x07\0", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"), (b"MSCF", "CAB"), (b"\0\0-lh5-", "LHA"),
    (bytes(0x8001) + b"CD001", "ISO"),
])  # fmt: skip
def test_other_archives_are_named_with_the_way_out(start, words, keep):
    path = keep("set.zip", start + bytes(3000))
    with pytest.raises(DataError, match=words) as told:
        open_source(path)
    assert "make a zip or tar.gz" in str(told.value)


def test_a_disk_image_is_known_by_its_end(keep):
    with pytest.raises(DataError, match="DMG"):
        open_source(keep("set.dmg", bytes(3000) + b"koly" + bytes(508)))


@pytest.mark.parametrize("name", ["set.z01", "set.zip.001", "set.part1.rar", "set.7z.002"])
def test_parts_of_an_archive_are_named(name, keep):
    with pytest.raises(DataError, match="one part of an archive in several"):
        open_source(keep(name, b"PK\7\x08PK\3\4" + bytes(600)))


def test_the_last_part_of_a_zip_is_known_by_its_end(members, keep):
    data = bytearray(zip_bytes(members))
    struct.pack_into("<H", data, data.rfind(b"PK\5\6") + 4, 2)
    with pytest.raises(DataError, match="one part of an archive in several"):
        open_source(keep("set.zip", data))


@pytest.mark.parametrize("method, words", [(9, "Deflate64"), (98, "PPMd"), (93, "Zstandard")])
def test_a_zip_compressed_by_another_method_is_refused_at_once(method, words, members, keep):
    path = keep("explorer.zip", with_method(zip_bytes(members), method))
    with pytest.raises(DataError, match=rf"method that cannot be read here \({words}\)") as told:
        open_source(path)
    assert "zip it another way" in str(told.value) and "damaged" not in str(told.value)


def test_single_members_of_another_method_are_named(members, keep):
    path = keep("some.zip", with_method(zip_bytes(members), method=9, count=1))
    report = open_dataset(path).report
    (finding,) = report.of("unreadable")
    assert finding.file == "ash/1.png" and "(Deflate64)" in finding.message


def test_members_with_extra_fields_are_read_whole_on_several_threads_at_once(keep, often):
    """Most programs write the time there; some Pythons then mix up what threads read."""
    times = struct.pack("<HHBI", 0x5455, 5, 1, 0)
    members = {f"{number}.png".encode(): bytes([number]) * 99 for number in range(200)}
    path = keep(
        "set.zip", zip_of_raw_names({(n, 0): d for n, d in members.items()}, lambda _: times)
    )
    source = open_source(path)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(source.read, source.names * 20)) == [
            members[name.encode()] for name in source.names * 20
        ]


# Uploads


@pytest.mark.parametrize("name, title", [
    ("my_shop.tar.gz", "my shop"), ("shop.tgz", "shop"), ("shop.7z", "shop"),
])  # fmt: skip
def test_an_archive_that_is_uploaded_stays_as_it_is(name, title, members, tmp_path):
    packed = tar_bytes(members, "w:gz")
    pack_upload([(name, io.BytesIO(packed))], tmp_path / "upload.zip")
    assert (tmp_path / "upload.zip").read_bytes() == packed
    assert title_of([name]) == title
