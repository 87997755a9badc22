"""What importing Decor loads: import-linter (``make lint``) keeps the order, these the weight."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import decor_core

ROOT = Path(__file__).parents[2]


def _loaded_after(code):
    """The packages in sys.modules of a fresh process that ran ``code``."""
    return {name.partition(".")[0] for name in _modules_after(code)}


def _modules_after(code):
    code += "\nimport sys; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


# They are made of TensorFlow or ONNX, and imported where an export or fine-tuning is asked for.
OF_EXPORTS = {"frozen_graph.py", "keras_model.py", "keras_network.py", "tflite.py",
              "onnx_model.py", "onnx_network.py", "late_stages.py",
              "trainable_network.py"}  # fmt: skip


def test_importing_the_whole_core_loads_no_tensorflow_and_no_streamlit():
    files = (ROOT / "decor_core").rglob("*.py")
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in files
        if "examples" not in path.parts and not path.name.startswith("__")
        if path.name not in OF_EXPORTS
    ]
    loaded = _loaded_after("\n".join(f"import {name}" for name in names))
    assert not loaded & {"tensorflow", "keras", "streamlit", "altair"}


def test_the_pages_load_no_tensorflow():
    loaded = _loaded_after(
        "import app, decor_app.classify.prediction_view, decor_app.training.settings"
    )
    assert "streamlit" in loaded
    assert not loaded & {"tensorflow", "keras", "ai_edge_litert"}


def test_predicting_loads_no_pandas_either():
    loaded = _loaded_after("from decor_core.model.predictor import ImagePredictor")
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "streamlit", "pandas"}


def test_labeling_a_picture_loads_little():
    """What trains, or reads archives, tables and the web, would take a tenth more of time."""
    picture = "models/samples/gzhel-vase.jpg"
    loaded = _modules_after(
        f"from decor_core.cli.main import main; assert main(['label', {picture!r}]) == 0"
    )
    assert "decor_core.model.predictor" in loaded
    assert not loaded & {
        "pandas", "sklearn", "scipy", "pyarrow", "tqdm", "filelock", "platformdirs", "fsspec",
        "urllib.request", "http", "email", "ssl", "asyncio", "multiprocessing",
        "concurrent.futures", "tarfile", "PIL.TiffImagePlugin",
        "decor_core.data.catalog", "decor_core.data.findings", "decor_core.data.sources.archives",
        "decor_core.data.sources.encodings", "decor_core.data.sources.source",
        "decor_core.bulk.cluster", "decor_core.bulk.output", "decor_core.bulk.writers",
        "decor_core.model.estimator", "decor_core.model.novelty_detector",
        "decor_core.model.whitening",
    }  # fmt: skip


def test_public_names_are_there_for_programs_and_for_type_checkers():
    """Named at three places: where they are, for type checkers, and in the reference."""
    tree = ast.parse((ROOT / "decor_core" / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        f"{one.module}.{alias.name}"
        for block in tree.body
        if isinstance(block, ast.If)
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
        if alias.name == alias.asname
    }
    found = [getattr(decor_core, name) for name in decor_core.__all__]
    assert typed == {f"{one.__module__}.{one.__name__}" for one in found}
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^::: (\S+)$", page, re.M))
    assert typed - described == {"decor_core.errors.DecorError"}  # with the others of its module
    assert set(decor_core.__all__) <= set(dir(decor_core))
