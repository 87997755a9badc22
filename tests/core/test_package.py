"""The wheel: what is in it, and that Decor runs from it alone, in an empty folder."""

import ast
import json
import os
import re
import subprocess
import sys
import time
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest
from serving import free_port

from decor_core import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as it is built for a release."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs a command of what is in the wheel, in an empty folder, without the checkout."""
    site, empty = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("empty")
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "DECOR_HOME": str(empty / "home")}
    environment.pop("DECOR_MODELS", None)

    def start(*arguments):
        command = [sys.executable, "-P", "-m", "decor_core", *map(str, arguments)]
        return subprocess.Popen(command, cwd=empty, env=environment, stdout=-1, stderr=-1)

    return start


def test_every_package_that_is_imported_is_declared_and_described():
    imported = {
        name.partition(".")[0]
        for folder in ("decor_core", "decor_app", "pages")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent.name != "examples"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imports(node)
    } - {"decor_core", "decor_app", *sys.stdlib_module_names}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    declared = {re.match(r"[\w-]+", line)[0] for line in needed}
    described = (ROOT / "docs" / "reference" / "dependencies.md").read_text(encoding="utf-8")
    called = {"PIL": "pillow", "sklearn": "scikit-learn"}
    for name in imported:
        package = called.get(name, name).replace("_", "-")
        assert package in declared and package in described, package


def _imports(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []


def test_everything_that_runs_is_in_the_wheel_and_nothing_else(wheel):
    assert wheel.name == f"decor_classifier-{__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "decor_app/app.py", "decor_app/main.py", "decor_app/pages/classify.py",
        "decor_app/.streamlit/config.toml", "decor_app/assets/style.css", "decor_core/py.typed",
        "decor_core/models/backbone/efficientnet_lite0.tflite",
        "decor_core/models/bundles/decor-style/manifest.json",
        "decor_core/models/embeddings/decor.npz", "decor_core/export/examples/keras.py",
        "decor_core/export/web/index.html", "decor_core/export/web/litert.js-2.5.3.zip",
        f"decor_classifier-{__version__}.dist-info/licenses/LICENSE",
        f"decor_classifier-{__version__}.dist-info/licenses/NOTICE",
    ):  # fmt: skip
        assert name in names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"decor_core", "decor_app", f"decor_classifier-{__version__}.dist-info"}
    assert not any("tests" in name or name.endswith((".pyc", "build.py")) for name in names)


def test_it_labels_from_the_wheel(installed):
    picture = ROOT / "models" / "samples" / "gzhel-vase.jpg"
    out, err = installed("label", "--json", picture).communicate()
    (answer,) = json.loads(out)
    assert answer["verdict"] == "Gzhel", err


def _answer(server, url, data=None, **headers):
    """What a server that is starting answers, as soon as it does."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data, headers), timeout=60
            ) as answer:
                return answer.read()
        except OSError:
            assert server.poll() is None, server.communicate()
            time.sleep(0.5)
    pytest.fail("the server did not start")


def test_the_app_starts_from_the_wheel(installed):
    port = free_port()
    server = installed("app", "--headless", "--port", port)
    try:
        assert _answer(server, f"http://localhost:{port}/_stcore/health") == b"ok"
    finally:
        server.terminate()
        server.communicate()


def test_the_api_answers_from_the_wheel(installed):
    port = free_port()
    server = installed("serve", "--port", port)
    picture = (ROOT / "models" / "samples" / "gzhel-vase.jpg").read_bytes()
    try:
        url = f"http://127.0.0.1:{port}/api/v1/classify"
        answer = _answer(server, url, picture, **{"Content-Type": "image/jpeg"})
        assert json.loads(answer)["pictures"][0]["labels"] == ["Gzhel"]
        assert b"docs/start.js" in _answer(server, f"http://127.0.0.1:{port}/api/docs")
    finally:
        server.terminate()
        server.communicate()
