"""Bursts: which pictures were taken one after the other, by names and the camera's clock."""

import hashlib

import numpy as np
import pytest
from PIL import Image
from scenes import frame, write

from decor_core.data.bursts import bursts
from decor_core.data.catalog import open_dataset
from decor_core.images.decode import open_picture


def _named(files, taken=None):
    """The bursts of files, by their names, as they come."""
    return [[files[i] for i in burst] for burst in bursts(files, taken or [""] * len(files))]


@pytest.mark.parametrize(
    "name",
    [
        *("IMG_{:04}.JPG", "{}.jpg", "frame_{:06}.png", "cat.{}.jpg", "shot ({}).png"),
        *("a/b {:02}-final.jpg", "2024-01-02 10.11.{:02}.jpg", "PXL_20240102_1011120{:02}.jpg"),
        "frame_{:03}_jpg.rf.0f3a99c2b1.jpg",
        "2026-11-28 17.30.05 burst-x7f2 {:03}.jpg",
    ],
)
def test_what_is_numbered_or_timed_is_one_burst_in_its_order(name):
    files = [name.format(i) for i in range(3, 33)]
    shuffled = [files[i] for i in np.random.default_rng(0).permutation(30)]
    assert _named(shuffled) == [files]


def test_label_studios_prefix_does_not_part_a_burst():
    files = [f"{hashlib.md5(bytes([i])).hexdigest()[:7]}a-IMG_{i:04}.jpg" for i in range(12)]
    assert _named(files) == [files]


def test_a_gap_another_folder_and_another_name_part_bursts():
    files = [f"IMG_{i:04}.jpg" for i in (*range(10), *range(500, 510))]
    files += [f"b/IMG_{i:04}.jpg" for i in range(10)] + [f"clip2_{i}.jpg" for i in range(10)]
    assert sorted(map(len, _named(files))) == [10, 10, 10, 10]
    every_tenth = [f"frame_{10 * i:05}.jpg" for i in range(20)]
    assert _named(every_tenth) == [every_tenth]


def test_what_is_neither_numbered_nor_timed_stands_alone():
    assert _named(["left.jpg", "right.jpg", ""]) == [["left.jpg"], ["right.jpg"], [""]]
    assert _named(["9999-99-99 99.99.99.jpg"]) == [["9999-99-99 99.99.99.jpg"]]


def test_the_cameras_clock_goes_before_names():
    files = [f"{hashlib.md5(bytes([i])).hexdigest()}.jpg" for i in range(20)]
    taken = [f"2026:11:28 17:{30 + i // 10}:05.{i % 10}" for i in range(20)]
    assert _named(files, taken) == [files[:10], files[10:]]
    lapse = [f"2026:11:28 17:{i:02}:00" for i in range(20)]
    assert _named(files, lapse) == [files]
    assert len(_named(["a.jpg", "b.jpg"], ["0000:00:00 00:00:00", "yesterday"])) == 2


def test_the_time_of_a_photo_is_read(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:11:28 17:30:05"
    exif.get_ifd(0x8769)[0x9291] = "12"
    write(tmp_path, {"ash/a.jpg": frame(0, 0), "oak/b.jpg": frame(1, 0)}, exif=exif)
    assert set(open_dataset(tmp_path).table["taken"]) == {"2026:11:28 17:30:05.12"}
    assert open_picture((tmp_path / "ash/a.jpg").read_bytes()).taken == "2026:11:28 17:30:05.12"
