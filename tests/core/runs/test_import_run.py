"""Importing: own bundles come back whole, everything else is refused with the reason."""

import errno
import io
import json
import pickle
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from packing import zip_bytes

from decor_core.errors import BundleError
from decor_core.export.formats import export_model
from decor_core.features.embedder import EmbeddingSpec
from decor_core.model.bundle import Bundle, save_bundle
from decor_core.model.linear_head import LinearHead
from decor_core.runs import import_run as importing
from decor_core.runs.import_run import import_run
from decor_core.runs.run import run_of_training
from decor_core.taxonomy import Taxonomy


@pytest.fixture(scope="module")
def exported(training, tmp_path_factory):
    bundle = run_of_training(training, "painted").bundle.titled("Łowicz & co.")
    path = tmp_path_factory.mktemp("export") / "model.zip"
    return export_model(bundle, "bundle", path)


@pytest.fixture
def files(exported):
    """The exported files by name in the zip, to be tampered with."""
    with zipfile.ZipFile(exported) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _name(files, end):
    return next(name for name in files if name.endswith(end))


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """Imports what must be refused, and gives the reason; nothing may be left behind."""
    monkeypatch.setattr(importing.tempfile, "tempdir", str(tmp_path))

    def refused(source, **limits):
        with pytest.raises(BundleError) as told:
            import_run(source, **limits)
        assert list(tmp_path.iterdir()) == []
        assert str(tmp_path) not in str(told.value)
        return str(told.value)

    return refused


def test_what_was_exported_comes_back(exported, training):
    for source in (exported, exported.read_bytes()):
        run = import_run(source)
        assert run.title == "Łowicz & co." and run.data == "painted"
        assert run.config.steps == 60 and not run.read_only
        np.testing.assert_array_equal(run.bundle.head.weights, training.bundle.head.weights)
        assert run.evaluation.to_json() == training.bundle.evaluation.to_json()
        assert run.bundle.novelty.limit == training.bundle.novelty.limit
    assert import_run(exported).id != run.id


def test_a_bundle_folder_zipped_by_hand_comes_back_too(files):
    bare = {name.rpartition("/")[2]: content for name, content in files.items() if content}
    clutter = {"__MACOSX/._head.npz": b"\0", ".DS_Store": b"\0", "Thumbs.db": b"\0"}
    assert import_run(zip_bytes(bare | clutter)).title == "Łowicz & co."


def test_no_zip_and_broken_zips(refused, exported, tmp_path):
    data = exported.read_bytes()
    for source in (b"", b"PK\3\4", b"not a zip", pickle.dumps({}), data[: len(data) // 2]):
        assert "no zip, or is damaged" in refused(source)
    middle = len(data) // 3
    assert "damaged" in refused(data[:middle] + bytes(200) + data[middle + 200 :])


def test_too_large(refused, exported, monkeypatch):
    told = refused(exported, most_bytes=1000)
    assert "KiB, more than the 1,000 bytes that this server takes" in told
    monkeypatch.setattr(importing, "MAX_BYTES", 1000)
    assert "than the 1,000 bytes that any model of Decor has" in refused(exported, most_bytes=1000)


def test_a_large_model_comes_back(training, tmp_path):
    bundle = training.bundle
    labels = tuple(map(str, range(4000)))
    head = LinearHead(np.zeros((len(bundle.head.weights), 4000), "f4"), np.zeros(4000, "f4"))
    large = Bundle(
        "Large", Taxonomy("label", labels), bundle.embedding, bundle.backbone_digest, head
    )
    folder = save_bundle(large, tmp_path / "large")
    path = tmp_path / "large.zip"
    path.write_bytes(zip_bytes({file.name: file.read_bytes() for file in folder.iterdir()}))
    assert path.stat().st_size > 64 * 2**20
    assert import_run(path).bundle.head.weights.nbytes > 64 * 2**20
    with pytest.raises(BundleError, match="MiB, more than the 50 MiB that this server takes"):
        import_run(path, most_bytes=50 * 2**20)


def test_a_full_disk_is_told(refused, exported, monkeypatch):
    def full(source, to):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(importing.shutil, "copyfileobj", full)
    assert "cannot be unpacked (No space left on device); make room" in refused(exported)


def test_zip_bombs(refused, files, monkeypatch):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", bytes(31 * 2**20))
    assert len(stream.getvalue()) < 2**20
    told = refused(stream.getvalue(), most_bytes=10 * 2**20)
    assert "unpacks to 31 MiB, more than the 30 MiB" in told
    assert "holds 60 files" in refused(zip_bytes({f"{i}.txt": b"" for i in range(60)}))
    many = zip_bytes({f"{i:0200}.txt": b"" for i in range(5_000)})
    assert "it lists more files than a model of Decor has" in refused(many)


def test_arrays_that_claim_to_be_huge(refused, files):
    head = _name(files, "head.npz")
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        claim, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 7)}
    )
    with np.load(io.BytesIO(files[head])) as arrays:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("weights.npy", claim.getvalue())
            bias = io.BytesIO()
            np.save(bias, arrays["bias"])
            archive.writestr("bias.npy", bias.getvalue())
    told = refused(zip_bytes(files | {head: stream.getvalue()}))
    assert "weights.npy is not as large as it says" in told


@pytest.mark.parametrize("name", ["../head.npz", "/etc/head.npz", "a/../../head.npz",
                                  "..\\head.npz", "C:\\head.npz"])  # fmt: skip
def test_paths_outside(refused, files, name):
    assert "points outside of itself" in refused(zip_bytes(files | {name: b""}))


def test_links(refused, files):
    stream = io.BytesIO(zip_bytes(files))
    with zipfile.ZipFile(stream, "a") as archive:
        link = zipfile.ZipInfo("labels.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "points outside of itself" in refused(stream.getvalue())


def test_passwords(refused, files):
    data = bytearray(zip_bytes(files))
    central = data.rindex(b"PK\1\2")  # the last of the zip, not of an npz inside
    data[central + 8] |= 1
    assert "protected by a password" in refused(bytes(data))


@pytest.mark.parametrize("name", ["model.pkl", "model.keras", "weights.h5", "setup.py"])
def test_files_that_can_run_code(refused, files, name, tmp_path):
    told = refused(zip_bytes(files | {name: b"anything"}))
    assert f"“{name}”" in told and "can run code" in told


def test_other_exports_are_not_models_to_import(refused, files):
    told = refused(zip_bytes({"decor/model.tflite": b"TFL3", "decor/labels.txt": b"a"}))
    assert "“model.tflite”, which is no part of a model of Decor. Only zips" in told
    told = refused(zip_bytes({"readme.md": b"", "labels.txt": b"a\nb\n"}))
    assert "manifest.json and head.npz missing" in told
    scattered = {f"{i}/{name.rpartition('/')[2]}": data for i, (name, data) in
                 enumerate(files.items())}  # fmt: skip
    assert "several folders" in refused(zip_bytes(scattered))
    assert "labels.txt twice" in refused(zip_bytes(files | {"labels.txt": b""}))


def test_pickles_in_the_weights_are_never_run(refused, files, tmp_path_factory):
    marker = tmp_path_factory.mktemp("marker") / "fired"

    class Bomb:
        def __reduce__(self):
            return marker.touch, ()

    stream = io.BytesIO()
    np.savez(stream, weights=np.array([Bomb()], object), bias=np.zeros(3))
    head = _name(files, "head.npz")
    assert "is damaged" in refused(zip_bytes(files | {head: stream.getvalue()}))
    assert "is damaged" in refused(zip_bytes(files | {head: pickle.dumps(Bomb())}))
    assert not marker.exists()


def _changed(files, **changes):
    name = _name(files, "manifest.json")
    manifest = json.loads(files[name]) | changes
    return zip_bytes(files | {name: json.dumps(manifest).encode()})


@pytest.mark.parametrize(("changes", "reason"), [
    ({"format": "decor-bundle/9"}, "format 'decor-bundle/9'"),
    ({"format": None}, "format None"),
    ({"title": 7}, "damaged"),
    ({"title": "x" * 500}, "must be texts"),
    ({"title": ""}, "must be texts"),
    ({"title": "two\nlines"}, "must be texts"),
    ({"training": {"pictures": [1, 2]}}, "damaged (Expected `int | null`"),
    ({"training": {"testing_percentage": {}}}, "damaged (Expected `float`"),
    ({"taxonomy": {"name": "style", "labels": ["a", "b", "c"], "parents": [0, 1, 9], "coarser":
      {"name": "country", "labels": ["x", "y"], "coarser": None, "parents": []}},
      "evaluation": None}, "damaged"),
    ({"embedding": {"architecture": "efficientnet_lite0", "views": 1.5,
      "version": EmbeddingSpec.version}}, "damaged"),
    ({"embedding": {"architecture": "efficientnet_lite0", "views": 99,
      "version": EmbeddingSpec.version}}, "views must be 1 to"),
    ({"created": "yesterday"}, "damaged"),
    ({"training": ["lots"]}, "damaged"),
    ({"training": {"pictures_per_class": {"ash": "many"}}}, "damaged (Expected `float`, got `str`"),
    ({"training": {"pictures_per_class": [7]}}, "damaged"),
    ({"training": {"choice": {"reason": 7}}}, "damaged (Expected `str`"),
    ({"training": {"choice": None}}, "damaged"),
    ({"training": {"head": "forest"}}, "no head “forest”"),
    ({"training": {"steps": "many"}}, "damaged"),
    ({"training": {"seed": 1.5}}, "damaged (Expected `int`"),
    ({"training": {"testing_percentage": "ten"}}, "damaged (Expected `float`"),
    ({"training": {"steps": -1}}, "must lie between"),
    ({"taxonomy": {"name": "style", "labels": ["a", "a", "b"], "coarser": None, "parents": []}},
     "must differ"),
    ({"taxonomy": {"name": "style", "labels": ["a", "b"], "coarser": None, "parents": []}},
     "2 labels, but weights"),
    ({"taxonomy": {"name": "style", "labels": [1, 2, 3], "coarser": None, "parents": []}},
     "damaged (Expected `str`"),
    ({"embedding": {"architecture": "efficientnet_lite0", "views": 1, "version": 1}},
     "cannot be used here: The vectors are of version 1"),
    ({"embedding": {"architecture": "alexnet", "views": 1, "version": 1}},
     "cannot be used here: There is no network “alexnet”"),
    ({"embedding": {"architecture": "mobilenet_0.25_128", "views": 1, "version": 1}},
     "needs the network “mobilenet_0.25_128”, which is not on this machine"),
    ({"embedding": {"architecture": ["x"], "views": 1, "version": 1}}, "damaged (Expected `str`"),
    ({"backbone_digest": "0" * 16}, "trained on another version of efficientnet_lite0"),
    ({"cross_validation": {"colour": {}}}, "damaged"),
    ({"elsewhere": {"source": "x" * 500}}, "must be texts"),
    ({"elsewhere": {"source": "museums", "strangers": [
      {"kind": "two\nlines", "n": 9, "unknown": 9, "confident": {}}]}}, "must be texts"),
    ({"elsewhere": {"source": "museums", "strangers": [
      {"kind": "batik", "n": 9, "unknown": 0, "confident": {"Delft": 9}}]}}, "name “Delft”"),
])  # fmt: skip
def test_manifests_that_make_no_sense(refused, files, changes, reason):
    assert reason in refused(_changed(files, **changes))


def test_figures_that_make_no_sense(refused, files):
    manifest = json.loads(files[_name(files, "manifest.json")])
    found = manifest["evaluation"]
    for change, reason in [
        ({"confusion": [[1, 2], [3, 4]]}, "confusion matrix"),
        ({"confusion": [["a"] * 3] * 3}, "Expected `float`"),
        ({"confusion": [[1e300] * 3] * 3}, "Expected `float` <= 1000000000"),
        ({"confusion": [[float("nan")] * 3] * 3}, "damaged"),
        ({"labels": ["a", "b", "c"]}, "other labels"),
        ({"confusion": [[0.7, 0, 0]] * 3}, "parts of pictures"),
        ({"ece": "none"}, "Expected `float`, got `str` - at `$.evaluation.ece`"),
        ({"ece_ci95": [0, 1.5]}, "Expected `float` <= 1"),
        ({"balanced_ci95": [0.5]}, "Expected `array` of length 2"),
        ({"cross_entropy": -1}, "Expected `float` >= 0"),
        ({"reliability": [{"count": 1e308, "confidence": 1, "accuracy": 1}]}, "count`"),
    ]:
        assert reason in refused(_changed(files, evaluation=found | change))
    elsewhere = {"source": "museums", "evaluation": found | {"labels": ["a", "b", "c"]}}
    assert "which it cannot tell" in refused(_changed(files, elsewhere=elsewhere))
    known = manifest["novelty"]
    assert "make no sense" in refused(_changed(files, novelty=known | {"limit": -9}))
    assert "damaged" in refused(_changed(files, novelty=known | {"limit": "far"}))
    assert "another shape" in refused(_changed(files, novelty=known | {"blocks": [[0, 7]]}))
    floats = [[float(column) for column in block] for block in known["blocks"]]
    assert "damaged" in refused(_changed(files, novelty=known | {"blocks": floats}))


def test_broken_json(refused, files):
    name = _name(files, "manifest.json")
    for content in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"format": 1}'):
        told = refused(zip_bytes(files | {name: content}))
        assert "damaged" in told or "format" in told


def test_weights_that_are_not_finite(refused, files, training):
    bundle = training.bundle
    stream = io.BytesIO()
    weights = np.full_like(bundle.head.weights, np.nan)
    known = bundle.novelty
    np.savez(stream, weights=weights, bias=bundle.head.bias, means=known.means, axes=known.axes,
             variances=known.variances, rest=known.residual_variances,
             spread=known.mean_variances)  # fmt: skip
    told = refused(zip_bytes(files | {_name(files, "head.npz"): stream.getvalue()}))
    assert "not finite" in told


def test_models_without_novelty_or_test_can_be_imported(training, tmp_path):
    bare = replace(training.bundle, novelty=None, evaluation=None)
    run = import_run(export_model(bare, "bundle", tmp_path / "bare.zip"))
    assert run.bundle.novelty is None and run.evaluation is None
