"""A model as a zip to take along: in one of several formats, with a model card and an example.

To add a format, add an entry to _FORMATS, ``examples/<name>.md`` (how to use it, for the card)
and, if it can be run, ``examples/<name>.py``; of a package that only it needs, an entry in _EXTRAS
and the extra in pyproject.toml; and a row in docs/how-to/export.md.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from decor_core.errors import (
    BundleError,
    check_kind,
    checked_path,
    require_package,
    unwritable,
)
from decor_core.export.model_card import model_card
from decor_core.features.backbones import load_backbone
from decor_core.io import replacing_file, write_file
from decor_core.model.bundle import Bundle, folder_name, write_bundle
from decor_core.model.predictor import NOVELTY_THRESHOLD

_EXAMPLES = Path(__file__).parent / "examples"
_CORE = Path(__file__).parents[1]
# Decor's own code that finds the object in a picture, for the examples. They are run by tests,
# which fail where a module is missing here.
_PREPROCESSOR = "decor_preprocessing"
_COPIED = (
    "errors.py",
    "images/color.py",
    "images/damage.py",
    "images/decode.py",
    "images/formats.py",
    "images/limits.py",
    "images/localize.py",
    "images/profiles.py",
    "images/tiff.py",
    "images/views.py",
    "text.py",
)
_REGION = 'REGION = "object"'  # the line of decor_preprocessing that says what is read
_PREPROCESSING = {
    "object": """\
`decor_preprocessing` finds the object, with Pillow and NumPy alone: `preprocess("photo.jpg")` is
the input of the model, and then its answers are those of Decor. Where you cannot run it, cut the
picture to a square around the object yourself and let every pixel count 255; answers will differ a
little.""",
    "frame": """\
The model reads the whole picture. `decor_preprocessing` puts it on a square, with Pillow and NumPy
alone: `preprocess("photo.jpg")` is the input of the model, and then its answers are those of Decor.
Where you cannot run it, fill the picture up to a square with its mean color yourself; its own
pixels count 255 and the filling 0.""",
}
_SQUEEZED = {
    "object": """\
it does
not know its shape, and finds the object on a plain ground only. There it answers as Decor does, on
other pictures most often.""",
    "frame": """\
it does
not know its shape. To square pictures it answers as Decor does, to others most often.""",
}
_NOVELTY = (
    " It also gives `novelty`, 0 to 1 for each picture: above "
    f"{NOVELTY_THRESHOLD:g} the picture is none of the labels."
)


_EXTRAS = {"tensorflow": "train", "onnx": "onnx"}  # of pyproject.toml, by package


@dataclass(frozen=True)
class Format:
    """One way to take a model along.

    ``write`` puts the model's own files into a folder, and gives what the text for the card wants
    to know besides; without it the card is all there is. ``library`` is what reads the model,
    ``labels`` the file with the labels; ``finds_object`` tells whether the example wants the code
    that finds in a picture what is read. ``package`` must be installed to make it, and it
    ``is_light`` where that takes neither a package nor the network.
    """

    name: str
    label: str
    write: Callable[[Bundle, Path], dict[str, int] | None] | None
    library: str = "decor-classifier"
    labels: str = "labels.txt"
    finds_object: bool = True
    package: str = "tensorflow"
    is_light: bool = False

    @property
    def ending(self) -> str:
        """Suffix of the file that it makes."""
        return "zip" if self.write else "md"

    def require_packages(self) -> None:
        """DecorError where something that makes it is not installed."""
        if self.package:
            require_package(f"The format “{self.name}”", self.package, _EXTRAS[self.package])


def _write_tflite(bundle: Bundle, folder: Path) -> dict[str, int]:
    from decor_core.export.tflite import tflite_model

    (folder / "model.tflite").write_bytes(tflite_model(bundle))
    return _sizes(bundle)


def _write_onnx(bundle: Bundle, folder: Path) -> dict[str, int]:
    from decor_core.export.onnx_model import onnx_model

    (folder / "model.onnx").write_bytes(onnx_model(bundle))
    return _sizes(bundle)


def _sizes(bundle: Bundle) -> dict[str, int]:
    """Number and sizes of the views in the model's input."""
    network = load_backbone(bundle.embedding.architecture)
    map_side, *_ = network.shapes[0]
    return {"views": bundle.embedding.views, "side": network.spec.side, "map_side": map_side}


def _write_saved_model(bundle: Bundle, folder: Path) -> None:
    from decor_core.export.keras_model import build_model, save_model

    save_model(build_model(bundle), folder / "saved_model")


def _write_keras(bundle: Bundle, folder: Path) -> None:
    from decor_core.export.keras_model import build_model

    build_model(bundle).save(folder / "model.keras")


def _write_web(bundle: Bundle, folder: Path) -> None:
    from decor_core.export.web import write_web_page

    write_web_page(bundle, folder)


def _write_graph(bundle: Bundle, folder: Path) -> None:
    from decor_core.export.frozen_graph import export_graph

    export_graph(bundle, folder / "retrained_graph.pb")


_FORMATS = (
    Format("bundle", "Decor's own, to import again", write_bundle,
           finds_object=False, package="", is_light=True),
    Format("web", "Web page, for any browser, offline too", _write_web, "litert",
           finds_object=False, package=""),
    Format("tflite", "TensorFlow Lite, for phones and small machines", _write_tflite, "litert"),
    Format("onnx", "ONNX, for its runtimes on any system", _write_onnx, "onnx", package="onnx"),
    Format("saved_model", "TensorFlow SavedModel, for servers", _write_saved_model, "tensorflow"),
    Format("keras", "Keras, to build upon", _write_keras, "keras"),
    Format("graph", "Frozen graph, for scripts of TensorFlow for Poets", _write_graph,
           "tensorflow", labels="retrained_labels.txt", finds_object=False),
    Format("card", "Model card alone, which is in every zip, too", None,
           finds_object=False, package="", is_light=True),
)  # fmt: skip
FORMATS = {one.name: one for one in _FORMATS}


def _format_named(name: str) -> Format:
    if not isinstance(name, str) or name not in FORMATS:
        raise BundleError(f"There is no format “{name}”; choose {', '.join(FORMATS)}.")
    return FORMATS[name]


def export_name(bundle: Bundle, format_name: str) -> str:
    """A good file name for ``export_model``; BundleError for an unknown format."""
    ending = _format_named(format_name).ending
    return f"{folder_name(bundle.title)}-{format_name.replace('_', '-')}.{ending}"


def export_model(bundle: Bundle, format_name: str, path: str | Path) -> Path:
    """Write ``bundle`` in that format, one that “decor export --help” names, to ``path``, at once.

    A file that is there is replaced. Most formats load TensorFlow; DecorError where it is not
    installed. BundleError for an unknown format, where the model was trained on another network or
    embedding, and where the disk refuses.
    """
    expected = "a Bundle: the “bundle” of a Training or Run, the “bundle_” of a classifier"
    check_kind(bundle, Bundle, expected, BundleError)
    path, chosen = checked_path(path, "a file to write", BundleError), _format_named(format_name)
    chosen.require_packages()
    if path.is_dir():  # before the work, not after it
        raise BundleError(f"“{path}” is a folder; expected the name of a file to write.")
    if chosen.write is None:
        with unwritable(BundleError, path):
            write_file(path, _card(bundle, chosen, "", "", {}).encode())
        return path
    with tempfile.TemporaryDirectory(prefix="decor-export-") as parent:
        folder = Path(parent, folder_name(bundle.title))
        folder.mkdir()
        values = chosen.write(bundle, folder) or {}
        write_labels(bundle, folder / chosen.labels)
        card = _card(bundle, chosen, folder.name, path.name, values)
        (folder / "README.md").write_text(card, encoding="utf-8")
        example = _EXAMPLES / f"{chosen.name}.py"
        if example.exists():
            shutil.copyfile(example, folder / "classify.py")
        if chosen.finds_object:
            _copy_preprocessor(folder / _PREPROCESSOR, bundle.embedding.region)
        archive = shutil.make_archive(str(Path(parent, "model")), "zip", parent, folder.name)
        with unwritable(BundleError, path), replacing_file(path) as new:
            shutil.move(archive, new)
    return path


def export_bytes(bundle: Bundle, format_name: str) -> bytes:
    """The file that ``export_model`` writes."""
    with tempfile.TemporaryDirectory(prefix="decor-export-") as folder:
        return export_model(bundle, format_name, Path(folder, "model.zip")).read_bytes()


def write_labels(bundle: Bundle, path: Path) -> None:
    """The labels in UTF-8, one a line, in the order of the model's answers."""
    write_file(path, ("\n".join(bundle.taxonomy.labels) + "\n").encode())


def _card(bundle: Bundle, chosen: Format, folder: str, file: str, values: dict[str, int]) -> str:
    """The model card, which tells of the files in ``folder``, packed as ``file``."""
    usage = (_EXAMPLES / f"{chosen.name}.md").read_text(encoding="utf-8")
    usage = usage.format(
        folder=folder,
        file=file,
        count=len(bundle.taxonomy.labels),
        novelty=_NOVELTY if bundle.novelty else "",
        preprocessing=_PREPROCESSING[bundle.embedding.region],
        squeezed=_SQUEEZED[bundle.embedding.region],
        **values,
    )
    return model_card(bundle, chosen.library, usage.rstrip())


def _copy_preprocessor(folder: Path, region: str) -> None:
    """Decor's own code as a package: copies, so that nothing differs but what is read."""
    for file in _COPIED:
        source = (_CORE / file).read_text(encoding="utf-8")
        source = source.replace("from decor_core.", f"from {_PREPROCESSOR}.")
        write_file(folder / file, source.encode())
    source = (_EXAMPLES / f"{_PREPROCESSOR}.py").read_text(encoding="utf-8")
    source = source.replace(_REGION, _REGION.replace("object", region))
    write_file(folder / "__init__.py", source.encode())
