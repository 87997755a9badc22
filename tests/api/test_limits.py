"""What may ask, how much and how fast: every limit fires, at once and with words that help."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import until
from starlette.requests import Request

from decor_app.api import limits
from decor_app.api.keys import client_id
from decor_app.api.limits import BodyLimits, ConcurrencyLimiter, RateLimit
from decor_app.api.problems import Problem
from decor_app.hosting.metrics import METRICS

URL = "/api/v1/classify"


@pytest.fixture
def limited(monkeypatch, make_client):
    """A client of an API with some settings."""

    def make(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"DECOR_{name.upper()}", str(value))
        return make_client()

    return make


def _refused(answer, status, words):
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert (status in (429, 503)) == ("Retry-After" in answer.headers)
    assert int(answer.headers.get("Retry-After", 1)) >= 1


# --- bytes


def _chunks(*parts):
    yield from parts  # without a length


def test_a_body_may_have_so_many_bytes(limited, picture):
    client = limited(api_mb=1)
    assert client.post(URL, content=picture()).status_code == 200
    _refused(client.post(URL, content=bytes(2**20 + 1)), 413, "1 MiB at most")
    _refused(client.post(URL, content=_chunks(*[bytes(2**18)] * 5)), 413, "1 MiB at most")
    form = {"file": ("a.png", bytes(2**20))}
    _refused(client.post(URL, files=form), 413, "1 MiB at most")


def test_a_picture_may_have_so_many_bytes_and_pixels(limited, picture, ornament, encoded):
    client = limited(upload_mb=1, megapixels=1)
    _refused(client.post(URL, content=picture() + bytes(2**20)), 422, "1 MiB allowed")
    large = encoded(ornament(1, side=1001))
    files = [("file", ("small.png", picture())), ("file", ("large.png", large))]
    small, large = client.post(URL, files=files).json()["pictures"]
    assert small["label"] and "1 million allowed" in large["error"]


def test_a_request_may_have_so_many_pictures(limited, picture):
    client = limited(upload_pictures=2)
    files = [("file", (str(i), picture())) for i in range(3)]
    assert client.post(URL, files=files[:2]).status_code == 200
    _refused(client.post(URL, files=files), 413, "2 pictures at most")
    pictures = [{"data": "AAAA"}] * 3
    _refused(client.post(URL, json={"pictures": pictures}), 413, "2 pictures at most")


def test_a_form_of_countless_parts_ends_early(limited):
    client = limited(upload_pictures=2)
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n\r\n'

    def parts():
        for _ in range(1000):
            yield part * 1000

    content = {"Content-Type": "multipart/form-data; boundary=x"}
    _refused(client.post(URL, content=parts(), headers=content), 413, "2 pictures at most")


def _post(receive, **most):
    """What BodyLimits lets an application read, and what it answers."""

    async def application(scope, receive, send):
        request, body = Request(scope, receive), b""
        try:
            async for chunk in request.stream():
                body += chunk
        except Problem as problem:
            await problem.response(request)(scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})

    async def send(message):
        sent.append(message)

    sent = []
    scope = {"type": "http", "method": "POST", "headers": [], "path": "/"}
    asyncio.run(BodyLimits(application, **most)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_a_body_that_comes_slowly_is_given_up(monkeypatch):
    async def never():
        await asyncio.sleep(60)

    async def drop():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"a", "more_body": True}

    monkeypatch.setattr(limits, "IDLE_TIMEOUT", 0.02)
    status, body = _post(never, most=100, total=100)
    assert status == 408 and b"too slowly" in body
    monkeypatch.setattr(limits, "BODY_TIMEOUT", 0.2)
    assert _post(drop, most=10**6, total=10**6)[0] == 408


def test_all_bodies_together_have_a_bound():
    held = BodyLimits(None, most=100, total=150)
    held._held = 100

    async def large():
        return {"type": "http.request", "body": b"a" * 60, "more_body": True}

    async def read(scope, receive, send):
        await receive()

    held._app = read
    with pytest.raises(Problem, match="as many bytes as it can") as raised:
        asyncio.run(held({"type": "http", "method": "POST", "headers": []}, large, None))
    assert raised.value.status == 503 and raised.value.headers["Retry-After"]
    assert held._held == 100  # what came is forgotten with its request


def test_an_answer_that_nobody_reads_is_left(monkeypatch):
    monkeypatch.setattr(limits, "BODY_TIMEOUT", 0.02)
    calls = []

    async def answer(scope, receive, send):
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"a", "more_body": True})

    async def stuck(message):
        calls.append(message)
        await asyncio.sleep(60)

    scope = {"type": "http", "method": "POST", "headers": []}
    asyncio.run(BodyLimits(answer, 100, 100)(scope, None, stuck))
    assert len(calls) == 1


# --- pictures waiting


def test_who_finds_the_room_full_is_told_when_to_come_again():
    limiter = ConcurrencyLimiter(most=10, at_once=2)
    limiter.observe(2.0)
    with limiter.admit(7):
        with limiter.admit(3):
            assert limiter.is_full
            with pytest.raises(Problem) as raised, limiter.admit(1):
                pass
        with limiter.admit(3):
            pass
    assert raised.value.status == 503 and int(raised.value.headers["Retry-After"]) >= 1
    with limiter.admit(50):  # alone, as it never could come in otherwise
        assert limiter.is_full


def test_on_a_slow_machine_the_room_is_full_before_clients_give_up():
    limiter = ConcurrencyLimiter(most=1000, at_once=1)
    with limiter.admit(100), limiter.admit(100):
        for _ in range(200):
            limiter.observe(1.0)
        assert limiter.is_full
        with pytest.raises(Problem) as raised, limiter.admit(1):
            pass
    assert int(raised.value.headers["Retry-After"]) == 200
    with limiter.admit(900):
        pass


def test_overload_is_answered_at_once(limited, picture, pool, monkeypatch):
    client, hold = limited(api_waiting=2), threading.Event()
    analyze = pool.analyze_image

    def slow(*args, **options):
        hold.wait()
        return analyze(*args, **options)

    monkeypatch.setattr(pool, "analyze_image", slow)
    with ThreadPoolExecutor(2) as others:
        waiting = [others.submit(client.post, URL, content=picture()) for _ in range(2)]
        try:
            until(lambda: client.get("/api/v1/ready").status_code == 503, "the room to be full")
            started = time.monotonic()
            _refused(client.post(URL, content=picture()), 503, "2 pictures are waiting")
            assert time.monotonic() - started < 5
        finally:
            hold.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
    assert client.post(URL, content=picture()).status_code == 200


# --- pictures a minute


@pytest.mark.usefixtures("within_a_minute")
def test_so_many_pictures_a_minute(limited, picture):
    client = limited(api_rate=3)
    files = [("file", (str(i), picture())) for i in range(2)]
    assert client.post(URL, files=files).status_code == 200
    _refused(client.post(URL, files=files), 429, "3 pictures a minute")
    _refused(client.post(URL, content=b"no picture"), 429, "3 pictures a minute")
    assert client.get("/api/v1/health").status_code == 200


@pytest.mark.usefixtures("within_a_minute")
def test_each_has_a_rate_of_its_own():
    rate = RateLimit(2)
    rate.spend("one", 2)
    rate.spend("other", 2)
    with pytest.raises(Problem):
        rate.spend("one", 1)


@pytest.mark.parametrize(
    ("address", "who"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("testclient",) * 2],
)
def test_who_asks_is_an_address_or_a_network(address, who):
    assert client_id(Request({"type": "http", "client": (address, 1)})) == who


# --- keys


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": ""}, {"X-API-Key": "ibi"}, {"X-API-Key": "ibis,heron"},
     {"Authorization": "Bearer wrong"}, {"Authorization": "Basic aGVyb24="},
     {"Authorization": "heron"}, {"X-API-Key": "h\xe9ron".encode("latin-1")}],
)  # fmt: skip
def test_without_a_key_there_is_nothing(limited, picture, headers):
    client = limited(api_keys="heron, ibis")
    for answer in (
        client.post(URL, content=picture(), headers=headers),
        client.post("/api/v1/embed", content=picture(), headers=headers),
        client.get("/api/v1/models", headers=headers),
    ):
        _refused(answer, 401, "A key is wanted")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_each_key_opens(limited, picture):
    client = limited(api_keys="heron, ibis")
    for headers in (
        {"X-API-Key": "ibis"}, {"Authorization": "Bearer heron"}, {"Authorization": "bearer ibis"},
        {"X-API-Key": "ibis", "Authorization": "Bearer of-a-proxy"},
    ):  # fmt: skip
        assert client.post(URL, content=picture(), headers=headers).status_code == 200
        assert client.get("/api/v1/models", headers=headers).status_code == 200
    for path in ("health", "ready", "openapi.json"):
        assert client.get(f"/api/v1/{path}").status_code != 401
    secured = client.get("/api/v1/openapi.json").json()["paths"]["/v1/classify"]["post"]["security"]
    assert secured == [{"HTTPBearer": []}, {"APIKeyHeader": []}]


@pytest.mark.usefixtures("within_a_minute")
def test_keys_have_rates_of_their_own(limited, picture):
    client = limited(api_keys="heron,ibis", api_rate=1)
    answers = [
        client.post(URL, content=picture(), headers={"X-API-Key": key}).status_code
        for key in ("heron", "heron", "ibis", "ibis")
    ]
    assert answers == [200, 429, 200, 429]


# --- other sites


def test_other_sites_may_not_ask_unless_they_are_set(limited, client, picture):
    origin = {"Origin": "https://museum.example"}
    assert (
        "Access-Control-Allow-Origin"
        not in client.post(URL, content=picture(), headers=origin).headers
    )
    allowed = limited(api_origins="https://museum.example https://other.example")
    answer = allowed.post(URL, content=picture(), headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://museum.example"
    ask = origin | {"Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "x-api-key,content-type"}  # fmt: skip
    assert allowed.options(URL, headers=ask).status_code == 200
    stranger = allowed.post(URL, content=picture(), headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in stranger.headers


# --- what is written down


@pytest.mark.parametrize("given", ["a-1.B_2", "x" * 64])
def test_a_sane_request_id_is_kept(client, given):
    assert (
        client.get("/api/v1/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]
        == given
    )


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>", "é".encode()])
def test_another_one_is_replaced(client, given):
    answer = client.get("/api/v1/health", headers={"X-Request-ID": given})
    assert len(answer.headers["X-Request-ID"]) == 32


def test_requests_are_logged_and_counted_without_names(client, picture, caplog):
    caplog.set_level("INFO", "decor")
    before = METRICS.counts()
    headers = {"X-Request-ID": "mine"}
    client.post(URL, files={"file": ("secret.png", picture())}, headers=headers)
    client.get("/api/v1/secret")
    first, second = [record for record in caplog.records if record.msg == "api request"]
    fields = vars(first)["fields"]
    assert fields.pop("milliseconds") >= 0
    assert fields == {"id": "mine", "route": "/v1/classify", "status": 200, "pictures": 1}
    assert vars(second)["fields"]["route"] == "elsewhere"
    assert "secret" not in caplog.text
    after = METRICS.counts()
    for event in ("api: 200", "api: 404", "pictures: looked at"):
        assert after[event] == before.get(event, 0) + 1
    assert METRICS.timings()["api: /v1/classify"].n


def test_a_fault_is_a_problem_too(make_client, pool, picture, monkeypatch, caplog):
    def broken(*args, **options):
        raise RuntimeError("secret")

    monkeypatch.setattr(pool, "analyze_image", broken)
    answer = make_client().post(URL, content=picture())
    _refused(answer, 500, "a fault of Decor's own")
    assert "secret" not in answer.text and answer.headers["X-Request-ID"]
    assert "a request failed" in caplog.text
