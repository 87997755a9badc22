"""Settings of a hosted server: defaults, words, and that nothing of a visitor stays."""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from serving import TIMEOUT, free_port
from streamlit.testing.v1 import AppTest

from decor_app.hosting.config import VARIABLES, ServerConfig, read_config, server_config
from decor_app.hosting.tempdir import server_tempdir
from decor_app.jobs.ingest_tasks import PreviewTask, check_count
from decor_app.state import processes
from decor_app.state.disk_quota import check_disk_quota
from decor_app.state.runs import may_keep
from decor_core.data.catalog import open_dataset
from decor_core.errors import DataError, LimitError, SettingsError
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec
from decor_core.model.events import never_stop


def test_at_home_is_the_default():
    assert read_config({}) == ServerConfig()
    assert not server_config().hosted


@pytest.mark.parametrize("word", ["1", "true", "Yes", " on "])
def test_hosted_narrows_every_limit(word):
    hosted, home = read_config({"DECOR_HOSTED": word}), ServerConfig()
    assert hosted.hosted
    for name in VARIABLES:
        if type(getattr(home, name)) is int and name != "forget_minutes":
            assert getattr(hosted, name) < getattr(home, name), name


def test_each_has_its_variable():
    switches = ("DECOR_HOSTED", "DECOR_API", "DECOR_WARM_UP", "DECOR_FIRST_MODEL")
    read = read_config(
        {variable: "7" for variable in VARIABLES.values()} | dict.fromkeys(switches, "no")
    )
    assert {getattr(read, name) for name in VARIABLES} == {7, "7", False}
    assert read.picture_limits.max_pixels == 7_000_000
    assert read.picture_limits.max_bytes == 7 * 2**20


@pytest.mark.parametrize(
    ("variable", "text"),
    [("DECOR_HOSTED", "maybe"), ("DECOR_API", "perhaps"), ("DECOR_SESSIONS", "many"),
     ("DECOR_SESSIONS", "0"), ("DECOR_SESSIONS", "-3"), ("DECOR_UPLOAD_MB", "1.5")],
)  # fmt: skip
def test_a_setting_without_sense_is_named(variable, text):
    with pytest.raises(SettingsError, match=f"{variable} is “{text}”"):
        read_config({variable: text})


def test_fine_tuning_alone_may_be_limited_to_nothing():
    assert read_config({"DECOR_FINE_TUNE_MINUTES": "0"}).fine_tune_minutes == 0
    with pytest.raises(SettingsError, match="a whole number of 0 or more"):
        read_config({"DECOR_FINE_TUNE_MINUTES": "off"})


def test_a_space_may_be_shown_in_its_page():
    assert read_config({"SPACE_ID": "me/decor"}).frame_ancestors == "https://huggingface.co"
    other = {"SPACE_ID": "me/decor", "DECOR_FRAME_ANCESTORS": "https://museum.example"}
    assert read_config(other).frame_ancestors == "https://museum.example"


def test_the_environment_counts_as_it_is_now(monkeypatch):
    monkeypatch.setenv("DECOR_SESSIONS", "3")
    assert server_config().sessions == 3
    monkeypatch.delenv("DECOR_SESSIONS")
    assert server_config().sessions == ServerConfig().sessions


@pytest.mark.parametrize("chosen, asked", [("1", ["pool", "training"]), ("0", [])])
def test_processes_get_ready_where_the_server_is_set_to_it(monkeypatch, chosen, asked):
    told = []
    pool = SimpleNamespace(begin=lambda bundle: told.append("pool"))
    queue = SimpleNamespace(warm=lambda task: told.append(task.queue))
    monkeypatch.setattr(processes, "inference_pool", lambda: pool)
    monkeypatch.setattr(processes, "job_queues", lambda: {"training": queue})
    monkeypatch.setenv("DECOR_WARM_UP", chosen)
    processes.warm_inference()
    processes.warm_training_process()
    assert told == asked


def test_hosted_keeps_no_runs_even_with_a_home(monkeypatch, tmp_path):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    assert may_keep()
    monkeypatch.setenv("DECOR_HOSTED", "1")
    assert not may_keep()


def test_hosted_writes_vectors_only_where_it_is_told(monkeypatch, tmp_path, painted):
    catalog, spec = open_dataset(painted), EmbeddingSpec(views=1)
    monkeypatch.setenv("DECOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DECOR_HOSTED", "1")
    embed_catalog(catalog, spec)
    assert not (tmp_path / "cache").exists()
    embed_catalog(catalog, spec, cache=tmp_path / "session")
    assert len(list((tmp_path / "session").rglob("*.npy"))) == len(catalog.table)


def test_a_data_set_has_its_limits(monkeypatch, tmp_path):
    monkeypatch.setenv("DECOR_HOSTED", "1")
    monkeypatch.setenv("DECOR_DATASET_PICTURES", "1234")
    monkeypatch.setenv("DECOR_DATASET_MB", "1")
    check_count(1234)
    with pytest.raises(DataError, match="1,235 pictures in it; this server takes 1,234"):
        check_count(1235)
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive:
        archive.writestr("ash/1.png", bytes(2**20 + 1))
    task = PreviewTask(tmp_path / "large.zip", tmp_path / "set")
    with pytest.raises(DataError, match="unpacks to 1 MiB; at most 1 MiB are allowed"):
        task.run(lambda event: None, never_stop)
    (tmp_path / "large.zip").unlink()
    check_disk_quota(2**19, tmp_path)
    (tmp_path / "picture").write_bytes(bytes(2**20))
    with pytest.raises(LimitError, match="your data sets 1 MiB already; there is room for 1 MiB"):
        check_disk_quota(2**19, tmp_path)


def test_all_visitors_together_fill_no_more_of_the_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("DECOR_HOSTED", "1")
    monkeypatch.setenv("DECOR_DISK_MB", "2")
    for name in ("decor-a", "decor-b", "of-somebody-else"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "picture").write_bytes(bytes(2**20 - 100))
    check_disk_quota(100, tmp_path / "decor-c")
    with pytest.raises(LimitError, match="all visitors together"):
        check_disk_quota(1000, tmp_path / "decor-c")


def test_a_full_disk_is_said_before_it_is_full(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.disk_usage", lambda place: Mock(free=200 * 2**20))
    with pytest.raises(LimitError, match="disk has no room for 1 MiB"):
        check_disk_quota(2**20, tmp_path / "not" / "yet")


def test_what_a_server_that_is_gone_has_left_is_cleared_away(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    left, others = tmp_path / f"decor-server-{done.pid}-x", tmp_path / "decor-server-1-y"
    for folder in (left, others):
        folder.mkdir()
    with server_tempdir() as mine:
        assert not left.exists() and others.exists()
        assert Path(tempfile.mkdtemp()).parent == mine
    assert not mine.exists() and tempfile.gettempdir() == str(tmp_path)


def test_the_table_of_settings_is_true():
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "host.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(DECOR_\w+)` \| ([^|]*\|[^|]*) \|", text, re.M))
    hosted, home = read_config({"DECOR_HOSTED": "1"}), ServerConfig()
    for name, variable in VARIABLES.items():
        told = [cell.strip() for cell in rows[variable].split("|")]
        true = [str(getattr(one, name)) for one in (home, hosted)]
        assert told == [{"True": "1", "False": "0"}.get(word, word) for word in true], variable


def test_every_test_that_is_named_in_the_threat_model_is_there():
    root = Path(__file__).parents[3]
    text = (root / "SECURITY.md").read_text(encoding="utf-8")
    there = "\n".join(path.read_text(encoding="utf-8") for path in root.glob("tests/**/test_*.py"))
    named = set(re.findall(r"`(test_\w+)(?:…)?`", text))
    assert len(named) > 30
    assert not [name for name in named if f"def {name}" not in there]
    assert not [
        f for f in re.findall(r"`(test_\w+\.py)`", text) if not any(root.glob(f"tests/**/{f}"))
    ]


def test_a_mistyped_setting_ends_the_start_with_one_sentence(tmp_path):
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(free_port()),
         "--server.headless", "true"],
        cwd=root, env={**os.environ, "DECOR_SESSIONS": "many"}, capture_output=True, text=True,
        timeout=TIMEOUT,
    )  # fmt: skip
    assert run.returncode == 1
    assert "Decor cannot start: DECOR_SESSIONS is “many”; it must be a whole number" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_mistyped_setting_is_said_on_the_page(monkeypatch):
    monkeypatch.setenv("DECOR_SESSIONS", "many")
    page = str(Path(__file__).parents[3] / "pages" / "about.py")
    test = AppTest.from_file(page, default_timeout=TIMEOUT).run()
    assert not test.exception
    assert "whole number above zero" in test.error[0].value
