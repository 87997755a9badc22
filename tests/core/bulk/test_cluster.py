"""The engine on a cluster: two machines of Ray's, as processes of this one."""

import json
import os
import sys

import pytest
from poison import Changed, Poisoned

from decor_core.bulk import cluster, local
from decor_core.bulk.output import Output
from decor_core.bulk.rows import PredictionRows, VectorRows
from decor_core.bulk.sources import PictureIndex
from decor_core.cli.main import main
from decor_core.errors import DecorError
from decor_core.model.predictor import ImagePredictor


@pytest.fixture(scope="module")
def ray_cluster():
    """A cluster of two machines with a core each, to which this process is connected."""
    reason = "Ray is not installed: pip install -r requirements-ray.txt brings it"
    ray = pytest.importorskip("ray", reason=reason)
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_BACKEND_LOG_LEVEL", "fatal")
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # for the workers
        machine = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
        found = Cluster(initialize_head=True, head_node_args=machine)
        found.add_node(**machine)
        ray.init(address=found.address, log_to_driver=False, logging_level="ERROR")
        yield found
        ray.shutdown()
        found.shutdown()


@pytest.fixture
def sizes(tmp_path):
    """Forty files, which Poisoned takes for pictures, each of another size."""
    folder = tmp_path / "sizes"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.png").write_bytes(b"\x89PNG" + bytes(number))
    return folder


def rows_of(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def made(engine, place, maker, out, **options):
    """The rows that an engine writes of the pictures in a place."""
    places = [str(place)]
    for _ in engine.run(PictureIndex(places), maker, Output(str(out), maker, places), **options):
        pass
    return rows_of(out)


def test_rows_are_those_of_this_machine(ray_cluster, training, painted, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "torn.png").write_bytes(b"\x89PNG nothing")
    os.symlink(painted / "Gzhel" / "001.png", tmp_path / "more" / "one.png")
    places = [str(painted), str(tmp_path / "more")]
    predictor = ImagePredictor(training.bundle)
    makers = PredictionRows(predictor), VectorRows(predictor.embedder.spec)
    for maker, ending in zip(makers, ("csv", ""), strict=True):
        told = []
        for engine in (local, cluster):
            out = tmp_path / f"{engine.__name__}.{ending or 'parquet'}"
            for _ in engine.run(PictureIndex(places), maker, Output(str(out), maker, places)):
                pass
            told.append(out.read_bytes())
        assert told[0] == told[1]


def test_an_interrupted_run_goes_on_with_either_engine(ray_cluster, sizes, tmp_path):
    out, places, maker = tmp_path / "sizes.jsonl", [str(sizes)], Poisoned()
    for engine in (cluster, local):
        rows = engine.run(PictureIndex(places), maker, Output(str(out), maker, places, resume=True))
        for _ in range(9):
            next(rows)
        rows.close()
        assert not out.exists()
    for _ in cluster.run(PictureIndex(places), maker, Output(str(out), maker, places, resume=True)):
        pass
    assert sorted(row["size"] for row in rows_of(out)) == list(range(4, 44))


def test_what_ends_or_fails_a_worker_has_a_row_with_an_error(
    ray_cluster, sizes, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster, "_RETRIES", 1)
    monkeypatch.setattr(cluster, "_RETRIES_ALONE", 1)
    (sizes / "07.png").write_bytes(b"ends")
    (sizes / "20.png").write_bytes(b"fails")
    rows = made(cluster, sizes, Poisoned(), tmp_path / "sizes.jsonl")
    assert len(rows) == len({row["file"] for row in rows}) == 40
    errors = {row["file"][-6:-4]: row["error"] for row in rows if row["error"]}
    assert errors.keys() == {"07", "20"}
    assert "ended each time" in errors["07"]
    assert "Decor failed on it (ValueError: no such size)" in errors["20"]


def test_a_worker_that_would_make_other_rows_ends_the_run(ray_cluster, sizes, tmp_path):
    with pytest.raises(DecorError, match="another digest than here"):
        made(cluster, sizes, Changed(), tmp_path / "sizes.jsonl")


def test_a_machine_that_is_lost_costs_no_row_and_doubles_none(ray_cluster, sizes, tmp_path):
    out, places, maker = tmp_path / "sizes.jsonl", [str(sizes)], Poisoned()
    lost = ray_cluster.list_all_nodes()[-1]
    for count in cluster.run(PictureIndex(places), maker, Output(str(out), maker, places)):
        if count == 1:
            ray_cluster.remove_node(lost, allow_graceful=False)
    assert sorted(row["size"] for row in rows_of(out)) == list(range(4, 44))
    assert not any(row["error"] for row in rows_of(out))


def test_where_ray_is_not_installed_it_says_how_to_get_it(painted, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    out = str(tmp_path / "out.csv")
    assert main(["label", str(painted), "--out", out, "--engine", "ray"]) == 2
    assert "pip install 'decor-classifier[ray]'" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://head:10001", "head", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there_is_told_at_once(address):
    with pytest.raises(DecorError, match="cannot be reached .* expected what “ray start --head”"):
        cluster.check_reachable(address)


def test_flags_of_a_cluster_go_with_it(painted, capsys):
    for flags in (["--engine", "ray"], ["--out", "x.csv", "--workers", "2"]):
        assert main(["label", str(painted), *flags]) == 2
        assert "--engine" in capsys.readouterr().err
