"""Files of data sets go to the browser while they are made, from an address of ours.

What ``st.download_button`` is given lies in memory as a whole, and is copied on its way: a zip of
300 MB takes 1.2 GB for a moment, and 600 MB until the visitor does something else (measured).
"""

import secrets
from collections.abc import Callable, Iterator
from urllib.parse import quote
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

PATH = "/downloads"


class Download:
    """``data`` of ``st.download_button``: a file called ``name``, made by ``pieces`` when wanted.

    ``url`` is where it is, as long as the button is on a page: see ``send_downloads_from_urls``.
    Who has that address, which is a secret of the page, may have the file.
    """

    def __init__(
        self, pieces: Callable[[], Iterator[bytes]], name: str, kind: str = "application/zip"
    ) -> None:
        self.pieces, self.name, self.kind = pieces, name, kind
        address = secrets.token_urlsafe(18)
        # As seen from a page: it holds below whatever path a proxy shows the pages.
        self.url = f"{PATH.lstrip('/')}/{address}"
        _open[address] = self

    def __call__(self) -> bytes:
        """The whole of it, for a Streamlit that has no ``send_downloads_from_urls``."""
        return b"".join(self.pieces())


_open: WeakValueDictionary[str, Download] = WeakValueDictionary()


def download_route(base: str = "") -> Route:
    """…/downloads below the path ``base``."""
    return Route(f"{base}{PATH}/{{address}}", _send)


def _send(request: Request) -> Response:
    found = _open.get(request.path_params["address"])
    if found is None:
        return PlainTextResponse("This is not there any more; load the page again.", 404)
    headers = {
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(found.name, safe='')}",
        "Content-Encoding": "identity",  # pictures do not become smaller
        "Cache-Control": "no-store",
    }
    return StreamingResponse(found.pieces(), media_type=found.kind, headers=headers)
