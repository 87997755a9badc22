"""A model as a zip to take along: the model in one of several formats, a README, an example."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from decor_core.errors import BundleError
from decor_core.features.backbones import load_backbone
from decor_core.model.bundle import Bundle, folder_name, save_bundle
from decor_core.model.evaluation import Evaluation

_EXAMPLES = Path(__file__).parent / "examples"
_CORE = Path(__file__).parents[1]
# What the example package needs; the examples are run by tests, which fail where one is missing.
_COPIED = (
    "errors.py",
    "images/color.py",
    "images/decode.py",
    "images/localize.py",
    "images/views.py",
)
# What the examples need of Decor to find the object in a picture.
_LOOK = "decor_look"

_FED = """\
`{model}` takes `object`, float32 [{batch}, n, n, 4] with any n: red, green, blue and how much each
pixel counts, all 0 to 255. {rest} It gives
`probabilities` [{batch}, {count}] in the order of `labels.txt`.{novelty}

`decor_look` finds the object, with Pillow and NumPy alone: `look("photo.jpg")` is what the model
is fed, and then its answers are those of Decor. Where you cannot run it, cut the picture to a
square around the object yourself and let every pixel count 255; answers will differ a little."""
_INSIDE = "Everything else is inside: the views, the scaling, the network, the colours."
_CUT = """\
And it takes `views`, float32 [{views}, {side}, {side}, 3], parts of the object, each in the size of
the network, and `weights`, float32 [{views}, {places}, {places}, 1], how much their places count;
`views` and `weights` of `decor_look` cut them. The scaling, the network just as Decor runs it, and
the colours are inside."""
_NOVEL = """
It also gives `novelty` [{batch}], 0 to 1: above ½ the picture is none of the labels."""
_GRAPH = """\
`retrained_graph.pb` is a frozen graph for scripts like `label_image` of TensorFlow for Poets:

    python -m scripts.label_image --graph=retrained_graph.pb --labels=retrained_labels.txt \\
        --image=photo.jpg

`input` is float32 [n, 224, 224, 3], `(pixel - 128) / 128`; `final_result` is [n, {count}], in the
order of `retrained_labels.txt`. The graph is fed the whole picture, squeezed to a square: it does
not know its shape, and finds the object on a plain ground only. There it answers as Decor does, on
other pictures most often. The other formats have no such limit."""


@dataclass(frozen=True)
class Format:
    """One way to take a model along; ``tensorflow`` tells whether making it loads TensorFlow."""

    name: str
    text: str
    write: Callable[[Bundle, Path], dict[str, str]]
    tensorflow: bool = True


def _write_bundle(bundle: Bundle, folder: Path) -> dict[str, str]:
    save_bundle(bundle, folder)
    return {}


def _write_graph(bundle: Bundle, folder: Path) -> dict[str, str]:
    from decor_core.export.frozen_graph import export_graph

    export_graph(bundle, folder / "retrained_graph.pb")
    write_labels(bundle, folder / "retrained_labels.txt")
    about = _GRAPH.format(count=len(bundle.taxonomy.labels))
    return {"packages": "numpy pillow tensorflow", "about": about}


def _write_tflite(bundle: Bundle, folder: Path) -> dict[str, str]:
    from decor_core.export.tflite import lite_model

    (folder / "model.tflite").write_bytes(lite_model(bundle))
    network = load_backbone(bundle.embedding.architecture)
    places, *_ = network.shapes[0]
    cut = _CUT.format(views=bundle.embedding.views, side=network.spec.side, places=places)
    about = _fed(bundle, "model.tflite", "1", cut)
    return {"packages": "numpy pillow ai-edge-litert", "about": about}


def _write_saved_model(bundle: Bundle, folder: Path) -> dict[str, str]:
    from decor_core.export.keras_model import build_model

    build_model(bundle).export(folder / "saved_model", verbose=False)
    return {"packages": "numpy pillow tensorflow", "about": _fed(bundle, "saved_model", "b")}


def _write_keras(bundle: Bundle, folder: Path) -> dict[str, str]:
    from decor_core.export.keras_model import build_model

    build_model(bundle).save(folder / "model.keras")
    return {"packages": "numpy pillow tensorflow", "about": _fed(bundle, "model.keras", "b")}


def _fed(bundle: Bundle, model: str, batch: str, rest: str = _INSIDE) -> str:
    novelty = _NOVEL.format(batch=batch) if bundle.novelty else ""
    count = len(bundle.taxonomy.labels)
    return _FED.format(model=model, batch=batch, count=count, novelty=novelty, rest=rest)


FORMATS = {
    kind.name: kind
    for kind in (
        Format("bundle", "Decor's own, to import again", _write_bundle, tensorflow=False),
        Format("tflite", "TensorFlow Lite, for phones and small machines", _write_tflite),
        Format("saved_model", "TensorFlow SavedModel, for servers", _write_saved_model),
        Format("keras", "Keras, to build upon", _write_keras),
        Format("graph", "frozen graph, for scripts of TensorFlow for Poets", _write_graph),
    )
}


def export_name(bundle: Bundle, kind: str) -> str:
    """A good file name for ``export_model``."""
    return f"{folder_name(bundle.title)}-{kind.replace('_', '-')}.zip"


def export_model(bundle: Bundle, kind: str, path: Path) -> Path:
    """Write ``bundle`` as a zip of format ``kind``, a key of FORMATS, to ``path``, in one move.

    All but "bundle" load TensorFlow. Raises BundleError for an unknown kind, and DecorError as
    Predictor does where the model was trained on another network or embedding.
    """
    if kind not in FORMATS:
        raise BundleError(f"There is no format “{kind}”; choose {', '.join(FORMATS)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as beside:
        folder = Path(beside, folder_name(bundle.title))
        folder.mkdir()
        told = FORMATS[kind].write(bundle, folder)
        _add_help(bundle, kind, folder, told, path.name)
        partial = Path(beside, "new.zip")
        _zip(folder, partial)
        partial.replace(path)
    return path


def write_labels(bundle: Bundle, path: Path) -> None:
    """The labels in UTF-8, one a line, in the order of the model's answers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(bundle.taxonomy.labels) + "\n", encoding="utf-8")


def _add_help(bundle: Bundle, kind: str, folder: Path, told: dict[str, str], file: str) -> None:
    template = (_EXAMPLES / ("README.md" if told else "bundle.md")).read_text(encoding="utf-8")
    about = {
        "title": bundle.title,
        "labels": f"{len(bundle.taxonomy.labels)} labels ({bundle.taxonomy.name}) apart: "
        + ", ".join(bundle.taxonomy.labels),
        "judgement": _judgement(bundle),
        "created": bundle.created[:10],
        "architecture": bundle.embedding.architecture,
        "folder": folder.name,
        "file": file,
    }
    (folder / "README.md").write_text(template.format(**about, **told), encoding="utf-8")
    if not told:
        return
    shutil.copyfile(_EXAMPLES / f"{kind}.py", folder / "classify.py")
    if kind != "graph":
        write_labels(bundle, folder / "labels.txt")
        _write_look(folder / _LOOK)


def _judgement(bundle: Bundle) -> str:
    figures = []
    if bundle.evaluation:
        figures.append(f"Tested on pictures it had not seen: {_figure(bundle.evaluation)}.")
    for name, evaluation in bundle.cross_validation.items():
        figures.append(f"By cross-validation ({name}): {_figure(evaluation)}.")
    return "\n".join(figures) or "It was not tested."


def _figure(evaluation: Evaluation) -> str:
    low, high = evaluation.ci95
    return (
        f"{evaluation.accuracy:.1%} of {evaluation.n} right (95 % interval {low:.1%} to {high:.1%})"
    )


def _write_look(folder: Path) -> None:
    """Decor's own code that finds the object, as a package: copies, so that nothing differs."""
    folder.mkdir()
    shutil.copyfile(_EXAMPLES / f"{_LOOK}.py", folder / "__init__.py")
    for file in _COPIED:
        target = folder / file
        target.parent.mkdir(exist_ok=True)
        source = (_CORE / file).read_text(encoding="utf-8")
        target.write_text(source.replace("from decor_core.", f"from {_LOOK}."), encoding="utf-8")


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, _, files in sorted(os.walk(folder)):
            for file in sorted(files):
                whole = Path(place, file)
                archive.write(whole, whole.relative_to(folder.parent))
