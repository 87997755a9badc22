"""Pictures that visitors bring are looked at in processes of their own.

The process that serves pages has one lock for all of its Python: it draws pages, while these
decode, run the network and explain scores. A file on which a decoder crashes costs its own answer
only, and the memory of network and decoder is not the server's. ``ProcessPoolExecutor`` would be
broken by such a crash as a whole, and starts its processes as worker.py says.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from decor_app.hosting.metrics import METRICS
from decor_app.jobs.image_analysis import AnalyzeTask, ImageAnalysis
from decor_app.jobs.worker import Worker, WorkerDied
from decor_core.errors import BundleError
from decor_core.images.limits import Limits
from decor_core.model.bundle import Bundle

_MAX_SECONDS_PER_PICTURE = 60.0  # it takes a tenth of one
_MAX_PROCESSES = 4
POOL_SIZE = min(os.cpu_count() or 1, _MAX_PROCESSES)
_IDLE_SECONDS = 120.0  # after which all but one end


class InferencePool:
    """Processes that analyze one picture each at a time; any thread may ask, and waits its turn."""

    def __init__(self, size: int = POOL_SIZE) -> None:
        # Each thread has a process; a second is started only when two pictures come at once.
        self._threads = ThreadPoolExecutor(size, "decor-inference")
        self._own = threading.local()
        self._workers: list[Worker] = []

    def begin(self, bundle: Bundle) -> None:
        """Get ready for a model, without waiting for it."""
        self._threads.submit(self._run, AnalyzeTask(bundle))

    def analyze_image(
        self,
        bundle: Bundle,
        data: bytes,
        limits: Limits,
        deep: bool = True,
        previews: bool = True,
    ) -> ImageAnalysis:
        """Analyzes a picture file; BundleError where the model does not fit here."""
        for _ in range(2):  # a process may have been ended for want of memory
            try:
                task = AnalyzeTask(bundle, data, limits, deep, previews)
                return self._threads.submit(self._run, task).result()
            except WorkerDied:
                METRICS.count("pictures: process lost")
        return ImageAnalysis(
            error="Decor could not look at it: reading it failed in an unexpected way."
        )

    def check(self, bundle: Bundle) -> np.ndarray:
        """Get ready for a model, and the vector [d] of a blank picture.

        BundleError where the model does not fit what is here.
        """
        try:
            vector = self._threads.submit(self._run, AnalyzeTask(bundle)).result().vector
        except WorkerDied:
            raise BundleError("The model could not be tried out just now; try again.") from None
        assert vector is not None  # that of a blank picture
        return vector

    @property
    def process_ids(self) -> list[int]:
        """Those of the processes that there are."""
        return [worker.process.pid for worker in self._workers if worker.is_alive]

    def close(self) -> None:
        """End the processes; whose picture is not done is told that it is lost."""
        for worker in self._workers:
            worker.kill()

    def _run(self, task: AnalyzeTask) -> ImageAnalysis:
        worker = self._living_worker()
        worker.start(task)
        deadline = time.monotonic() + _MAX_SECONDS_PER_PICTURE
        while (left := deadline - time.monotonic()) > 0:
            match worker.receive(left):
                case "done", analysis:
                    return analysis
                case "failed", text:
                    raise BundleError(text)
        worker.kill()
        raise WorkerDied

    def _living_worker(self) -> Worker:
        """The process of this thread, a new one if there is none or it has ended."""
        worker = getattr(self._own, "worker", None)
        if worker is None or not worker.is_ready:
            others = [one for one in self._workers if one.is_alive]
            try:
                worker = Worker(_IDLE_SECONDS if others else 0)
            except OSError:
                raise WorkerDied from None
            self._own.worker, self._workers = worker, [*others, worker]
        return worker
