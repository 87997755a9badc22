"""The API in this process, over the shipped model and a real pool."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import uvicorn
from serving import until
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from decor_app.api.application import create_api
from decor_app.api.protocol import Protocol
from decor_app.api.server import create_server
from decor_app.jobs.inference_pool import InferencePool
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import VectorPredictor


@pytest.fixture(scope="session")
def pool():
    running = InferencePool(1)
    yield running
    running.close()


@pytest.fixture(scope="session")
def model():
    return VectorPredictor(load_bundle())


@pytest.fixture(scope="session")
def make_client(pool, model):
    """Makes a client of an API by the settings as they are then."""

    def make(**models: VectorPredictor) -> TestClient:
        models = models or {"decor-style": model}
        api = create_api(lambda: pool, {name: lambda m=m: m for name, m in models.items()})
        app = Starlette(routes=[Mount("/api", api)])
        return TestClient(app, "http://decor", raise_server_exceptions=False)

    return make


@pytest.fixture(scope="session")
def client(make_client):
    return make_client()


@pytest.fixture
def within_a_minute(monkeypatch):
    """The clock of the rates stands still: no minute ends between two requests."""
    clock = SimpleNamespace(time=lambda: 1e9)
    monkeypatch.setattr("limits.strategies.time", clock)
    monkeypatch.setattr("limits.storage.memory.time", clock)


@pytest.fixture(scope="session")
def serve_here(pool):
    """Runs the server of ``decor serve`` in this process, by settings; gives its port."""

    @contextmanager
    def serve(**settings: str) -> Iterator[int]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            patch.setattr("decor_app.api.server.InferencePool", lambda: pool)
            app = create_server([])
        config = uvicorn.Config(
            app, port=0, http=Protocol, ws="none", lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        until(lambda: server.started, "the server does not start")
        yield server.servers[0].sockets[0].getsockname()[1]
        server.should_exit = True
        thread.join()

    return serve


@pytest.fixture(scope="session")
def picture(ornament, encoded):
    """Pictures as PNG, each unlike the others."""
    return lambda number=1: encoded(ornament(number, side=120))
