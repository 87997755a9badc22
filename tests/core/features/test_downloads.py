"""Downloads go on where they broke off, and what comes is what was published."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from decor_core.errors import DamagedFile
from decor_core.features.downloads import fetch

CONTENT = bytes(range(256)) * 40_000
SHA256, MD5 = hashlib.sha256(CONTENT).hexdigest(), hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server():
    """Serves CONTENT; breaks off after each number of bytes in ``breaks``. Knows ``asked``."""

    class Handler(BaseHTTPRequestHandler):
        breaks, asked, knows_ranges = [], [], True

        def do_GET(self):
            start = self.headers.get("Range", "")
            self.asked.append(start)
            at = int(start[6:-1]) if start and self.knows_ranges else 0
            if at >= len(CONTENT):
                self.send_error(416)
                return
            self.send_response(206 if at else 200)
            self.send_header("Content-Length", str(len(CONTENT) - at))
            self.end_headers()
            count = self.breaks.pop(0) if self.breaks else len(CONTENT)
            self.wfile.write(CONTENT[at : at + count])

        def log_message(self, *_):
            pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    Handler.url = f"http://127.0.0.1:{found.server_port}/weights.h5"
    yield Handler
    found.shutdown()
    found.server_close()


@pytest.mark.parametrize("checksum", [SHA256, MD5, MD5.upper(), ""])
def test_at_once(server, tmp_path, checksum):
    seen = []
    fetch(server.url, tmp_path / "new" / "a.h5", checksum, lambda *told: seen.append(told))
    assert (tmp_path / "new" / "a.h5").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT)) and [p.name for p in tmp_path.iterdir()]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.h5"]


def test_on_from_where_it_broke_off(server, tmp_path):
    server.breaks += [3_000_000, 2_000_000]
    fetch(server.url, tmp_path / "a.h5", SHA256)
    assert (tmp_path / "a.h5").read_bytes() == CONTENT
    assert server.asked == ["", "bytes=3000000-", "bytes=5000000-"]


def test_on_in_another_process(server, tmp_path):
    server.breaks += [1000, 1000, 1000]
    with pytest.raises(OSError, match="broke off after"):
        fetch(server.url, tmp_path / "a.h5", SHA256)
    assert not (tmp_path / "a.h5").exists()
    fetch(server.url, tmp_path / "a.h5", SHA256)
    assert server.asked[-1] == "bytes=3000-"
    assert (tmp_path / "a.h5").read_bytes() == CONTENT


def test_all_of_it_was_here_but_for_its_name(server, tmp_path):
    (tmp_path / "a.h5.part").write_bytes(CONTENT)
    fetch(server.url, tmp_path / "a.h5", SHA256)
    assert (tmp_path / "a.h5").read_bytes() == CONTENT


def test_a_server_without_ranges(server, tmp_path):
    server.knows_ranges = False
    server.breaks += [3_000_000]
    fetch(server.url, tmp_path / "a.h5", SHA256)
    assert (tmp_path / "a.h5").read_bytes() == CONTENT


def test_something_else_than_was_published(server, tmp_path):
    with pytest.raises(DamagedFile, match=f"its checksum is {MD5}, not {'0' * 32}"):
        fetch(server.url, tmp_path / "a.h5", "0" * 32)
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.h5").write_bytes(b"put there by hand")
    with pytest.raises(DamagedFile):
        fetch(server.url, tmp_path / "a.h5", SHA256)
    assert (tmp_path / "a.h5").exists() and len(server.asked) == 1


def test_nobody_answers(tmp_path):
    with pytest.raises(OSError):
        fetch("http://127.0.0.1:9/weights.h5", tmp_path / "a.h5", SHA256)
    assert not list(tmp_path.iterdir())
