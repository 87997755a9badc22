"""Exports: the example in each zip, run by itself, answers as the app does."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decor_core import errors
from decor_core.errors import BundleError, DecorError
from decor_core.export import formats
from decor_core.export.formats import FORMATS, export_model, export_name
from decor_core.features.backbones import named_spec
from decor_core.images.decode import load_picture
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import NOVELTY_THRESHOLD, ImagePredictor

pytest.importorskip("tensorflow")

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "models" / "samples").glob("*.jpg"))
FEW = SAMPLES[::8]  # for what takes a second for each
# Runs the example of each folder, one after the other, and tells on stderr which packages are
# loaded; what an example brings along is forgotten before the next.
SPY = """
import os, runpy, sys
folders, sys.argv = sys.argv[1].split(os.pathsep), ["classify.py", *sys.argv[2:]]
def packages():
    return {name: name.partition(".")[0] for name in sys.modules}
for folder in folders:
    os.chdir(folder)
    sys.path[0] = folder
    runpy.run_path("classify.py", run_name="__main__")
    print("done", flush=True)
    for name, package in packages().items():
        if package == "decor_preprocessing":
            del sys.modules[name]
print(*set(packages().values()), file=sys.stderr)
"""


def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(errors, "find_spec", lambda package: None)
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    for one in FORMATS.values():
        if one.package:
            with pytest.raises(
                DecorError, match=f"“{one.name}” needs the package {one.package}"
            ) as refused:
                one.require_packages()
            (extra,) = re.findall(r"\[(\w+)\]", str(refused.value))
            assert any(needed.startswith(one.package) for needed in extras[extra])


def test_every_format_is_described():
    page = (ROOT / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")
    rows = " ".join(re.findall(r"^\| (`.*?) \|", page, re.M))
    assert set(re.findall(r"`(\w+)`", rows)) == set(FORMATS)


@pytest.fixture(scope="module")
def shipped():
    return load_bundle()


@pytest.fixture(scope="module")
def exported(shipped, tmp_path_factory):
    """The folder that a zip of a format unpacks to; each is made once."""
    made = {}

    def exported(kind):
        if kind not in made:
            root = tmp_path_factory.mktemp(kind)
            path = export_model(shipped, kind, root / export_name(shipped, kind))
            with zipfile.ZipFile(path) as archive:
                archive.extractall(root)
            (made[kind],) = (folder for folder in root.iterdir() if folder.is_dir())
        return made[kind]

    return exported


@pytest.fixture(scope="module")
def label_image(exported):
    from label_image import LabelImage

    return LabelImage(exported("graph") / "retrained_graph.pb")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, ornament, request):
    """Drawn pictures, one turned by its EXIF and one with a transparent ground, and real ones."""
    folder = tmp_path_factory.mktemp("pictures")
    turned = ornament(5, "firebrick", 300)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.jpg", exif=exif)
    clear = ornament(6, "navy", 700).convert("RGBA")
    clear.putalpha(clear.convert("L").point(lambda level: 255 if level < 200 else 0))
    clear.save(folder / "clear.png")
    files = [*SAMPLES, folder / "turned.jpg", folder / "clear.png"]
    try:
        real = request.getfixturevalue("decor_data")
    except pytest.skip.Exception:
        return files
    table = pd.read_csv(real / "decor.csv")
    names = table.groupby(["decor", "type"])["file"].first()
    return [*files, *(real / "images" / name for name in names)]


@pytest.fixture(scope="module")
def app(shipped, pictures):
    """The app's probabilities by label and its word on novelty, of every picture."""
    predictor = ImagePredictor(shipped)
    found = {}
    for picture in pictures:
        labeled = predictor.label_one(str(picture), picture)
        probs = {s.label: s.probability for s in labeled.prediction.scores}
        found[labeled.file] = probs, labeled.prediction.unknown
    return found


def _examples(folders, files):
    """What each example says of each file, and the packages that they have loaded."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    ended = subprocess.run(
        [sys.executable, "-c", SPY, os.pathsep.join(map(str, folders)), *map(str, files)],
        env=env, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    *told, _ = ended.stdout.split("done\n")
    return list(map(_answers, told)), set(ended.stderr.splitlines()[-1].split())


def _answers(told):
    """Of each file the probabilities by label, the likeliest first, and whether it is unknown."""
    answers, file = {}, ""
    for line in told.splitlines():
        if found := re.fullmatch(r" +([\d.]+)%  (.+)", line):
            answers[file][0][found[2]] = float(found[1]) / 100
        else:
            file, _, rest = line.partition(": none of the known")
            answers[file] = {}, bool(rest)
    return answers


@pytest.fixture(scope="module")
def answers(exported, pictures):
    """What the examples that load TensorFlow say of some pictures, by format: in one process."""
    kinds = ("saved_model", "keras", "graph")
    some = [*FEW, *(file for file in pictures if file.stem in ("turned", "clear"))]
    told, loaded = _examples(list(map(exported, kinds)), some)
    assert "decor_core" not in loaded
    return dict(zip(kinds, told, strict=True))


def _are_the_apps(answers, app):
    for file, (probs, unknown) in answers.items():
        theirs, also = app[file]
        assert unknown == also, file
        differ = {label: abs(probs[label] - theirs[label]) for label in theirs}
        assert max(differ.values()) < 1e-3, (file, differ)
        clear = [label for label in theirs if theirs[label] > 2e-3]
        assert list(probs)[: len(clear)] == clear, file  # both likeliest first


@pytest.mark.parametrize("kind", ["saved_model", "keras"])
def test_example_answers_as_the_app_does(kind, answers, app):
    assert len(answers[kind]) == len(FEW) + 2
    _are_the_apps(answers[kind], app)


def test_examples_for_small_machines_do_without_tensorflow(exported, pictures, app):
    both, loaded = _examples([exported("tflite"), exported("onnx")], pictures)
    for answers in both:
        assert list(answers) == [str(file) for file in pictures]
        _are_the_apps(answers, app)
    assert not loaded & {"decor_core", "tensorflow", "keras", "pandas", "onnx"}


def test_example_of_the_frozen_graph_names_what_the_app_names(answers, app):
    for file in map(str, FEW):
        assert next(iter(answers["graph"][file][0])) == next(iter(app[file][0])), file


def _likeliest(probs):
    return max(probs, key=probs.get)


def test_the_frozen_graph_names_what_the_app_names_on_every_sample(shipped, label_image, app):
    for path in SAMPLES:
        theirs, _ = app[str(path)]
        answer = dict(zip(shipped.taxonomy.labels, map(float, label_image(path)), strict=True))
        assert _likeliest(answer) == _likeliest(theirs), path
        assert answer == pytest.approx(theirs, abs=0.3), path


def test_the_frozen_graph_names_what_the_app_names_on_real_products(
    shipped, label_image, app, decor_data
):
    table = pd.read_csv(decor_data / "decor.csv")
    files = table[table["type"] == "product"].groupby("decor")["file"].first()
    assert len(files) == 7
    for path in (decor_data / "images" / file for file in files):
        answer = shipped.taxonomy.labels[label_image(path).argmax()]
        assert answer == _likeliest(app[str(path)][0]), path


def test_probabilities_of_a_batch_are_those_of_its_pictures(label_image):
    random = np.random.default_rng(0)
    pictures = random.uniform(-1, 1, (3, 224, 224, 3)).astype(np.float32)
    together = label_image.run(pictures)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    for picture, row in zip(pictures, together, strict=True):
        np.testing.assert_allclose(label_image.run(picture[None])[0], row, atol=1e-4)


def test_pictures_of_one_color_get_numbers(label_image):
    for level in (-1.0, 0.0, 0.99):
        assert np.isfinite(label_image.run(np.full((1, 224, 224, 3), level))).all()


def test_graph_holds_the_network_once(shipped, exported):
    graph_file = exported("graph") / "retrained_graph.pb"
    network = named_spec(shipped.embedding.architecture).path.stat().st_size
    # Four bytes for each of its weights, and the head.
    assert graph_file.stat().st_size < 4.4 * network


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "card"])
def test_every_zip_explains_itself(kind, exported, shipped):
    folder = exported(kind)
    told = (folder / "README.md").read_text(encoding="utf-8")
    head, _, told = told.removeprefix("---\n").partition("\n---\n")
    assert f"library_name: {FORMATS[kind].library}\n" in head
    assert told.startswith(f"\n# {shipped.title}\n") and "{" not in told
    assert all(label in told for label in shipped.taxonomy.labels)
    for name in re.findall(r"`([\w.]+\.\w+|saved_model)`", told):
        assert (folder / name).exists(), name
    labels = "retrained_labels.txt" if kind == "graph" else "labels.txt"
    assert (folder / labels).read_text(encoding="utf-8").splitlines() == [*shipped.taxonomy.labels]


def test_the_examples_have_the_same_limit_of_novelty_as_the_app():
    """They are files of their own, which cannot import it."""
    folder = Path(formats.__file__).parent / "examples"
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    asking = {name: text for name, text in texts.items() if '"novelty"' in text}
    assert set(asking) == {"keras", "onnx", "saved_model", "tflite"}
    for name, text in asking.items():
        assert f'answer["novelty"][0] > {NOVELTY_THRESHOLD}\n' in text, name


def test_bundle_is_exported_without_tensorflow(tmp_path):
    code = (
        "import sys; from pathlib import Path; from decor_core.export.formats import export_model; "
        "from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle; "
        f"export_model(load_bundle(), 'bundle', Path({str(tmp_path / 'a.zip')!r})); "
        "print(*sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert not {"tensorflow", "keras"} & set(ended.stdout.split())
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_titles_make_safe_names(training, tmp_path):
    bundle = training.bundle.titled("../Łowicz: “a/b”")
    assert export_name(bundle, "saved_model") == "Łowicz-a-b-saved-model.zip"
    path = export_model(bundle, "bundle", tmp_path / "new" / "a.zip")
    with zipfile.ZipFile(path) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"Łowicz-a-b"}


def test_wrong_kinds_and_other_networks_are_refused(shipped, tmp_path):
    with pytest.raises(BundleError, match="choose bundle, web, tflite, .*, card"):
        export_model(shipped, "torch", tmp_path / "a.zip")
    with pytest.raises(BundleError, match="another version"):
        export_model(replace(shipped, backbone_digest="0"), "keras", tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_the_examples_bring_the_code_that_finds_the_object(exported):
    folder = exported("tflite") / "decor_preprocessing"
    core = Path(formats.__file__).parents[1]
    files = {path.relative_to(folder) for path in folder.rglob("*.py")} - {Path("__init__.py")}
    assert Path("images/views.py") in files
    for file in files:
        original = (core / file).read_text(encoding="utf-8")
        assert (folder / file).read_text(encoding="utf-8") == original.replace(
            "from decor_core.", "from decor_preprocessing."
        )


def test_a_model_of_whole_frames_without_novelty_is_exported_too(tiny_training, painted, tmp_path):
    frames = replace(tiny_training.bundle.embedding, region="frame")
    bare = replace(tiny_training.bundle, novelty=None, embedding=frames)
    with zipfile.ZipFile(export_model(bare, "tflite", tmp_path / "bare.zip")) as archive:
        archive.extractall(tmp_path)
    (answers,), _ = _examples([tmp_path / "Painted-tiny"], sorted(painted.glob("*/*0.png")))
    predictor = ImagePredictor(bare)
    for file, (probs, unknown) in answers.items():
        vector = predictor.embed(load_picture(Path(file)))
        assert not unknown
        app = {s.label: s.probability for s in predictor.predict(vector[None])[0].scores}
        assert probs == pytest.approx(app, abs=1e-3)
    told = (tmp_path / "Painted-tiny" / "README.md").read_text(encoding="utf-8")
    assert "novelty" not in told and "reads the whole picture" in told
