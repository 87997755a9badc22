"""Pictures at URLs and rows written to them: a web server and a store in memory stand for all."""

import functools
import http.server
import io
import json
import shutil
import sys
import threading
import zipfile

import fsspec
import pyarrow.parquet as pq
import pytest


@pytest.fixture(scope="module")
def served(painted, tmp_path_factory):
    """The URL of a web server with two pictures in folders, a zip of a third, and a text."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "a b").mkdir()
    shutil.copy(painted / "Iznik" / "200.png", folder / "a b" / "1.png")
    shutil.copy(painted / "Gzhel" / "000.png", folder / "2.png")
    (folder / "notes.txt").write_text("notes")
    (folder / "more.zip").write_bytes(packed(painted / "Iznik" / "201.png"))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            if "busy" in self.path:
                self.send_error(503)
            elif "forbidden" in self.path:
                self.send_error(403)
            else:
                super().do_GET()

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def store(painted):
    """An object store: a picture, a broken and an empty one, a zip, in a bucket of their own."""
    memory = fsspec.filesystem("memory")
    memory.pipe({
        "/shop/pictures/b/1.png": (painted / "Iznik" / "200.png").read_bytes(),
        "/shop/pictures/a.png": (painted / "Gzhel" / "000.png").read_bytes(),
        "/shop/pictures/broken.png": b"\x89PNG nothing",
        "/shop/pictures/empty.png": b"",
        "/shop/pictures/more.zip": packed(painted / "Iznik" / "201.png"),
        "/shop/pictures/notes.txt": b"notes",
    })  # fmt: skip
    yield memory
    memory.rm("/shop", recursive=True)


def packed(picture):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.write(picture, "in/3.png")
    return stream.getvalue()


IN_STORE = [
    f"memory://shop/pictures/{name}"
    for name in ("a.png", "b/1.png", "broken.png", "empty.png", "more.zip/in/3.png")
]


def test_a_page_of_links_is_a_folder(run, served, model):
    code, out, err = run("label", f"{served}/", "--bundle", model, "--json")
    told = json.loads(out)
    names = ["2.png", "a%20b/1.png", "more.zip/in/3.png"]
    assert code == 0 and [answer["file"] for answer in told] == [f"{served}/{n}" for n in names]
    assert [answer["verdict"] for answer in told] == ["Gzhel", "Iznik", "Iznik"]
    assert "1 file left out" in err and f"{served}/notes.txt" in err


def test_what_a_server_has_not_is_a_row(run, served, model, monkeypatch):
    from decor_core.bulk import places

    monkeypatch.setattr(places, "_WAITS", (0.01,))
    files = [f"{served}/{name}" for name in ("2.png", "gone.png", "busy.png", "forbidden.png")]
    code, out, _ = run("label", *files, "--bundle", model, "--json")
    told = json.loads(out)
    assert code == 1 and [answer["file"] for answer in told] == files
    assert "error" not in told[0] and "nothing at" in told[1]["error"]
    assert "HTTP 503" in told[2]["error"] and "HTTP 403" in told[3]["error"]


def test_without_a_network_nothing_is_taken_for_unreadable(
    run, served, model, tmp_path, painted, monkeypatch
):
    from decor_core.bulk import output, places

    monkeypatch.setattr(places, "_WAITS", (0.01,))
    monkeypatch.setattr(output, "_MAX_ROWS_IN_MEMORY", 1)
    out = tmp_path / "answers.jsonl"
    pictures = (painted / "Iznik" / "200.png", "http://127.0.0.1:9/1.png", f"{served}/2.png")
    code, told, err = run("label", *pictures, "--bundle", model, "--out", out)
    assert (code, told) == (2, "") and "cannot be reached" in err and "check the network" in err
    assert "1 of 3 rows are kept" in err and not out.exists()


def test_a_store_is_read_and_written(run, store, model):
    out = "memory://shop/answers"
    command = ("label", "memory://shop/pictures", "--bundle", model)
    code, told, err = run(*command, "--out", f"{out}.parquet")
    assert code == 1 and "5 pictures, 2 of them could not be read" in told
    assert "notes.txt" in err
    rows = pq.read_table(io.BytesIO(store.cat("/shop/answers.parquet"))).to_pylist()
    assert [row["file"] for row in rows] == IN_STORE
    assert [row["verdict"] for row in rows] == ["Gzhel", "Iznik", None, None, "Iznik"]
    assert not store.exists("/shop/answers.parquet.parts")
    assert run(*command, "--out", f"{out}.csv")[0] == 1
    assert store.cat("/shop/answers.csv").count(b"\n") == 6
    code, _, err = run(*command, "--out", f"{out}.csv")
    assert code == 2 and "exists already" in err
    assert run("embed", "memory://shop/pictures/", "--bundle", model, "--out", f"{out}/")[0] == 1
    assert store.exists("/shop/answers/_decor.json")


def test_a_run_in_a_store_goes_on(run, store, model, monkeypatch):
    from decor_core.bulk import output

    command = ("label", "memory://shop/pictures", "--bundle", model, "--out", "memory://shop/a.csv")
    with monkeypatch.context() as patch:
        patch.setattr(output, "_MAX_ROWS_IN_MEMORY", 1)
        patch.setattr(
            output.Output, "finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        assert run(*command)[0] == 130
    code, _, err = run(*command)
    assert code == 2 and "holds an interrupted run" in err
    assert run(*command, "--resume")[0] == 1
    assert store.cat("/shop/a.csv").count(b"\n") == 6 and not store.exists("/shop/a.csv.parts")


def test_a_file_url_is_a_path(run, painted, model, tmp_path):
    picture = tmp_path / "my picture.png"
    shutil.copy(painted / "Iznik" / "200.png", picture)
    out = tmp_path / "answers.jsonl"
    code, _, _ = run("label", picture.as_uri(), "--bundle", model, "--out", out.as_uri())
    assert code == 0 and json.loads(out.read_text("utf-8"))["file"] == str(picture)


@pytest.mark.parametrize("url, words", [
    ("memory://shop/nowhere", "There is nothing at “memory://shop/nowhere”"),
    ("s3n://bucket/pictures", "begins with “s3n://”, which is not known; expected s3://"),
    ("file://tmp/pictures", "three slashes"),
    ("http://127.0.0.1:9/", "cannot be reached"),
])  # fmt: skip
def test_a_url_that_leads_nowhere_is_one_line(refused, model, url, words):
    assert words in refused("label", url, "--bundle", model)


@pytest.mark.parametrize("url, missing, package", [
    ("https://host/1.jpg", "fsspec.core", "fsspec"),
    ("s3://bucket/1.jpg", "s3fs", "s3fs"),
    ("gs://bucket/1.jpg", "gcsfs", "gcsfs"),
    ("az://bucket/1.jpg", "adlfs", "adlfs"),
])  # fmt: skip
def test_a_package_that_is_missing_is_named(refused, model, monkeypatch, url, missing, package):
    monkeypatch.setitem(sys.modules, missing, None)
    told = refused("label", url, "--bundle", model)
    assert f"the package {package}" in told and "pip install 'decor-classifier[cloud]'" in told
