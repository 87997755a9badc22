"""What hostile clients send to the HTTP API: kinds of requests, made from seeded randomness."""

import random
from collections.abc import Callable

from benchmarks import attack_bodies
from benchmarks.attack import CLASSIFY, Attack, letters, pictures, post, request_head
from benchmarks.changes import changed

_OPTIONS = ("model", "taxonomy", "top", "evidence")


# --- how long a body is


def false_lengths(rng: random.Random) -> Attack:
    """Lengths that are none, or more than one."""
    told = rng.choice(("-1", "1e9", "0x10", "+5", "5 5", "5,6", "", "١", "9" * 30, "1.0", "NaN"))
    lines = [f"Content-Length: {told}"]
    if rng.random() < 0.3:
        lines = ["Content-Length: 5", f"Content-Length: {rng.randrange(6, 99)}"]
    return Attack((request_head("POST", CLASSIFY, *lines), b"hello"), (400, 413))


def long_lengths(rng: random.Random) -> Attack:
    """More is announced than comes: beyond the limit, or not and then silence."""
    if rng.random() < 0.5:
        length = rng.choice((10**9, 10**12, 10**19))
        return Attack(
            (request_head("POST", CLASSIFY, f"Content-Length: {length}"), b"x" * 99), (413,)
        )
    length = rng.randrange(100, 10_000)
    return Attack((request_head("POST", CLASSIFY, f"Content-Length: {length}"), b"x" * 99), (408,))


def short_lengths(rng: random.Random) -> Attack:
    """Less is announced than comes: the rest is no request."""
    body = rng.choice(pictures())
    length = rng.randrange(len(body))
    return Attack((request_head("POST", CLASSIFY, f"Content-Length: {length}"), body))


def chunks(rng: random.Random) -> Attack:
    """Bodies in chunks that are not as they say."""
    body = rng.choice(pictures())
    good = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    chunked = "Transfer-Encoding: chunked"
    match rng.randrange(7):
        case 0:
            wrong = rng.choice((b"-1", b"zz", b"", b"F" * 16, b"f" * 30, b"1;" + b"a" * 70_000))
            return Attack((request_head("POST", CLASSIFY, chunked), wrong, b"\r\nx\r\n\r\n"))
        case 1:
            return Attack((request_head("POST", CLASSIFY, chunked), good[: len(good) // 2]), (408,))
        case 2:
            both = request_head("POST", CLASSIFY, chunked, f"Content-Length: {len(body)}")
            return Attack((both, good))
        case 3:
            other = rng.choice(("gzip, chunked", "identity", "chunked, chunked", "\tx"))
            head = request_head("POST", CLASSIFY, f"Transfer-Encoding: {other}")
            return Attack((head, good), (400, 501))
        case 4:
            trailer = b"%x\r\n%b\r\n0\r\nA: b\r\n%b\r\n" % (len(body), body, rng.randbytes(9))
            return Attack((request_head("POST", CLASSIFY, chunked), trailer, b"\r\n\r\n"))
        case 5:
            tiny = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
            return Attack((request_head("POST", CLASSIFY, chunked), tiny), (200, 422, 503))
        case _:
            return Attack(
                (request_head("POST", CLASSIFY, chunked), changed(good, rng), b"\r\n" * 9)
            )


# --- how fast it comes


def slow(rng: random.Random) -> Attack:
    """Heads and bodies that stop, or come byte by byte for longer than one bears."""
    whole = post(rng.choice(pictures()))
    match rng.randrange(3):
        case 0:
            return Attack((whole[: rng.randrange(1, 20)],), (408,))
        case 1:
            return Attack((whole[: whole.index(b"\r\n\r\n") + 4 + rng.randrange(50)],), (408,))
        case _:
            start = whole.index(b"\r\n\r\n") + 4
            pieces = [piece for byte in whole[start : start + 60] for piece in (0.1, bytes([byte]))]
            return Attack((whole[:start], *pieces), (408,))


def disconnects(rng: random.Random) -> Attack:
    """The client goes away in the middle, or before its answer."""
    whole = post(rng.choice(pictures()))
    return Attack((whole[: rng.randrange(len(whole) + 1)],), leaves=True)


# --- lines and headers


def headers(rng: random.Random) -> Attack:
    """Too many, too long, malformed, or with values that no program wants."""
    name = rng.choice(("X", "Host", "Content-Type", "Authorization", "X-API-Key", "Cookie", "Range",
                       "X-Request-ID", "Accept", "Content-Encoding", "Connection", "Expect",
                       "Origin", "X-Forwarded-For", "If-None-Match", "Upgrade"))  # fmt: skip
    value = rng.choice((letters(rng), "é" * 50, "a" * rng.choice((1_000, 50_000)), "\x00", "\x7f",
                        "Bearer", "Bearer é", "[", "::1", "100-continue", "websocket", "bytes=0-",
                        "multipart/form-data; boundary=" + "b" * 9_000, "\r\n folded"))  # fmt: skip
    body = rng.choice(pictures())
    lines = [f"Content-Length: {len(body)}", f"{name}: {value}"]
    match rng.randrange(5):
        case 0:
            lines += [f"X-{number}: {number}" for number in range(rng.choice((100, 1_000, 9_000)))]
        case 1:
            lines.append(rng.choice(("no colon", ": no name", "A : b", "Bé: x", "A\x00: b", " x")))
        case 2:
            return Attack((request_head("POST", CLASSIFY, *lines, host=letters(rng) or "["), body))
    return Attack((request_head("POST", CLASSIFY, *lines), body))


def huge_heads(rng: random.Random) -> Attack:
    """Heads beyond what is read, unless all of it comes at once."""
    size = rng.randrange(70_000, 300_000)
    if rng.random() < 0.5:
        return Attack((request_head("GET", "/" + "a" * size),), (404, 431))
    return Attack((request_head("GET", "/api/v1/health", "A: " + "a" * size),), (200, 431))


def methods(rng: random.Random) -> Attack:
    """Methods and versions that there are not, and other protocols."""
    method = rng.choice(("GET", "PUT", "PATCH", "DELETE", "_OPTIONS", "TRACE", "CONNECT", "post",
                         "PROPFIND", "M-SEARCH", "A" * 5_000, "GÉT", "", "(", "PRI"))  # fmt: skip
    version = rng.choice(("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", "http/1.1", "", "RTSP/1.0"))
    if rng.random() < 0.2:
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(500)
        return Attack(
            (rng.choice((hello, rng.randbytes(200), b"\x00" * 99)) + b"\r\n\r\n",), (400,)
        )
    return Attack((request_head(method, CLASSIFY, version=version),), (400, 404, 405))


def targets(rng: random.Random) -> Attack:
    """Paths that try to get out, or are not as they look."""
    target = rng.choice((
        "/api/v1/../../etc/passwd", "/api/v1/%2e%2e/%2e%2e/health", "//api//v1//health", "*",
        "/api/v1/classify%00", "/api/%c0%ae%c0%ae/", "http://evil.example/api/v1/health",
        "/api\\v1\\health", "/api/v1/health/", "/api/v1/health;a=b", "/api/v1/%ZZ", "/%ff%fe",
        "/api/docs/../../app.py", "/api/v1/models/%2F..%2F", "?", "/api/v1/health?" + "a&" * 20_000,
        "api/v1/health", "/api/v1/" + "%41" * 9_000, "/api/v1/openapi.json/..", "#", "/api",
    ))  # fmt: skip
    if rng.random() < 0.4:
        target = "/api/" + letters(rng).replace(" ", "").replace("\t", "")
    return Attack((request_head(rng.choice(("GET", "POST", "HEAD")), target, "Content-Length: 0"),))


def queries(rng: random.Random) -> Attack:
    """Options twice, unknown, encoded wrongly, huge."""
    values = ("1", "0", "-1", "1e3", "NaN", "Infinity", "9" * 5_000, "%00", "%ff", "%ED%A0%80",
              "%F0%9F%92%A9", "true", "", "[]", "{}", "style", "country", "%", "%2", "a" * 9_000,
              "1_0", "+1", "%D9%A1", "null", "5.0")  # fmt: skip
    names = (*_OPTIONS, "top[]", "%74op", "a" * 999, "", "__proto__", "top%00")
    pairs = [f"{rng.choice(names)}={rng.choice(values)}" for _ in range(rng.choice((1, 2, 3, 500)))]
    target = f"{CLASSIFY}?{rng.choice('&;').join(pairs)}"[:60_000]
    return Attack((post(rng.choice(pictures()), "image/png", target),))


def pipelined(rng: random.Random) -> Attack:
    """Many requests at once on one connection, good and bad ones; each has its answer."""
    count = rng.randrange(2, 20)
    some = (request_head("GET", "/api/v1/health"), post(b"x"), request_head("GET", "/api/v1/none"),
            post(b"{", "application/json"))  # fmt: skip
    return Attack((b"".join(rng.choices(some, k=count)),), answers=count)


_Maker = Callable[[random.Random], Attack]
ATTACKS: dict[str, tuple[_Maker, int]] = {  # and how often, of a hundred
    "false lengths": (false_lengths, 5), "long lengths": (long_lengths, 4),
    "short lengths": (short_lengths, 5), "chunks": (chunks, 9), "slow": (slow, 3),
    "disconnects": (disconnects, 8), "headers": (headers, 6), "huge heads": (huge_heads, 2),
    "methods": (methods, 6), "targets": (targets, 7), "queries": (queries, 7),
    "pipelined": (pipelined, 4), "forms": (attack_bodies.forms, 10),
    "JSON": (attack_bodies.json_bodies, 9), "messages": (attack_bodies.messages, 4),
    "bombs": (attack_bodies.bombs, 4), "damaged pictures": (attack_bodies.damaged_pictures, 7),
}  # fmt: skip
