"""A model as a page that classifies in the browser: plain files for any static server.

The page, in ``web/``, is Decor's own JavaScript beside LiteRT.js: ``web/litert.js-*.zip`` has the
files that it wants of the npm packages @litertjs/core and @litertjs/wasm-utils. No TensorFlow.
"""

import shutil
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from decor_core.features.backbones import load_backbone
from decor_core.features.stage_maps import add_operator
from decor_core.features.tflite_reader import read_model
from decor_core.io import write_json
from decor_core.model.bundle import Bundle
from decor_core.model.novelty import (
    DISAGREEMENT,
    MAX_DISCOUNT,
    MIN_DISTANCE,
    SHARPNESS,
    STEEPNESS,
    Novelty,
)
from decor_core.model.predictor import CONFIDENCE_THRESHOLD, NOVELTY_THRESHOLD, ImagePredictor

_PAGE = Path(__file__).parent / "web"
_LITERT = _PAGE / "litert.js-2.5.3.zip"
_WASM = "litert_wasm_compat_internal.wasm"


def write_web_page(bundle: Bundle, folder: Path) -> None:
    """Write the page of ``bundle`` into ``folder``; raises DecorError as ImagePredictor does."""
    ImagePredictor(bundle)  # checks that the model fits what is here
    for file in _PAGE.iterdir():
        if file != _LITERT:
            shutil.copyfile(file, folder / file.name)
    with zipfile.ZipFile(_LITERT) as archive:
        archive.extractall(folder / "litert")
    module = folder / "litert" / "index.js"  # a browser knows no names of packages, but files
    source = module.read_text(encoding="utf-8")
    module.write_text(source.replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"'), "utf-8")
    backbone = load_backbone(bundle.embedding.architecture)
    spec = backbone.spec
    (folder / "network.tflite").write_bytes(_with_float_input(backbone.weights))
    numbers = _Numbers()
    about = {
        "title": bundle.title,
        "levels": [
            {"name": level.name, "labels": level.labels, "parents": level.parents}
            for level in bundle.taxonomy.levels
        ],
        "region": bundle.embedding.region,
        "views": bundle.embedding.views,
        "network": {
            "side": spec.side,
            "mapSide": backbone.shapes[0][0],
            "mean": spec.mean,
            "scale": spec.scale,
        },
        "head": numbers.placed(weights=bundle.head.weights, bias=bundle.head.bias),
        "novelty": _novelty(bundle.novelty, numbers) if bundle.novelty else None,
        "maxDiscount": MAX_DISCOUNT,
        "confidenceThreshold": CONFIDENCE_THRESHOLD,
        "noveltyThreshold": NOVELTY_THRESHOLD,
    }
    (folder / "model.bin").write_bytes(numbers.content())
    files = (folder / "model.bin", folder / "network.tflite", folder / "litert" / _WASM)
    write_json(folder / "model.json", about | {"bytes": sum(f.stat().st_size for f in files)})


class _Numbers:
    """Arrays in one file of single precision, one after the other."""

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []
        self._length = 0

    def placed(self, **arrays: np.ndarray) -> dict[str, tuple[int, int]]:
        """Add arrays; gives where each begins and how long it is, in numbers."""
        places = {}
        for name, array in arrays.items():
            self._arrays.append(np.ascontiguousarray(array, "<f4").ravel())
            places[name] = (self._length, array.size)
            self._length += array.size
        return places

    def content(self) -> bytes:
        return np.concatenate(self._arrays).tobytes()


def _novelty(known: Novelty, numbers: _Numbers) -> dict[str, Any]:
    blocks = []
    for columns, block in zip(known.blocks, known.distributions, strict=True):
        squares, gained = block.offsets
        arrays = {name: getattr(block, name)
                  for name in ("center", "means", "axes", "gains", "along")}  # fmt: skip
        blocks.append({
            "start": columns.start, "stop": columns.stop,
            "residual": float(block.residual_variance), "mean": float(block.mean_variance),
            **numbers.placed(**arrays, squares=squares, gained=gained),
        })  # fmt: skip
    return {
        "blocks": blocks,
        "classes": len(known.means),
        "median": known.median_distance,
        "limit": known.limit,
        "least": MIN_DISTANCE,
        "sharpness": SHARPNESS,
        "disagreement": DISAGREEMENT,
        "steepness": STEEPNESS,
    }


def _with_float_input(network: bytes) -> bytes:
    """The network's TFLite file, rounding its input itself where that is of eight bits.

    LiteRT.js takes no signed bytes.
    """
    model = read_model(network)
    (graph,) = model.subgraphs
    (rounded,) = graph.inputs
    if graph.tensors[rounded].type == schema.TensorType.FLOAT32:
        return network
    pixels: Any = schema.TensorT()
    pixels.name, pixels.type = b"pixels", schema.TensorType.FLOAT32
    pixels.shape = graph.tensors[rounded].shape
    graph.tensors.append(pixels)
    place = len(graph.tensors) - 1
    add_operator(model, graph, "QUANTIZE", [place], rounded, version=1)
    graph.operators.insert(0, graph.operators.pop())
    graph.inputs = [place]
    for signature in model.signatureDefs or ():
        for one in signature.inputs:
            one.tensorIndex = place
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
