"""A little of what benchmarks/fuzz.py does for hours, on the same files every time."""

import json
import random
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="measures with resource")
fuzz = pytest.importorskip("benchmarks.fuzz")
changes = pytest.importorskip("benchmarks.changes")

TIMES = {"picture": 150, "table": 100, "set": 20, "model": 20, "run": 25, "vectors": 40,
         "network": 30}  # fmt: skip


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


@pytest.mark.parametrize("target", ["model", "run", "vectors"])
def test_what_is_taken_apart_is_put_together_again(target, tmp_path):
    make, _, read = fuzz.TARGETS[target]
    files = changes.unpacked(make()[0])
    assert changes.unpacked(changes.packed(files)) == files
    read(changes.packed(files), tmp_path)
    text = next(text for name, text in files.items() if name.endswith((".json", "header.npy")))
    tries = [json.loads(changes.changed_json(text, random.Random(seed))) for seed in range(20)]
    assert sum(changed != json.loads(text) for changed in tries) > 10
