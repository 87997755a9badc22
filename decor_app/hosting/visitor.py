"""By what a browser is known again after a reload: a signed cookie with a random name.

Streamlit forgets a session when the page is reloaded. The cookie comes along with every page load,
before anything is drawn. A token in the address would hand a session to everybody who is sent the
link; one in the browser's storage would come only after a first, empty drawing. Two tabs of one
browser share the cookie; in a frame of another site it is not sent, and a reload begins anew.

Its key is made from Streamlit's ``server.cookieSecret``, which is chosen at random at each start:
what the cookie leads to ends with the server, too. Servers behind one balancer share a secret, else
each would give another's visitors a new name.
"""

import base64
import json
import secrets

import streamlit as st
from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import Headers
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE, _VISITOR = "decor_session", "visitor"


class VisitorCookie:
    """ASGI middleware that gives each browser that opens a page its cookie."""

    def __init__(self, app: ASGIApp) -> None:
        key, path = _signing_key(), "/" + st.get_option("server.baseUrlPath").strip("/")
        self._app = app
        self._session = {
            https: SessionMiddleware(
                self._name, key, COOKIE, max_age=None, path=path, https_only=https
            )
            for https in (False, True)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", ""):
            schemes = scope["scheme"], Headers(scope=scope).get("x-forwarded-proto", "")
            await self._session["https" in schemes](scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _name(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"].setdefault(_VISITOR, secrets.token_hex(16))
        # Streamlit keeps a session of its own under the same name: in a copy, not in place of ours.
        await self._app({**scope}, receive, send)


def _signing_key() -> str:
    return (
        f"{COOKIE} {st.get_option('server.cookieSecret')}"  # Streamlit signs with the secret, too
    )


def visitor_id() -> str | None:
    """The name of this browser; None without a cookie that this server has signed."""
    try:
        signed = TimestampSigner(_signing_key()).unsign(st.context.cookies.get(COOKIE, ""))
    except BadSignature:
        return None
    return json.loads(base64.b64decode(signed))[_VISITOR]
