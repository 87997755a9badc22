"""Pictures that visitors bring are looked at in a process of their own.

The process that serves pages has one lock for all of its Python: it draws pages, while this one
decodes, asks the network and splits scores. A file on which a decoder crashes costs its own answer
only, and the memory of network and decoder is not the server's.
"""

import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from decor_app.hosting.metrics import METRICS
from decor_app.jobs.image_analysis import ImageAnalysis, analyze_image
from decor_app.jobs.worker import Worker
from decor_core.errors import BundleError
from decor_core.images.decode import Limits
from decor_core.model.bundle import Bundle
from decor_core.model.classifier import Predictor

_LONGEST = 60.0  # seconds for a picture, or without a word; it takes a tenth of one
# Big arrays come and go with every picture, on several threads: without this glibc keeps them.
# Those of one picture stay below; asking the system for them each time takes 2 ms.
_FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**23),
}


class _Lost(Exception):
    """The process ended, or was ended, before it had answered."""


@dataclass(frozen=True)
class AnalyzeTask:
    """See a picture as the model ``data`` does; without one, only the vector of a blank one."""

    kind: ClassVar[str] = "look"

    data: Bundle
    picture: bytes | None = None
    limits: Limits = Limits()
    deep: bool = True

    def run(self, _report: Callable, _should_stop: Callable) -> ImageAnalysis:
        predictor = Predictor(self.data)
        if self.picture is None:
            return ImageAnalysis(predictor.embed_blank())
        return analyze_image(predictor, self.picture, self.limits, self.deep)


class InferencePool:
    """The child process that looks; any thread may ask, as many at once as there are cores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Worker | None = None
        self._asked: dict[str, Future] = {}
        self._heard = 0.0

    def begin(self, bundle: Bundle) -> None:
        """Get ready for a model, without waiting for it."""
        self._send(AnalyzeTask(bundle))

    def analyze_image(
        self, bundle: Bundle, data: bytes, limits: Limits, deep: bool = True
    ) -> ImageAnalysis:
        """What the model sees in a picture file; BundleError where it cannot look here at all."""
        for _ in range(2):  # another picture may have ended the process
            try:
                return self._ask(AnalyzeTask(bundle, data, limits, deep))
            except _Lost:
                METRICS.count("pictures: process lost")
        return ImageAnalysis(
            error="Decor could not look at it: reading it failed in an unexpected way."
        )

    def check(self, bundle: Bundle) -> np.ndarray:
        """Get ready for a model, and the vector [d] of a blank picture.

        BundleError where the model does not fit what is here.
        """
        try:
            return self._ask(AnalyzeTask(bundle)).vector
        except _Lost:
            raise BundleError("The model could not be tried out just now; try again.") from None

    @property
    def process_id(self) -> int | None:
        """The child's process id, None while there is none."""
        child = self._child
        return child.process.pid if child else None

    def close(self) -> None:
        """End the child; who still waits for it is told that it is lost."""
        with self._lock:
            self._lose(self._child)

    def _send(self, task: AnalyzeTask) -> tuple[Worker, Future]:
        number, answer = uuid.uuid4().hex, Future()
        with self._lock:
            child = self._child = self._child or self._begun()
            self._asked[number] = answer
            child.start(number, task)
        return child, answer

    def _ask(self, task: AnalyzeTask) -> ImageAnalysis:
        child, answer = self._send(task)
        late = False
        while True:
            try:
                return answer.result(_LONGEST)
            except TimeoutError:
                with self._lock:
                    if late or time.monotonic() - self._heard > _LONGEST:
                        self._lose(child)
                        raise _Lost from None
                late = answer.running()  # else it waits for its turn, behind others

    def _begun(self) -> Worker:
        def take(message: tuple) -> None:  # on a thread that reads what the child says
            with self._lock:
                self._take(child, message)

        self._heard = time.monotonic()
        child = Worker(False, os.cpu_count() or 1, take, _FRUGAL)
        return child

    def _take(self, child: Worker, message: tuple) -> None:
        if child is not self._child:  # it was lost before
            return
        self._heard = time.monotonic()
        match message:
            case "running", number:
                self._asked[number].set_running_or_notify_cancel()
            case "done", number, sight:
                self._asked.pop(number).set_result(sight)
            case "failed", number, text:
                self._asked.pop(number).set_exception(BundleError(text))
            case ("died",):
                self._lose(child)

    def _lose(self, child: Worker | None) -> None:
        if child is None or child is not self._child:
            return
        self._child = None
        child.kill()
        for answer in self._asked.values():
            answer.set_exception(_Lost())
        self._asked.clear()
