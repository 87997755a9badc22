"""The child process that trains: its two ends of the line, and what is said over it.

Parent and child talk pickles over the child's stdin and stdout, with each other only; nothing
that a user uploads is ever unpickled.
"""

import logging
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import DecorError
from .features import Embeddings
from .heads import TrainConfig
from .workflow import train

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainRequest:
    """What to train: a head for ``level`` of the embeddings' taxonomy."""

    embeddings: Embeddings
    config: TrainConfig
    level: str
    title: str = "My model"


class Worker:
    """The child process, seen from its parent, and the threads that talk with it."""

    def __init__(self) -> None:
        root = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from decor_core.worker import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Many small matrices: threads of NumPy would only wait for each other.
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._messages: queue.Queue[tuple] = queue.Queue()
        self._outbox: queue.Queue[tuple | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()

    def send(self, message: tuple) -> None:
        """Returns at once, also where the child does not listen."""
        self._outbox.put(message)

    def receive(self, timeout: float) -> tuple | None:
        """The next message; None if there is none within ``timeout`` seconds."""
        try:
            return self._messages.get(timeout=timeout)
        except queue.Empty:
            return None

    def kill(self) -> None:
        """End the process at once and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        self._outbox.put(None)
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:
                continue  # flushing into a broken pipe; nothing is lost

    def _write(self) -> None:
        try:
            while (message := self._outbox.get()) is not None:
                pickle.dump(message, self.process.stdin)
                self.process.stdin.flush()
        except (OSError, ValueError):
            _log.warning("the trainer process is gone")  # its reader reports “died”

    def _read(self) -> None:
        try:
            while True:
                self._messages.put(pickle.load(self.process.stdout))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self._messages.put(("died",))


# --- the child's side


def serve() -> None:
    """Run as the child: train what stdin asks for until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get among the answers
    requests: queue.Queue[tuple] = queue.Queue()
    stopped: set[str] = set()
    threading.Thread(
        target=_listen, args=(sys.stdin.buffer, requests, stopped), daemon=True
    ).start()
    import tensorflow  # noqa: F401 — warm before the first job asks for it

    while True:
        _, job_id, request = requests.get()
        _answer(answers, ("running",))
        _answer(answers, _train(request, answers, lambda job=job_id: job in stopped))


def _listen(stream: BinaryIO, requests: queue.Queue, stopped: set[str]) -> None:
    try:
        while True:
            message = pickle.load(stream)
            if message[0] == "stop":
                stopped.add(message[1])
            else:
                requests.put(message)
    except (EOFError, OSError, pickle.UnpicklingError):
        os._exit(0)  # the parent is gone: leave no orphan behind


def _train(request: TrainRequest, answers: BinaryIO, should_stop: Callable[[], bool]) -> tuple:
    try:
        training = train(
            request.embeddings,
            request.config,
            request.level,
            title=request.title,
            on_event=lambda event: _answer(answers, ("event", event)),
            should_stop=should_stop,
        )
    except DecorError as error:
        return "failed", str(error)
    except Exception:
        logging.exception("training failed")
        return "failed", "The training failed for an unexpected reason; see the server's log."
    return "done", training


def _answer(answers: BinaryIO, message: tuple) -> None:
    pickle.dump(message, answers)
    answers.flush()
