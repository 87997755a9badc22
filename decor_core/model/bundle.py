"""One folder = one model: ``manifest.json``, ``head.npz`` and ``labels.txt``."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from decor_core.errors import DAMAGED_FILE, BundleError, DamagedFile, DataError, DecorError
from decor_core.features.backbones import MODELS, restorable
from decor_core.features.embedder import EmbeddingSpec
from decor_core.io import replacing
from decor_core.model.evaluation import Evaluation
from decor_core.model.heads import Head
from decor_core.model.novelty import Novelty
from decor_core.taxonomy import Taxonomy

FORMAT = "decor-bundle/1"
SHIPPED = MODELS / "bundles"
DEFAULT_BUNDLE = SHIPPED / "decor-style"

BUNDLE_FILES = _MANIFEST, HEAD_FILE, _LABELS = "manifest.json", "head.npz", "labels.txt"
_NOVELTY_ARRAYS = ("mean", "axes", "variances")


@dataclass(frozen=True)
class Bundle:
    """A trained model and all that is needed to use and to judge it.

    ``evaluation`` is on held-out pictures, ``cross_validation`` on all; either may be missing.
    ``novelty`` tells what is none of the labels; without it everything is taken for one of them.
    ``training`` says how and on what it was trained, in words and numbers for people.
    """

    title: str
    taxonomy: Taxonomy
    embedding: EmbeddingSpec
    backbone_digest: str
    head: Head
    training: dict[str, Any] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    cross_validation: dict[str, Evaluation] = field(default_factory=dict)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    novelty: Novelty | None = None

    def titled(self, title: str) -> "Bundle":
        """The same model under another title."""
        return replace(self, title=title)


def save_bundle(bundle: Bundle, folder: Path) -> Path:
    """Write ``bundle`` as ``folder``, in one move: a reader sees the old one or the new one.

    An existing folder is replaced if it is a bundle; BundleError if it is anything else, or the
    disk refuses.
    """
    check_replaceable(folder)
    try:
        with replacing(folder) as new:
            write_bundle(bundle, new)
    except OSError as error:
        raise BundleError(f"“{folder}” cannot be written: {error.strerror or error}.") from error
    return folder


def check_replaceable(folder: Path) -> None:
    """BundleError where ``save_bundle`` would refuse ``folder``: strangers' files are safe."""
    if not folder.exists() or (folder / _MANIFEST).exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise BundleError(
            f"“{folder}” exists and is no model folder; choose an empty or a new folder."
        )


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write the files of ``bundle`` into an empty folder; OSError where the disk refuses."""
    manifest = {
        "format": FORMAT,
        "title": bundle.title,
        "created": bundle.created,
        "taxonomy": asdict(bundle.taxonomy),
        "embedding": asdict(bundle.embedding),
        "backbone_digest": bundle.backbone_digest,
        "training": bundle.training,
        "evaluation": bundle.evaluation and bundle.evaluation.to_json(),
        "novelty": bundle.novelty
        and {
            "columns": [bundle.novelty.columns.start, bundle.novelty.columns.stop],
            "rest": bundle.novelty.rest,
            "limit": bundle.novelty.limit,
        },
        "cross_validation": {k: v.to_json() for k, v in bundle.cross_validation.items()},
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (folder / _MANIFEST).write_text(text + "\n", encoding="utf-8")
    (folder / _LABELS).write_text("\n".join(bundle.taxonomy.labels) + "\n", encoding="utf-8")
    arrays = {"weights": bundle.head.weights, "bias": bundle.head.bias}
    if bundle.novelty:
        arrays |= {name: getattr(bundle.novelty, name) for name in _NOVELTY_ARRAYS}
    np.savez(folder / HEAD_FILE, **arrays)


def load_bundle(folder: Path) -> Bundle:
    """The model in ``folder``; BundleError says what is missing or damaged."""
    with restorable(folder):
        return _load(folder)


def _load(folder: Path) -> Bundle:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if manifest.get("format") != FORMAT:
            raise BundleError(
                f"“{folder}” is a model of format {manifest.get('format')!r}, but this version "
                f"reads {FORMAT!r}; retrain it or update Decor."
            )
        with np.load(folder / HEAD_FILE, allow_pickle=False) as arrays:
            head = Head(arrays["weights"], arrays["bias"])
            novelty = _novelty(manifest["novelty"], arrays)
        return _checked(_from_manifest(manifest, head, novelty), folder)
    except FileNotFoundError as error:
        raise BundleError(
            f"“{folder}” is no model folder: {Path(error.filename).name} is missing; "
            "expected a folder that “retrain --bundle” wrote."
        ) from error
    except (DataError, DamagedFile, *DAMAGED_FILE) as error:
        raise BundleError(f"The model in “{folder}” is damaged ({error}); retrain it.") from error


def _novelty(data: dict[str, Any] | None, arrays: Mapping[str, np.ndarray]) -> Novelty | None:
    if data is None:
        return None
    found = {name: arrays[name] for name in _NOVELTY_ARRAYS}
    return Novelty(slice(*data["columns"]), rest=data["rest"], limit=data["limit"], **found)


def _from_manifest(manifest: dict[str, Any], head: Head, novelty: Novelty | None) -> Bundle:
    evaluation, embedding = manifest["evaluation"], EmbeddingSpec(**manifest["embedding"])
    if [type(value) for value in astuple(embedding)] != [str, int, int]:
        raise ValueError("it does not say how it looks at pictures")
    return Bundle(
        title=manifest["title"],
        taxonomy=Taxonomy.from_json(manifest["taxonomy"]),
        embedding=embedding,
        backbone_digest=manifest["backbone_digest"],
        head=head,
        novelty=novelty,
        training=manifest["training"],
        evaluation=Evaluation.from_json(evaluation) if evaluation else None,
        cross_validation={
            name: Evaluation.from_json(data) for name, data in manifest["cross_validation"].items()
        },
        created=manifest["created"],
    )


def _checked(bundle: Bundle, folder: Path) -> Bundle:
    weights, bias = bundle.head.weights, bundle.head.bias
    classes = len(bundle.taxonomy.labels)
    if weights.ndim != 2 or weights.shape[1] != classes or bias.shape != (classes,):
        raise BundleError(
            f"The model in “{folder}” is damaged: {classes} labels, but weights of shape "
            f"{weights.shape} and bias of shape {bias.shape}; retrain it."
        )
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise BundleError(f"The model in “{folder}” holds numbers that are not finite; retrain it.")
    hull = bundle.novelty
    if hull:
        width = hull.columns.stop - hull.columns.start
        shapes = hull.mean.shape == (width,) and hull.axes.shape == (width, len(hull.variances))
        if not (shapes and 0 <= hull.columns.start < hull.columns.stop <= len(weights)):
            raise BundleError(
                f"The model in “{folder}” is damaged: what it knows has another shape than what "
                "it was trained on; retrain it."
            )
    return bundle


def list_bundles(root: Path) -> dict[Path, Bundle]:
    """Every readable model directly under ``root``, by folder, oldest first."""
    found = {}
    for manifest in root.glob(f"[!.]*/{_MANIFEST}"):
        try:
            found[manifest.parent] = load_bundle(manifest.parent)
        except DecorError:
            continue  # a damaged neighbour must not hide the good ones
    return dict(sorted(found.items(), key=lambda item: item[1].created))


def folder_name(title: str) -> str:
    """A safe folder name that still shows the letters of ``title``."""
    plain = unicodedata.normalize("NFC", title)
    return re.sub(r"[^\w.-]+", "-", plain).strip("-.")[:80] or "model"
