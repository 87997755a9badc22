"""A little of what benchmarks/fuzz.py does for hours, on the same files every time."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="measures with resource")
fuzz = pytest.importorskip("benchmarks.fuzz")

TIMES = {"picture": 150, "table": 200, "set": 20, "model": 20, "run": 25, "vectors": 40}


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_changed_files_are_read_or_refused_in_a_sentence(target):
    seeds = fuzz.TARGETS[target][0]()
    found = [fuzz.attempt(target, seeds, seed)[1] for seed in range(TIMES[target])]
    assert not [wrong for wrong in found if wrong]


def test_a_reader_that_fails_is_found(monkeypatch):
    seeds, change, _ = fuzz.TARGETS["table"]

    def careless(data, folder):
        data.decode("ascii")

    monkeypatch.setitem(fuzz.TARGETS, "table", (seeds, change, careless))
    assert "UnicodeDecodeError" in fuzz.attempt("table", ["łы".encode()], 0)[1]
