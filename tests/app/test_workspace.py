"""What belongs to a visitor: found again after a reload, by nobody else, and not for ever."""

import gc
from collections import OrderedDict

import pytest

from decor_app.hosting.config import ServerConfig
from decor_app.state import workspace as workspaces
from decor_app.state.workspace import Workspace, WorkspaceRegistry, visitor

TOKEN = bytes(range(16))


def cookie(token=TOKEN, mask=b"\x00\x00\x00\x00"):
    """As Streamlit writes it."""
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(token))
    return f"2|{mask.hex()}|{masked.hex()}|1795500000"


def test_a_browser_is_the_same_under_every_mask():
    name = visitor(cookie())
    assert name == visitor(cookie(mask=b"\x12\x34\x56\x78"))
    assert name != visitor(cookie(TOKEN[::-1]))
    assert TOKEN.hex() not in name


def test_streamlit_still_writes_its_cookie_so():
    from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

    names = {visitor(generate_xsrf_token_string(TOKEN)) for _ in range(3)}
    assert names == {visitor(cookie())}
    assert visitor(generate_xsrf_token_string()) not in names


@pytest.mark.parametrize(
    "bad", ["", "x", "2|00|zz|1", "2|0000|0001|1", "1|2|3", f"2|00000000|{'ab' * 8}|1", "2||ab|1"]
)
def test_what_is_no_such_cookie_names_nobody(bad):
    assert visitor(bad) is None


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


def test_it_stays_as_long_as_a_session_holds_it(monkeypatch):
    registry = WorkspaceRegistry()
    held = Workspace("me")
    registry.touch(held)
    monkeypatch.setattr(workspaces, "server_config", lambda: ServerConfig(forget_minutes=-1))
    assert registry.get("me") is held


def test_there_are_only_so_many(monkeypatch):
    monkeypatch.setattr(workspaces, "_KEPT_WORKSPACES", 2)
    registry = WorkspaceRegistry()
    for name in "abc":
        registry.touch(Workspace(name, jobs={"train": name}))
    assert [registry.get(name).jobs for name in "abc"] == [{}, {"train": "b"}, {"train": "c"}]


def test_where_models_take_too_much_who_was_seen_longest_ago_is_forgotten(embeddings):
    registry = WorkspaceRegistry()
    one = embeddings.vectors.nbytes + embeddings.copies.nbytes
    names = "old", "without", "new", "here"
    for name in names:
        kept = {} if name == "without" else {"a set": embeddings}
        registry.touch(Workspace(name, jobs={"train": name}, vectors=OrderedDict(kept)))
    here = registry.get("here")
    registry.evict(2 * one)
    assert [bool(registry.get(name).jobs) for name in names] == [False, True, True, True]
    registry.evict(0)
    assert [bool(registry.get(name).jobs) for name in names] == [False, True, False, True]
    assert registry.get("here") is here


def test_an_idle_session_loses_vectors_where_all_take_too_much_and_nothing_else(embeddings):
    registry = WorkspaceRegistry()
    busy, idle = (
        Workspace(name, jobs={"train": name}, vectors=OrderedDict({"a set": embeddings}))
        for name in ("busy", "idle")
    )
    for one in (idle, busy):
        registry.touch(one)
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
    gc.collect()
    assert not folder.exists()


def test_all_folders_go_when_the_server_ends():
    registry = WorkspaceRegistry()
    held = Workspace("me")
    registry.touch(held)
    folder = held.folder
    registry.touch(Workspace("without a folder"))
    registry.forget_all()
    assert not folder.exists()
