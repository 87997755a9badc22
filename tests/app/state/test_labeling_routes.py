"""The routes of the labeler: steps kept before they are answered, proposals behind them."""

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from decor_app.jobs.ingest_tasks import IngestTask
from decor_app.jobs.labeling_tasks import FitTask
from decor_app.jobs.worker import OWN_FAULT
from decor_app.state import labeling_session
from decor_app.state.labeling_routes import labeling_routes
from decor_app.state.labeling_session import Labeling, labeling_of
from decor_core.datasets.label_steps import NONE, SKIP
from decor_core.datasets.unlabeled_set import load_unlabeled_set
from decor_core.model.events import never_stop
from decor_core.training.unlabeled_vectors import write_unlabeled_vectors


def quiet(event: object) -> None:
    """Nobody listens."""


@pytest.fixture
def labeling(tmp_path, monkeypatch, write_pictures, visit) -> Labeling:
    """Twenty pictures; what is seen in them is made up: the even ones differ from the odd ones."""
    monkeypatch.setattr(labeling_session, "job_queues", lambda: visit.queues)
    monkeypatch.setattr(labeling_session, "PAUSE", 0.0)
    monkeypatch.setattr("decor_app.jobs.ingest_tasks.embed_unlabeled_set", lambda *_: None)
    source = write_pictures(*(f"{i:02}.png" for i in range(20)))
    folder = IngestTask(source, tmp_path / "sets" / "heap-1", "Heap", unlabeled=True).run(
        quiet, never_stop
    )
    seen = np.random.default_rng(0).normal(0, 0.3, (20, 4)).astype(np.float32)
    seen[::2, 0] += 2
    clusters = np.arange(20) % 2
    write_unlabeled_vectors(folder, seen, clusters)
    return labeling_of(folder, "me")


@pytest.fixture
def ask(labeling):
    """Asks a route of the labeling; whatever is queued has been fitted before the next request."""
    client = TestClient(Starlette(routes=[labeling_routes("/base")]))

    def ask(path: str, **body):
        place = f"/base/labeling/{labeling.address}/{path}"
        answer = client.post(place, json=body) if body else client.get(place)
        return answer

    return ask


def fit(labeling: Labeling, visit) -> None:
    """Do what waits in the queue of fits."""
    queue = visit.queues["labeling"]
    while queue.load()[0]:
        job = queue.take()
        assert isinstance(job.task, FitTask)
        job.then(queue.finish(job.id, job.task.run(quiet, never_stop)))
        queue.drop_result(job.id)


def label(labeling: Labeling, rows: range, name: str) -> dict:
    return {"do": "label", "ids": [labeling.unlabeled.ids[row] for row in rows], "label": name}


def test_a_step_is_on_the_disk_before_it_is_answered(labeling, ask):
    steps = [label(labeling, range(0, 6, 2), "even"), label(labeling, range(1, 7, 2), "odd")]
    answer = ask("steps", revision=0, steps=steps).json()
    assert answer["revision"] == 2 and answer["can_undo"] and not answer["can_redo"]
    assert answer["classes"] == [{"name": "even", "key": "1"}, {"name": "odd", "key": "2"}]
    assert load_unlabeled_set(labeling.unlabeled.folder).log().labels == answer["labels"]
    answer = ask("steps", revision=2, steps=[{"do": "undo"}]).json()
    assert set(answer["labels"].values()) == {""} and len(answer["labels"]) == 3
    assert ask("state").json()["labels"] == labeling.log.labels
    assert ask(f"state?since={answer['revision']}").json()["labels"] == {}


def test_proposals_come_behind_the_labels_and_only_once(labeling, ask, visit):
    ids = labeling.unlabeled.ids
    answer = ask("state").json()
    assert answer["fitting"] and answer["proposals"] is None
    fit(labeling, visit)
    answer = ask("state").json()
    assert len(answer["next"]) == 20 and answer["proposals"] is None
    assert "two classes" in answer["message"]
    steps = [label(labeling, range(0, 8, 2), "even"), label(labeling, range(1, 9, 2), "odd")]
    steps += [label(labeling, range(8, 9), NONE), label(labeling, range(9, 10), SKIP)]
    ask("steps", revision=0, steps=steps)
    fit(labeling, visit)
    answer = ask("state").json()
    assert not answer["fitting"] and answer["proposals"].keys() == set(ids[10:])
    assert all(
        answer["proposals"][ids[r]][0] == ("odd" if r % 2 else "even") for r in range(10, 20)
    )
    assert set(answer["next"]) == set(ids[10:])
    assert sorted(map(len, answer["clusters"])) == [5, 5]
    assert answer["threshold"]["counts"][0] == 10
    share, low, high = answer["threshold"]["errors"][0]
    assert low <= share <= high
    known = answer["proposals_revision"]
    later = ask(f"state?since={answer['revision']}&proposals={known}").json()
    assert later["proposals"] is later["next"] is later["curve"] is None
    assert not visit.queues["labeling"].load()[0]  # nothing changed: no fit


def test_none_of_these_is_proposed_once_three_pictures_are_and_never_counts_as_a_class(
    labeling, ask, visit
):
    ids = labeling.unlabeled.ids
    steps = [label(labeling, range(0, 6, 2), "even"), label(labeling, range(1, 5, 2), NONE)]
    ask("steps", revision=0, steps=steps)
    fit(labeling, visit)
    assert ask("state").json()["proposals"] is None  # two are not enough
    ask("steps", revision=0, steps=[label(labeling, range(5, 6), NONE)])
    fit(labeling, visit)
    answer = ask("state").json()
    assert all(answer["proposals"][ids[r]][0] == (NONE if r % 2 else "even") for r in range(6, 20))
    assert [one["name"] for one in answer["curve"]["classes"]] == ["even"]
    assert [one["name"] for one in answer["classes"]] == ["even"]


def test_while_a_fit_runs_only_the_latest_labels_wait(labeling, ask, visit):
    for row in range(6):
        ask("steps", revision=0, steps=[label(labeling, range(row, row + 1), f"c{row % 2}")])
    assert visit.queues["labeling"].load() == (1, 0)
    fit(labeling, visit)  # the first, and one for all that came meanwhile
    assert labeling.state()["proposals"]
    assert labeling.state()["proposals_revision"] == 2


def test_a_bug_in_taking_a_fit_is_told_and_the_next_labels_are_fitted(
    labeling, ask, visit, monkeypatch
):
    steps = [label(labeling, range(0, 6, 2), "even"), label(labeling, range(1, 7, 2), "odd")]
    ask("steps", revision=0, steps=steps)
    with monkeypatch.context() as patch:
        patch.setattr(labeling_session, "LabelingFit", "no type")
        with pytest.raises(TypeError):
            fit(labeling, visit)
    answer = ask("state").json()
    assert answer["message"] == f"There are no new proposals: {OWN_FAULT}"
    assert not answer["fitting"] and answer["proposals"] is None
    ask("steps", revision=0, steps=[label(labeling, range(6, 7), "even")])
    fit(labeling, visit)
    assert ask("state").json()["proposals"]


def test_fits_leave_a_pause_and_are_said_to_come(labeling, ask, visit, monkeypatch):
    ask("state")
    fit(labeling, visit)
    monkeypatch.setattr(labeling_session, "PAUSE", 60.0)
    assert ask("steps", revision=0, steps=[label(labeling, range(3), "cup")]).json()["fitting"]
    assert not visit.queues["labeling"].load()[0]
    monkeypatch.setattr(labeling_session, "PAUSE", 0.0)
    assert ask("state").json()["fitting"] and visit.queues["labeling"].load()[0]
    fit(labeling, visit)
    assert not ask("state").json()["fitting"]


def test_a_wrong_label_is_disagreed_with_until_it_is_confirmed(labeling, ask, visit):
    steps = [label(labeling, range(0, 20, 2), "even"), label(labeling, range(1, 20, 2), "odd")]
    steps.append(label(labeling, range(4, 5), "odd"))
    ask("steps", revision=0, steps=steps)
    fit(labeling, visit)
    wrong = labeling.unlabeled.ids[4]
    found = {one: said for one, *said in ask("state").json()["disagreements"]}
    assert found[wrong][0] == "even" and found[wrong][1] > 0.5
    ask("steps", revision=3, steps=[label(labeling, range(4, 5), "odd")])
    fit(labeling, visit)
    assert ask("state").json()["disagreements"] == [[k, *v] for k, v in found.items() if k != wrong]
    ask("steps", revision=3, steps=[{"do": "undo"}])
    fit(labeling, visit)
    assert wrong in {one for one, *_ in ask("state").json()["disagreements"]}


def test_the_curve_is_kept_and_tells_when_it_is_enough(labeling, ask, visit):
    for rows in (range(0, 8), range(8, 14), range(14, 19)):
        by_class = {labeling.unlabeled.ids[row]: "odd" if row % 2 else "even" for row in rows}
        ask("steps", revision=0, steps=[{"do": "label", "labels": by_class}])
        fit(labeling, visit)
    answer = ask("state").json()
    points = answer["curve"]["points"]
    assert [point["labels"] for point in points] == [8, 14, 19]
    assert all(0 <= point["low"] <= point["accuracy"] <= point["high"] <= 1 for point in points)
    assert answer["curve"]["rest"]["accuracy"] > 0.9
    odd, even = (
        next(one for one in answer["curve"]["classes"] if one["name"] == n) for n in ("odd", "even")
    )
    assert (odd["labels"], even["labels"]) == (9, 10) and not odd["needs_more"]
    assert answer["message"] == ""  # too few labels to tell
    assert Labeling(labeling.unlabeled.folder, "another").state() is not None
    assert Labeling(labeling.unlabeled.folder, "another")._read_points() == labeling._points
    ask("steps", revision=3, steps=[{"do": "undo"}])
    fit(labeling, visit)
    points = ask("state").json()["curve"]["points"]
    assert [point["labels"] for point in points] == [8, 14]


def test_refused_steps_are_told_beside_those_that_were_done(labeling, ask):
    steps = [{"do": "remove_class", "name": "x"}, {"do": "add_class", "name": "cup"}]
    answer = ask("steps", revision=0, steps=steps)
    assert answer.status_code == 200 and len(answer.json()["refused"]) == 1
    assert answer.json()["classes"] == [{"name": "cup", "key": "1"}]


@pytest.mark.parametrize(
    "body",
    [
        {"revision": 0, "steps": [{"do": "known", "ids": [], "label": "x"}]},
        {"revision": -1, "steps": []},
        {"steps": [{"do": "label", "ids": "x"}]},
        {"steps": "undo"},
    ],
)
def test_bodies_that_are_none_are_refused_and_change_nothing(labeling, ask, body):
    answer = ask("steps", **body)
    assert answer.status_code == 422 and "not as expected" in answer.json()["detail"]
    assert labeling.log.revision == 0


HOSTILE = (
    ("GET", "/é/state", b"", 404),
    ("GET", "/%ff%00/thumb/x", b"", 404),
    ("GET", "{}/state?since=-5", b"", 200),
    ("GET", "{}/state?since=" + "9" * 5000, b"", 422),
    ("GET", "{}/state?proposals=", b"", 422),
    ("GET", "{}/thumb/%00", b"", 404),
    ("GET", "{}/picture/" + "x" * 10_000, b"", 404),
    ("GET", "{}/picture/%2e%2e/heap.json", b"", 404),
    ("GET", "{}/steps", b"", 405),
    ("PUT", "{}/state", b"", 405),
    ("POST", "{}/steps", b"", 422),
    ("POST", "{}/steps", b" " * (4 * 2**20 + 1), 413),
    ("POST", "{}/steps", b'{"x":' + b"[" * 100_000, 422),
    ("POST", "{}/steps", b'{"steps":[{"x":' + b'{"a":' * 100_000, 422),
    ("POST", "{}/steps", b'{"steps":[{"do":"add_class","name":"\xff"}]}', 422),
    ("POST", "{}/steps", b'{"steps":[{"do":"add_class","name":"\\ud800"}]}', 422),
    ("POST", "{}/steps", b'{"revision":' + b"9" * 5000 + b',"steps":[]}', 422),
)


def test_hostile_requests_are_refused_and_change_nothing(labeling):
    client = TestClient(Starlette(routes=[labeling_routes()]))
    for method, path, body, status in HOSTILE:
        place = "/labeling" + path.format(f"/{labeling.address}")
        answer = client.request(method, place, content=body)
        assert (place[:200], answer.status_code) == (place[:200], status)
        assert status == 200 or answer.headers["content-type"] == "application/problem+json"
    assert labeling.log.revision == 0


def test_thousands_of_classes_are_not_held_thousands_of_times(labeling, ask):
    steps = [{"do": "add_class", "name": f"{number}"} for number in range(3_000)]
    answer = ask("steps", revision=0, steps=steps).json()
    assert len(answer["classes"]) == 1_000 and len(answer["refused"]) == 2_000
    assert "as many as can be given" in answer["refused"][0]


def test_pictures_are_served_for_ever_to_who_has_the_address(labeling, ask):
    one = labeling.unlabeled.ids[0]
    for path in (f"thumb/{one}", f"picture/{one}"):
        answer = ask(path)
        assert answer.headers["content-type"] == "image/webp"
        assert "immutable" in answer.headers["cache-control"]
    for path in ("thumb/unknown", "picture/..%2Fheap.json"):
        assert ask(path).status_code == 404
    client = TestClient(Starlette(routes=[labeling_routes()]))
    for path in ("heap-1/state", f"{labeling.address[:-1]}/state", f"x/thumb/{one}"):
        answer = client.get(f"/labeling/{path}")
        assert answer.status_code == 404 and "load the page" in answer.json()["detail"]


def test_a_fit_that_fails_is_told_and_tried_again_after_the_next_label(labeling, ask, visit):
    ask("state")
    queue = visit.queues["labeling"]
    queue.fail(queue.take().id, "No memory.")
    assert "No memory" in ask("state").json()["message"]
    assert not queue.load()[0]
    ask("steps", revision=0, steps=[label(labeling, range(3), "cup")])
    assert queue.load()[0]
    fit(labeling, visit)
    assert "No memory" not in ask("state").json()["message"]


def test_a_single_picture_is_looked_at_once(labeling, ask, visit):
    (labeling.unlabeled.folder / "heap-vectors-20.npz").unlink()
    assert "being looked at" in ask("state").json()["message"]
    queue = visit.queues["dataset"]
    job = queue.take()
    job.then(queue.finish(job.id, None))
    answer = ask("state").json()
    assert "single picture" in answer["message"] and not answer["fitting"]
    assert queue.load() == (0, 0)


def test_pictures_are_added_in_the_middle_of_labeling(labeling, ask, visit, write_pictures):
    known = labeling.unlabeled.ids
    steps = [label(labeling, range(0, 8, 2), "even"), label(labeling, range(1, 9, 2), "odd")]
    assert "in a moment" in ask("steps", revision=0, steps=steps).json()["message"]
    late = visit.queues["labeling"].take()  # is under way when the pictures come
    folder, source = labeling.unlabeled.folder, write_pictures(*(f"{i:02}.png" for i in range(22)))
    IngestTask(source, folder, "Heap", unlabeled=True).run(quiet, never_stop)
    answer = ask("steps", revision=2, steps=[{"do": "order", "random": True}]).json()
    assert labeling.unlabeled.ids[:20] == known and len(labeling.pictures) == 22
    assert "being looked at" in answer["message"] and answer["proposals"] is None
    queue = visit.queues["labeling"]
    late.then(queue.finish(late.id, late.task.run(quiet, never_stop)))
    assert ask("state").json()["proposals"] is None  # it was of fewer pictures
    assert (
        not ask("steps", revision=3, steps=[label(labeling, range(21, 22), "new")])
        .json()
        .get("refused")
    )


def test_pictures_that_were_deleted_take_no_labels(labeling, ask):
    import shutil

    shutil.rmtree(labeling.unlabeled.folder)
    answer = ask("steps", revision=0, steps=[label(labeling, range(1), "cup")])
    assert answer.status_code == 503 and "deleted" in answer.json()["detail"]


def test_labels_of_a_table_are_taken_over(tmp_path, write_pictures, monkeypatch):
    from decor_core.data.tables.columns import Columns

    monkeypatch.setattr("decor_app.jobs.ingest_tasks.embed_unlabeled_set", lambda *_: None)
    source = write_pictures("0.png", "1.png", "2.png")
    (source / "list.csv").write_text("name,kind\n0.png,cup\n1.png,\n")
    columns = Columns("name", "kind", "", "")
    folder = IngestTask(source, tmp_path / "into", "T", columns, unlabeled=True).run(
        quiet, never_stop
    )
    unlabeled = load_unlabeled_set(folder)
    assert len(unlabeled.ids) == 3
    files = {unlabeled.file_of(one): given for one, given in unlabeled.log().labels.items()}
    assert files == {"0.png": "cup"}
