"""Archives on the command line: read like folders, or refused with the way out."""

import pytest
from packing import LABELS, tar_bytes, with_method, zip_bytes, zip_of_raw_names


def test_a_tar_is_checked_like_a_zip(run, members, tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(tar_bytes(members, "w:gz"))
    code, out, _ = run("check", "--image_dir", tmp_path / "set.tar.gz", "--no_model")
    assert code == 0 and "9 pictures in 3 classes" in out and "3  橡树" in out


def test_names_in_another_encoding_are_right_and_noted(run, members, tmp_path):
    raw = {(name.encode("gbk"), 0): data for name, data in members.items()}
    (tmp_path / "set.zip").write_bytes(zip_of_raw_names(raw))
    code, out, _ = run("check", "--image_dir", tmp_path / "set.zip", "--no_model")
    assert code == 0 and all(f"3  {label}" in out for label in LABELS)
    assert "read as Chinese (GBK): “白蜡树”, “橡树”, “榆树”" in out


@pytest.mark.parametrize("name, data, words", [
    ("set.7z", b"7z\xbc\xaf\x27\x1c" + bytes(600), "is a 7-Zip archive"),
    ("set.rar", b"Rar!\x1a\x07\1\0" + bytes(600), "is a RAR archive"),
    ("set.tar.zst", b"\x28\xb5\x2f\xfd" + bytes(600), "compressed with Zstandard"),
    ("set.zip", with_method(zip_bytes({"ash/1.png": b"x"}), 9), "(Deflate64)"),
])  # fmt: skip
def test_what_cannot_be_read_is_named_with_the_way_out(refused, name, data, words, tmp_path):
    (tmp_path / name).write_bytes(data)
    told = refused("check", "--image_dir", tmp_path / name, "--no_model")
    assert words in told and "give the folder" in told and "damaged" not in told
