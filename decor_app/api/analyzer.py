"""Pictures of requests, looked at by the pool: each request in its turn, and not too many at once.

What the pool is given by the API is at most as much as it does at once, so that a visitor of the
app waits for no more than the pictures that are being looked at.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from decor_app.api.bodies import PictureFile
from decor_app.api.limits import ConcurrencyLimiter
from decor_app.api.problems import Problem, too_busy
from decor_app.hosting.config import server_config
from decor_app.hosting.metrics import METRICS
from decor_app.jobs.image_analysis import ImageAnalysis
from decor_app.jobs.inference_pool import POOL_SIZE, InferencePool
from decor_core.errors import DecorError
from decor_core.model.bundle import Bundle
from decor_core.model.predictor import VectorPredictor

T = TypeVar("T")


class Analyzer:
    """Looks at pictures on threads that wait for the pool, which is made when it is wanted."""

    def __init__(self, pool: Callable[[], InferencePool]) -> None:
        config = server_config()
        self.pool = pool
        self._limits = config.picture_limits
        self._threads = ThreadPoolExecutor(POOL_SIZE, "decor-api")
        self._limiter = ConcurrencyLimiter(config.api_waiting, POOL_SIZE)
        self._check: Future | None = None

    async def each(
        self,
        request: Request,
        files: Sequence[PictureFile],
        answer: Callable[[PictureFile], T],
    ) -> list[T]:
        """Results of ``answer`` for all files, in order; Problem where there is no room."""
        loop, turn = asyncio.get_running_loop(), asyncio.Semaphore(POOL_SIZE)

        async def one(file: PictureFile) -> T:
            async with turn:
                if await request.is_disconnected():
                    raise ClientDisconnect
                return await loop.run_in_executor(self._threads, answer, file)

        with self._limiter.admit(len(files)):
            try:
                return await asyncio.gather(*map(one, files))
            except DecorError as error:  # the model does not fit what is here
                raise Problem(503, str(error)) from None

    def analyze(self, bundle: Bundle, file: PictureFile, deep: bool = False) -> ImageAnalysis:
        """Analyze a file; on a thread of its own."""
        started = time.monotonic()
        analysis = self.pool().analyze_image(bundle, file.data, self._limits, deep, previews=deep)
        seconds = time.monotonic() - started
        self._limiter.observe(seconds)
        if analysis.vector is None:
            METRICS.count("pictures: refused")
        else:
            METRICS.count("pictures: looked at")
            METRICS.observe("picture", seconds)
        return analysis

    def check_ready(self, model: Callable[[], VectorPredictor]) -> None:
        """Problem where a picture that comes now would wait for more than others before it."""
        if self._check is None:
            self._check = self._threads.submit(lambda: self.pool().check(model().bundle))
        if not self._check.done():
            raise too_busy("The model is being loaded.", 1)
        if error := self._check.exception():
            self._check = None  # it is tried again
            if isinstance(error, DecorError):
                raise Problem(503, str(error)) from None
            raise error
        if self._limiter.is_full:
            raise too_busy("As many pictures are waiting as this server can do well by.", 1)
