"""A visitor of the app without a browser: speaks Streamlit's own protocol, at 127.0.0.1 only.

What a browser does is done here with the least effort: the cookie against cross-site requests, the
websocket, uploads by PUT, widget states, the address, fragments that run by themselves. Nothing is
drawn; what the server sends is kept as protobuf elements by their place on the page.
"""

import asyncio
import uuid
from collections.abc import Callable
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs, UploadedFileInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

HOST = "127.0.0.1"
_XSRF = "_streamlit_xsrf"
# Of the whole script; neither of a fragment nor cut off by the next run.
_ENDS = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)
_FRAGMENT_END = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY


class Refused(Exception):
    """The server did not do what a browser would have got."""


class Visitor:
    """One browser tab; ``async with`` opens and leaves it.

    With the ``cookies`` of another visitor it is a tab of the same browser. One that was dropped
    comes back to its session when it is entered again.
    """

    def __init__(
        self,
        port: int,
        page: str = "",
        patience: float = 60,
        cookies: dict[str, str] | None = None,
    ) -> None:
        self._port, self._page, self._query = port, page, ""
        self._patience = patience
        self.cookies = cookies or {}
        self._widgets: dict[str, WidgetState] = {}
        self._elements: dict[tuple[int, ...], Element] = {}
        self._fragments: dict[str, str] = {}  # by id of a widget, the fragment that it is in
        self._responses: dict[str, Any] = {}
        self._news = asyncio.Condition()
        self._repeating: dict[str, asyncio.Task] = {}
        self._dropped: UploadedFileInfo | None = None
        self._script = ""
        self.session = ""
        self.finished = 0  # how many runs of the script have ended
        self._finished_fragments = 0
        self.gone = False

    async def __aenter__(self) -> "Visitor":
        self.cookies = self.cookies or await asyncio.to_thread(self._take_cookies)
        self.gone = False
        self._socket = await connect(
            f"ws://{HOST}:{self._port}/_stcore/stream",
            additional_headers={"Cookie": self._cookie_header},
            origin=f"http://{HOST}:{self._port}",
            subprotocols=["streamlit", self.cookies[_XSRF], *filter(None, [self.session])],
            max_size=None,
            compression=None,
            ping_interval=None,
        )
        self._listener = asyncio.create_task(self._listen())
        await self.rerun()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._end()

    async def drop(self) -> None:
        """Be gone without a word, as when the network fails."""
        self._socket.transport.abort()
        await self._end()

    async def _end(self) -> None:
        for task in (self._listener, *self._repeating.values()):
            task.cancel()

    # --- what there is to see

    def all(self, kind: str) -> list[Any]:
        """Elements of a kind (``heading``, ``button`` …) in the order of the page."""
        found = sorted(self._elements.items())
        return [getattr(e, kind) for _, e in found if e.WhichOneof("type") == kind]

    def texts(self) -> str:
        """Everything that is written on the page."""
        kinds = ("heading", "markdown", "alert", "metric", "progress", "html", "toast")
        parts = (getattr(e, k) for _, e in sorted(self._elements.items()) for k in kinds
                 if e.WhichOneof("type") == k)  # fmt: skip
        return "\n".join(f"{getattr(p, 'text', '')} {getattr(p, 'body', '')}" for p in parts)

    def headings(self) -> list[str]:
        return [heading.body for heading in self.all("heading")]

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until ``condition()`` holds, and return what it gave; Refused if it never does."""
        try:
            async with asyncio.timeout(self._patience), self._news:
                await self._news.wait_for(lambda: condition() or self.gone)
        except TimeoutError:
            raise Refused(f"waited {self._patience:.0f} s for {what}") from None
        if not condition():
            raise Refused(f"the connection ended before {what}")
        return condition()

    # --- what there is to do

    async def rerun(self, fragment: str = "", wait: bool = True, by_itself: bool = False) -> None:
        """Let the script run with the widgets as they stand; by default until it has ended.

        Or the ``fragment`` of it alone, which may do so ``by_itself``, by the clock.
        """
        before = self.finished, self._finished_fragments if fragment else 0
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self._query
        state.page_script_hash = self._script
        state.page_name = "" if self._script else self._page
        state.fragment_id = fragment
        state.is_auto_rerun = by_itself
        state.context_info.timezone = "UTC"
        state.context_info.url = f"http://{HOST}:{self._port}/{self._page}"
        state.widget_states.widgets.extend(self._widgets.values())
        await self._socket.send(message.SerializeToString())
        if wait:
            await self.until(
                lambda: (self.finished, self._finished_fragments if fragment else 0) > before,
                "the end of the run",
            )

    async def choose(self, label: str, option: str, wait: bool = True) -> None:
        """Choose an option of the segmented control ``label``."""
        control = self._one("button_group", label)
        state = WidgetState(id=control.id)
        state.string_array_value.data.append(option)
        self._widgets[control.id] = state
        await self.rerun(self._fragments.get(control.id, ""), wait)

    async def click(self, label: str, wait: bool = True) -> None:
        """Press a button."""
        button = self._one("button", label)
        if button.disabled:
            raise Refused(f"the button “{label}” is disabled")
        self._widgets[button.id] = WidgetState(id=button.id, trigger_value=True)
        try:
            await self.rerun(self._fragments.get(button.id, ""), wait)
        finally:
            del self._widgets[button.id]

    async def upload(self, name: str, data: bytes, wait: bool = True) -> None:
        """Drop one file, in place of the one that was dropped before."""
        if self._dropped:
            await self._http("DELETE", self._dropped.file_urls.delete_url)
        info = await self.put(name, data)
        uploader = self.all("file_uploader")[0]
        state = WidgetState(id=uploader.id)
        state.file_uploader_state_value.uploaded_file_info.append(info)
        self._widgets[uploader.id] = state
        self._dropped = info
        await self.rerun(wait=wait)

    async def put(self, name: str, data: bytes) -> UploadedFileInfo:
        """Send a file to the server, without telling the script of it."""
        urls = await self._place_for(name)
        await self._http("PUT", urls.upload_url, name, data)
        return UploadedFileInfo(file_id=urls.file_id, name=name, size=len(data), file_urls=urls)

    async def put_request(self, name: str, data: bytes) -> bytes:
        """What a browser would write to the line to send a file."""
        urls = await self._place_for(name)
        headers, body = self._form(name, data)
        lines = [f"PUT {urls.upload_url} HTTP/1.1", f"Host: {HOST}:{self._port}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    async def _place_for(self, name: str) -> FileURLs:
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = uuid.uuid4().hex, self.session
        request.file_names.append(name)
        await self._socket.send(message.SerializeToString())
        await self.until(lambda: request.request_id in self._responses, "a place for the upload")
        (urls,) = self._responses.pop(request.request_id).file_urls
        return urls

    def _one(self, kind: str, label: str) -> Any:
        found = [element for element in self.all(kind) if element.label == label]
        if not found:
            raise Refused(f"there is no {kind} “{label}” on the page")
        return found[0]

    # --- the line

    def _take_cookies(self) -> dict[str, str]:
        """What the server sets where a browser opens a page."""
        found: SimpleCookie = SimpleCookie()
        connection = HTTPConnection(HOST, self._port, timeout=self._patience)
        try:
            for path in ("/", "/_stcore/health"):
                connection.request("GET", path, headers={"Accept": "text/html"})
                response = connection.getresponse()
                for cookie in response.headers.get_all("Set-Cookie") or []:
                    found.load(cookie)
                response.read()
        finally:
            connection.close()
        if _XSRF not in found:
            raise Refused("the server sets no cookie against cross-site requests")
        return {name: cookie.value for name, cookie in found.items()}

    @property
    def _cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def _http(self, verb: str, url: str, name: str = "", data: bytes | None = None) -> None:
        status = await asyncio.to_thread(self._request, verb, url, name, data)
        if status >= 300:
            raise Refused(f"{verb} was answered with {status}")

    def _request(self, verb: str, url: str, name: str, data: bytes | None) -> int:
        headers, body = self._form(name, data)
        connection = HTTPConnection(HOST, self._port, timeout=self._patience)
        try:
            connection.request(verb, url, body, headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def _form(self, name: str, data: bytes | None) -> tuple[dict[str, str], bytes]:
        """Headers and body of a request that carries a file, or none."""
        headers = {"Cookie": self._cookie_header, "X-Xsrftoken": self.cookies[_XSRF]}
        if data is None:
            return headers, b""
        headers["Content-Type"] = "multipart/form-data; boundary=decor"
        part = f'form-data; name="{name}"; filename="{name}"'
        start = f"--decor\r\nContent-Disposition: {part}\r\nContent-Type: image/jpeg\r\n\r\n"
        return headers, start.encode() + data + b"\r\n--decor--\r\n"

    async def _listen(self) -> None:
        try:
            async for data in self._socket:
                message = ForwardMsg()
                message.ParseFromString(data)
                async with self._news:
                    self._take(message)
                    self._news.notify_all()
        finally:
            self.gone = True
            async with self._news:
                self._news.notify_all()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            new = message.new_session
            self.session = new.initialize.session_id or self.session
            self._script = new.page_script_hash
            if not message.metadata.run.fragment_ids:
                self._elements = {}
        elif kind == "delta":
            path = tuple(message.metadata.delta_path)
            if message.delta.WhichOneof("type") == "new_element":
                element = self._elements[path] = message.delta.new_element
                if widget := getattr(getattr(element, element.WhichOneof("type")), "id", ""):
                    self._fragments[widget] = message.delta.fragment_id
            elif message.delta.WhichOneof("type") == "add_block":
                for known in [k for k in self._elements if k[: len(path)] == path]:
                    del self._elements[known]
        elif kind == "navigation":
            self._script = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "file_urls_response":
            self._responses[message.file_urls_response.response_id] = message.file_urls_response
        elif kind == "auto_rerun":
            self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop_repeating(fragment)
        elif kind == "script_finished":
            self.finished += message.script_finished in _ENDS
            self._finished_fragments += message.script_finished == _FRAGMENT_END

    def _repeat(self, fragment: str, seconds: float) -> None:
        self._stop_repeating(fragment)
        self._repeating[fragment] = asyncio.create_task(self._again(fragment, seconds))

    def _stop_repeating(self, fragment: str) -> None:
        if task := self._repeating.pop(fragment, None):
            task.cancel()

    async def _again(self, fragment: str, seconds: float) -> None:
        while not self.gone:
            await asyncio.sleep(seconds)
            await self.rerun(fragment, wait=False, by_itself=True)
