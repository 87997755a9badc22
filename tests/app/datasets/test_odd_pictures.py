"""Odd pictures in the app: rare endings, profiles, alpha, pages, and what cannot be read."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from app_pages import opened, sound, texts
from odd_pictures import IPHONE_PNG, bmp_with_empty_alpha, deep, rgb_profile, tiff
from packing import zip_bytes
from PIL import Image

from decor_app.jobs.image_analysis import AnalyzeTask, ImageAnalysis
from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_app.state.workspace import Workspace
from decor_core.datasets.storage import read_thumb
from decor_core.model.bundle import load_bundle
from decor_core.model.events import never_stop


def scan(ornament, encoded, first, pages=5):
    """A TIFF of several pages."""
    sheets = [ornament(first + i) for i in range(pages)]
    return encoded(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])


def uploaded(*files):
    test = opened("classify")
    test.file_uploader[0].set_value([(name, data, "image/png") for name, data in files])
    return sound(test.run())


def test_classify_names_what_it_left_out_and_cannot_read(ornament, encoded):
    from pillow_heif import register_heif_opener

    register_heif_opener()
    members = {
        "in/1.HIF": encoded(ornament(1), "HEIF"),
        "in/2.jpg_large": encoded(ornament(2), "JPEG"),
        "in/3": encoded(ornament(3)),
        "in/notes.txt": b"notes",
        "in/data.bin": b"\0\1\2\3" * 99,
    }
    test = uploaded(("new.zip", zip_bytes(members)), ("icon.png", IPHONE_PNG),
                    ("scan.tif", scan(ornament, encoded, 10)))  # fmt: skip
    said = texts(test)
    assert "**4 pictures**" in said and "1 unreadable" in said
    assert "optimized for iPhone apps" in said and "damaged" not in said
    assert "5 pages; the first is taken" in said
    assert "notes" in said and "data" in said and "not a picture of a known format" in said


def test_what_is_shown_is_what_was_decoded(ornament, encoded):
    bundle, picture = load_bundle(), Image.new("RGB", (64, 64), (200, 60, 40))

    def analyze(file: bytes) -> ImageAnalysis:
        return AnalyzeTask(bundle, file).run(lambda event: None, never_stop)

    wide = analyze(encoded(picture, icc_profile=rgb_profile("sRGB P3")))
    holed = picture.copy()
    holed.paste("black", (0, 0, 9, 9))
    clear = analyze(bmp_with_empty_alpha(holed))
    dark = analyze(tiff(deep(np.full((64, 64), 0.5), np.uint16, 4095), t281=4095))
    expected = ((wide, (217, 42, 23)), (clear, (200, 60, 40)), (dark, (128, 128, 128)))
    for analysis, color in expected:
        for file in (analysis.preview, analysis.thumb):
            shown = Image.open(io.BytesIO(file)).convert("RGB").getpixel((30, 30))
            assert np.abs(np.subtract(shown, color)).max() <= 6


@pytest.fixture
def odd_set(tmp_path, ornament, encoded) -> Path:
    """Two classes of scans with several pages, and a picture of each odd kind."""
    came = tmp_path / "came"
    for place, folder in enumerate(("ash", "oak")):
        (came / folder).mkdir(parents=True)
        for i in range(6):
            data = scan(ornament, encoded, 100 * place + 10 * i)
            (came / folder / f"sheet{i}.tif").write_bytes(data)
    (came / "ash" / "p3.jpg_large").write_bytes(
        encoded(Image.new("RGB", (64, 64), (200, 60, 40)), icc_profile=rgb_profile("sRGB P3"))
    )
    (came / "oak" / "clear.bmp").write_bytes(bmp_with_empty_alpha(ornament(999)))
    (came / "oak" / "icon.png").write_bytes(IPHONE_PNG)
    return came


def test_the_report_of_a_data_set_tells_pages_and_kinds(odd_set, tmp_path, monkeypatch):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    folder = tmp_path / "datasets" / "shop-1"
    dataset = ingest(IngestTask(odd_set, folder, "Odd"), lambda event: None, never_stop)
    shutil.rmtree(odd_set)
    keys = dict(zip(dataset.table["file"], dataset.table["key"], strict=True))
    thumb = Image.open(io.BytesIO(read_thumb(folder, keys["ash/p3.jpg_large"])))
    assert np.abs(np.subtract(thumb.convert("RGB").getpixel((30, 30)), (217, 42, 23))).max() <= 6
    bright = Image.open(io.BytesIO(read_thumb(folder, keys["oak/clear.bmp"]))).convert("L")
    assert np.ptp(np.asarray(bright)) > 100
    mine = Workspace("me")
    mine.data_set = "shop-1"
    said = texts(opened("data", workspace=mine, data_view="Report"))
    assert "12 files of several pages" in said and "48 pages left out" in said
    assert any("iPhone" in reason for reason in dataset.catalog.report.set_aside.values())
