"""Who imports whom: one way, and TensorFlow only where it must be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "decor_core"

# Packages and their modules: each imports only from those before it.
ORDER = tuple(
    name if package == "." else f"{package}.{name}"
    for package, names in {
        ".": "__init__ errors folders taxonomy",
        "pictures": "images colour foreground objects duplicates",
        "operations": "hosting counters journal scratch",
        "data": "letters cells report checks source zips sources tables repairs rows "
        "class_folders listing layout contents catalog splitting preparing",
        "vision": "backbone torch_state convert embedding augmentation features",
        "learning": "heads logistic whitening novelty evaluation prepared choosing fitting",
        "models": "bundle material predictor explain overlay palette sight neighbours sheet",
        "training": "task workflow suspects projection search",
        "runs": "run store comparison importing diagnosis summaries",
        "sets": "picture_files additions labelling standing picture_set picture_sets picture_zip "
        "example uploading corrections",
        "export": "network graph lite frozen formats",
        "jobs": "requests intake job worker register trainer looking",
        "commands": "run_arguments arguments terminal inputs check runs sweep",
    }.items()
    for name in names.split()
) + ("__main__",)
# backbone calls its converter only when a network is wanted that does not ship.
BACKWARD = {("vision.backbone", "vision.convert")}
TENSORFLOW = {
    "learning.heads",
    "vision.convert",
    "export.network",
    "export.graph",
    "export.lite",
    "export.frozen",
    "export.formats",
    "jobs.worker",
    "commands.inputs",
    "runs.summaries",
}
OUTSIDE = {
    "numpy",
    "pandas",
    "PIL",
    "pillow_heif",
    "ai_edge_litert",
    "flatbuffers",  # whose files LiteRT reads
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
            for name in _modules(path, node):
                yield id(node) in top, name, ""


def _modules(path, node):
    """The core modules that a relative import names, as in ORDER."""
    if not path.is_relative_to(CORE):
        return []
    place = [*path.relative_to(CORE).parts[: -node.level], *(node.module or "").split(".")]
    package = ".".join(filter(None, place))
    inside = [f"{package}.{alias.name}" if package else alias.name for alias in node.names]
    return [package] if package in ORDER else inside


def _file(module):
    return CORE / f"{module.replace('.', '/')}.py"


MODULES = sorted(
    ".".join(path.relative_to(CORE).with_suffix("").parts)
    for path in CORE.rglob("*.py")
    if "examples" not in path.parts and (path.name != "__init__.py" or path.parent == CORE)
)


def test_every_module_has_its_place():
    assert set(MODULES) == set(ORDER)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module):
    wrong = [
        name
        for _, name, _ in _imports(_file(module))
        if name and ORDER.index(name) >= ORDER.index(module) and (module, name) not in BACKWARD
    ]
    assert not wrong, f"{module} imports {wrong}, which come after it"


def test_the_one_backward_import_is_lazy():
    one, other = next(iter(BACKWARD))
    places = [top for top, name, _ in _imports(_file(one)) if name == other]
    assert places == [False]


@pytest.mark.parametrize("module", MODULES)
def test_only_runtime_packages_are_imported(module):
    outer = {package for _, _, package in _imports(_file(module)) if package}
    assert not outer - OUTSIDE - set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", MODULES)
def test_tensorflow_is_imported_late_and_by_few(module):
    places = [top for top, _, package in _imports(_file(module)) if package == "tensorflow"]
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
    loaded = _loaded_after("from decor_core.models.predictor import load_predictor")
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "streamlit", "pandas"}


def test_the_readme_names_every_package_and_module_in_order():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.partition("    decor_core/\n")[2].partition("\n    models/  ")[0]
    block = block.replace("examples/", "")
    packages = [
        name for name, *_ in (line.split() for line in block.splitlines()) if name[-1] == "/"
    ]
    named = [name.partition(".")[0] for name in ORDER if "." in name]
    assert packages == [f"{name}/" for name in dict.fromkeys(named)]
    for package in dict.fromkeys(named):
        told = block.partition(f"      {package}/ ")[2].split("/ ")[0].split()
        assert {name.partition(".")[2] for name in ORDER if name.startswith(f"{package}.")} <= set(
            told
        )
