"""The address that Prometheus asks: what was counted, for who has the admin password."""

import base64
import binascii
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client import generate_latest as exposition
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from decor_app.hosting import login
from decor_app.hosting.metrics import METRICS


def metrics_route(password: Callable[[], str], base: str = "") -> Route:
    """/metrics below the path ``base``, with the password (of any user) in the request."""

    def give_metrics(request: Request) -> Response:
        if not password():
            return PlainTextResponse("Not found", 404)
        if not login.LOGIN.verify(_basic_password(request), password()):
            wanted = {"WWW-Authenticate": 'Basic realm="Decor"'}
            return PlainTextResponse("The password of the admin page is wanted.", 401, wanted)
        return Response(exposition(METRICS.registry), media_type=CONTENT_TYPE_LATEST)

    return Route(f"{base}/metrics", give_metrics)


def _basic_password(request: Request) -> str:
    scheme, _, packed = request.headers.get("authorization", "").partition(" ")
    try:
        words = base64.b64decode(packed, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return words.partition(":")[2] if scheme.lower() == "basic" else ""
