"""The API in this process, over the shipped model and a real pool."""

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from decor_app.api.application import create_api
from decor_app.jobs.inference_pool import InferencePool
from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle
from decor_core.model.predictor import VectorPredictor


@pytest.fixture(scope="session")
def pool():
    running = InferencePool(1)
    yield running
    running.close()


@pytest.fixture(scope="session")
def model():
    return VectorPredictor(load_bundle(DEFAULT_BUNDLE))


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


@pytest.fixture(scope="session")
def picture(ornament, encoded):
    """Pictures as PNG, each unlike the others."""
    return lambda number=1: encoded(ornament(number, side=120))
