"""One folder = one model: ``manifest.json``, ``head.npz`` and ``labels.txt``.

A model whose network no name gives has that beside them, as ``network.tflite``.

To add a field to ``Bundle``: give it a default and name it in ``_ADDED``, or models of earlier
versions do not load. Plain values are written and read as they are; what is nested needs lines in
``write_bundle``, and what JSON does not know, as arrays, in ``_from_manifest`` or ``_decode``. A
value that may make no sense needs a check in ``load_bundle``. It is described in
docs/reference/model-folder.md and tested in tests/core/model/test_bundle.py: that it comes back,
and that a manifest without it loads.
"""

import math
import re
import unicodedata
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from decor_core.errors import (
    BundleError,
    DamagedFile,
    DecorError,
    check_kind,
    damaged_file,
    unwritable,
)
from decor_core.features.embedder import EmbeddingSpec, read_spec
from decor_core.features.own_networks import NetworkInFile, OwnNetwork
from decor_core.io import (
    Arrays,
    json_as,
    read_arrays,
    read_json,
    replacing,
    write_arrays,
    write_file,
    write_json,
)
from decor_core.model.evaluation import Evaluation, decode_counts
from decor_core.model.external_evaluation import ExternalEvaluation
from decor_core.model.linear_head import LinearHead
from decor_core.model.novelty import Novelty
from decor_core.shipped import MODELS, restorable
from decor_core.taxonomy import Taxonomy

FORMAT = "decor-bundle/1"
SHIPPED = MODELS / "bundles"
DEFAULT_BUNDLE = SHIPPED / "decor-style"

BUNDLE_FILES = _MANIFEST, HEAD_FILE, _LABELS = "manifest.json", "head.npz", "labels.txt"
NETWORK_FILE = "network.tflite"
MAX_WEIGHT_BYTES = 256 * 2**20
_MAX_TITLE = 200  # letters
# Arrays of a Novelty by their names in files, where the median distance is called “typical”.
_NOVELTY_ARRAYS = {
    "means": "means",
    "axes": "axes",
    "variances": "variances",
    "rest": "residual_variances",
    "spread": "mean_variances",
}


@dataclass(frozen=True)
class _EarlierNovelty:
    """Novelty in manifests from before there was a distribution for each class and block."""

    columns: tuple[int, int]
    rest: float
    limit: float


@dataclass(frozen=True)
class Bundle:
    """A trained model and all that is needed to use and to evaluate it.

    ``evaluation`` is on held-out pictures, ``cross_validation`` on all; either may be missing.
    ``novelty`` tells what is none of the labels; without it everything is taken for one of them.
    ``training`` says how and on what it was trained, in words and numbers for people;
    ``elsewhere``, if that was measured, how it does on pictures of other sources. ``network`` is
    the model's own network; None if it uses a named one.
    """

    title: str
    taxonomy: Taxonomy
    embedding: EmbeddingSpec
    backbone_digest: str
    head: LinearHead
    training: dict[str, Any] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    cross_validation: dict[str, Evaluation] = field(default_factory=dict)
    # To the millisecond: title and time tell two models apart that were trained in one second.
    created: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds")
    )
    novelty: Novelty | None = None
    elsewhere: ExternalEvaluation | None = None
    network: OwnNetwork | None = None

    @property
    def is_fine_tuned(self) -> bool:
        """Whether its network learned from the pictures, too."""
        return "fine_tuned" in self.training

    def titled(self, title: str) -> "Bundle":
        """The same model under another title; BundleError where that is no text."""
        check_kind(title, str, "a title", BundleError)
        return replace(self, title=title)


# The arrays of the model are in ``head.npz``.
_IN_MANIFEST = [one.name for one in fields(Bundle) if one.name != "head"]
_OF_NETWORK = [one.name for one in fields(OwnNetwork) if one.name != "content"]
_ADDED = {"elsewhere", "network"}  # models of earlier versions say nothing of them


def save_bundle(bundle: Bundle, folder: Path) -> Path:
    """Write ``bundle`` as ``folder``, in one move: a reader sees the old one or the new one.

    An existing folder is replaced if it is a bundle; BundleError if it is anything else, or the
    disk refuses.
    """
    check_replaceable(folder)
    with unwritable(BundleError, folder), replacing(folder) as new:
        write_bundle(bundle, new)
    return folder


def is_bundle(folder: Path) -> bool:
    """Whether there is a model in ``folder``, sound or not."""
    return (folder / _MANIFEST).exists()


def check_replaceable(folder: Path) -> None:
    """BundleError where ``save_bundle`` would refuse ``folder``: only a model is replaced."""
    if not folder.exists() or is_bundle(folder):
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise BundleError(
            f"“{folder}” exists and is no model folder; choose an empty or a new folder."
        )


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write the files of ``bundle`` into a folder, each in one move; OSError if that cannot be."""
    novelty = bundle.novelty
    manifest = {"format": FORMAT} | {name: getattr(bundle, name) for name in _IN_MANIFEST}
    manifest["evaluation"] = bundle.evaluation and bundle.evaluation.to_json()
    manifest["cross_validation"] = {k: v.to_json() for k, v in bundle.cross_validation.items()}
    if elsewhere := bundle.elsewhere:
        evaluation = elsewhere.evaluation and elsewhere.evaluation.to_json()
        manifest["elsewhere"] = vars(elsewhere) | {"evaluation": evaluation}
    arrays = {"weights": bundle.head.weights, "bias": bundle.head.bias}
    if novelty:
        blocks = [(block.start, block.stop) for block in novelty.blocks]
        bounds = {"typical": novelty.median_distance, "limit": novelty.limit}
        manifest["novelty"] = {"blocks": blocks, **bounds}
        arrays |= {name: getattr(novelty, own) for name, own in _NOVELTY_ARRAYS.items()}
    if network := bundle.network:
        manifest["network"] = {name: getattr(network, name) for name in _OF_NETWORK}
        write_file(folder / NETWORK_FILE, network.content)
    write_json(folder / _MANIFEST, manifest)
    write_file(folder / _LABELS, ("\n".join(bundle.taxonomy.labels) + "\n").encode())
    write_arrays(folder / HEAD_FILE, **arrays)


def load_bundle(folder: Path = DEFAULT_BUNDLE, *, network_in_file: bool = False) -> Bundle:
    """The model in ``folder``, by default the one that ships.

    BundleError says what is missing or damaged.

    With ``network_in_file`` the network that it carries is read when it is wanted, if ever.
    """
    damaged = damaged_file(BundleError, f"The model in “{folder}” is damaged", "retrain it")
    with restorable(folder), damaged:
        try:
            manifest = read_json(folder / _MANIFEST, dict[str, Any])
            arrays = read_arrays(folder / HEAD_FILE, MAX_WEIGHT_BYTES)
            if isinstance(about := manifest.get("network"), dict):
                content = _read_network(folder / NETWORK_FILE, only_look=network_in_file)
                manifest["network"] = about | {"content": content}
        except NotADirectoryError as error:
            raise BundleError(
                f"“{folder}” is a file; expected a folder that “retrain --bundle” wrote. What "
                "“export” wrote is kept as a run by “import”."
            ) from error
        except FileNotFoundError as error:
            raise BundleError(
                f"“{folder}” is no model folder: {Path(error.filename).name} is missing; "
                "expected a folder that “retrain --bundle” wrote."
            ) from error
        if manifest.get("format") != FORMAT:
            raise BundleError(
                f"“{folder}” is a model of format {manifest.get('format')!r}, but this version "
                f"reads {FORMAT!r}; retrain it or update Decor."
            )
        bundle = _from_manifest(manifest, arrays)
        _check_arrays(bundle)
        if bundle.network and network_in_file:
            digest = bundle.backbone_digest
            kept = NetworkInFile(folder / NETWORK_FILE, digest, bundle.network)
            bundle = replace(bundle, network=kept)
        if bundle.network:
            _check_network(bundle, bundle.network)
        return bundle


def _read_network(path: Path, *, only_look: bool) -> bytes:
    if path.stat().st_size > MAX_WEIGHT_BYTES:
        raise DamagedFile(f"{path.name} has more than {MAX_WEIGHT_BYTES // 2**20} MiB")
    return b"" if only_look else path.read_bytes()


def _from_manifest(manifest: dict[str, Any], arrays: Arrays) -> Bundle:
    if missing := [name for name in _IN_MANIFEST if name not in {*manifest, *_ADDED}]:
        raise DamagedFile(f"its manifest says nothing of “{missing[0]}”")
    if any(array.dtype.kind != "f" for array in arrays.values()):
        raise DamagedFile("its weights are not all numbers")
    head = {"weights": arrays["weights"], "bias": arrays["bias"]}
    if isinstance(novelty := manifest["novelty"], dict):
        if "columns" in novelty:
            manifest["novelty"] = _of_earlier_version(novelty, arrays)
        else:
            novelty |= {own: arrays[name] for name, own in _NOVELTY_ARRAYS.items()}
            novelty["median_distance"] = novelty.get("typical")
    bundle = json_as(manifest | {"head": head}, Bundle, _decode)
    read_spec(manifest["embedding"])
    return bundle


def _of_earlier_version(novelty: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """One distribution of all classes in one block, and squared distances without logarithm."""
    known = json_as(novelty, _EarlierNovelty)
    if not known.limit > 0:
        raise DamagedFile("what it knows holds numbers that make no sense")
    return {
        "blocks": [known.columns],
        "means": arrays["mean"][None],
        "axes": arrays["axes"],
        "variances": arrays["variances"][None],
        "residual_variances": np.array([known.rest], np.float32),
        "mean_variances": np.zeros(1, np.float32),
        "median_distance": math.log(known.limit) - 0.5,
        "limit": math.log(known.limit),
    }


def _decode(kind: type, value: Any) -> Any:
    """Decodes types that JSON does not know: arrays, most of them in another file, and slices."""
    if kind is slice:
        return slice(*msgspec.convert(value, tuple[int, int]))
    return value if isinstance(value, np.ndarray) else decode_counts(kind, value)


def _check_arrays(bundle: Bundle) -> None:
    weights, bias, novelty = bundle.head.weights, bundle.head.bias, bundle.novelty
    classes = len(bundle.taxonomy.labels)
    if weights.ndim != 2 or weights.shape[1] != classes or bias.shape != (classes,):
        raise DamagedFile(
            f"{classes} labels, but weights of shape {weights.shape} and bias of shape {bias.shape}"
        )
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise DamagedFile("it holds numbers that are not finite")
    if bundle.elsewhere and (others := bundle.elsewhere.labels - set(bundle.taxonomy.labels)):
        raise DamagedFile(f"its figures from elsewhere name “{min(others)}”, which it cannot tell")
    if novelty:
        _check_novelty(novelty, len(weights))


def _check_network(bundle: Bundle, network: OwnNetwork) -> None:
    """Checks the network's settings; its content is checked where it is about to be run."""
    numbers = network.side, network.mean, network.scale
    if not (0 < network.side <= 1024 and np.isfinite(numbers).all() and network.scale > 0):
        raise DamagedFile("what its network takes makes no sense")
    if not (0 < len(network.title) <= _MAX_TITLE and network.title.isprintable()):
        raise DamagedFile(f"its network's title must be a text of 1 to {_MAX_TITLE} letters")
    if (bundle.embedding.architecture, bundle.backbone_digest) != (network.name, network.digest):
        raise DamagedFile("its network is not the one that it was trained on")


def _check_novelty(novelty: Novelty, columns: int) -> None:
    widths = [block.stop - block.start for block in novelty.blocks]
    inside = all(0 <= b.start < b.stop <= columns for b in novelty.blocks)
    count, axes = len(widths), novelty.variances.shape[1:]
    shapes = (
        novelty.means.ndim == 2
        and novelty.means.shape[1] == sum(widths)
        and len(novelty.means) > 0
        and novelty.variances.shape == (count, *axes)
        and novelty.axes.shape == (sum(widths), *axes)
        and len(axes) == 1
        and novelty.residual_variances.shape == novelty.mean_variances.shape == (count,)
    )
    if not (shapes and inside and count):
        raise DamagedFile("what it knows has another shape than what it was trained on")


def list_bundles(root: Path) -> dict[Path, Bundle]:
    """Every readable model directly under ``root``, by folder, oldest first."""
    found = {}
    for manifest in root.glob(f"[!.]*/{_MANIFEST}"):
        try:
            found[manifest.parent] = load_bundle(manifest.parent)
        except DecorError:
            continue  # a damaged neighbor must not hide the good ones
    return dict(sorted(found.items(), key=lambda item: item[1].created))


def folder_name(title: str) -> str:
    """A safe folder name that still shows the letters of ``title``."""
    plain = unicodedata.normalize("NFC", title)
    return re.sub(r"[^\w.-]+", "-", plain).strip("-.")[:80] or "model"
