"""What may break does: the training process, the disk, the line, the clock; nothing is lost by it.

The training process runs for real, with an empty module for TensorFlow: what is computed in closed
form needs none, and it starts at once. What test_background_queue.py asks of a dying child is not
repeated.
"""

import asyncio
import errno
import itertools
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from job_tasks import Staged
from serving import TIMEOUT, until
from streamlit.testing.v1 import AppTest

from benchmarks.running import Server, server
from benchmarks.visitor import Visitor
from decor_app.components import samples
from decor_app.jobs.background_queue import BackgroundQueue
from decor_app.jobs.dataset_tasks import EmbedTask
from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_app.jobs.job import Job
from decor_app.jobs.tensorflow_tasks import SummariesTask
from decor_app.jobs.train_tasks import TrainTask
from decor_core import io as folders
from decor_core.data.catalog import open_dataset
from decor_core.datasets.dataset import load_dataset
from decor_core.datasets.storage import VECTORS
from decor_core.errors import BundleError, DataError, RunError, TrainingError
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec
from decor_core.model.bundle import load_bundle, save_bundle
from decor_core.model.events import never_stop
from decor_core.model.training_config import TrainingConfig
from decor_core.runs import store as runs
from decor_core.runs.run import Run, run_of_training
from decor_core.runs.store import DiskRuns

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs signals and /proc")

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "models" / "samples"
LDA = TrainingConfig(head="lda")


def ended(queue: BackgroundQueue, job_id: str) -> Job:
    job = queue.wait(job_id, TIMEOUT)
    assert not job.active
    return job


@pytest.fixture(scope="module")
def without_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Training processes find an empty module in TensorFlow's place, and this file's requests."""
    folder = tmp_path_factory.mktemp("stub")
    (folder / "tensorflow.py").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(Path(__file__).parent)]))
        yield


@pytest.fixture
def queue(without_tensorflow: None) -> Iterator[BackgroundQueue]:
    running = BackgroundQueue()
    yield running
    running.close()


@pytest.fixture
def lda(embeddings: Any) -> TrainTask:
    return TrainTask(embeddings, LDA, "style", "Painted")


@pytest.fixture
def run(training: Any) -> Run:
    return replace(run_of_training(training, "painted", 1.5), id="first")


# The training process dies


@pytest.mark.parametrize("stage", ["starting", "running", "reporting", "answering"])
def test_killed_at_any_stage_the_job_fails_and_all_others_go_on(queue, lda, stage):
    job_id = queue.submit(Staged(stage=stage), "me")
    next_in_line = queue.submit(lda, "you")
    if stage == "starting":
        until(lambda: queue.process_id, "the child")
    elif stage == "running":
        until(lambda: queue.snapshot(job_id).status == "running", "the start")
    elif stage == "reporting":
        until(lambda: queue.snapshot(job_id).events, "an event")
    child = queue.process_id
    if stage != "answering":
        os.kill(child, signal.SIGKILL)
    job = ended(queue, job_id)
    assert job.status == "failed" and job.message.startswith(
        "The process that did this ended unexp"
    )
    assert ended(queue, next_in_line).status == "done"
    assert queue.process_id not in (child, None)


def test_killed_while_idle_the_next_job_gets_another(queue, lda):
    assert ended(queue, queue.submit(lda, "me")).status == "done"
    os.kill(queue.process_id, signal.SIGKILL)
    assert ended(queue, queue.submit(lda, "me")).status in ("done", "failed")
    assert ended(queue, queue.submit(lda, "me")).status == "done"


# The disk


def test_full_disk_in_the_training_process_is_told_without_places(queue, lda):
    job = ended(queue, queue.submit(Staged(stage="refused"), "me"))
    assert job.status == "failed"
    assert job.message.endswith("could not write or read a file: No space left on device.")
    assert ended(queue, queue.submit(lda, "me")).status == "done"


def test_curves_that_cannot_be_written_are_told(queue, training, tmp_path):
    (tmp_path / "file").touch()
    events = (("one", training.events),)
    job = ended(queue, queue.submit(SummariesTask(events, tmp_path / "file" / "s"), "me"))
    assert job.status == "failed"


@pytest.fixture
def room() -> Iterator[Callable[[int], None]]:
    """``room(n)``: no file can grow beyond n bytes, as on a disk that fills in mid-write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("most", [0, 10, 300, 3000, 30_000])
def test_saved_run_stays_whole_when_the_disk_fills(run, tmp_path, room, most):
    store = DiskRuns(tmp_path)
    store.save(run)
    room(most)
    with pytest.raises(RunError, match="cannot be written"):
        store.note(run.id, "new " * 20_000)
    with pytest.raises(RunError, match="cannot be written"):
        store.save(replace(run, id="second", note="new " * 20_000))
    room(resource.RLIM_INFINITY)
    assert {path.name for path in tmp_path.iterdir()} == {run.id, ".lock"}
    again = DiskRuns(tmp_path).get(run.id)
    assert again.note == "" and again.events == run.events
    assert store.note(run.id, "now").note == "now"


@pytest.mark.parametrize("most", [0, 100, 3000])
def test_saved_model_stays_whole_when_the_disk_fills(training, tmp_path, room, most):
    save_bundle(training.bundle, tmp_path / "model")
    room(most)
    with pytest.raises(BundleError, match="cannot be written"):
        save_bundle(training.bundle.titled("Second"), tmp_path / "model")
    room(resource.RLIM_INFINITY)
    assert load_bundle(tmp_path / "model").title == "Painted"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("most", [0, 100, 3000])
def test_data_set_stays_whole_when_the_disk_fills(painted, tmp_path, room, ornament, encoded, most):
    made = ingest(IngestTask(painted, tmp_path / "set", "Painted"), lambda e: None, never_stop)
    room(most)
    with pytest.raises(DataError, match="cannot be written .*; free some space"):
        made.rename("Gzhel", "Blue")
    with pytest.raises(DataError, match="cannot be written .*; free some space"):
        made.add([("new.png", encoded(ornament(7)))], "Gzhel")
    room(resource.RLIM_INFINITY)
    assert load_dataset(made.folder).version == made.version
    assert made.rename("Gzhel", "Blue").counts["Blue"] == 12


def test_full_disk_costs_the_cache_and_not_the_work(painted, tmp_path, room, caplog):
    catalog = open_dataset(painted)
    room(500)
    found = embed_catalog(catalog, EmbeddingSpec(views=1), cache=tmp_path)
    room(resource.RLIM_INFINITY)
    assert len(found.vectors) == 36
    assert [r.getMessage() for r in caplog.records if "cannot be kept" in r.getMessage()][1:] == []
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_cache_that_may_not_be_written_costs_no_work_either(painted, tmp_path, caplog, monkeypatch):
    (tmp_path / "file").touch()
    catalog = open_dataset(painted)
    monkeypatch.setenv("DECOR_CACHE", str(tmp_path / "file"))
    embed_catalog(catalog, EmbeddingSpec(views=1))
    with pytest.raises(OSError):  # but who names a folder is told
        embed_catalog(catalog, EmbeddingSpec(views=1), cache=tmp_path / "file")
    assert "cannot be kept" in caplog.text and "Not a directory" in caplog.text


def test_the_runs_page_tells_that_the_disk_refuses(run, tmp_path, monkeypatch):
    from decor_app.state import runs as state_runs
    from decor_app.state.workspace import Workspace

    (tmp_path / "file").touch()
    monkeypatch.setenv("DECOR_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(state_runs, "_disk_runs", lambda: DiskRuns(tmp_path / "file" / "runs"))
    mine = Workspace("me")
    mine.runs.save(run)
    page = AppTest.from_file(str(ROOT / "pages/runs.py"), default_timeout=TIMEOUT)
    page.session_state["workspace"] = mine
    key = "runs-" + "-".join(run.id[:6] for run in mine.runs.list())
    page.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    page.run()
    next(button for button in page.button if button.label == "Keep").click().run()
    assert not page.exception
    assert "cannot be written" in page.toast[0].value
    assert mine.runs.get(run.id) is run  # it is where it was


# Files that go under a running server


def test_an_own_run_that_is_damaged_meanwhile_leaves_the_others(run, tmp_path):
    store = DiskRuns(tmp_path)
    for name in ("one", "two"):
        store.save(replace(run, id=name))
    assert len([found for found in store.list() if not found.read_only]) == 2
    (tmp_path / "one" / "run.json").write_bytes(b"\0" * 40)
    assert [found.id for found in store.list() if not found.read_only] == ["two"]
    with pytest.raises(RunError, match="no run “one”"):
        store.get("one")


def _classify(**state: object) -> AppTest:
    page = AppTest.from_file(str(ROOT / "pages/classify.py"), default_timeout=TIMEOUT)
    for key, value in state.items():
        page.session_state[key] = value
    return page.run()


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """A copy of what ships, for the processes that are started from now on."""
    places = ("backbone", "bundles", "embeddings", "samples")
    for place in places:
        drawing = shutil.ignore_patterns("drawing")
        shutil.copytree(ROOT / "models" / place, tmp_path / "models" / place, ignore=drawing)
    monkeypatch.setenv("DECOR_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@contextmanager
def without(*places: Path) -> Iterator[None]:
    """These files and folders are gone, and back at the end of the block."""
    for place in places:
        place.rename(f"{place}.away")
    yield
    for place in places:
        Path(f"{place}.away").rename(place)


@contextmanager
def damaged(place: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """The file is another one, and whole again at the end of the block."""
    whole = place.read_bytes()
    place.write_bytes(change(whole))
    yield
    place.write_bytes(whole)


PUT_BACK = "which ships with Decor, is missing or damaged. Whoever runs Decor can put it back"
HARM = (
    without,
    lambda place: damaged(place, lambda data: data[: len(data) // 2]),
    lambda place: damaged(place, lambda data: b""),
    lambda place: damaged(place, lambda data: bytes(len(data))),
)


def test_the_process_that_looks_tells_that_its_network_is_missing(models, painted, tmp_path):
    made = ingest(IngestTask(painted, tmp_path / "set", "Painted"), lambda e: None, never_stop)
    network, look = models / "backbone" / "efficientnet_lite0.tflite", EmbedTask(made.folder)
    reader = BackgroundQueue()
    try:
        for harm in HARM:
            with harm(network):
                job = ended(reader, reader.submit(look, "me"))
                assert job.status == "failed" and PUT_BACK in job.message
                assert "models/backbone" in job.message and str(tmp_path) not in job.message
        assert ended(reader, reader.submit(look, "me")).status == "done"
        shutil.rmtree(made.folder / VECTORS)
        with without(network):  # it has the network by now
            assert ended(reader, reader.submit(look, "me")).status == "done"
    finally:
        reader.close()


def test_a_running_server_does_without_each_file_that_ships_and_finds_it_again(
    models, without_tensorflow, tmp_path
):
    async def told(port: int, page: str = "") -> str:
        async with Visitor(port, page) as visitor:
            assert not visitor.all("exception")
            return visitor.texts().replace("\\", "")

    async def upload(port: int) -> str:
        async with Visitor(port) as visitor:
            await visitor.upload("plate.jpg", (SAMPLES / "iznik-plate.jpg").read_bytes())
            assert not visitor.all("exception")
            return visitor.texts().replace("\\", "")

    async def works(port: int) -> None:
        assert "Iznik" in await upload(port)
        async with Visitor(port, "retrain") as visitor:
            assert "Retrain" in [button.label for button in visitor.all("button")]
        assert "How well it does" in await told(port, "about")
        assert "Nothing of yours here yet" in await told(port, "runs")

    async def visits(running: Server) -> None:
        port = running.port
        with without(models / "backbone", models / "samples" / "samples.json"):
            with without(models / "bundles", models / "embeddings"):
                for page in ("", "about", "runs"):
                    assert f"“models/bundles/decor-style”, {PUT_BACK}" in await told(port, page)
                assert f"decor.npz”, {PUT_BACK}" in await told(port, "retrain")
                assert PUT_BACK not in await told(port, "data")
            assert "The samples**: They cannot be read" in await told(port)
            assert f"efficientnet_lite0.tflite”, {PUT_BACK}" in await upload(port)
            assert PUT_BACK not in await told(port, "retrain")
        await works(port)
        with without(*models.iterdir()):
            await works(port)  # all is in memory
            for child in running.children:
                os.kill(child, signal.SIGKILL)
            assert PUT_BACK in await upload(port)
        await works(port)

    with server(DECOR_HOME=str(tmp_path / "home")) as running:
        asyncio.run(visits(running))


def test_the_page_answers_on_when_the_samples_are_gone(monkeypatch, tmp_path):
    assert not _classify().exception
    monkeypatch.setattr(samples, "SAMPLES", tmp_path)
    page = _classify(sample="iznik-plate")
    assert not page.exception
    assert "cannot be read" in "".join(warning.value for warning in page.warning)


# The line


@pytest.fixture(scope="module")
def app(without_tensorflow: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the app whose training process knows closed forms only."""
    with server(DECOR_HOME=str(tmp_path_factory.mktemp("home"))) as running:
        yield running


def test_connection_lost_in_the_middle_of_an_upload(app):
    data = (SAMPLES / "iznik-plate.jpg").read_bytes()

    async def visits() -> list[str]:
        visitor = Visitor(app.port, patience=TIMEOUT)
        await visitor.__aenter__()
        with socket.create_connection(("127.0.0.1", app.port)) as line:
            line.sendall((await visitor.put_request("plate.jpg", data))[: len(data) // 2])
        await visitor.drop()
        async with Visitor(app.port, patience=TIMEOUT) as other:
            await other.upload("plate.jpg", data)
            return other.headings()

    assert "Iznik" in asyncio.run(visits())


def test_who_comes_back_finds_pictures_and_answers(app):
    async def visits() -> tuple[str, str, list[str]]:
        visitor = Visitor(app.port, patience=TIMEOUT)
        await visitor.__aenter__()
        await visitor.upload("plate.jpg", (SAMPLES / "iznik-plate.jpg").read_bytes())
        left = visitor.session
        await visitor.drop()
        await asyncio.sleep(2)
        async with visitor:
            return left, visitor.session, visitor.headings()

    left, found, said = asyncio.run(visits())
    assert left == found and "Iznik" in said


def test_training_goes_on_while_nobody_looks_and_is_found_again(app):
    async def visits() -> None:
        first = Visitor(app.port, "retrain", patience=TIMEOUT)
        await first.__aenter__()
        await first.choose("Head", "LDA")
        await first.click("Retrain")
        await first.drop()
        again = Visitor(app.port, "retrain", patience=TIMEOUT, cookies=first.cookies)
        async with again:
            await again.until(lambda: again.all("metric"), "the test accuracy")
            assert [metric.label for metric in again.all("metric")][:1] == ["Test accuracy"]

    asyncio.run(visits())


# The clock


def test_a_clock_that_jumps_changes_nothing(queue, lda, run, tmp_path, monkeypatch):
    jumps, real = itertools.cycle((0.0, 4e8, -4e8)), time.time
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    jobs = [ended(queue, queue.submit(lda, "me")) for _ in range(3)]
    assert [job.status for job in jobs] == ["done"] * 3
    assert all(0 < job.seconds < TIMEOUT for job in jobs)
    store = DiskRuns(tmp_path)
    for number in range(4):
        store.note(store.save(replace(run, id=str(number))).id, "noted")
    kept = {found.id: found.note for found in store.list() if not found.read_only}
    assert kept == dict.fromkeys("0123", "noted")


# Too much at once


def test_full_queue_refuses_politely_and_drains(queue, lda):
    waiting = [queue.submit(Staged(stage="running"), "me")]
    until(lambda: queue.snapshot(waiting[0]).status == "running", "the start")
    with pytest.raises(TrainingError, match="waiting already; stop one of them, or wait"):
        for _ in range(1000):
            waiting.append(queue.submit(lda, "me"))
    assert len(waiting) < 1000
    queue.stop(waiting[0])
    assert {ended(queue, job_id).status for job_id in waiting[1:]} == {"done"}


# The end


def test_terminated_while_saving_every_run_is_whole_or_absent(run, tmp_path, monkeypatch):
    store = DiskRuns(tmp_path)
    store.save(replace(run, note="old"))
    script = f"""
        import itertools
        from dataclasses import replace
        from pathlib import Path
        from decor_core.runs.store import DiskRuns

        store = DiskRuns(Path({str(tmp_path)!r}))
        first = store.get("first")
        print("ready", flush=True)
        for number in itertools.count():
            store.note("first", "new")
            store.save(replace(first, id=f"more-{{number % 3}}"))
    """
    rng = random.Random(7)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.01, 0.1))
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == -signal.SIGTERM
        process.stdout.close()
        monkeypatch.setattr(folders, "_ABANDONED_SECONDS", -1.0)
        seen = {found.id for found in DiskRuns(tmp_path).list() if not found.read_only}
        assert "first" in seen
        assert seen | {".lock"} == {path.name for path in tmp_path.iterdir()}  # and no leavings
    store.note("first", "whole")
    assert not list((tmp_path / "first").rglob("*.partial"))


def test_what_was_set_aside_comes_back_and_the_new_is_left_alone(run, tmp_path):
    store = DiskRuns(tmp_path)
    store.save(run)
    beside = tmp_path / ".decor-new-x"
    beside.mkdir()
    (tmp_path / run.id).rename(beside / run.id)
    assert [found.read_only for found in store.list()][0]  # just now: somebody is writing
    os.utime(beside, (1, 1))
    assert store.get(run.id).events == run.events
    assert {path.name for path in tmp_path.iterdir()} == {run.id, ".lock"}


def test_a_failing_move_puts_the_old_back(training, tmp_path, monkeypatch):
    folder = save_bundle(training.bundle, tmp_path / "model")
    rename, moves = Path.rename, itertools.count()

    def failing(self: Path, target: Path) -> Path:
        if next(moves) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(runs.Path, "rename", failing)
        with pytest.raises(BundleError, match="Input/output error"):
            save_bundle(training.bundle.titled("Second"), folder)
    assert load_bundle(folder).title == training.bundle.title
