"""Many pictures: memory that does not grow with their bytes, true progress, a text to be read."""

import tracemalloc

import numpy as np
import pytest

from decor_core.data.catalog import open_dataset
from decor_core.data.findings import DatasetReport, Finding
from decor_core.errors import Stopped
from decor_core.images.duplicates import near_duplicates


def _peak(work):
    """Bytes of memory that ``work`` needs at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def padded(tmp_path, ornament, encoded):
    """40 pictures in two class folders, each with a mebibyte of nothing behind it."""
    for number in range(40):
        path = tmp_path / ("ash", "oak")[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(ornament(number)) + bytes(2**20))
    return tmp_path


def test_memory_does_not_grow_with_the_bytes_of_all_pictures(padded):
    assert _peak(lambda: open_dataset(padded)) < 20 * 2**20  # of 40 MiB


def test_progress_tells_both_phases_and_either_can_be_stopped(padded):
    read, compared = [], []
    open_dataset(
        padded,
        progress=lambda *count: read.append(count),
        comparing=lambda *count: compared.append(count),
    )
    assert read == [(done, 40) for done in range(1, 41)]
    assert compared == [(40, 40)]
    with pytest.raises(Stopped, match="Comparing"):
        open_dataset(
            padded,
            comparing=lambda *count: compared.append(count),
            should_stop=lambda: len(compared) > 1,
        )


def _prints(count):
    """Fingerprints of pictures, of which some are alike and some are mirrored."""
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(count // 4, 16, 16, 4)).astype(np.float32)
    kinds /= np.linalg.norm(kinds.reshape(len(kinds), -1), axis=1)[:, None, None, None]
    chosen = kinds[rng.integers(0, len(kinds), count)]
    chosen[::3] = chosen[::3, :, ::-1]
    return list(chosen)


def test_near_duplicates_are_the_same_however_many_are_compared_at_once():
    prints = _prints(1200)
    flat = np.stack(prints).reshape(1200, -1)
    mirrored = np.stack(prints)[:, :, ::-1].reshape(1200, -1)
    alike = np.maximum(flat @ flat.T, flat @ mirrored.T) >= 0.835
    assert near_duplicates(prints) == [tuple(pair) for pair in np.argwhere(np.triu(alike, 1))]


def test_of_many_that_are_all_alike_a_hundred_are_named_for_each():
    pairs = near_duplicates(_prints(4)[:1] * 1500)
    counts = np.bincount([first for first, _ in pairs], minlength=1500)
    assert (counts == np.minimum(np.arange(1499, -1, -1), 100)).all()


def test_comparing_takes_no_memory_for_each_pair():
    prints = [np.zeros((16, 16, 4), np.float32)] * 4000
    most = 30 * 2**20  # 64 MB are one number for each pair
    assert _peak(lambda: near_duplicates(prints)) < most


def test_thousands_of_findings_are_counted_in_text_and_all_in_json():
    findings = [Finding("misnamed", f"a/{i}.jpg", f"No. {i}.") for i in range(5000)]
    findings += [Finding("ignored", f"b/{i}.txt", "The same.", set_aside=True) for i in range(5000)]
    report = DatasetReport(tuple(findings), {"a": 5000, "b": 5000})
    text = report.to_text()
    assert len(text.splitlines()) < 200
    assert "of another format than their name says: 5000" in text and "a/99.jpg: No. 99." in text
    assert "… and 4900 more" in text and "b/299.txt, and 4700 more" in text
    assert len(report.to_json()["entries"]) == 10_000
