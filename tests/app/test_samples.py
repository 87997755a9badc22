"""The drawn sample pictures: all styles there, readable, small, and drawn again the same."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decor_core.taxonomy import DECOR

SAMPLES = Path(__file__).parents[2] / "models" / "samples"
LISTED = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))


@pytest.fixture
def drawing(monkeypatch):
    """The script, imported from its folder."""
    monkeypatch.syspath_prepend(str(SAMPLES))
    monkeypatch.delitem(sys.modules, "draw", raising=False)
    import draw

    yield draw
    sys.modules.pop("draw", None)


def _pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), dtype=float)


def test_every_style_has_a_sample():
    assert {sample["style"] for sample in LISTED} == set(DECOR.labels)


def test_list_and_folder_agree():
    files = [sample["file"] for sample in LISTED]
    assert sorted(files) == sorted(path.name for path in SAMPLES.glob("*.jpg"))


@pytest.mark.parametrize("sample", LISTED, ids=lambda sample: sample["file"])
def test_sample_opens_and_is_described(sample):
    path = SAMPLES / sample["file"]
    assert path.stat().st_size <= 90_000
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "JPEG"
        assert min(picture.size) >= 400
    assert sample["title"]
    assert sample["alt"].endswith(".") and len(sample["alt"]) > 20


@pytest.mark.parametrize("name", ["neglyubka-towel", "khokhloma-bowl"])
def test_drawn_again_it_is_the_committed_picture(drawing, tmp_path, name):
    drawing.draw([name], tmp_path)
    again, committed = _pixels(tmp_path / f"{name}.jpg"), _pixels(SAMPLES / f"{name}.jpg")
    error = ((again - committed) ** 2).mean()
    assert error < 255**2 / 10**3.5  # a peak signal-to-noise ratio above 35 dB


def test_list_is_what_the_script_writes(drawing):
    assert [
        {field: getattr(sample, field) for field in ("file", "style", "title", "alt")}
        for sample in drawing.SAMPLES
    ] == LISTED


def test_unknown_sample_is_refused_by_name(drawing, capsys):
    with pytest.raises(SystemExit):
        drawing.main(["gzhel-boat"])
    assert "no sample is called gzhel-boat" in capsys.readouterr().err


@pytest.mark.parametrize(("file", "side"), [("logo.png", 256), ("icon.png", 64)])
def test_mark_is_square_with_clear_corners(file, side):
    picture = Image.open(SAMPLES.parents[1] / "decor_app" / "assets" / file)
    assert picture.size == (side, side)
    alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    assert alpha[0, 0] == 0 and alpha[side // 2, side // 2] == 255
