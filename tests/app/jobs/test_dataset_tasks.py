"""What the reading process is asked: a look into an upload, a set, a map, answers."""

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from packing import zip_bytes, zip_of

from decor_app.jobs.dataset_tasks import PredictTask
from decor_app.jobs.ingest_tasks import IngestTask, PreviewTask, ingest
from decor_app.jobs.tasks import Progress
from decor_app.state import training_vectors
from decor_app.state.training_vectors import TrainingVectors
from decor_core.data.tables.columns import Columns
from decor_core.datasets.dataset import load_dataset
from decor_core.datasets.demo import write_example
from decor_core.datasets.storage import read_aside
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import AUTO, EmbeddingSpec
from decor_core.features.region_choice import RegionChoice
from decor_core.model.bundle import load_bundle
from decor_core.model.events import never_stop
from decor_core.model.predictor import ImagePredictor
from decor_core.model.training_data import TrainingData

SAMPLES = Path(__file__).parents[3] / "models" / "samples"
ONE_VIEW = EmbeddingSpec(views=1)


def quiet(event: object) -> None:
    """Nobody listens."""


def _preview(path: Path):
    return PreviewTask(path, path.parent / "into").run(quiet, never_stop)


@pytest.fixture
def listed(tmp_path, ornament, encoded) -> Path:
    """A zip with a table of its own columns, six pictures that it names, one that it does not."""
    rows = ["Bild;Farbe;Art"]
    rows += [f"{i}.png;{'Red' if i % 2 else 'Blue'};{'cup' if i < 4 else 'tile'}"
             for i in range(6)]  # fmt: skip
    members = {f"{i}.png": encoded(ornament(i)) for i in range(7)}
    path = tmp_path / "listed.zip"
    path.write_bytes(zip_bytes(members | {"list.csv": "\n".join(rows).encode()}))
    return path


def test_a_look_tells_columns_and_their_values(listed):
    found = _preview(listed)
    assert (found.layout.kind, found.layout.csv, found.pictures) == ("table", "list.csv", 7)
    assert found.layout.columns == Columns("Bild", "Farbe")
    assert found.layout.rivals == ("Farbe", "Art")
    assert list(found.head.columns) == ["Bild", "Farbe", "Art"]
    assert len(found.head) == 5
    assert found.values["Art"] == {"cup": 4, "tile": 2}


def test_types_can_be_chosen(listed, tmp_path):
    columns = Columns("Bild", "Farbe", type="Art")
    task = IngestTask(listed, tmp_path / "set", "", columns, types=("tile",))
    made = ingest(task, quiet, never_stop)
    assert made.counts == {"Blue": 1, "Red": 1}
    assert made.catalog.report.left_out == {"cup": 4}


def test_pictures_that_no_row_names_can_be_fetched_again(listed, tmp_path):
    task = IngestTask(listed, tmp_path / "set", "", Columns("Bild", "Farbe"))
    made = ingest(task, quiet, never_stop)
    assert "6.png" in made.catalog.report.set_aside
    assert read_aside(made.folder, "6.png").startswith(b"\x89PNG")
    taken = made.accept_rejected(["6.png"], "Red")
    assert taken.counts == {"Blue": 3, "Red": 4}
    assert "6.png" not in taken.catalog.report.set_aside
    assert taken.undo().counts == made.counts


@pytest.mark.parametrize("label", ["Red", "a/b", ".hidden", "Синий", "test", "images"])
def test_loose_pictures_get_the_class_that_is_named(painted, tmp_path, label):
    found = _preview(painted / "Gzhel")
    assert (found.layout.kind, found.pictures) == ("loose", 12)
    task = IngestTask(painted / "Gzhel", tmp_path / "set", "", label=label)
    made = ingest(task, quiet, never_stop)
    assert made.counts == {label.replace("/", "∕"): 12}
    assert made.catalog.read(made.table["file"][0]).startswith(b"\x89PNG")


def test_a_table_without_pictures_is_told(tmp_path):
    (tmp_path / "list.csv").write_text("file,class\na.png,Red\n")
    assert _preview(tmp_path).layout.kind == "empty"


def test_what_was_uploaded_goes_once_it_is_read(painted, tmp_path):
    into = tmp_path / "set"
    into.mkdir()
    zip_of(painted, into / "upload.zip")
    events: list[Progress] = []
    task = IngestTask(into / "upload.zip", into, "Painted", spec=ONE_VIEW)
    assert task.run(events.append, never_stop) == into
    assert not (into / "upload.zip").exists()
    assert {event.phase for event in events} == {"reading", "comparing", "embedding"}
    shares = [task.fraction_done(events[: i + 1]) for i in range(len(events))]
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] <= 1


def test_stopped_while_it_looks_it_keeps_the_set(painted, tmp_path):
    task = IngestTask(painted, tmp_path / "set", "Painted", spec=ONE_VIEW)
    looked: list[Progress] = []

    def listen(event: Progress) -> None:
        looked.extend([event] if event.phase == "embedding" else [])

    task.run(listen, lambda: bool(looked))
    made = load_dataset(tmp_path / "set")
    assert len(made.table) == 36
    assert made.checked == ""


def test_a_model_answers_for_a_whole_set(painted, tmp_path):
    made = ingest(IngestTask(painted, tmp_path / "set", ""), quiet, never_stop)
    few = made.drop(made.table["file"][3:])
    bundle = load_bundle()
    found = PredictTask(few.folder, bundle, "style").run(quiet, never_stop)
    embeddings = embed_catalog(few.catalog, bundle.embedding)
    expected = ImagePredictor(bundle).predict(embeddings.vectors, "style")
    told = {key: one.scores[0].label for key, one in zip(few.table["key"], expected, strict=True)}
    assert {key: label for key, (label, _) in found.items()} == told


def test_the_example_has_something_to_find(tmp_path):
    samples = {"gzhel-vase.jpg": "Gzhel", "gzhel-plate.jpg": "Gzhel",
               "khokhloma-bowl.jpg": "Khokhloma", "iznik-plate.jpg": "Iznik"}  # fmt: skip
    pictures = [(name, style, (SAMPLES / name).read_bytes()) for name, style in samples.items()]
    write_example(tmp_path / "example.zip", pictures)
    task = IngestTask(tmp_path / "example.zip", tmp_path / "set", "Example")
    made = ingest(task, quiet, never_stop)
    kinds = {entry.kind for entry in made.open_findings}
    assert {"unreadable", "duplicate", "tiny", "misnamed"} <= kinds
    assert made.label_of("Example/Iznik/strayed.jpg") == "Iznik"


def test_vectors_are_found_again_by_what_the_data_told_to_read(monkeypatch, embeddings):
    session = SimpleNamespace(vectors=OrderedDict())
    dataset = SimpleNamespace(folder=Path("set"), number=1, version="3f2a91")
    monkeypatch.setattr(training_vectors, "workspace", lambda: session)
    monkeypatch.setattr(training_vectors, "store", lambda: SimpleNamespace(get=lambda _: dataset))

    def wanted(region: str) -> TrainingVectors:
        spec = replace(embeddings.spec, region=region)
        return TrainingVectors(TrainingData("set", spec=spec, augmentation=None), "style")

    asked = wanted(AUTO)
    task = asked.missing()
    assert task and task.spec.region == AUTO
    frames = replace(embeddings, spec=replace(embeddings.spec, region="frame"))
    told = replace(frames, region_choice=RegionChoice.given("frame"))
    asked.add(task, told)
    for region in (AUTO, "frame"):  # as the data are asked, and as the model then says
        again = wanted(region)
        assert again.missing() is None and again.joined() is told
    assert wanted("object").missing()
    # What was said to be read does not tell what the data would.
    session.vectors.clear()
    said = wanted("frame")
    task = said.missing()
    assert task
    said.add(task, frames)
    assert wanted("frame").missing() is None and wanted(AUTO).missing()
