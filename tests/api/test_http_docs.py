"""Every example of docs/how-to/http-api.md runs as written."""

import json
import re
import shutil
import subprocess
import threading

import pytest
import uvicorn
from serving import ROOT, need, until

PAGE = (ROOT / "docs" / "how-to" / "http-api.md").read_text(encoding="utf-8")


def _examples(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def address(client):
    """Where a real server on a thread has the API."""
    config = uvicorn.Config(client.app, port=0, log_config=None, lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    until(lambda: running.started, "the server does not start")
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    running.should_exit = True
    thread.join()


@pytest.fixture
def folder(tmp_path, ornament, monkeypatch):
    for number, name in enumerate(("photo.jpg", "one.jpg", "two.jpg")):
        ornament(number, side=120).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _here(example, address):
    assert "http://localhost:8000" in example
    return example.replace("http://localhost:8000", address)


def test_commands_run_as_written(address, folder):
    need(shutil.which("curl"), "needs curl: apt-get install curl")
    found = []
    for command in _examples("bash"):
        run = subprocess.run(
            ["bash", "-c", _here(command, address)], cwd=folder, capture_output=True, check=True
        )
        found.append([picture["file"] for picture in json.loads(run.stdout)["pictures"]])
    assert found == [[None], ["one.jpg", "two.jpg"], ["photo.jpg"]]


def test_programs_run_as_written(address, folder, capsys):
    pytest.importorskip("requests")
    classify, embed = _examples("python")
    exec(_here(classify, address), {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "one.jpg", "two.jpg",
    ]  # fmt: skip
    names = {}
    exec(_here(embed, address), names)
    assert names["vector"].shape == (names["answer"]["dimensions"],)


def test_its_tables_are_true(client):
    description = client.get("/api/v1/openapi.json").json()
    for path in description["paths"]:
        assert f"/api{path}" in PAGE
    classify = description["paths"]["/v1/classify"]["post"]
    schemas = description["components"]["schemas"]
    for name in (
        *(option["name"] for option in classify["parameters"]),
        *schemas["ClassifiedPicture"]["properties"],
    ):
        assert re.search(rf"^\| [^|]*`{name}`", PAGE, re.M), name
    for status in classify["responses"]:
        assert status == "200" or f"| {status} |" in PAGE
