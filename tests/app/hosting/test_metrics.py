"""What a server counts, and how it logs: numbers and words of ours, nothing about anybody."""

import io
import json
import logging
import math
from threading import Thread

import pytest

from decor_app.hosting.logging import JsonLines, log_event, use_json_logging
from decor_app.hosting.metrics import Metrics
from decor_core.errors import PictureError


def test_counts_from_many_threads():
    metrics = Metrics()
    threads = [Thread(target=lambda: [metrics.count("a") for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics.count("0", 3)
    assert metrics.counts() == {"0": 3, "a": 4000}


def test_durations_fall_into_buckets():
    metrics = Metrics()
    for seconds in (0.01, 0.015, 0.015, 7.0):
        metrics.observe("x", seconds)
    timing = metrics.timings()["x"]
    assert (timing.n, timing.p50, timing.p95) == (4, 0.02, 10.0)
    assert timing.total == pytest.approx(7.04)


def test_the_slowest_are_counted_too():
    metrics = Metrics()
    metrics.observe("x", 1000.0)
    assert metrics.timings()["x"].n == 1 and metrics.timings()["x"].p50 == math.inf


@pytest.fixture
def lines():
    """What is logged meanwhile, as it comes out of use_json_logging, loggers as before after it."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    before = [(one, one.handlers[:], one.propagate, one.level) for one in loggers]
    stream = io.StringIO()
    use_json_logging(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for one, handlers, propagate, level in before:
        one.handlers[:], one.propagate, one.level = handlers, propagate, level


def test_a_note_is_one_line_of_json(lines):
    log_event("training ended", seconds=1.5, status="done")
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "decor",
        "event": "training ended",
        "seconds": 1.5,
        "status": "done",
    }


def test_names_and_errors_leave_no_trace(lines):
    log = logging.getLogger("decor_core.tested")
    try:
        raise PictureError("“grandma.jpg” is damaged")
    except PictureError:
        log.exception("cannot read %s from %s", "grandma.jpg", "203.0.113.9")
    (line,) = lines()
    assert line["event"] == "cannot read %s from %s"
    assert line["error"] == "PictureError"
    assert "test_metrics.py" in line["at"][0]
    assert "grandma" not in json.dumps(line) and "203" not in json.dumps(line)


def test_loggers_with_handlers_of_their_own_join_in(lines):
    own = logging.getLogger("decor_core.with_handler")
    own.addHandler(logging.NullHandler())
    own.propagate = False
    stream = io.StringIO()
    use_json_logging(stream)
    own.warning("heard")
    assert json.loads(stream.getvalue())["event"] == "heard"


def test_a_line_break_cannot_forge_a_second_line():
    record = logging.LogRecord("x", logging.INFO, "", 0, "one\ntwo", (), None)
    assert "\n" not in JsonLines().format(record)
