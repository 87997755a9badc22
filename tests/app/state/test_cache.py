"""What is held of visitors' pictures: by each for itself, bounded for all, gone with them."""

import ast
import gc
from dataclasses import fields
from pathlib import Path

import pytest
import streamlit as st

from decor_app.state import cache
from decor_app.state.cache import SharedCache
from decor_app.state.workspace import Workspace


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


def test_what_is_cached_for_all_sessions_is_of_no_visitor():
    """A cache of Streamlit's that is keyed by anything is the session's, or holds what ships."""
    shipped = {"browser_component", "shipped_vectors", "_index"}
    for_all = set()
    for path in (Path(__file__).parents[3] / "decor_app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.args.args:
                caches, name = map(ast.unparse, node.decorator_list), node.name
            elif isinstance(node, ast.Call) and node.args:
                caches, name = [ast.unparse(node)], ast.unparse(node.args[0])
            else:
                continue
            caches = [one for one in caches if one.startswith("st.cache_")]
            if any("scope='session'" not in one for one in caches):
                for_all.add(name)
    assert for_all == shipped


def test_who_is_forgotten_leaves_nothing_in_the_workspace():
    session, blank = Workspace("owner"), Workspace("owner")
    session.corrected["digest"] = session.maps["set"] = session.predictions["set"] = object()
    session.jobs["train"] = session.learning_curves["run"] = session.labelings["set"] = object()
    session.data_set, session.pictures, lock = "set", 3, session.lock
    session.forget()
    assert session.is_forgotten and session.lock is lock
    for name in {one.name for one in fields(session)} - {"is_forgotten", "lock", "runs"}:
        assert getattr(session, name) == getattr(blank, name), name
    assert not session.own_runs
