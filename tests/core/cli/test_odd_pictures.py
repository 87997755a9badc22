"""Odd pictures on the command line: what check says of them, and what prepare makes of them."""

import json

import numpy as np
import pytest
from odd_pictures import IPHONE_PNG, bmp_with_empty_alpha, curve, deep, icc, rgb_profile, tiff
from PIL import Image

RAMP = np.add.outer(np.arange(64), np.arange(64)) / 126


@pytest.fixture
def odd(tmp_path, ornament, encoded):
    """Class folders with ornaments, and in the first a picture of each odd kind."""
    came = tmp_path / "came"
    for place, folder in enumerate(("ash", "oak")):
        (came / folder).mkdir(parents=True)
        for i in range(6):
            sheets = [ornament(100 * place + 10 * i + j) for j in range(5)]
            data = encoded(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])
            (came / folder / f"sheet{i}.tif").write_bytes(data)
    color, gray = Image.new("RGB", (64, 64), (200, 60, 40)), Image.new("L", (64, 64), 100)
    color.paste("black", (0, 0, 8, 8))
    gray.paste(0, (0, 0, 8, 8))
    linear = icc(b"GRAY", "Gray", {"kTRC": curve(1)})
    for name, data in {
        "p3.jpg_large": encoded(color, icc_profile=rgb_profile("sRGB with P3 gamut")),
        "gray.png": encoded(gray, icc_profile=linear),
        "clear.bmp": bmp_with_empty_alpha(color),
        "twelve.tif": tiff(deep(RAMP, np.uint16, 4095)),
        "thousand.tif": tiff((1000 * RAMP[::-1]).astype(np.float32)),
        "planes.tif": tiff(deep(np.stack([RAMP] * 3, 2), np.uint16, 65535), 2, planar=True),
        "five.tif": tiff(deep(np.stack([RAMP] * 5, 2), np.uint16, 65535)),
        "float.tif": tiff(np.stack([RAMP] * 3, 2).astype(np.float32), 2),
        "icon.png": IPHONE_PNG,
        "raw.nef": tiff(deep(np.stack([RAMP] * 3, 2), np.uint8, 255), 2, t254=1, t330=8),
    }.items():
        (came / "ash" / name).write_bytes(data)
    return came


def test_check_names_each_kind(run, odd):
    code, out, _ = run("check", "--image_dir", odd, "--no_model", "--json")
    told = json.loads(out)
    said = {}
    for finding in told["entries"]:
        said.setdefault(finding["kind"], {})[finding["file"]] = finding["message"]
    assert code == 0 and told["counts"] == {"ash": 11, "oak": 6}
    refused = said["unreadable"]
    names = ("planes.tif", "five.tif", "float.tif", "icon.png", "raw.nef")
    assert set(refused) == {f"ash/{name}" for name in names}
    assert not any("damaged" in message for message in refused.values())
    for name, words in (("planes", "separate planes"), ("five", "5 channels"), ("float", "float")):
        assert words in refused[f"ash/{name}.tif"]
    assert "iPhone" in refused["ash/icon.png"] and "raw photograph" in refused["ash/raw.nef"]
    assert len(said["pages"]) == 12 and "48 pages left out" in said["assumed"]["the pages"]
    assert "4095 was taken" in said["assumed"]["ash/twelve.tif"]
    assert "1000 was taken" in said["assumed"]["ash/thousand.tif"]


def test_prepare_writes_the_pictures_as_they_look(run, odd, tmp_path):
    code, *_ = run("prepare", "--image_dir", odd, "--out", tmp_path / "out")
    assert code == 0
    expected = {"p3": (217, 42, 23), "gray": (168, 168, 168), "clear": (200, 60, 40),
                "twelve": (128, 128, 128), "thousand": (128, 128, 128)}  # fmt: skip
    for name, color in expected.items():
        shown = Image.open(tmp_path / "out" / "ash" / f"{name}.jpg").getpixel((32, 32))
        assert np.abs(np.subtract(shown, color)).max() <= 8
