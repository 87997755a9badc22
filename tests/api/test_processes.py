"""When processes end: a worker in the middle of a picture, the server while it answers."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import ROOT, TIMEOUT, children_of, free_port, is_running, until, wait_for

from decor_app.hosting.login import VARIABLE

URL = "/api/v1/classify"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


@pytest.fixture
def large(ornament, encoded):
    """A picture that takes a while."""
    return encoded(ornament(1, side=2500), "PNG", compress_level=1)


def test_a_worker_killed_in_the_middle_costs_a_retry(client, pool, picture, large):
    expected = client.post(URL, content=large).json()
    for seconds in (0.0, 0.05):
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(client.post, URL, content=large)
            time.sleep(seconds)
            for pid in pool.process_ids:
                os.kill(pid, signal.SIGKILL)
        assert (answer.result().status_code, answer.result().json()) == (200, expected)


def test_workers_that_always_die_are_told_and_the_next_picture_is_answered(client, pool, large):
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(client.post, URL, content=large)
        while not answer.done():
            for pid in pool.process_ids:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
    assert answer.result().status_code == 422
    assert answer.result().headers["Content-Type"] == "application/problem+json"
    assert "unexpected" in answer.result().json()["detail"]
    assert client.post(URL, content=large).status_code == 200


def test_what_is_under_way_is_answered_before_the_end(tmp_path, large):
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "decor_core", "serve", "--port", str(port)],
            cwd=ROOT, stderr=output, env=os.environ | {VARIABLE: "heron"},
        )  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    wait_for(f"{base}/api/v1/ready")

    def ask(_: int) -> str:
        request = urllib.request.Request(f"{base}{URL}", large, {"Content-Type": "image/png"})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return json.load(answer)["pictures"][0]["label"]

    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(ask, number) for number in range(6)]
        until(
            lambda: sum(one.done() for one in asked) + _waiting(base) >= 6,
            "the pictures did not come",
        )
        children = children_of(server.pid)
        server.send_signal(signal.SIGTERM)
        assert len({one.result() for one in asked}) == 1
    assert server.wait(timeout=TIMEOUT) in (0, -signal.SIGTERM)
    until(lambda: not any(map(is_running, children)), "a process outlived its server")
    told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert told[-1]["event"] == "stopped" and not [one for one in told if one["level"] == "error"]


def test_ctrl_c_ends_the_server_without_a_traceback(tmp_path):
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "decor_core", "serve", "--port", str(port)],
            cwd=ROOT, stderr=output,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # not in a background
        )  # fmt: skip
    wait_for(f"http://127.0.0.1:{port}/api/v1/health")
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=TIMEOUT) == 0
    told = log.read_text()
    assert '"event": "stopped"' in told and "Traceback" not in told


def _waiting(base: str) -> int:
    """How many pictures wait or are looked at, as the server's metrics tell."""
    password = {"Authorization": f"Basic {b64encode(b'admin:heron').decode()}"}
    request = urllib.request.Request(f"{base}/metrics", headers=password)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        lines = answer.read().decode().splitlines()
    return int(
        float(next(line for line in lines if line.startswith("decor_api_waiting ")).split()[1])
    )
