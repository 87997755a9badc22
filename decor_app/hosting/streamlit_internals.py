"""Every use of Streamlit beyond its documented interface, here and nowhere else.

tests/app/hosting/test_streamlit_internals.py fails where another version has changed any of it.
"""

import threading
from collections.abc import Iterable
from dataclasses import replace
from functools import wraps
from typing import Any

from streamlit import config
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import RunLocation, ThreadState
from streamlit.runtime.state import SafeSessionState
from streamlit.runtime.stats import CACHE_MEMORY_FAMILY

# Values of widgets that stand for something that happened once: clicks, what components send.
_TRIGGERS = ("trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value")
# Messages that answer what a browser has asked for: where to send an upload, where a download is.
_RESPONSES = ("file_urls_response", "backend_operation_response")


def limit_uploads(megabytes: int) -> None:
    """Let the server take files of that size; config.toml holds the size of a local server."""
    config.set_option("server.maxUploadSize", megabytes)


def skip_runs_of_former_fragments() -> None:
    """Leave out the runs of fragments that the page does not have any more.

    A fragment that runs every second may be asked for while its page is being left. Streamlit runs
    it after the change of pages: nothing is there to run, but the browser takes it for a return to
    the former page, and clears the new one, which stays empty.
    """
    run = ScriptRunner._run_script

    @wraps(run)
    def run_script(self: ScriptRunner, rerun_data: RerunData) -> None:
        wanted = rerun_data.fragment_id_queue
        if not wanted or any(map(self._fragment_storage.contains, wanted)):
            run(self, rerun_data)

    if not hasattr(run, "__wrapped__"):
        ScriptRunner._run_script = run_script


def ignore_clicks_of_automatic_reruns() -> None:
    """Leave clicks out of what a fragment that runs every second reports of the widgets.

    A browser that is busy sends a click twice: with such a report, which comes in between, and by
    itself. Streamlit calls ``on_click`` for both: “Undo” could take back two steps.
    """
    request = AppSession.request_rerun

    @wraps(request)
    def request_rerun(self: AppSession, client_state: ClientState | None) -> None:
        if client_state and client_state.is_auto_rerun:
            widgets = client_state.widget_states.widgets
            others = [one for one in widgets if one.WhichOneof("value") not in _TRIGGERS]
            del widgets[:]
            widgets.extend(others)
        request(self, client_state)

    if not hasattr(request, "__wrapped__"):
        AppSession.request_rerun = request_rerun


def keep_messages() -> None:
    """Send a browser what it needs, although another run begins before it was sent.

    Streamlit drops that. Of a fragment that runs again it drops the containers, but not elements
    that the browser has in its cache: the page goes white, as it does not know where they belong.
    Before a run of the page it drops the answer to a browser that wants to send a file, too: the
    upload is lost in silence.
    """
    clear = ForwardMsgQueue.clear

    @wraps(clear)
    def clear_others(
        self: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        if fragment_ids_this_run is not None:
            self._delta_index_map = {}  # what follows does not replace any of it
            return
        messages = self._queue if retain_lifecycle_msgs else []  # else all are being sent
        responses = [one for one in messages if one.WhichOneof("type") in _RESPONSES]
        clear(self, retain_lifecycle_msgs)
        self._queue += responses

    if not hasattr(clear, "__wrapped__"):
        ForwardMsgQueue.clear = clear_others


def finish_callbacks() -> None:
    """Let what a click has begun come to its end before another click is heard.

    Streamlit ends it before its callback, or wherever that reads the session's state, and forgets
    the click. For the same reason config.toml has ``fastReruns`` off: a click that waits would be
    forgotten, too.
    """
    begin, heed = (
        SafeSessionState.on_script_will_rerun,
        ScriptRunner._maybe_handle_execution_control_request,
    )
    calling = threading.local()

    @wraps(begin)
    def call_callbacks(self: SafeSessionState, *args: Any, **kwargs: Any) -> None:
        calling.now = True
        try:
            begin(self, *args, **kwargs)
        finally:
            calling.now = False

    @wraps(heed)
    def heed_later(self: ScriptRunner) -> None:
        if not getattr(calling, "now", False):
            heed(self)

    if not hasattr(begin, "__wrapped__"):
        SafeSessionState.on_script_will_rerun = call_callbacks
        ScriptRunner._maybe_handle_execution_control_request = heed_later


def keep_page_changes() -> None:
    """Show the page that was asked for, although the former one is to be drawn anew meanwhile.

    Streamlit makes one request of both, for the page of the second: of the script, or of a click
    in a fragment, and the way to another page is lost.
    """
    fold = ScriptRequests._request_rerun_locked

    @wraps(fold)
    def fold_rerun(self: ScriptRequests, new_data: RerunData) -> bool:
        waiting, context = self._rerun_data, get_script_run_ctx(suppress_warning=True)
        by_script_or_fragment = context or new_data.fragment_id
        present_page = context.page_script_hash if context else new_data.page_script_hash
        if (
            by_script_or_fragment
            and self._state is ScriptRequestType.RERUN
            and not waiting.fragment_id_queue
            and waiting.page_script_hash not in ("", present_page)
        ):
            new_data = replace(
                new_data,
                page_script_hash=waiting.page_script_hash,
                page_name=waiting.page_name,
                query_string=waiting.query_string,
                is_history_navigation=waiting.is_history_navigation,
            )
        return fold(self, new_data)

    if not hasattr(fold, "__wrapped__"):
        ScriptRequests._request_rerun_locked = fold_rerun


def send_downloads_from_urls() -> None:
    """Let a browser fetch what a download button is for from its ``url``, where it has one.

    Streamlit asks for the whole of it, and keeps that in memory.
    """
    execute = MediaFileManager.execute_deferred

    @wraps(execute)
    def execute_deferred(self: MediaFileManager, file_id: str) -> str:
        known = self._deferred_callables.get(file_id)
        return getattr(known and known["callable"], "url", "") or execute(self, file_id)

    if not hasattr(execute, "__wrapped__"):
        MediaFileManager.execute_deferred = execute_deferred


def session_id() -> str | None:
    """The id of the connection, a browser's tab, that the script runs for; None for no script."""
    context = get_script_run_ctx()
    return context.session_id if context else None


def is_callback_of_fragment() -> bool:
    """Whether a callback runs of a click after which a fragment is drawn, and not the page."""
    context = get_script_run_ctx(suppress_warning=True)
    return (
        context is not None
        and bool(context.fragment_ids_this_run)
        and ThreadState.get().run_location is RunLocation.CALLBACK
    )


def _runtime() -> Runtime | None:
    """Streamlit's server; None where there is none: tests of pages put a dummy in its place."""
    found = Runtime.instance() if Runtime.exists() else None
    return found if type(found) is Runtime else None


def is_served() -> bool:
    """Whether a server runs the pages."""
    return _runtime() is not None


def is_connected(session: str) -> bool:
    """Whether the browser's tab of that id is there."""
    runtime = _runtime()
    return runtime is not None and runtime.is_active_session(session)


def uploaded_bytes() -> int:
    """Bytes of the uploads of all sessions."""
    runtime = _runtime()
    stats = runtime.uploaded_file_mgr.get_stats() if runtime else {}
    caches = stats.get(CACHE_MEMORY_FAMILY, [])  # typed as any statistics, but all are CacheStat
    return sum(stat.byte_length for stat in caches)  # pyright: ignore[reportAttributeAccessIssue]


def upload_sizes(session: str, file_ids: Iterable[str]) -> dict[str, int]:
    """The bytes of those uploads of a session that are still held."""
    runtime = _runtime()
    files = runtime.uploaded_file_mgr.get_files(session, list(file_ids)) if runtime else []
    return {file.file_id: len(file.data) for file in files}


def drop_uploads(session: str, file_ids: Iterable[str]) -> None:
    """Free the memory of some uploads of a session."""
    if runtime := _runtime():
        for file_id in file_ids:
            # Typed as a protocol without it, but the server's is a MemoryUploadedFileManager.
            runtime.uploaded_file_mgr.remove_file(session, file_id)  # pyright: ignore[reportAttributeAccessIssue]


def drop_previous_value(key: str) -> None:
    """Free what the widget of that key held before; Streamlit would with the next run only.

    Uploads that were replaced are not counted as uploads any more, and would come on top.
    """
    if context := get_script_run_ctx():
        state = context.session_state._state
        state._old_state.pop(state._get_widget_id(key), None)
