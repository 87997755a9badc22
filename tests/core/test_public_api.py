"""What a program is told that gives a public function something of another kind."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import decor_core
from decor_core import (
    DiskRuns,
    Embeddings,
    ImageClassifier,
    TrainingConfig,
    VectorClassifier,
    compare,
    cross_validate,
    embed,
    export_model,
    load_picture,
    open_dataset,
    overlay,
    run_of_training,
    train,
)
from decor_core.errors import DecorError

# What Decor gives and nobody makes: tested with what gives it.
GIVEN = {
    *("Catalog", "Training", "Bundle", "Evaluation", "Prediction", "Explanation", "Comparison"),
    *("Run", "DecorError"),
}
OTHERS = None, 3, "text", b"bytes", [], {}, object()
NO_PATHS = None, 3, b"bytes", "", [], object()
CONFIG = TrainingConfig("lda", views=1, quick=True)


class Given:
    """What there is to give."""

    def __init__(self, training, embeddings, painted, folder):
        self.training, self.embeddings, self.pictures = training, embeddings, painted
        self.bundle, self.folder = training.bundle, folder
        self.classifier, self.runs = ImageClassifier.of(training.bundle), DiskRuns(folder / "runs")
        self.run = self.runs.save(run_of_training(training, "painted"))
        self.files = sorted(painted.glob("*/*0.png"))
        self.vectors = embeddings.vectors
        self.labels = embeddings.table["style"].to_numpy(str)
        self.image, self.map = Image.new("RGB", (8, 8)), np.ones((2, 2))


@pytest.fixture(scope="module")
def given(training, embeddings, painted, tmp_path_factory):
    return Given(training, embeddings, painted, tmp_path_factory.mktemp("api"))


# By the public name: what is called, as a function of what there is and of one value, and the
# values that are wrong. A text names what there is: “files[0]” is the attribute, and so on.
TABLE = {
    "open_dataset": [
        (lambda g, x: open_dataset(x), (*NO_PATHS, "classifier", "embeddings", "absent")),
        (lambda g, x: open_dataset(g.pictures, csv=x), (3, [], "embeddings", "absent")),
        (lambda g, x: open_dataset(g.pictures, columns=x), (3, "file", ("file", "label"))),
        (lambda g, x: open_dataset(g.pictures, types=x), (3, "product")),
        (lambda g, x: open_dataset(g.pictures, classes_from=x), (None, 3, "nowhere")),
    ],
    "embed": [
        (lambda g, x: embed(x), (*OTHERS, "pictures", "embeddings", "training")),
        (lambda g, x: embed(open_dataset(g.pictures), x), (3, "lda", {}, "classifier")),
        (lambda g, x: embed(open_dataset(g.pictures), CONFIG, cache=x), (3, "", "file")),
    ],
    "train": [
        (lambda g, x: train(x, CONFIG), (*OTHERS, "pictures", "classifier", "training")),
        (lambda g, x: train(g.embeddings, x), (*OTHERS, "classifier")),
        (lambda g, x: train(g.embeddings, CONFIG, x), (3, "text", ["style"])),
        (lambda g, x: train(g.embeddings, CONFIG, title=x), (None, 3)),
    ],
    "cross_validate": [
        (lambda g, x: cross_validate(x, CONFIG), (*OTHERS, "pictures", "training")),
        (lambda g, x: cross_validate(g.embeddings, x), OTHERS),
        (lambda g, x: cross_validate(g.embeddings, CONFIG, n_folds=x), (1, -1, 1000, "5", 2.5)),
        (lambda g, x: cross_validate(g.embeddings, CONFIG, repeats=x), (0, -1, "5", None)),
    ],
    "compare": [
        (lambda g, x: compare(x), (None, 3, "text", "run")),
        (lambda g, x: compare([g.run, x]), (*OTHERS, "classifier")),
    ],
    "export_model": [
        (
            lambda g, x: export_model(x, "bundle", g.folder / "model.zip"),
            (*OTHERS, "classifier", "run", "training", "embeddings"),
        ),
        (lambda g, x: export_model(g.bundle, x, g.folder / "model.zip"), OTHERS),
        (lambda g, x: export_model(g.bundle, "bundle", x), (*NO_PATHS, "folder", "below a file")),
        (lambda g, x: export_model(g.bundle, "card", x), ("below a file",)),
    ],
    "load_picture": [
        (lambda g, x: load_picture(x), (None, 3, "text", b"bytes", [], "image", "files", "folder")),
        (lambda g, x: load_picture(g.files[0], max_side=x), (0, -1, "8", 2.5)),
    ],
    "overlay": [
        (lambda g, x: overlay(x, g.map, 1), (*OTHERS, "file", "map")),
        (lambda g, x: overlay(g.image, x, 1), (*OTHERS, np.ones(3), np.ones((2, 2, 2)))),
        (lambda g, x: overlay(g.image, g.map, x), (None, 0, -1, "1", np.nan)),
        (lambda g, x: overlay(g.image, g.map, 1, x), (None, 1.5, -1, "1")),
    ],
    "DiskRuns": [
        (lambda g, x: DiskRuns(x), NO_PATHS[1:]),
        *(
            (lambda g, x, name=name: getattr(g.runs, name)(x), (*OTHERS, "run"))
            for name in ("get", "find", "delete", "restore")
        ),
        (lambda g, x: g.runs.model_folder(x), OTHERS),
        (lambda g, x: g.runs.save(x), (*OTHERS, "training", "bundle", "classifier")),
        (lambda g, x: g.runs.rename(g.run.id, x), (None, 3, "", "\n")),
        (lambda g, x: g.runs.note(g.run.id, x), (None, 3)),
        (lambda g, x: g.runs.free_title(x), (None, 3, [])),
        (lambda g, x: g.run.titled(x), (None, 3, "")),
    ],
    "run_of_training": [
        (lambda g, x: run_of_training(x, "painted"), (*OTHERS, "classifier", "embeddings")),
        (lambda g, x: run_of_training(g.training, x), (None, 3, "embeddings")),
        (lambda g, x: run_of_training(g.training, "painted", x), ("1", [])),
    ],
    "ImageClassifier": [
        (lambda g, x: ImageClassifier.of(x), (*OTHERS, "classifier", "run", "training")),
        (lambda g, x: ImageClassifier.load(x), (*NO_PATHS, "absent", "file", "classifier")),
        (lambda g, x: g.classifier.save(x), (*NO_PATHS, "file", "below a file")),
        (lambda g, x: g.classifier.save(g.folder / "model", x), (3, ["title"])),
        (lambda g, x: g.classifier.predict(x), (None, 3, "text", "file", [None], [3], "folder")),
        (lambda g, x: g.classifier.predict(open_dataset(g.pictures)), (None,)),
        (lambda g, x: g.classifier.explain(x), (None, 3, "absent", "files")),
        (lambda g, x: g.classifier.predictions(g.files[:1], x), ("text", 3)),
        (lambda g, x: g.classifier.score(g.files, x), (None, 3, "text", [], ["a"])),
        (
            lambda g, x: g.classifier.score(g.files, [f.parent.name for f in g.files], x),
            ("text", 3, [1], ["a"] * 6),
        ),
        (lambda g, x: ImageClassifier(architecture=x).fit(g.files, g.files), (None, 3, "text")),
        (lambda g, x: ImageClassifier(head=x).fit(g.files, g.files), (None, 3, "text")),
        (lambda g, x: ImageClassifier(random_state=x).fit(g.files, g.files), (None, -1, "text")),
    ],
    "VectorClassifier": [
        (lambda g, x: VectorClassifier.of(x), OTHERS),
        (lambda g, x: VectorClassifier().fit(x, g.labels), (None, 3, "text", [], ["a"])),
        (lambda g, x: VectorClassifier().fit(g.vectors, x), (None, 3, "text", [], ["a"])),
        (
            lambda g, x: VectorClassifier(cv=x).fit(g.vectors, g.labels),
            ("text", None, 2.5, [(1,)], [([0, 1], [99])], [(["a"], ["b"])]),
        ),
        (
            lambda g, x: VectorClassifier(blocks=x).fit(g.vectors, g.labels),
            ("text", 3, [1], [("all", 0, 3)]),
        ),
        (
            lambda g, x: VectorClassifier(random_state=x).fit(g.vectors, g.labels),
            (None, -1, "text"),
        ),
        (
            lambda g, x: VectorClassifier("lda").fit(g.vectors, g.labels).score(g.vectors, x),
            (None, 3, ["a"]),
        ),
    ],
    "TrainingConfig": [
        (lambda g, x: TrainingConfig(head=x), (None, 3, "text")),
        (lambda g, x: TrainingConfig(steps=x), (None, 0, 1.5, "5", True)),
        (lambda g, x: TrainingConfig(learning_rate=x), (None, 0, "1", float("nan"))),
    ],
    "Embeddings": [
        (lambda g, x: Embeddings.load(x), (*NO_PATHS, "absent", "file", "folder")),
        (lambda g, x: g.embeddings.save(x), (*NO_PATHS, "folder", "below a file")),
        (lambda g, x: g.embeddings.of_types(x), (None, 3, "text")),
        (lambda g, x: g.embeddings.target(x), (None, 3, "text")),
        (lambda g, x: g.embeddings.at_level(x), (None, 3, "text")),
        (
            lambda g, x: g.embeddings.rows(x),
            (None, 3, "text", [10**6], [-(10**6)], [1.5], [True], [[0]], [[0], [0, 1]]),
        ),
        (lambda g, x: g.embeddings.joined(x), OTHERS),
    ],
}


def test_every_public_name_is_in_the_table():
    assert TABLE.keys() | GIVEN == set(decor_core.__all__)


def _value(given, wrong):
    """The value that a text stands for, or is."""
    if not isinstance(wrong, str):
        return wrong
    paths = {
        "absent": given.folder / "absent",
        "file": given.files[0],
        "below a file": given.files[0] / "model",
    }
    return paths.get(wrong) or getattr(given, wrong, wrong)


@pytest.mark.parametrize("name", TABLE)
def test_what_is_of_another_kind_is_told(given, name):
    errors = (
        (DecorError, ValueError) if name == "VectorClassifier" else DecorError
    )  # scikit-learn's
    for call, values in TABLE[name]:
        for wrong in values:
            with pytest.raises(errors) as told:
                call(given, _value(given, wrong))
            assert len(str(told.value)) > 20, wrong
    assert not Path("text").exists()


def test_messages_say_what_was_expected_and_what_came(given):
    for call, words in {
        lambda: export_model(given.classifier, "bundle", "x.zip"): "a Bundle.*got ImageClassifier",
        lambda: open_dataset(None): "path of a folder or zip of pictures, but got None",
        lambda: given.classifier.save(None): "path of a folder to write, but got None",
        lambda: ImageClassifier.load(3): r"path of a model folder, but got 3 \(int\)",
        lambda: train(given.pictures, CONFIG): "Embeddings, as “embed” gives them, but got PosixP",
        lambda: VectorClassifier(cv="x").fit(given.vectors, given.labels): "number of folds.*'x'",
        lambda: given.classifier.predict(open_dataset(given.pictures)): "list of images.*Catalog",
        lambda: load_picture(given.files[0], max_side=0): "max_side in pixels.*got 0",
        lambda: open_dataset(given.pictures).read("x.png"): "no file “x.png”",
    }.items():
        with pytest.raises((DecorError, ValueError), match=words):
            call()


def test_an_overlay_takes_images_of_any_mode_and_lists(given):
    wanted = overlay(given.image, given.map, 1)
    for image in (given.image.convert("RGBA"), given.image.convert("P"), given.image.convert("L")):
        assert overlay(image, given.map.tolist(), 1) == wanted
