"""API keys, compared in constant time, and the client's id for the rate limit."""

import hashlib
import hmac
import ipaddress
from typing import Annotated

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from decor_app.api.problems import Problem
from decor_app.hosting.metrics import METRICS

_Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(HTTPBearer(auto_error=False))]
_Header = Annotated[str | None, Security(APIKeyHeader(name="X-API-Key", auto_error=False))]


class KeyCheck:
    """A dependency of routes that lets only those in who have one of the keys.

    It may come in either header: the other one may be meant for a proxy.
    """

    def __init__(self, keys: str) -> None:
        """``keys`` with commas between."""
        self._digests = [_digest(key.strip()) for key in keys.split(",") if key.strip()]

    def __call__(self, request: Request, bearer: _Bearer, header: _Header) -> None:
        given = [_digest(key) for key in (bearer.credentials if bearer else "", header or "")]
        matches = [
            known
            for known in self._digests
            if any([hmac.compare_digest(one, known) for one in given])
        ]
        if not matches:
            METRICS.count("api: refused: key")
            raise Problem(
                401,
                "A key is wanted, as “Authorization: Bearer …” or “X-API-Key: …”; this is none of "
                "those that the server knows.",
                {"WWW-Authenticate": 'Bearer realm="Decor"'},
            )
        request.state.client_id = f"key {matches[0].hex()[:16]}"


def client_id(request: Request) -> str:
    """The key that was given, else the address; of IPv6 the network, which is one customer's."""
    if given := getattr(request.state, "client_id", None):
        return given
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
