"""The command line leaves out what native libraries say of themselves, and nothing else."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from job_tasks import LastWords
from serving import TIMEOUT

from decor_app.jobs.worker import Worker, WorkerDied
from decor_core.cli.terminal import suppress_startup_logs

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "models" / "samples" / "gzhel-vase.jpg"


@pytest.fixture(autouse=True)
def level(monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)


def _say(text):
    os.write(2, text.encode())


def test_startup_messages_are_left_out_and_the_rest_shown(capfd):
    with suppress_startup_logs():
        _say("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nE0000 out of memory\n")
        print("a warning", file=sys.stderr)
        _say("I0000 00:00:1.2 port.cc:153] oneDNN custom operations are on.\n")
    _say("afterwards\n")
    assert sorted(capfd.readouterr().err.splitlines()) == [
        "E0000 out of memory", "a warning", "afterwards",
    ]  # fmt: skip


def test_what_was_said_before_an_error_is_shown(capfd):
    with pytest.raises(ZeroDivisionError), suppress_startup_logs():
        _say("the reason\n")
        raise ZeroDivisionError
    assert capfd.readouterr().err == "the reason\n"


def test_all_is_shown_on_demand(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with suppress_startup_logs():
        _say("I0000 details\n")
    assert capfd.readouterr().err == "I0000 details\n"


def test_a_process_of_the_server_says_its_last_words_and_no_startup_messages(capfd, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    worker = Worker()
    worker.start(LastWords())
    with pytest.raises(WorkerDied):
        while worker.receive(TIMEOUT):
            pass
    said, until = "", time.monotonic() + TIMEOUT
    while "kernel" not in said and time.monotonic() < until:
        said += capfd.readouterr().err
        time.sleep(0.01)
    worker.kill()
    assert said.splitlines()[0] == "F0000 no such kernel"


def test_labeling_says_nothing_but_its_answer():
    command = [sys.executable, "-m", "decor_core", "label", "--image", str(SAMPLE), "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert ended.stdout.startswith(b"[") and ended.stderr == b""
