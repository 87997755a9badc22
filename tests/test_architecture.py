"""Who imports whom: one way, and TensorFlow only where it must be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "decor_core"

# Each module imports only from modules before it.
ORDER = (
    "__init__",
    "errors",
    "folders",
    "taxonomy",
    "images",
    "hosting",
    "counters",
    "journal",
    "scratch",
    "colour",
    "foreground",
    "objects",
    "duplicates",
    "letters",
    "cells",
    "report",
    "checks",
    "source",
    "zips",
    "sources",
    "tables",
    "repairs",
    "listing",
    "layout",
    "catalog",
    "dataset",
    "backbone",
    "convert",
    "embedding",
    "augmentation",
    "heads",
    "logistic",
    "whitening",
    "novelty",
    "evaluation",
    "prepared",
    "choosing",
    "fitting",
    "features",
    "bundle",
    "material",
    "predictor",
    "explain",
    "overlay",
    "palette",
    "neighbours",
    "sheet",
    "workflow",
    "suspects",
    "projection",
    "run",
    "runs",
    "picture_files",
    "picture_set",
    "picture_sets",
    "picture_zip",
    "example",
    "uploading",
    "corrections",
    "comparison",
    "search",
    "summaries",
    "network",
    "graph",
    "frozen",
    "export",
    "importing",
    "diagnosis",
    "jobs",
    "intake",
    "job",
    "worker",
    "trainer",
    "run_arguments",
    "arguments",
    "terminal",
    "inputs",
    "check_command",
    "run_commands",
    "sweep",
    "__main__",
)
# backbone calls its converter only when a network is wanted that does not ship.
BACKWARD = {("backbone", "convert")}
TENSORFLOW = {
    "heads",
    "convert",
    "network",
    "graph",
    "frozen",
    "export",
    "worker",
    "inputs",
    "summaries",
}
OUTSIDE = {
    "numpy",
    "pandas",
    "PIL",
    "pillow_heif",
    "ai_edge_litert",
    "tensorflow",
    "sklearn",
    "threadpoolctl",
}


def _imports(path):
    """All imports of a file: (top level?, name of the core module or None, outer package)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield id(node) in top, None, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield id(node) in top, None, node.module.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            for name in [node.module] if node.module else [a.name for a in node.names]:
                yield id(node) in top, name.partition(".")[0], ""


MODULES = sorted(path.stem for path in CORE.glob("*.py"))


def test_every_module_has_its_place():
    assert set(MODULES) <= set(ORDER)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module):
    wrong = [
        name
        for _, name, _ in _imports(CORE / f"{module}.py")
        if name and ORDER.index(name) >= ORDER.index(module) and (module, name) not in BACKWARD
    ]
    assert not wrong, f"{module} imports {wrong}, which come after it"


def test_the_one_backward_import_is_lazy():
    places = [top for top, name, _ in _imports(CORE / "backbone.py") if name == "convert"]
    assert places == [False]


@pytest.mark.parametrize("module", MODULES)
def test_only_runtime_packages_are_imported(module):
    outer = {package for _, _, package in _imports(CORE / f"{module}.py") if package}
    assert not outer - OUTSIDE - set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", MODULES)
def test_tensorflow_is_imported_late_and_by_few(module):
    places = [top for top, _, package in _imports(CORE / f"{module}.py") if package == "tensorflow"]
    assert not any(places), "TensorFlow is imported when the module is"
    assert not places or module in TENSORFLOW


def test_the_web_server_never_asks_for_tensorflow():
    for file in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        assert "tensorflow" not in {package for _, _, package in _imports(file)}, file


def _loaded_after(code):
    """The packages in sys.modules of a fresh process that ran ``code``."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_the_whole_core_loads_no_tensorflow_and_no_streamlit():
    names = [name for name in MODULES if not name.startswith("__")]
    loaded = _loaded_after("\n".join(f"import decor_core.{name}" for name in names))
    assert not loaded & {"tensorflow", "keras", "streamlit", "altair"}


def test_predicting_loads_no_pandas_either():
    loaded = _loaded_after("from decor_core.predictor import load_predictor")
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "streamlit", "pandas"}
