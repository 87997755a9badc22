"""What is held of visitors' pictures: by each for itself, bounded for all, gone with them."""

import gc

import pytest
import streamlit as st

from decor_app.state import cache
from decor_app.state.cache import SharedCache


@pytest.fixture
def visit(monkeypatch):
    """``visit(state)``: from now on the session with this state asks."""
    return lambda state: monkeypatch.setattr(st, "session_state", state)


def test_a_session_gets_its_own_only(visit):
    pool, first, second = SharedCache(100), {}, {}
    visit(first)
    pool.put("a", "mine", 10)
    visit(second)
    assert pool.get("a") is None
    pool.put("a", "the other's", 10)
    visit(first)
    assert pool.get("a") == "mine"


def test_what_was_used_least_lately_goes_whoever_has_it(visit):
    pool, first, second = SharedCache(100), {}, {}
    visit(first)
    pool.put("old", 1, 40)
    pool.put("used", 2, 40)
    pool.put("old but used", 3, 10)
    pool.get("used")
    visit(second)
    pool.put("new", 4, 50)
    assert pool.size == 100 and pool.get("new") == 4
    visit(first)
    assert [pool.get(key) for key in ("old", "used", "old but used")] == [None, 2, 3]


def test_what_is_put_again_counts_once(visit):
    pool = SharedCache(100)
    visit({})
    pool.put("a", 1, 60)
    pool.put("a", 2, 30)
    assert (pool.get("a"), pool.size) == (2, 30)


def test_one_that_is_larger_than_all_is_held_alone(visit):
    pool = SharedCache(100)
    visit({})
    pool.put("a", 1, 60)
    pool.put("b", 2, 500)
    assert (pool.get("a"), pool.get("b"), pool.size) == (None, 2, 500)


def test_a_session_that_ends_leaves_nothing(visit, monkeypatch):
    pool, first, second = SharedCache(100), {}, {}
    monkeypatch.setattr(cache, "analyses", lambda: pool)
    for state in (first, second):
        visit(state)
        pool.put("a", 1, 10)
    first.clear()
    gc.collect()
    cache.sweep()
    assert pool.size == 10 and pool.get("a") == 1


def test_a_session_lets_go_of_its_own_only(visit):
    pool, first, second = SharedCache(100), {}, {}
    for state in (first, second):
        visit(state)
        pool.put("a", 1, 10)
    pool.empty()
    assert pool.get("a") is None
    visit(first)
    assert pool.get("a") == 1
