"""Bodies that a hostile client sends to the HTTP API: forms, JSON, files."""

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Sequence
from functools import cache

from PIL import Image

from benchmarks.attack import CLASSIFY, EMBED, MCP, Attack, letters, pictures, post
from benchmarks.changes import changed, changed_json

_KINDS = ("image/png", "image/jpeg", "application/octet-stream", "IMAGE/X", "")


def forms(rng: random.Random) -> Attack:
    """Multipart bodies whose boundaries, headers, names or number are wrong."""
    picture = rng.choice(pictures())
    name, file = letters(rng).replace('"', ""), letters(rng).replace('"', "")
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{file}"'
    part = disposition.encode() + b"\r\n\r\n" + picture + b"\r\n"
    kind = "multipart/form-data; boundary=x"
    body = b"--x\r\n" + part + b"--x--\r\n"
    match rng.randrange(9):
        case 0:
            many = b"--x\r\n" + rng.choice((part[:-30], b"A: b\r\n\r\n")) + b"\r\n"
            return Attack((post(many * 10_000 + b"--x--\r\n", kind),))
        case 1:
            charsets = (
                "idna",
                "punycode",
                "utf-7",
                "unicode_escape",
                "raw_unicode_escape",
                "utf-16",
                "utf-32-be",
                "hex",
                "zip",
                "undefined",
                "rot13",
                "mbcs",
                "'",
            )
            kind += f"; charset={rng.choice(charsets)}"
            told = rng.choice((b"\\ud800", b"\\udfff.png", b"+2AA-", b"xn--\xff", b"a..b", b"\xff"))
            body = body.replace(b'filename="', b'filename="' + told)
        case 2:
            kind = rng.choice(("multipart/form-data", "multipart/form-data; boundary=",
                               'multipart/form-data; boundary="', "multipart/form-data;;;=x",
                               "multipart/form-data; boundary=y", "multipart/mixed; boundary=x",
                               "multipart/form-data; boundary=\xe9", kind + "; boundary=z",
                               "multipart/form-data; boundary=" + "x" * 5_000))  # fmt: skip
        case 3:
            body = body[: rng.randrange(len(body))]
        case 4:
            header = rng.choice((b"A: " + b"a" * 90_000, b"A: b\r\n" * 5_000, b"\x00: \xff", b":"))
            body = b"--x\r\n" + header + b"\r\n" + body[5:]
        case 5:
            body = body.replace(b"filename=", rng.choice((b"filename*=", b"filename*=utf-8''%ff",
                                                          b"filename*=idna''", b"x=")))  # fmt: skip
        case 6:
            body = b"--x\r\n" + b"Content-Disposition: form-data; name=a\r\n\r\n" + b"a" * 1_500_000
        case _:
            body = changed(body, rng)
    return Attack((post(body, kind),))


def json_bodies(rng: random.Random) -> Attack:
    """JSON that is deep, huge, wrong, or not quite JSON."""
    good = {"pictures": [{"file": "a", "data": base64.b64encode(rng.choice(pictures())).decode()}]}
    text = json.dumps(good).encode()
    match rng.randrange(5):
        case 0:
            body = rng.choice((
                b"[" * 100_000, b'{"a":' * 50_000, b"9" * 100_000, b"1e999999", b"NaN",
                b'"\xff\xfe"', b'"\\ud800"', text.decode().encode("utf-16"), b"\xef\xbb\xbf" + text,
                b"-Infinity", b"", b"null", b'{"pictures": 1e400}', text + text,
                text.replace(b":", b"="), b'{"pictures": {"0": {}}}',
                b'{"pictures": [' + b"{}," * 100_000 + b"{}]}",
                b'{"pictures": [' + b"1," * 900_000 + b"1]}",
                b"{" + b",".join(b'"%d": 1' % key for key in range(50_000)) + b"}",
                b'{"pictures": [' + b'{"data":""},' * 50_000 + b'{"data":""}]}',
                b'{"pictures": [], "pictures": []}', b'{"' + b"k" * 100_000 + b'": 1}',
            ))  # fmt: skip
        case 1:
            wrong = rng.choice(("%%%", "A", "A===", "AAAA\n", "-_-_", "é", " ", "\x00", "data:,x",
                                None, True, 1e9, [], {}, "A" * 100_001))  # fmt: skip
            one = {"data": wrong, "file": rng.choice(("a", 1, None))}
            body = json.dumps({"pictures": [one]}).encode()
        case 2:
            body = changed_json(text, rng)
        case _:
            body = changed(text, rng)
    return Attack((post(body, "application/json"),))


def messages(rng: random.Random) -> Attack:
    """Messages of an agent that are not as they should be."""
    packed = base64.b64encode(rng.choice((*pictures(), *bomb_files()))).decode()
    arguments = {"picture": packed, "taxonomy": "country", "top": 3}
    call = {"name": "classify_picture", "arguments": arguments}
    methods = "initialize", "ping", "tools/list", "tools/call", "tools/call", "none"
    message = {"jsonrpc": "2.0", "id": 1, "method": rng.choice(methods), "params": call}
    body = changed_json(json.dumps(message).encode(), rng)
    return Attack((post(body, "application/json", MCP),), (200, 202, 400, 413))


def bombs(rng: random.Random) -> Attack:
    """Files that are small and unpack to much, or are two things at once."""
    return _sent(rng, rng.choice(bomb_files()))


def damaged_pictures(rng: random.Random) -> Attack:
    """Pictures with a few bytes changed."""
    return _sent(rng, changed(rng.choice(pictures()), rng))


def _sent(rng: random.Random, data: bytes) -> Attack:
    """A file as it is, in a form, or in JSON."""
    allowed, target = (200, 413, 422, 503), rng.choice((CLASSIFY, CLASSIFY, EMBED))
    match rng.randrange(3):
        case 0:
            return Attack((post(data, rng.choice(_KINDS), target),), allowed)
        case 1:
            head = b'--q9z\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
            body = head + data + b"\r\n--q9z--\r\n"
            return Attack((post(body, "multipart/form-data; boundary=q9z", target),), allowed)
        case _:
            body = json.dumps({"pictures": [{"data": base64.b64encode(data).decode()}]})
            return Attack((post(body.encode(), "application/json", target),), allowed)


@cache
def bomb_files() -> Sequence[bytes]:
    """Those of ``bombs``; it takes a second to make them."""
    png, jpeg, gif, *_ = pictures()
    frames = [Image.new("P", (8, 8), number % 250) for number in range(300)]
    animation = io.BytesIO()
    frames[0].save(animation, "GIF", save_all=True, append_images=frames[1:])
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    laughs = b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><svg>&b;</svg>'
    return (
        _png(60_000, 60_000), _png(8_000, 7_900), _png(2**31 - 1, 1), _png(1, 2**31 - 1),
        _png(0, 0), _png(100, 100, claimed=10**6), _texts(png), jpeg[: len(jpeg) // 2], jpeg[:20],
        jpeg + png, gif + b"<script>alert(1)</script>", b"%PDF-1.4\n" + jpeg, b"PK\x03\x04" + png,
        png + b"PK\x05\x06" + b"\x00" * 18, animation.getvalue(), svg, laughs, b"", b"\x00",
        b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x00;",
        b"RIFF\xff\xff\xff\xffWEBPVP8X", b"P6\n99999 99999\n255\n", b"P6\n8 8\n255\n",
        b"BM" + b"\xff" * 60, b"II*\x00\x08\x00\x00\x00\xff\xff" + b"\xff" * 40,
        b"\x00\x00\x00\x1cftypavif" + b"\x00" * 30, b"\x00\x00\x00\x1cftypheic" + b"\xff" * 90,
    )  # fmt: skip


def _png(width: int, height: int, claimed: int = 0) -> bytes:
    """A gray PNG; of a large one only some rows are there."""
    rows = zlib.compress(b"\x00" * min((width // 8 + 1) * height, 8_000_000), 9)
    header = struct.pack(">IIBBBBB", claimed or width, height, 1, 0, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _texts(png: bytes) -> bytes:
    """A PNG with texts and a color profile that unpack to a thousand times their size."""
    packed = zlib.compress(b"a" * 20_000_000, 9)
    parts = _chunk(b"zTXt", b"k\x00\x00" + packed) * 5 + _chunk(b"iCCP", b"p\x00\x00" + packed)
    return png[:33] + parts + png[33:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checked)
