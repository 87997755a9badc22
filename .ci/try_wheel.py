"""Installs the wheel in an environment of its own and does with it what people do, far from here.

Label, train, Python, then with the extra [app] the app and the HTTP API. Prints how long each
installation takes, and how large it is; --train has TensorFlow installed, too.
"""

import argparse
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "models" / "samples"
WITHIN = 240  # seconds, for a server to answer on a busy machine

_PYTHON = """
import sys
from decor_core import ImageClassifier
print("Python:", *ImageClassifier.load().predict(sys.argv[1:]))
"""


class Installed:
    """An environment with the wheel, and an empty folder to work in."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self._wheel, self.work = wheel, folder / "work"
        self.work.mkdir()
        self._root = folder / "venv"
        venv.create(self._root, with_pip=True)
        self._programs = self._root / ("Scripts" if os.name == "nt" else "bin")
        home = {"DECOR_HOME": str(folder / "home"), "DECOR_CACHE": str(folder / "cache")}
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._environment = {**kept, **home}

    def install(self, extra: str = "") -> None:
        """Install the wheel with an extra, e.g. "[app]", and tell what that takes."""
        started, before = time.monotonic(), self._size()
        self.run("python", "-m", "pip", "install", "--quiet", f"{self._wheel}{extra}")
        seconds, grown = time.monotonic() - started, (self._size() - before) / 1e6
        print(f"Installed {extra or 'without extras'}: {seconds:.0f} s, {grown:.0f} MB", flush=True)

    def _size(self) -> int:
        return sum(file.lstat().st_size for file in self._root.rglob("*") if file.is_file())

    def run(self, program: str, *arguments: object) -> None:
        subprocess.run(self._command(program, arguments), cwd=self.work, env=self._environment,
                       check=True)  # fmt: skip

    def serve(self, *arguments: object) -> "Server":
        return Server(self._command("decor", arguments), self.work, self._environment)

    def _command(self, program: str, arguments: tuple[object, ...]) -> list[str]:
        found = shutil.which(program, path=str(self._programs))
        return [found or program, *map(str, arguments)]


class Server:
    """A command that answers over HTTP, with ``--port``; ended with the block."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"http://127.0.0.1:{free.getsockname()[1]}"
        command += ["--port", self._address.rpartition(":")[2]]
        self._process = subprocess.Popen(command, cwd=folder, env=environment)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        if os.name == "nt":  # where the command waits for a process of its own
            end = ["taskkill", "/T", "/F", "/PID", str(self._process.pid)]
            subprocess.run(end, check=True)
        else:
            self._process.terminate()
        self._process.wait()

    def get(self, path: str) -> bytes:
        """What is answered, as soon as it listens."""
        ends = time.monotonic() + WITHIN
        while True:
            try:
                with urllib.request.urlopen(self._address + path, timeout=WITHIN) as answer:
                    return answer.read()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > ends:
                    raise
                time.sleep(0.5)

    def post(self, path: str, data: object) -> dict:
        request = urllib.request.Request(
            self._address + path, json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=WITHIN) as answer:
            return json.load(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the wheel is")
    parser.add_argument("--train", action="store_true", help="install TensorFlow, too")
    arguments = parser.parse_args()
    (wheel,) = arguments.folder.resolve().glob("*.whl")
    with tempfile.TemporaryDirectory(prefix="decor-", ignore_cleanup_errors=True) as folder:
        installed = Installed(Path(folder), wheel)
        installed.install()
        try_alone(installed)
        installed.install("[serve]")
        with installed.serve("serve") as server:
            try_api(server, "/api/v1")
        installed.install("[app]")
        with installed.serve("app", "--headless") as server:
            assert server.get("/_stcore/health") == b"ok"
            try_api(server, "/api/v1")
        if arguments.train:
            installed.install("[train]")
            installed.run("decor", "export", "model", "--format", "tflite")


def try_alone(installed: Installed) -> None:
    """Label, train, and classify in Python, without Streamlit and TensorFlow."""
    for picture in SAMPLES.glob("*.jpg"):
        folder = installed.work / "pictures" / picture.stem.partition("-")[0]
        folder.mkdir(parents=True, exist_ok=True)
        for copy in range(5):  # of two products of a style too few could be held out
            shutil.copy(picture, folder / f"{picture.stem}-{copy}.jpg")
    installed.run("decor", "--version")
    installed.run("decor", "label", SAMPLES / "gzhel-vase.jpg")
    installed.run("decor", "train", "pictures", "--out", "model", "--testing_percentage", 0)
    installed.run("decor", "label", "--bundle", "model", SAMPLES / "gzhel-vase.jpg")
    installed.run("python", "-c", _PYTHON, SAMPLES / "gzhel-vase.jpg")
    installed.run("decor", "export", "model", "--out", "exported.zip")


def try_api(server: Server, root: str) -> None:
    server.get(f"{root}/health")
    content = base64.b64encode((SAMPLES / "gzhel-vase.jpg").read_bytes()).decode()
    told = server.post(f"{root}/classify", {"pictures": [{"data": content}]})
    print("API:", json.dumps(told)[:200], flush=True)
    assert "Gzhel" in json.dumps(told)


if __name__ == "__main__":
    sys.exit(main())
