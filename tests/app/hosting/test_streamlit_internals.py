"""What is used of Streamlit beyond its documents is there, means what we think, in one place.

If one of these fails after an upgrade, decor_app/hosting/streamlit_internals.py is to be mended.
"""

import gc
import inspect
import re
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from serving import TIMEOUT
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import (
    _TRIGGER_PROTO_FIELDS,
    ScriptRequests,
)
from streamlit.runtime.scriptrunner_utils.script_run_context import RunLocation, ThreadState
from streamlit.runtime.state import SafeSessionState, SessionState
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest

from decor_app.hosting import streamlit_internals as internals
from decor_app.hosting.uploads import UploadRegistry
from decor_app.state.downloads import Download, download_route

ROOT = Path(__file__).parents[3]
_OUTSIDE = re.compile(
    r"from streamlit\.(?!testing|components\.v2|delta_generator|navigation\.page"
    r"|runtime\.uploaded_file_manager)"
    r"|\._(session_mgr|session_storage|old_state|get_async_objs|get_widget_id)\b|_streamlit_xsrf"
)


def test_nothing_else_of_the_app_touches_streamlits_insides():
    paths = [*ROOT.glob("decor_app/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"]
    paths = [path for path in paths if path.name != "streamlit_internals.py"]
    assert not {path.name for path in paths if _OUTSIDE.search(path.read_text("utf-8"))}


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (Runtime.is_active_session, ["self", "session_id"]),
        (ScriptRunner._run_script, ["self", "rerun_data"]),
        (ScriptRunner._maybe_handle_execution_control_request, ["self"]),
        (
            SafeSessionState.on_script_will_rerun,
            [
                "self",
                "fresh_widget_states",
                "replay_trigger_states",
                "replay_trigger_values",
                "is_history_navigation",
            ],
        ),
        (ScriptRequests._request_rerun_locked, ["self", "new_data"]),
        (AppSession.request_rerun, ["self", "client_state"]),
        (
            ForwardMsgQueue.clear,
            ["self", "retain_lifecycle_msgs", "fragment_ids_this_run"],
        ),
        (MediaFileManager.execute_deferred, ["self", "file_id"]),
        (MemoryUploadedFileManager.get_files, ["self", "session_id", "file_ids"]),
        (MemoryUploadedFileManager.remove_file, ["self", "session_id", "file_id"]),
        (MemoryUploadedFileManager.add_file, ["self", "session_id", "file"]),
    ],
)
def test_methods_take_what_we_give_them(function, parameters):
    assert list(inspect.signature(function).parameters) == parameters


def test_fragments_of_a_page_that_was_left_are_not_run(monkeypatch):
    """Their run would clear the page that came after it."""
    ran = []
    monkeypatch.setattr(
        ScriptRunner, "_run_script", lambda self, rerun_data: ran.append(rerun_data)
    )
    internals.skip_runs_of_former_fragments()
    runner = object.__new__(ScriptRunner)
    runner._fragment_storage = MemoryFragmentStorage()
    runner._fragment_storage.register("here", lambda: None)
    runs = [RerunData(), RerunData(fragment_id_queue=["here", "gone"])]
    for asked in (*runs, RerunData(fragment_id_queue=["gone"])):
        runner._run_script(asked)
    assert ran == runs


def test_a_click_counts_once(monkeypatch):
    """A busy browser reports it with an automatic rerun, too, and then by itself."""
    asked = []
    monkeypatch.setattr(AppSession, "request_rerun", lambda self, state: asked.append(state))
    internals.ignore_clicks_of_automatic_reruns()
    session: Any = None  # made of a whole server; nothing of it is asked for
    for is_auto_rerun in (True, False):
        state = ClientState(is_auto_rerun=is_auto_rerun)
        state.widget_states.widgets.add(id="click").trigger_value = True
        state.widget_states.widgets.add(id="burst").json_trigger_value = "[{}]"
        state.widget_states.widgets.add(id="steps").int_value = 500
        AppSession.request_rerun(session, state)
    AppSession.request_rerun(session, None)
    automatic, own, nothing = asked
    assert [one.id for one in automatic.widget_states.widgets] == ["steps"]
    assert [one.id for one in own.widget_states.widgets] == ["click", "burst", "steps"]
    assert nothing is None
    assert set(internals._TRIGGERS) == _TRIGGER_PROTO_FIELDS


def _message(kind: str, *path: int, fragment: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    if kind == "ref_hash":
        message.ref_hash = "of an element that the browser has"
    elif path:
        getattr(message.delta, kind).SetInParent()
        message.delta.fragment_id = fragment
    else:
        getattr(message, kind).SetInParent()
    return message


@pytest.fixture
def queue() -> ForwardMsgQueue:
    """What a fragment has drawn and a browser has asked for, none of it sent yet."""
    made = ForwardMsgQueue()
    made.enqueue(_message("add_block", 0, 0, fragment="here"))
    made.enqueue(_message("ref_hash", 0, 0, 0))
    for kind in internals._RESPONSES:
        made.enqueue(_message(kind))
    return made


@pytest.fixture
def keeping(monkeypatch) -> None:
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    internals.keep_messages()


def _kinds(queue: ForwardMsgQueue) -> list[str | None]:
    return [one.WhichOneof("type") for one in queue.flush()]


def test_a_fragment_that_runs_again_leaves_what_it_has_drawn(queue, keeping):
    """An element without its container would end the page."""
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["here"])
    queue.enqueue(_message("ref_hash", 0, 0, 0))  # after all, not in the place of the first
    assert _kinds(queue) == ["delta", "ref_hash", *internals._RESPONSES, "ref_hash"]
    assert not queue.flush()


def test_what_a_browser_has_asked_for_is_sent_although_the_page_runs(queue, keeping):
    """It waits for where to send an upload, and would wait for ever."""
    queue.clear(retain_lifecycle_msgs=True)
    assert _kinds(queue) == list(internals._RESPONSES)
    assert not queue.flush()


def test_streamlit_still_drops_both(queue):
    """Where it does not any more, keep_messages has had its day."""
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["here"])
    assert _kinds(queue) == ["ref_hash", *internals._RESPONSES]
    for kind in internals._RESPONSES:
        queue.enqueue(_message(kind))
    queue.clear(retain_lifecycle_msgs=True)
    assert not queue.flush()


@pytest.fixture
def answer_click(monkeypatch) -> Callable[[], list[str]]:
    """A function that answers a click, by a callback that reads the session, and tells what of
    “heard another” and “answered” came first.
    """
    order: list[str] = []
    begin, heed = "on_script_will_rerun", "_maybe_handle_execution_control_request"
    monkeypatch.setattr(SafeSessionState, begin, SafeSessionState.on_script_will_rerun)
    monkeypatch.setattr(ScriptRunner, heed, lambda self: order.append("heard another"))
    runner = object.__new__(ScriptRunner)
    session = SafeSessionState(
        SessionState(), lambda: runner._maybe_handle_execution_control_request()
    )

    def callback(*args: object, **kwargs: object) -> None:
        assert "anything" not in session
        order.append("answered")

    def answer() -> list[str]:
        session.on_script_will_rerun(None)
        assert "anything" not in session
        return order

    monkeypatch.setattr(SessionState, begin, callback)
    return answer


def test_another_click_is_heard_when_the_first_is_answered(answer_click):
    internals.finish_callbacks()
    assert answer_click() == ["answered", "heard another"]


def test_streamlit_still_hears_it_before(answer_click):
    """Where it does not any more, finish_callbacks has had its day."""
    assert answer_click() == ["heard another", "heard another", "answered", "heard another"]


_TO_DATA = RerunData(page_script_hash="data", query_string="?view=map", is_history_navigation=True)


_ANEW = RerunData(page_script_hash="classify", query_string="?taxonomy=style")


def _asked_of(waiting: RerunData, other: RerunData, by_script: bool) -> RerunData:
    """What is run where ``other`` is asked for while ``waiting`` waits for a script of Classify."""
    requests, context = ScriptRequests(), SimpleNamespace(page_script_hash="classify")
    assert requests.request_rerun(waiting)
    with pytest.MonkeyPatch.context() as patch:
        found = context if by_script else None
        patch.setattr(internals, "get_script_run_ctx", lambda suppress_warning: found)
        assert requests.request_rerun(other)
    return requests.on_scriptrunner_ready().rerun_data


@pytest.fixture
def keeping_pages(monkeypatch) -> None:
    fold = ScriptRequests._request_rerun_locked
    monkeypatch.setattr(ScriptRequests, "_request_rerun_locked", fold)
    internals.keep_page_changes()


@pytest.mark.parametrize(
    ("other", "by_script"),
    [
        (_ANEW, True),  # st.rerun
        (RerunData(page_script_hash="runs"), True),  # st.switch_page for an earlier click
        (replace(_ANEW, fragment_id="here"), False),  # a click in a fragment, or its next drawing
    ],
)
def test_a_page_that_was_asked_for_is_kept(other, by_script, keeping_pages):
    asked = _asked_of(_TO_DATA, other, by_script)
    assert (asked.page_script_hash, asked.query_string) == ("data", "?view=map")
    assert asked.is_history_navigation and not asked.fragment_id_queue


@pytest.mark.parametrize(
    ("waiting", "other", "by_script"),
    [
        (_TO_DATA, RerunData(page_script_hash="runs"), False),  # another link
        (_ANEW, RerunData(page_script_hash="runs"), True),  # st.switch_page
        (RerunData(), _ANEW, True),  # the first run of a visitor
        (RerunData(page_script_hash="data", fragment_id="of Data"), _ANEW, True),
    ],
)
def test_where_no_other_page_waits_the_last_counts(waiting, other, by_script, keeping_pages):
    assert _asked_of(waiting, other, by_script).page_script_hash == other.page_script_hash


def test_streamlit_still_forgets_the_page():
    """Where it does not any more, keep_page_changes has had its day."""
    assert _asked_of(_TO_DATA, _ANEW, by_script=True).page_script_hash == "classify"


@pytest.mark.parametrize("fragments", [None, ["here"]])
def test_callbacks_of_fragments_are_told_from_those_of_pages(fragments, monkeypatch):
    context = SimpleNamespace(fragment_ids_this_run=fragments)
    monkeypatch.setattr(internals, "get_script_run_ctx", lambda suppress_warning: context)

    def look() -> tuple[bool, bool]:
        ThreadState.initialize()
        before = internals.is_callback_of_fragment()
        with ThreadState.scoped(run_location=RunLocation.CALLBACK):
            return before, internals.is_callback_of_fragment()

    assert copy_context().run(look) == (False, bool(fragments))


@pytest.fixture
def uploads(monkeypatch) -> MemoryUploadedFileManager:
    """The uploads of a server in whose place a bare one stands; sessions “here…” are connected."""
    runtime = object.__new__(Runtime)
    runtime._uploaded_file_mgr = MemoryUploadedFileManager("/upload")
    monkeypatch.setattr(Runtime, "_instance", runtime)
    monkeypatch.setattr(Runtime, "is_active_session", lambda self, one: one.startswith("here"))
    yield runtime.uploaded_file_mgr


def _add(uploads, session: str, name: str, size: int) -> None:
    uploads.add_file(session, UploadedFileRec(name, name, "image/png", bytes(size)))


def test_a_browser_fetches_a_download_from_its_own_url_and_streamlit_holds_nothing(monkeypatch):
    monkeypatch.setattr(MediaFileManager, "execute_deferred", MediaFileManager.execute_deferred)
    internals.send_downloads_from_urls()
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    download = Download(lambda: iter([b"a", b"b"]), "Żółw.zip")
    own, usual = (
        manager.execute_deferred(manager.add_deferred(data, "application/zip", place, "a.zip"))
        for data, place in ((download, "1"), (lambda: b"usual", "2"))
    )
    assert (own, len(manager._file_metadata)) == (download.url, 1)
    assert usual.startswith("/media/") and download() == b"ab"


def test_a_download_is_sent_as_long_as_somebody_may_want_it():
    client = TestClient(Starlette(routes=[download_route()]))
    download = Download(lambda: iter([b"a", b"b"]), "Żółw.zip")
    answer = client.get(download.url)
    assert (answer.status_code, answer.content) == (200, b"ab")
    assert answer.headers["Content-Type"] == "application/zip"
    named = answer.headers["Content-Disposition"]
    assert named == "attachment; filename*=utf-8''%C5%BB%C3%B3%C5%82w.zip"
    url = download.url
    del download, answer
    gc.collect()
    assert client.get(url).status_code == client.get(f"{url}x").status_code == 404


def test_uploads_are_counted_and_freed(uploads):
    for session, name, size in (("here", "a", 10), ("here", "b", 5), ("gone", "c", 7)):
        _add(uploads, session, name, size)
    assert internals.is_served() and internals.uploaded_bytes() == 22
    assert internals.upload_sizes("here", ["a", "b", "no such"]) == {"a": 10, "b": 5}
    internals.drop_uploads("here", ["a"])
    assert internals.uploaded_bytes() == 12
    assert internals.upload_sizes("nobody", ["a"]) == {}
    assert internals.is_connected("here") and not internals.is_connected("gone")


def test_uploads_of_who_has_left_are_freed_after_a_while(uploads, monkeypatch):
    clock, register = [100.0], UploadRegistry()
    monkeypatch.setattr("decor_app.hosting.uploads.time.monotonic", lambda: clock[0])
    for session in ("here", "gone"):
        _add(uploads, session, f"of {session}", 10)
        register.add(session, f"of {session}")
    register.free_abandoned(40)
    clock[0] += 39
    register.free_abandoned(40)
    assert internals.uploaded_bytes() == 20
    assert register.held_by("gone") == 10
    clock[0] += 1
    register.free_abandoned(40)
    assert internals.uploaded_bytes() == 10
    assert (register.held_by("gone"), register.held_by("here")) == (0, 10)


def test_who_comes_back_in_time_keeps_uploads(uploads, monkeypatch):
    clock, register = [100.0], UploadRegistry()
    monkeypatch.setattr("decor_app.hosting.uploads.time.monotonic", lambda: clock[0])
    _add(uploads, "gone", "a", 10)
    register.add("gone", "a")
    register.free_abandoned(40)
    monkeypatch.setattr(Runtime, "is_active_session", lambda self, one: True)
    clock[0] += 39
    register.free_abandoned(40)
    monkeypatch.setattr(Runtime, "is_active_session", lambda self, one: False)
    clock[0] += 39
    register.free_abandoned(40)
    assert internals.uploaded_bytes() == 10


def test_without_a_server_nothing_is_held():
    assert not internals.is_served() and internals.uploaded_bytes() == 0
    assert internals.session_id() is None and not internals.is_connected("x")


def _page() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from decor_app.hosting.streamlit_internals import drop_previous_value, session_id

    st.slider("Steps", 0, 9, key="steps")
    kept = get_script_run_ctx().session_state._state._old_state
    before = len(kept)
    drop_previous_value("steps")
    st.write(f"{before - len(kept)} dropped, {session_id() is not None}")


def test_what_a_widget_held_before_is_dropped():
    page = AppTest.from_function(_page, default_timeout=TIMEOUT).run()
    page.slider[0].set_value(5).run()
    assert not page.exception
    assert page.markdown[0].value == "1 dropped, True"
    assert page.slider[0].value == 5


def test_the_size_of_uploads_can_be_set():
    before = st.get_option("server.maxUploadSize")
    internals.limit_uploads(7)
    assert st.get_option("server.maxUploadSize") == 7
    internals.limit_uploads(before)
