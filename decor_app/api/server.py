"""The API as a server of its own, without the app."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from decor_app.api.application import create_api
from decor_app.api.models import models_in
from decor_app.api.problems import handle_problems
from decor_app.api.request_log import RequestLog
from decor_app.hosting import memory
from decor_app.hosting.config import server_config
from decor_app.hosting.headers import SecurityHeaders
from decor_app.hosting.logging import log_event, use_json_logging
from decor_app.hosting.login import environment_password
from decor_app.hosting.metrics_route import metrics_route
from decor_app.hosting.tempdir import server_tempdir
from decor_app.jobs.inference_pool import InferencePool
from decor_core.errors import SettingsError
from decor_core.model.bundle import DEFAULT_BUNDLE


def create_server(places: Sequence[str]) -> Starlette:
    """The API over the models in ``places``, as of ``models_in``; by default the shipped one.

    DecorError where a model cannot be read or a setting makes no sense.
    """
    if not server_config().api:
        raise SettingsError("DECOR_API is 0, which switches the API off; unset it to serve it.")
    pool, models = InferencePool(), models_in(places or [str(DEFAULT_BUNDLE)])

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        use_json_logging()
        memory.tune_malloc()
        with server_tempdir():
            log_event("started", hosted=server_config().hosted, uvicorn=version("uvicorn"))
            if server_config().warm_up:
                pool.begin(next(iter(models.values()))().bundle)
            yield
            pool.close()
        log_event("stopped")

    app = Starlette(
        routes=[
            Mount("/api", create_api(lambda: pool, models)),
            metrics_route(environment_password),
            Route("/", lambda request: RedirectResponse("api/docs")),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(RequestLog)],
        lifespan=lifespan,
    )
    handle_problems(app)
    return app
