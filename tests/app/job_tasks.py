"""Tasks for tests of background processes, which import this module alone."""

import errno
import os
import signal
import tempfile
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from decor_app.jobs.tasks import STOP_GRACE, Progress, Task


@dataclass(frozen=True)
class Staged(Task):
    """Work that lasts for ever at a stage of it, or dies while it hands over its result."""

    kind: ClassVar[str] = "staged"

    stage: str = ""
    data: Any = None

    def run(self, report, should_stop):
        if self.stage == "answering":
            return [bytes(500_000), _Deadly()]
        if self.stage == "reporting":
            report(Progress(1, 2, 0.5))
        if self.stage == "refused":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/secret/place")
        time.sleep(600)


class _Deadly:
    """Ends the process that pickles it."""

    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)
        return (int, ())


@dataclass(frozen=True)
class Noisy(Task):
    """Prints, as libraries do, and leaves a temporary file, whose path it gives."""

    kind: ClassVar[str] = "noisy"

    data: Any = None

    def run(self, report, should_stop):
        print("what a library has to say")
        os.write(1, b"\x80\x05" * 1000)
        report(Progress(1, 1, 1.0))
        return tempfile.mkstemp()[1]


@dataclass(frozen=True)
class LastWords(Task):
    """Writes to stderr what LiteRT says at its start and what a native library says, and dies."""

    kind: ClassVar[str] = "last words"

    data: Any = None

    def run(self, report, should_stop):
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nF0000 no such ")
        os.write(2, b"kernel")
        os.abort()


@dataclass(frozen=True)
class Finishing(Task):
    """Takes longer to end by itself than others may, once it was asked to."""

    kind: ClassVar[str] = "finishing"

    data: Any = None

    def run(self, report, should_stop):
        report(Progress(1, 2, 0.5))
        while not should_stop():
            time.sleep(0.05)
        time.sleep(STOP_GRACE + 0.4)
        return "finished"

    def stop_grace(self, events):
        return 60.0 if events else STOP_GRACE


def _refuse(*_: Any) -> Any:
    raise RuntimeError("planted")


class _Unpicklable:
    def __reduce__(self) -> Any:
        raise RuntimeError("planted")


class _Unreadable:
    def __reduce__(self) -> Any:
        return _refuse, ()


@dataclass(frozen=True)
class Faulty(Task):
    """Has a bug at a place: on the way to the process, in it, on the way back, in the server."""

    kind: ClassVar[str] = "faulty"

    data: Any = None
    place: str = ""

    @classmethod
    def at(cls, place: str) -> "Faulty":
        culprits = {"sending": _Unpicklable(), "reading": _Unreadable()}
        return cls(culprits.get(place), place)

    def run(self, report, should_stop):
        if self.place == "running":
            _refuse()
        while self.place == "stopping":
            time.sleep(0.05)
        return {"answering": _Unpicklable(), "taking": _Unreadable()}.get(self.place, "it")

    def stop_grace(self, events):
        return _refuse() if self.place == "stopping" else STOP_GRACE
