"""A child process that works for the server: its two ends of the line, and what is said over it.

Parent and child talk pickles over the child's stdin and stdout, with each other only; nothing
that a user uploads is ever unpickled. A data set is sent once and known by its number from then
on: jobs are small.
"""

import logging
import os
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from decor_app.hosting.config import server_config
from decor_app.hosting.logging import use_json_logging
from decor_core.errors import DecorError, Stopped

if TYPE_CHECKING:  # a child imports no more than what it is asked to do
    from decor_app.jobs.train_tasks import Task
    from decor_core.features.embeddings import Embeddings

_KEPT_DATA = 4
_SERVE = "from decor_app.jobs.worker import serve; serve({}, {})"
_SCRATCH = "decor-trainer-"
_log = logging.getLogger(__name__)


class Worker:
    """The child process, seen from its parent, and the threads that talk with it.

    It does one job after the other, or ``threads`` at once. Its messages go to ``take``, on a
    thread of their own, or are there to be received. ``environment`` is added to ours.
    """

    def __init__(
        self,
        tensorflow: bool = True,
        threads: int = 1,
        take: Callable[[tuple], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._scratch = tempfile.mkdtemp(prefix=_SCRATCH)  # goes with the process
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE.format(tensorflow, threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Many small matrices: threads of NumPy would only wait for each other.
            env={
                **os.environ,
                "PYTHONPATH": path,
                "OPENBLAS_NUM_THREADS": "1",
                "TMPDIR": self._scratch,
                # Without it TensorFlow tells at each start what the processor can do.
                "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
                **(environment or {}),
            },
        )
        self._messages: queue.Queue[tuple] = queue.Queue()
        self._take = take or self._messages.put
        self._outbox: queue.Queue[tuple | None] = queue.Queue()
        self._sent: OrderedDict[int, Any] = OrderedDict()  # data by id; held, so that ids last
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()

    def start(self, job_id: str, task: "Task") -> None:
        """Hand over a job; returns at once, as everything here that talks to the child."""
        number = self._share(task.data)
        self._outbox.put(("job", job_id, replace(task, data=number)))

    def stop(self, job_id: str) -> None:
        """Ask a job to end early."""
        self._outbox.put(("stop", job_id))

    def warm(self, data: "Embeddings") -> None:
        """Get ready for jobs on ``data``."""
        if id(data) not in self._sent:
            self._outbox.put(("warm", self._share(data)))

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
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._outbox.put(None)
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:
                continue  # flushing into a broken pipe; nothing is lost

    def _share(self, data: Any) -> int:
        number = id(data)
        if number not in self._sent:
            _keep(self._sent, number, data)
            self._outbox.put(("data", number, data))
        return number

    def _write(self) -> None:
        try:
            while (message := self._outbox.get()) is not None:
                pickle.dump(message, self.process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
                self.process.stdin.flush()
        except (OSError, ValueError):
            _log.warning("the child process is gone")  # its reader reports “died”

    def _read(self) -> None:
        try:
            while True:
                self._take(pickle.load(self.process.stdout))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self._take(("died",))
            self.process.wait()  # collected at once: an idle server keeps no zombie


def _keep(store: OrderedDict[int, Any], number: int, data: Any) -> None:
    """Both ends forget the oldest data by this one rule, so that they agree on what is known."""
    store[number] = data
    if len(store) > _KEPT_DATA:
        store.popitem(last=False)


# --- the child's side


def serve(tensorflow: bool, threads: int) -> None:
    """Run as the child: do what stdin asks for until it closes; with TensorFlow ready if wanted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    if server_config().hosted:
        use_json_logging()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get among the answers
    requests: queue.Queue[tuple] = queue.Queue()
    stopped: set[str] = set()
    if tensorflow:
        # What requests unpickle to: imported beside TensorFlow, NumPy's parts get in its way.
        from decor_core.features import embeddings as features  # noqa: F401
    threading.Thread(
        target=_listen, args=(sys.stdin.buffer, requests, stopped), daemon=True
    ).start()
    if tensorflow:
        import tensorflow  # noqa: F401 — warm before the first job asks for it

    data: OrderedDict[int, Any] = OrderedDict()
    hands = ThreadPoolExecutor(threads) if threads > 1 else None
    telling = threading.Lock()

    def work(message: tuple) -> None:
        match message:
            case "data", number, value:
                _keep(data, number, value)
            case "warm", number:
                _warm(data[number])
            case "job", job_id, task:
                job = job_id, replace(task, data=data[task.data]), tell, stopped
                hands.submit(_run, *job) if hands else _run(*job)

    def tell(*answer: Any) -> None:
        with telling:
            pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()
        # Between two models of a long job the parent may ask for a short one.
        while answer[0] == "event" and not requests.empty():
            work(requests.get())

    while True:
        work(requests.get())


def _listen(stream: BinaryIO, requests: queue.Queue, stopped: set[str]) -> None:
    try:
        while True:
            message = pickle.load(stream)
            if message[0] == "stop":
                stopped.add(message[1])
            else:
                requests.put(message)
    except (EOFError, OSError, pickle.UnpicklingError):
        pass  # the parent is gone: leave no orphan behind
    except Exception:
        logging.exception("the child process cannot read what is asked")  # the parent begins anew
    finally:
        if _SCRATCH in tempfile.gettempdir():
            shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)
        os._exit(0)


def _warm(data: "Embeddings") -> None:
    from decor_app.jobs.train_tasks import warm_up

    try:
        warm_up(data)
    except Exception:
        logging.exception("warming up failed")  # the job itself will say what is wrong


def _run(job_id: str, task: "Task", tell: Callable[..., None], stopped: set[str]) -> None:
    tell("running", job_id)
    try:
        result = task.run(lambda event: tell("event", job_id, event), lambda: job_id in stopped)
    except Stopped:
        tell("done", job_id, None)
    except DecorError as error:
        tell("failed", job_id, str(error))
    except OSError as error:
        logging.exception("%s failed", task.kind)
        reason = error.strerror or "an input or output error"
        text = f"The computer that runs Decor could not write or read a file: {reason}."
        tell("failed", job_id, text)
    except Exception:
        logging.exception("%s failed", task.kind)
        tell("failed", job_id, "This failed for an unexpected reason; see the server's log.")
    else:
        tell("done", job_id, result)
