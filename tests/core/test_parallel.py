"""Work on threads: results in order, few of them waiting, errors at once."""

import threading

import pytest

from decor_core import parallel
from decor_core.parallel import map_in_order


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 2)


def test_results_come_in_order_from_two_threads_at_once():
    both = threading.Barrier(2)

    def work(number):
        if number < 2:
            both.wait(timeout=10)
        return number * number

    assert list(map_in_order(work, range(20))) == [number * number for number in range(20)]


def test_no_more_is_begun_than_is_about_to_be_taken():
    drawn = []
    results = map_in_order(str, (drawn.append(number) or number for number in range(1000)))
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    assert len(drawn) < 10
    results.close()


def test_the_first_error_ends_it():
    done = []

    def work(number):
        if number == 3:
            raise ValueError(number)
        done.append(number)
        return number

    results = map_in_order(work, range(1000))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)
    assert len(done) < 12
