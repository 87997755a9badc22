"""A child process that runs tasks, one after the other, and what is said between it and its parent.

Both ends hold a ``multiprocessing`` connection, over which only they talk: nothing that a user
uploads is ever unpickled. ``subprocess`` starts the child: that of ``multiprocessing`` would run
the server's script again, that of loky takes 0.9 s instead of 0.2 and 30 MB more (measured).
"""

import logging
import math
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing import connection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from decor_app.hosting.config import server_config
from decor_app.hosting.logging import use_json_logging
from decor_core.errors import DecorError, Stopped
from decor_core.native_logging import is_startup_message, is_verbose

if TYPE_CHECKING:  # a child imports no more than what its tasks need
    from decor_app.jobs.tasks import Task

_SERVE = "import sys; from decor_app.jobs.worker import serve; serve(*sys.argv[1:])"
_STOP = "stop"
_ENVIRONMENT = {
    # Many small matrices: threads of NumPy would only wait for each other.
    "OPENBLAS_NUM_THREADS": "1",
    # Big arrays come and go with every picture, on several threads with every training: without
    # this glibc keeps them. Smaller ones stay: asking the system each time takes 2 ms a picture.
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**23),
}
_KEPT_DATA = 2
_END_SECONDS = 5.0
_OWN_FAULT_EXIT = 70  # EX_SOFTWARE of sysexits.h; a process that the system ends has another
OWN_FAULT = (
    "This failed through a fault of Decor's own, not of what you gave it; "
    "the server's log has the details."
)
_log = logging.getLogger(__name__)


class WorkerDied(Exception):
    """The child process has ended, or was ended, before it had an answer."""


class WorkerFault(WorkerDied):
    """As before, because of a bug of Decor's, which is in the log."""


class Message(NamedTuple):
    """A message of a child about its task.

    ``kind`` is "running" once, "event" as often as the task reports one, then "done" with the
    result (None where it was stopped before there was one) or "failed" with a sentence.
    """

    kind: str
    value: Any = None


class Worker:
    """A child process as its parent sees it.

    It ends after ``idle_seconds`` without a task (0: never). One thread may use it, but for
    ``kill``. OSError where the system refuses a process.
    """

    def __init__(self, idle_seconds: float = 0) -> None:
        self._temporary = tempfile.TemporaryDirectory(
            prefix="decor-worker-", ignore_cleanup_errors=True
        )
        self._connection, theirs = connection.Pipe()
        arguments = str(theirs.fileno()), self._temporary.name, str(idle_seconds)
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, *arguments],
            stdin=subprocess.DEVNULL,
            stderr=None if is_verbose() else subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": path,
                "TMPDIR": self._temporary.name,
                # Without it TensorFlow tells at each start what the processor can do.
                "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
                **_ENVIRONMENT,
            },
            **_handing_over(theirs),
        )
        theirs.close()
        if self.process.stderr:
            threading.Thread(target=_pass_on, args=(self.process.stderr,), daemon=True).start()
        self._idle_seconds, self._ends = idle_seconds, math.inf
        self._number = 0
        self._cannot_send = False  # because of a bug
        self._sent: OrderedDict[int, Any] = OrderedDict()  # data by id; held, so that ids last
        # Sent on a thread of its own: a child that hangs does not read.
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._send, daemon=True).start()
        # An ended child is collected at once: an idle server keeps no zombie.
        threading.Thread(target=self.process.wait, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None and self._ends != -math.inf

    @property
    def is_ready(self) -> bool:
        """Whether it may be given a task: it lives, and is not about to end for want of one."""
        return self.is_alive and time.monotonic() < self._ends

    def start(self, task: "Task") -> None:
        """Hand over a task, without waiting; the one before has ended, or nobody waits for it.

        Its ``data`` is sent once, however many tasks have it.
        """
        self._number, self._ends = self._number + 1, math.inf
        key, known = id(task.data), id(task.data) in self._sent
        _keep(self._sent, key, task.data)
        news = () if known else (task.data,)
        self._outbox.put((self._number, key, news, replace(task, data=None)))

    def stop(self) -> None:
        """Ask the task to end early."""
        self._outbox.put(_STOP)

    def receive(self, seconds: float) -> Message | None:
        """The next message about the task started last; None where none comes in that time.

        WorkerDied where the child has ended, WorkerFault where a bug has ended it.
        """
        try:
            if self._connection.poll(seconds):
                number, message = self._connection.recv()
                if number == self._number:
                    if message.kind in ("done", "failed") and self._idle_seconds:
                        self._ends = time.monotonic() + 0.9 * self._idle_seconds
                    return message
        except (EOFError, OSError):
            self._ends = -math.inf
            with suppress(subprocess.TimeoutExpired):  # it may still be about to end
                self.process.wait(_END_SECONDS)
            if self._cannot_send or self.process.returncode == _OWN_FAULT_EXIT:
                raise WorkerFault from None
            raise WorkerDied from None
        return None

    def kill(self) -> None:
        """End the process at once, and remove its temporary files."""
        self.process.kill()
        self.process.wait()
        self._outbox.put(None)
        self._temporary.cleanup()

    def _send(self) -> None:
        try:
            while (message := self._outbox.get()) is not None:
                self._connection.send(message)
        except OSError:
            pass  # the child is gone, as who waits for its answer is told
        except Exception:
            _log.exception("a task cannot be sent")
            self._cannot_send = True
            self.process.kill()


def _pass_on(errors: IO[bytes]) -> None:
    """Write to our stderr what a child writes to its own, but no startup messages.

    Here, not in the child: there a filter would lose what is written just before a crash.
    """
    with errors, suppress(OSError):  # ours is closed
        for line in errors:
            if not is_startup_message(line):
                os.write(2, line)


def _handing_over(end: connection.Connection) -> dict[str, Any]:
    """Arguments for Popen, so that the child has this end of a connection, by the same number."""
    if sys.platform == "win32":
        os.set_handle_inheritable(end.fileno(), True)
        attributes = {"handle_list": [end.fileno()]}
        return {"startupinfo": subprocess.STARTUPINFO(lpAttributeList=attributes)}
    return {"pass_fds": [end.fileno()]}


def _keep(kept: OrderedDict[int, Any], key: int, data: Any) -> None:
    """Both ends forget the data used longest ago by this one rule: they agree on what is known."""
    kept[key] = data
    kept.move_to_end(key)
    if len(kept) > _KEPT_DATA:
        kept.popitem(last=False)


# --- the child's side


def serve(handle: str, temp_folder: str, idle_seconds: str) -> None:
    """Run as the child: do what comes, until it was idle for so long or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    if server_config().hosted:
        use_json_logging()
    kind = connection.PipeConnection if sys.platform == "win32" else connection.Connection
    parent = kind(int(handle))
    tasks: queue.SimpleQueue[tuple] = queue.SimpleQueue()
    stop, sending = threading.Event(), threading.Lock()
    threading.Thread(target=_listen, args=(parent, tasks, stop, temp_folder), daemon=True).start()
    kept: OrderedDict[int, Any] = OrderedDict()
    patience = None  # the first task is on its way
    with suppress(queue.Empty, OSError):  # idle; or the parent is gone
        while True:
            number, key, news, task = tasks.get(timeout=patience)
            _keep(kept, key, news[0] if news else kept[key])

            def send(kind: str, value: Any = None, number: int = number) -> None:
                with sending:  # a task may report from several threads
                    parent.send((number, Message(kind, value)))

            send("running")
            task = replace(task, data=kept[key])
            message = _run(task, lambda event: send("event", event), stop.is_set)
            try:
                send(*message)
            except OSError:
                raise
            except Exception:
                logging.exception("the result of %s cannot be sent", task.kind)
                send("failed", OWN_FAULT)
            patience = float(idle_seconds) or None
    _leave(temp_folder)


def _listen(
    parent: connection.Connection, tasks: queue.SimpleQueue, stop: threading.Event, temp_folder: str
) -> None:
    try:
        while True:
            message = parent.recv()
            if message == _STOP:
                stop.set()
            else:
                stop.clear()
                tasks.put(message)
    except (EOFError, OSError):
        pass  # the parent is gone, so this process ends, too
    except Exception:
        logging.exception("a task cannot be read")  # the parent begins anew
        _leave(temp_folder, _OWN_FAULT_EXIT)
    _leave(temp_folder)


def _leave(temp_folder: str, code: int = 0) -> None:
    """End the process at once, whatever its other threads do."""
    shutil.rmtree(temp_folder, ignore_errors=True)
    os._exit(code)


def _run(task: "Task", report: Callable[[Any], None], should_stop: Callable[[], bool]) -> Message:
    try:
        return Message("done", task.run(report, should_stop))
    except Stopped:
        return Message("done")
    except DecorError as error:
        return Message("failed", str(error))
    except OSError as error:
        logging.exception("%s failed", task.kind)
        reason = error.strerror or "an input or output error"
        return Message(
            "failed", f"The computer that runs Decor could not write or read a file: {reason}."
        )
    except Exception:
        logging.exception("%s failed", task.kind)
        return Message("failed", OWN_FAULT)
