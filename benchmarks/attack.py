"""A hostile client's request as bytes, and what it is made of."""

import io
import random
from dataclasses import dataclass
from functools import cache

from PIL import Image

CLASSIFY, EMBED, MCP = "/api/v1/classify", "/api/v1/embed", "/api/v1/mcp"


@dataclass(frozen=True)
class Attack:
    """Pieces that are sent one after the other; a number is a pause in seconds.

    Who ``leaves`` resets the connection and reads nothing; everybody else gets ``answers``, each of
    one of the ``statuses`` (none named: anything but a fault of the server).
    """

    pieces: tuple[bytes | float, ...]
    statuses: tuple[int, ...] = ()
    answers: int = 1
    leaves: bool = False


def request_head(
    method: str = "POST",
    target: str = CLASSIFY,
    *headers: str,
    host: str = "decor",
    version: str = "HTTP/1.1",
) -> bytes:
    """Request line and headers."""
    lines = [f"{method} {target} {version}", f"Host: {host}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def post(body: bytes, kind: str = "image/png", target: str = CLASSIFY, *headers: str) -> bytes:
    """A whole request with a body."""
    told = f"Content-Type: {kind}", f"Content-Length: {len(body)}"
    return request_head("POST", target, *told, *headers) + body


@cache
def pictures() -> tuple[bytes, ...]:
    """Small pictures in most of the formats that are read."""
    found = []
    for number, kind in enumerate(("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF")):
        picture = Image.radial_gradient("L").resize((40 + number, 40)).convert("RGB")
        stream = io.BytesIO()
        picture.save(stream, kind)
        found.append(stream.getvalue())
    return tuple(found)


def letters(rng: random.Random) -> str:
    """Up to sixty letters that mean something somewhere."""
    return "".join(rng.choices("ab/=&%;.\\\"'{}[]é\t 0", k=rng.randrange(60)))
