"""What belongs to a visitor: found again after a reload, by nobody else, and not for ever."""

import threading
from collections import OrderedDict

import pytest

from decor_app.hosting.config import ServerConfig
from decor_app.state import cleanup
from decor_app.state import workspace as workspaces
from decor_app.state.workspace import Workspace, WorkspaceRegistry


@pytest.fixture
def tabs(monkeypatch) -> set[str]:
    """The sessions of Streamlit that are connected."""
    found: set[str] = set()
    monkeypatch.setattr(workspaces, "is_connected", found.__contains__)
    return found


def test_a_workspace_is_found_again_by_its_owner_only():
    registry = WorkspaceRegistry()
    mine = Workspace("me")
    registry.touch(mine)
    assert registry.get("me") is mine
    assert registry.get("you") is not mine


def test_it_is_forgotten_when_nobody_comes_back(monkeypatch):
    registry = WorkspaceRegistry()
    registry.touch(Workspace("me", jobs={"train": "1"}))
    monkeypatch.setattr(workspaces, "server_config", lambda: ServerConfig(forget_minutes=-1))
    assert registry.get("me").jobs == {}


def test_it_stays_as_long_as_a_tab_is_open(monkeypatch, tabs):
    registry = WorkspaceRegistry()
    held = Workspace("me")
    registry.touch(held, "tab")
    tabs.add("tab")
    monkeypatch.setattr(workspaces, "server_config", lambda: ServerConfig(forget_minutes=-1))
    assert registry.get("me") is held
    tabs.clear()
    assert registry.get("me") is not held


def test_what_is_forgotten_takes_nothing_more_whoever_still_holds_it(monkeypatch, embeddings):
    registry = WorkspaceRegistry()
    held = Workspace("me", vectors=OrderedDict({"a set": embeddings}))
    registry.touch(held, "tab that is closed, but which Streamlit has not forgotten")
    monkeypatch.setattr(workspaces, "server_config", lambda: ServerConfig(forget_minutes=-1))
    assert registry.owners() == set()
    assert held.is_forgotten and held.weight == 0


def test_there_are_only_so_many(monkeypatch):
    monkeypatch.setattr(workspaces, "_KEPT_WORKSPACES", 2)
    registry = WorkspaceRegistry()
    for name in "abc":
        registry.touch(Workspace(name, jobs={"train": name}))
    assert [registry.get(name).jobs for name in "abc"] == [{}, {"train": "b"}, {"train": "c"}]


def test_where_models_take_too_much_who_was_seen_longest_ago_is_forgotten(embeddings, tabs):
    registry = WorkspaceRegistry()
    one = embeddings.vectors.nbytes + embeddings.copies.nbytes
    names = "old", "without", "new", "here"
    for name in names:
        kept = {} if name == "without" else {"a set": embeddings}
        space = Workspace(name, jobs={"train": name}, vectors=OrderedDict(kept))
        registry.touch(space, f"tab of {name}")
    tabs.add("tab of here")
    here = registry.get("here")
    registry.evict(2 * one)
    assert [bool(registry.get(name).jobs) for name in names] == [False, True, True, True]
    registry.evict(0)
    assert [bool(registry.get(name).jobs) for name in names] == [False, True, False, True]
    assert registry.get("here") is here


def test_an_idle_session_loses_vectors_where_all_take_too_much_and_nothing_else(embeddings, tabs):
    registry = WorkspaceRegistry()
    busy, idle = (
        Workspace(name, jobs={"train": name}, vectors=OrderedDict({"a set": embeddings}))
        for name in ("busy", "idle")
    )
    for one in (idle, busy):
        registry.touch(one, one.owner)
        tabs.add(one.owner)
    idle.touched -= 120
    registry.evict(3 * idle.weight)
    assert idle.vectors
    registry.evict(0)
    assert registry.get("idle") is idle and idle.jobs and not idle.vectors
    assert busy.vectors


def test_the_folder_goes_with_its_workspace(monkeypatch):
    registry = WorkspaceRegistry()
    registry.touch(Workspace("me"))
    folder = registry.get("me").folder
    assert folder.is_dir()
    monkeypatch.setattr(workspaces, "server_config", lambda: ServerConfig(forget_minutes=-1))
    assert registry.owners() == set()
    assert not folder.exists()


def test_all_folders_go_when_the_server_ends():
    registry = WorkspaceRegistry()
    held = Workspace("me")
    registry.touch(held)
    folder = held.folder
    registry.touch(Workspace("without a folder"))
    registry.forget_all()
    assert not folder.exists()


def test_a_bug_in_clearing_one_thing_away_keeps_no_other_from_it(monkeypatch, caplog):
    ends, turns = threading.Event(), []

    def wrong(*_):
        raise RuntimeError("planted")

    def forget():
        turns.append(1)
        if len(turns) == 2:
            ends.set()

    for name in ("_clear_uploads", "_evict_models"):
        monkeypatch.setattr(cleanup, name, wrong)
    monkeypatch.setattr(cleanup, "_forget_visitors", forget)
    monkeypatch.setattr(cleanup, "freeze_heap", lambda: None)
    monkeypatch.setattr(cleanup, "_SECONDS_BETWEEN", 0.0)
    cleanup.clean_up(ends)
    assert len(turns) == 2
    assert caplog.text.count("RuntimeError: planted") == 4
