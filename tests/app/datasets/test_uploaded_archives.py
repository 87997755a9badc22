"""Archives that are dropped on the Data and the Classify page."""

import pytest
from app_pages import ended, opened, sound, texts
from packing import LABELS, tar_bytes, with_method, zip_bytes, zip_of_raw_names

from decor_app.state import jobs
from decor_app.state.workspace import Workspace
from decor_core.datasets.store import DatasetStore


def _plain(markdown: str) -> str:
    return markdown.replace("\\", "")


def _dropped(name, data):
    test = opened("data", workspace=Workspace("me"))
    test.file_uploader[0].set_value([(name, data, "application/octet-stream")])
    return ended(sound(test.run()), jobs.PREVIEW)


@pytest.mark.parametrize("name, pack", [
    ("set.tar.gz", lambda members: tar_bytes(members, "w:gz")),
    ("set.tar", tar_bytes),
    ("set.zip", lambda members: zip_of_raw_names(
        {(name.encode("gbk"), 0): data for name, data in members.items()})),
])  # fmt: skip
def test_an_archive_becomes_a_set(name, pack, members, home):
    test = _dropped(name, pack(members))
    ended(test, jobs.INGEST)
    assert [header.value for header in test.header] == ["set"]
    (made,) = DatasetStore(home).list()
    counts = DatasetStore(home).get(made.id).counts
    assert dict(counts) == dict.fromkeys(LABELS, 3)
    assert ("Chinese (GBK)" in _plain(texts(test))) == (name == "set.zip")


@pytest.mark.parametrize("name, data, words", [
    ("set.7z", b"7z\xbc\xaf\x27\x1c" + bytes(600), "is a 7-Zip archive"),
    ("set.rar", b"Rar!\x1a\x07\1\0" + bytes(600), "is a RAR archive"),
    ("set.zip", b"Rar!\x1a\x07\1\0" + bytes(600), "is a RAR archive"),
    ("set.zip", with_method(zip_bytes({"ash/1.png": b"x"}), 9), "(Deflate64)"),
])  # fmt: skip
def test_what_cannot_be_read_is_named_with_the_way_out(name, data, words, home):
    test = _dropped(name, data)
    (told,) = (_plain(error.value) for error in test.error)
    assert words in told and "folder" in told and "upload.zip" not in told
    classify = opened("classify")
    classify.file_uploader[0].set_value([(name, data, "application/octet-stream")])
    sound(classify.run())
    assert words in _plain(classify.warning[0].value)


def test_pictures_in_a_tar_are_classified(members):
    test = opened("classify")
    packed = tar_bytes({"a/1.png": members["橡树/1.png"], "a/2.png": members["橡树/2.png"]}, "w:gz")
    test.file_uploader[0].set_value([("two.tar.gz", packed, "application/gzip")])
    assert "**2 pictures**" in texts(sound(test.run()))
