"""Files and folders: written in one move, damage told from bugs, names told apart."""

import io
import json
import os
import random
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest

from decor_core.errors import BundleError, DamagedFile, DataError, damaged_file
from decor_core.io import (
    json_as,
    read_arrays,
    read_json,
    replacing_file,
    unique_name,
    write_file,
    write_json,
)


@dataclass(frozen=True)
class Note:
    title: str
    pages: tuple[int, ...] = ()


def test_a_file_is_replaced_in_one_move(tmp_path):
    path = tmp_path / "new" / "note.txt"
    write_file(path, b"old")
    with replacing_file(path) as partial:
        partial.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["note.txt"]


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "note.txt"
    write_file(path, b"old")
    with pytest.raises(ZeroDivisionError), replacing_file(path) as partial:
        partial.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["note.txt"]


def test_json_is_read_as_what_was_written(tmp_path):
    path = tmp_path / "note.json"
    write_json(path, Note("Łódź", (1, 2)))
    assert "Łódź" in path.read_text(encoding="utf-8")
    assert read_json(path, Note) == Note("Łódź", (1, 2))
    assert read_json(path, dict) == {"title": "Łódź", "pages": [1, 2]}
    assert json_as({"title": "a"}, Note) == Note("a")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"title": 1}', b'{"pages": [1]}', b'{"title": "a", "pages": 7}', b"null",
     b'{"title": "\xff"}', b'{"title": "\\ud800"}', b'{"title": NaN}', b"[" * 100_000],
)  # fmt: skip
def test_damaged_json_is_told_with_the_reason(content):
    with pytest.raises(DamagedFile, match=r"\w"):
        read_json(content, Note)
    told = pytest.raises(BundleError, match=r"^The note is damaged \(.+\); write it again\.$")
    with told, damaged_file(BundleError, "The note is damaged", "write it again"):
        read_json(content, Note)


def npz(**arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_arrays_are_read_and_a_missing_one_is_told():
    arrays = read_arrays(npz(weights=np.eye(3), bias=np.zeros(3, np.float16)))
    np.testing.assert_array_equal(arrays["weights"], np.eye(3))
    assert arrays["bias"].dtype == np.float16
    with pytest.raises(DamagedFile, match="it holds no “mean”"):
        arrays["mean"]


def test_every_damage_to_an_npz_is_damage():
    whole, chance = npz(weights=np.eye(3), bias=np.zeros(3)), random.Random(0)
    refused = 0
    for _ in range(2_000):
        content = bytearray(whole[: chance.randrange(len(whole) + 1)] + b"?")
        for _ in range(chance.randrange(4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            read_arrays(bytes(content))
        except DamagedFile:
            refused += 1
    assert refused > 1_500


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",  # no memory for it
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",  # pickled
        "{'descr': 'what', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 1000000000000000000000)}",
        "{[]: 1}",
        "{'a': (",
        "\x00",
    ],
)
def test_an_array_that_lies_about_itself_is_damage(header):
    line = header.encode().ljust(117) + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + bytes(24)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("weights.npy", array)
    with pytest.raises(DamagedFile):
        read_arrays(stream.getvalue())


def test_a_file_that_is_not_there_is_told_with_its_reason(tmp_path):
    told = pytest.raises(DataError, match=r"^It is lost \(.*No such file.*\)\.$")
    with told, damaged_file(DataError, "It is lost"):
        read_json(tmp_path / "gone.json", dict)


@pytest.mark.parametrize("bug", [
    lambda: None.title, lambda: len(7), lambda: {}["name"], lambda: [][0], lambda: int("x"),
    lambda: np.zeros(2) + np.zeros(3), lambda: 1 / 0, lambda: json.loads("{"), lambda: undefined,  # noqa: F821
])  # fmt: skip
def test_a_bug_is_not_told_as_damage(bug):
    with pytest.raises(Exception) as caught, damaged_file(BundleError, "It is damaged"):
        bug()
    assert not isinstance(caught.value, BundleError)


def test_an_error_of_the_right_class_keeps_its_words():
    told = pytest.raises(BundleError, match="^It is of another version$")
    with told, damaged_file(BundleError, "It is damaged"):
        raise BundleError("It is of another version")


def test_names_are_numbered_until_they_are_free():
    taken = set()
    names = [unique_name(stem, taken, ".jpg") for stem in ("a", "A", "a", "b", "a-2")]
    assert names == ["a.jpg", "A-2.jpg", "a-3.jpg", "b.jpg", "a-2-2.jpg"]
    assert unique_name("My model", {"my model", "my model (2)"}, number=" ({})") == "My model (3)"
    assert unique_name("A", {"a"}, match_case=True) == "A"


def test_a_name_that_thousands_have_costs_little():
    taken = set()
    names = [unique_name("photo", taken, ".jpg") for _ in range(20_000)]  # minutes, one by one
    assert names[:3] == ["photo.jpg", "photo-2.jpg", "photo-3.jpg"]
    assert names[-1] == "photo-20000.jpg" and len(set(names)) == 20_000
