"""What is hard to see, or unlike the rest in size or shape, is named; ordinary images are not."""

import io
import json
import re
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_core.data.catalog import open_dataset
from decor_core.data.findings import KINDS, QUALITY
from decor_core.data.quality_checks import MEASURES, check_quality
from decor_core.datasets.dataset import load_dataset
from decor_core.images.quality import THRESHOLDS, measure_quality
from decor_core.model.events import never_stop

QUICK = {"compress_level": 1}  # to pack grain at the usual level takes longer than to judge it


def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """As photographs are: soft tones of every color, a grain, and things with edges before them."""
    rng = np.random.default_rng(seed)
    soft = Image.fromarray(rng.integers(40, 200, (4, 5, 3)).astype(np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    grain = rng.normal(0, 4, (size[1], size[0], 1))
    picture = Image.fromarray((np.asarray(soft) + grain).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, r = rng.uniform(0, 0.8, 3) * (*size, min(size) / 3)
        color = tuple(int(level) for level in rng.integers(10, 240, 3))
        draw.ellipse((x, y, x + r + 8, y + r + 8), fill=color)
    return picture


def product(ground: str = "white") -> Image.Image:
    """A thing with a pattern on a plain ground, as a shop shows it."""
    picture = Image.new("RGB", (400, 400), ground)
    outline = Image.new("L", (160, 160))
    ImageDraw.Draw(outline).ellipse((0, 0, 159, 159), fill=255)
    picture.paste(scene(7, (160, 160)), (120, 130), outline)
    return picture


@cache
def ordinary() -> list[bytes]:
    """Twelve files without a fault."""
    streams = [io.BytesIO() for _ in range(12)]
    for number, stream in enumerate(streams):
        scene(100 + number).save(stream, "PNG", **QUICK)
    return [stream.getvalue() for stream in streams]


def kinds(*pictures: Image.Image, folder) -> dict[str, str]:
    """Kind of finding by file, among enough ordinary pictures that nothing is usual."""
    for number, data in enumerate(ordinary()):
        (folder / "ab"[number % 2]).mkdir(exist_ok=True)
        (folder / "ab"[number % 2] / f"{number}.png").write_bytes(data)
    for number, picture in enumerate(pictures):
        picture.save(folder / "a" / f"odd{number}.png", **QUICK)
    findings = open_dataset(folder).report.findings
    return {f.file: f.kind for f in findings if f.kind in QUALITY}


def blank_frames() -> dict[str, Image.Image]:
    rng = np.random.default_rng(1)
    across = np.linspace(0, 255, 300).astype(np.uint8)
    noise = rng.normal(4, 3, (200, 300, 3)).clip(0, 255).astype(np.uint8)
    return {
        "black": Image.new("RGB", (160, 160)),
        "white": Image.new("RGB", (900, 600), "white"),
        "gray": Image.new("RGB", (300, 300), "gray"),
        "red": Image.new("RGB", (300, 300), "red"),
        "lens cap": Image.fromarray(noise),
        "gradient": Image.fromarray(np.tile(across, (200, 1))).convert("RGB"),
        "faint gradient": Image.fromarray(np.tile(across // 4, (200, 1))).convert("RGB"),
    }


def motion_blurred(picture: Image.Image, length: int) -> Image.Image:
    levels = np.asarray(picture, np.float32)
    moved = np.mean([np.roll(levels, step, axis=1) for step in range(length)], axis=0)
    return Image.fromarray(moved.astype(np.uint8))


FAULTS = {
    "dark": [ImageEnhance.Brightness(scene(1)).enhance(0.2), scene(2).point(lambda v: v // 6),
             ImageEnhance.Brightness(product()).enhance(0.3)],
    "overexposed": [scene(1).point(lambda v: min(255, v * 5)),
                    scene(2).point(lambda v: 232 + v // 12),
                    product().point(lambda v: min(255, v * 4))],
    "low contrast": [ImageEnhance.Contrast(scene(1)).enhance(0.15),
                     scene(2).point(lambda v: 100 + v // 8)],
    "blurry": [scene(1).filter(ImageFilter.GaussianBlur(3)),
               scene(2, (1200, 900)).filter(ImageFilter.GaussianBlur(15)),
               product().filter(ImageFilter.GaussianBlur(5)), motion_blurred(scene(3), 25)],
    "odd aspect ratio": [scene(1, (1000, 250)), scene(2, (200, 800))],
    "tiny": [scene(1, (60, 48))],
    "odd size": [scene(1, (1800, 1350)), scene(2, (70, 68))],
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_named_by_its_kind(kind, tmp_path):
    pictures = FAULTS[kind]
    expected = {f"a/odd{number}.png": kind for number in range(len(pictures))}
    assert kinds(*pictures, folder=tmp_path) == expected


def test_frames_without_anything_are_blank(tmp_path):
    frames = blank_frames()
    found = kinds(*frames.values(), folder=tmp_path)
    assert dict(zip(frames, found.values(), strict=True)) == dict.fromkeys(frames, "blank")


def test_ordinary_pictures_have_no_fault(tmp_path, ornament):
    drawings = [ornament(n, color, side=200) for n, color in enumerate(("red", "yellow", "black"))]
    sketch = Image.new("RGB", (1000, 1000), "white")
    ImageDraw.Draw(sketch).line([(100, 200), (900, 300), (400, 800)], fill="black", width=1)
    night = Image.new("RGB", (300, 300), "black")
    ImageDraw.Draw(night).ellipse((200, 60, 230, 90), fill="ivory")
    stripes = Image.fromarray(np.tile(np.uint8([[30], [200]]).repeat(10, 0), (15, 300)))
    ground_out_of_focus = scene(5).filter(ImageFilter.GaussianBlur(8))
    ground_out_of_focus.paste(scene(6, (100, 100)), (110, 70))
    on_red = Image.new("RGB", (300, 300), "red")
    ImageDraw.Draw(on_red).ellipse((60, 60, 240, 240), fill="firebrick")
    fine = [*drawings, sketch, night, stripes.convert("RGB"), ground_out_of_focus, on_red,
            *(product(ground) for ground in ("white", "black", "ivory", "gray"))]  # fmt: skip
    assert kinds(*fine, folder=tmp_path) == {}


def test_what_was_measured_and_where_it_begins_is_told(tmp_path):
    dark = ImageEnhance.Brightness(scene(1)).enhance(0.2)
    kinds(dark, folder=tmp_path)
    report = open_dataset(tmp_path).report
    (finding,) = report.of("dark")
    assert finding.threshold == THRESHOLDS.dark
    assert finding.value == measure_quality(dark).brightness < THRESHOLDS.dark
    assert f"{finding.value:.0f} of 255" in finding.message and "below 100" in finding.message
    assert finding.message in report.to_text()
    told = json.loads(json.dumps(report.to_json()))
    assert told["findings"]["dark"] == 1
    assert asdict(finding) in told["entries"]


def test_a_set_that_is_so_by_nature_is_told_once(tmp_path):
    for number in range(20):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        picture = scene(number)
        if number < 9:
            picture = picture.filter(ImageFilter.GaussianBlur(4))
        picture.save(tmp_path / "ab"[number % 2] / f"{number}.png", **QUICK)
    report = open_dataset(tmp_path).report
    assert not report.of("blurry")
    (finding,) = report.of("dataset quality")
    assert finding.file == "blurry" and finding.message.startswith("9 of 20 pictures")
    assert finding.value == 0.45 and finding.threshold == pytest.approx(1 / 3, abs=0.001)


def test_blank_pictures_are_named_however_many(tmp_path):
    found = kinds(*(Image.new("RGB", (100 + n, 100)) for n in range(14)), folder=tmp_path)
    assert list(found.values()) == ["blank"] * 14


def test_the_measures_do_not_hang_on_the_size_it_came_in():
    picture = scene(3, (1000, 800)).filter(ImageFilter.GaussianBlur(10))
    half = picture.resize((500, 400), Image.Resampling.BOX)
    one, other = measure_quality(picture), measure_quality(half)
    assert one.blur == pytest.approx(other.blur, rel=0.1) and one.blur > THRESHOLDS.blurry


@pytest.fixture
def faulty(tmp_path):
    """The table of a data set with one picture of each fault."""
    for folder in "ab":
        (tmp_path / folder).mkdir()
    for number, data in enumerate(ordinary()):
        (tmp_path / "ab"[number % 2] / f"{number}.png").write_bytes(data)
    for kind in FAULTS:
        FAULTS[kind][0].save(tmp_path / "a" / f"{kind}.png", **QUICK)
    return open_dataset(tmp_path).table


def _told(table):
    return {finding.file: finding.kind for finding in check_quality(table)}


@pytest.mark.parametrize("name, kind", [
    ("brightness", "dark"), ("overexposure", "overexposed"), ("contrast", "low contrast"),
    ("blur", "blurry"), ("structure", None),
])  # fmt: skip
def test_what_was_not_measured_costs_its_own_finding_only(faulty, name, kind):
    everything = {f"a/{kind}.png": kind for kind in FAULTS}
    assert _told(faulty) == everything
    everything.pop(f"a/{kind}.png", None)
    assert _told(faulty.drop(columns=MEASURES[name])).items() >= everything.items()


def test_without_sizes_the_rest_is_told(faulty):
    told = _told(faulty.drop(columns=["width", "height"]))
    assert set(told.values()) == {"dark", "overexposed", "low contrast", "blurry"}


def test_a_further_measure_changes_no_other(faulty, monkeypatch):
    before = _told(faulty)
    monkeypatch.setitem(MEASURES, "grain", "quality grain")
    assert _told(faulty) == before  # it was saved before there was the measure
    assert _told(faulty.assign(**{"quality grain": 1.0})) == before


def test_every_kind_of_finding_is_described():
    page = Path(__file__).parents[3] / "docs" / "reference" / "findings.md"
    described = set(re.findall(r"`([^`]+)`", page.read_text(encoding="utf-8")))
    assert described >= set(KINDS)


def test_pictures_that_come_later_are_measured_too(tmp_path, painted, encoded):
    folder = tmp_path / "set"
    task = IngestTask(painted, folder, "")
    made = ingest(task, lambda event: None, never_stop)
    black = encoded(Image.new("RGB", (64, 64)))
    added, _ = made.add([("cap.png", black), ("more.png", encoded(scene(1)))], "Gzhel")
    (finding,) = (f for f in added.open_findings if f.kind == "blank")
    assert finding.file == "Gzhel/cap.png"
    assert load_dataset(folder).open_findings == added.open_findings
    dropped = added.drop([finding.file])
    assert not dropped.catalog.report.of("blank")
    assert dropped.undo().catalog.report.of("blank") == (finding,)
    kept = load_dataset(folder).dismiss([finding])
    assert finding not in kept.open_findings and kept.label_of(finding.file) == "Gzhel"
    assert finding in kept.undo().open_findings


def test_quality_and_size_are_told_of_one_picture(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for number in range(8):
        scene(number).save(tmp_path / "ab"[number % 2] / f"{number}.png", **QUICK)
    Image.new("RGB", (600, 60), "gray").save(tmp_path / "a" / "strip.png")
    found = open_dataset(tmp_path).report.findings
    assert [f.kind for f in found if f.file == "a/strip.png"] == ["blank", "tiny"]
