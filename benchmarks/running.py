"""A server of the app as a child process at 127.0.0.1, what memory and computing it takes."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """A running server; ``start_seconds`` is from its start until it took visitors."""

    process: subprocess.Popen
    port: int
    start_seconds: float

    @property
    def children(self) -> list[int]:
        """Process ids of what it has started: to look at pictures, to train, to read data sets."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
                if _parent(pid) == self.process.pid]  # fmt: skip

    def memory(self) -> tuple[float, float]:
        """Resident memory of the server, and of its children together, in MB (10⁶ bytes)."""
        return resident(self.process.pid), sum(map(resident, self.children))

    def cpu_seconds(self) -> float:
        """What the server has computed so far, on all cores together."""
        return _computed(self.process.pid)

    def all_cpu_seconds(self) -> float:
        """The same with its children that are there now."""
        return self.cpu_seconds() + sum(map(_computed, self.children))


def server(
    hosted: bool = False, script: str = "app.py", log: Path | None = None, **environment: str
) -> AbstractContextManager[Server]:
    """The app on a free port, as at home or as for strangers, ended with the block."""
    environment |= {"DECOR_HOSTED": "1"} if hosted else {}
    port = _free_port()
    options = ["--server.headless", "true", "--server.address", HOST, "--server.port", str(port)]
    command = ["-m", "streamlit", "run", script, *options]
    return _running(command, port, "/_stcore/health", log, environment)


def api_server(
    prepared: str = "", log: Path | None = None, **environment: str
) -> AbstractContextManager[Server]:
    """The HTTP API on a free port, after the Python code ``prepared``, ended with the block."""
    port = _free_port()
    code = f"{prepared}\nfrom decor_app.api.__main__ import main\nmain({HOST!r}, {str(port)!r})"
    return _running(["-c", code], port, "/api/v1/health", log, environment)


def python_server(command: list[str], health: str, **environment: str) -> AbstractContextManager:
    """Another server: ``python`` with the words of ``command``, of which “PORT” is its port."""
    port = _free_port()
    words = [str(port) if word == "PORT" else word for word in command]
    return _running(words, port, health, None, environment)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


@contextmanager
def _running(
    command: list[str], port: int, health: str, log: Path | None, environment: dict[str, str]
) -> Iterator[Server]:
    """``python`` with ``command`` as soon as it answers; what it says goes to ``log``."""
    started = time.monotonic()
    with log.open("w") if log else nullcontext() as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=output,
        )
    try:
        _wait(f"http://{HOST}:{port}{health}", process)
        yield Server(process, port, time.monotonic() - started)
    finally:
        process.terminate()
        process.wait(timeout=120)


def _wait(url: str, process: subprocess.Popen, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=10).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    raise RuntimeError(f"the server ended at once, with {process.returncode}")


def resident(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of a process in MB, now or (VmHWM) at its peak; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines.get(field, "0 kB").split()[0]) * 1024 / 1e6


def _computed(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0
