"""The export as a web page: its files hold the model, and nothing is fetched from elsewhere.

What the page does in a browser: tests/browser/test_web_export.py.
"""

import json
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from decor_core.errors import BundleError
from decor_core.export.formats import export_model
from decor_core.features.backbones import load_backbone
from decor_core.model.bundle import load_bundle

OUTSIDE = re.compile(r"""(?:src|href|from|import|fetch|url)\s*[=(]?\s*["'](?:https?:)?//""")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The folder that a zip of the shipped model unpacks to."""
    root = tmp_path_factory.mktemp("web")
    path = export_model(load_bundle(), "web", root / "page.zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(root)
    return root / "Decor-styles"


def test_all_that_the_page_wants_lies_beside_it(page):
    for file in page.glob("*.*"):
        if file.suffix in (".html", ".js", ".css"):
            text = file.read_text(encoding="utf-8")
            assert not OUTSIDE.search(text), file.name
            named = re.findall(r"""(?:from|src=|href=) ?"(?:\./)?([\w./]+\.\w+)\"""", text)
            assert all((page / name).exists() for name in named), (file.name, named)
    assert '"./wasm-utils.js"' in (page / "litert" / "index.js").read_text(encoding="utf-8")
    policy = re.search(r'Policy" content="([^"]+)"', (page / "index.html").read_text("utf-8"))
    assert policy and "default-src 'none'" in policy[1] and "'unsafe-eval'" not in policy[1]


def test_the_arrays_are_where_the_page_looks_for_them(page):
    bundle = load_bundle()
    about = json.loads((page / "model.json").read_bytes())
    numbers = np.fromfile(page / "model.bin", "<f4")

    def array(place):
        return numbers[place[0] : sum(place)]

    assert np.array_equal(array(about["head"]["weights"]), bundle.head.weights.ravel())
    assert np.array_equal(array(about["head"]["bias"]), bundle.head.bias)
    assert [level["name"] for level in about["levels"]] == ["style", "country"]
    last, known = about["novelty"]["blocks"][-1], bundle.novelty.distributions[-1]
    for name in ("center", "means", "axes", "gains", "along"):
        assert np.array_equal(array(last[name]), getattr(known, name).ravel()), name
    assert np.array_equal(array(last["gained"]), known.offsets[1])
    assert sum(array(last["gained"]).shape) + last["gained"][0] == len(numbers)
    files = ("model.bin", "network.tflite", "litert/litert_wasm_compat_internal.wasm")
    assert about["bytes"] == sum((page / file).stat().st_size for file in files)


def test_the_network_sees_the_same_when_fed_with_floats(page):
    backbone = load_backbone()
    side, spec = backbone.spec.side, backbone.spec
    pixels = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    fed = Interpreter(str(page / "network.tflite"), num_threads=1)
    fed.allocate_tensors()
    (given,) = fed.get_input_details()
    assert given["dtype"] == np.float32
    fed.set_tensor(given["index"], ((pixels - spec.mean) / spec.scale).astype(np.float32))
    fed.invoke()
    maps = {tuple(o["shape"][1:]): fed.get_tensor(o["index"]) for o in fed.get_output_details()}
    for shape, stage in zip(backbone.shapes, backbone.stage_maps(pixels), strict=True):
        assert np.array_equal(maps[shape], stage)


def test_a_model_without_novelty_and_one_for_another_network(training, tmp_path):
    frames = replace(training.bundle.embedding, region="frame")
    bare = replace(training.bundle, novelty=None, embedding=frames)
    with zipfile.ZipFile(export_model(bare, "web", tmp_path / "bare.zip")) as archive:
        about = json.loads(archive.read("Painted/model.json"))
    assert about["novelty"] is None and about["region"] == "frame" and about["views"] == 1
    with pytest.raises(BundleError, match="another version"):
        export_model(replace(bare, backbone_digest="0"), "web", tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()
