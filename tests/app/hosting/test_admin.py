"""The admin page: absent without a password, closed to guesses, and true when it is open."""

import base64
import sys
from pathlib import Path

import pytest
import streamlit as st
from serving import TIMEOUT
from starlette.requests import Request
from streamlit.testing.v1 import AppTest

from decor_app.hosting import admin, login
from decor_app.hosting.admin import password
from decor_app.hosting.login import LoginLimiter
from decor_app.hosting.metrics import METRICS
from decor_app.hosting.metrics_route import metrics_route
from decor_app.state.server_stats import resident_bytes

PAGE = str(Path(__file__).parents[3] / "pages" / "admin.py")


@pytest.fixture(autouse=True)
def fresh_limiter(monkeypatch):
    _forget_tries(monkeypatch)


def _forget_tries(monkeypatch):
    limiter = LoginLimiter()
    for module in (admin, login):
        monkeypatch.setattr(module, "LOGIN", limiter)


def _try(test: AppTest, word: str) -> AppTest:
    test.text_input[0].set_value(word)
    test.button[0].click().run()
    assert not test.exception
    return test


def test_without_a_password_there_is_no_such_page(monkeypatch):
    monkeypatch.delenv("DECOR_ADMIN_PASSWORD", raising=False)
    assert password() == ""
    test = AppTest.from_file(PAGE, default_timeout=TIMEOUT).run()
    assert not test.text_input and not test.metric


def test_the_password_opens_it_and_another_does_not(monkeypatch):
    monkeypatch.setenv("DECOR_ADMIN_PASSWORD", "three herons")
    METRICS.count("tested", 7)
    test = AppTest.from_file(PAGE, default_timeout=TIMEOUT).run()
    assert not test.exception and not test.metric
    assert not _try(test, "two herons").metric
    assert "not the password" in test.error[0].value
    _try(test, "three herons")
    assert [metric.label for metric in test.metric][:2] == ["People here", "Uploads held, MiB"]
    counted = test.dataframe[0].value
    assert dict(zip(counted["What"], counted["How often"], strict=True))["tested"] == 7


def test_a_changed_password_closes_it_again(monkeypatch):
    monkeypatch.setenv("DECOR_ADMIN_PASSWORD", "three herons")
    test = _try(AppTest.from_file(PAGE, default_timeout=TIMEOUT).run(), "three herons")
    monkeypatch.setenv("DECOR_ADMIN_PASSWORD", "four herons")
    assert not test.run().metric


def test_the_secrets_file_can_hold_it(monkeypatch):
    monkeypatch.delenv("DECOR_ADMIN_PASSWORD", raising=False)
    monkeypatch.setattr(type(st.secrets), "load_if_toml_exists", lambda self: True)
    monkeypatch.setattr(type(st.secrets), "get", lambda self, name, default: f"of {name}")
    assert password() == "of admin_password"


def test_guessing_becomes_slow(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(login.time, "monotonic", lambda: clock[0])
    lock = LoginLimiter()
    for _ in range(3):
        assert not lock.verify("wrong", "right")
    assert lock.wait() == 1.0
    assert not lock.verify("right", "right"), "not even the right one counts while it waits"
    clock[0] += 1.0
    assert not lock.verify("wrong", "right")
    assert lock.wait() == 2.0
    for _ in range(20):
        clock[0] += 100.0
        lock.verify("wrong", "right")
    assert lock.wait() == 60.0
    clock[0] += 60.0
    assert lock.verify("right", "right")
    assert lock.wait() == 0.0


def test_no_password_opens_to_nothing():
    assert not LoginLimiter().verify("", "")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_is_that_of_the_process():
    assert 20 * 2**20 < resident_bytes("self") < 20_000 * 2**20
    assert resident_bytes(None) == resident_bytes("0") == 0


def _metrics(**headers: str) -> tuple[int, str]:
    """What /metrics answers."""
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    answer = metrics_route(password).endpoint(Request({"type": "http", "headers": sent}))
    return answer.status_code, answer.body.decode()


def _basic(word: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{word}".encode()).decode()


def test_metrics_are_for_who_has_the_password(monkeypatch):
    monkeypatch.delenv("DECOR_ADMIN_PASSWORD", raising=False)
    assert _metrics()[0] == 404
    monkeypatch.setenv("DECOR_ADMIN_PASSWORD", "three herons")
    for bad in ("", "Basic ?", "Bearer three herons", _basic("two herons")):
        _forget_tries(monkeypatch)
        assert _metrics(Authorization=bad)[0] == 401
    METRICS.count("tested", 7)
    status, text = _metrics(Authorization=_basic("three herons"))
    assert status == 200 and 'decor_events_total{event="tested"}' in text


def test_guessing_at_metrics_becomes_slow_too(monkeypatch):
    monkeypatch.setenv("DECOR_ADMIN_PASSWORD", "three herons")
    for _ in range(3):
        assert _metrics(Authorization=_basic("wrong"))[0] == 401
    assert _metrics(Authorization=_basic("three herons"))[0] == 401
