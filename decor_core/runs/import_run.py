"""A zip that “export” wrote → the model in it, or the reason why not.

Whatever comes is a stranger's: nothing in it is run, unpickled or followed to another place, and
nothing is kept before all of it was checked.
"""

import io
import math
import stat
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

import numpy as np

from decor_core.errors import BundleError, DamagedFile, DecorError, damaged_file
from decor_core.features.backbones import BackboneSpec
from decor_core.io import damaged_zip, json_as
from decor_core.model.bundle import BUNDLE_FILES, Bundle, load_bundle
from decor_core.model.classifier import Judge, Predictor
from decor_core.model.evaluation import Count
from decor_core.runs.run import Run, run_of_bundle
from decor_core.taxonomy import Taxonomy

MOST_BYTES = 64 * 2**20  # of the zip
_MOST_UNPACKED = 128 * 2**20
_MOST_FILES = 50
_MOST_LETTERS = 200
_ENCRYPTED = 0x1
# Beside the model's own files: what our export adds, and what operating systems scatter about.
_IGNORED = {"readme.md", "thumbs.db", "desktop.ini"}
_RUNS_CODE = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".keras", ".h5", ".hdf5", ".py", ".pb"}


def look_here(bundle: Bundle) -> np.ndarray:
    """The vector [d] of a blank picture; BundleError where the network is not the model's."""
    return Predictor(bundle).embed_blank()


def import_run(source: bytes | Path, look: Callable[[Bundle], np.ndarray] = look_here) -> Run:
    """The model in a zip that “export” wrote in its own format, as a run to keep.

    BundleError says why it is refused: no zip, too large, damaged, another kind of file inside,
    or made for another version of Decor. ``look`` does what ``look_here`` does, maybe elsewhere.
    """
    files = _read_zip(source)
    with tempfile.TemporaryDirectory(prefix="decor-import-") as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        try:
            bundle = load_bundle(Path(folder))
        except BundleError as error:
            # It names a folder that nobody has seen.
            told = str(error).replace(f"“{folder}”", "the zip")
            raise BundleError(told.replace("retrain it", "export it again")) from error
    with _damaged_model():
        _check_meaning(bundle)
        run = run_of_bundle(bundle)
    _check_fit(bundle, look)
    return run


def _read_zip(source: bytes | Path) -> dict[str, bytes]:
    """The model's files by name."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > MOST_BYTES:
        raise BundleError(
            f"The zip has {size / 2**20:.0f} MiB, more than the {MOST_BYTES // 2**20} MiB of any "
            "model of Decor."
        )
    told = "The file is no zip, or is damaged"
    with damaged_file(BundleError, told, "expected one that “Export” wrote"):
        with damaged_zip():
            archive = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
        with archive:
            members = _own_members(archive.infolist())
            with damaged_zip():
                return {name: archive.read(member) for name, member in members.items()}


def _damaged_model() -> AbstractContextManager[None]:
    return damaged_file(BundleError, "The model in the zip is damaged", "export it again")


def _own_members(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The members that make the model, by the name of the file; all others are a reason to stop."""
    if len(members) > _MOST_FILES:
        raise BundleError(f"The zip holds {len(members)} files, more than a model of Decor has.")
    if sum(member.file_size for member in members) > _MOST_UNPACKED:
        raise BundleError(
            f"The zip unpacks to more than {_MOST_UNPACKED // 2**20} MiB, which no model of Decor "
            "does."
        )
    found: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for member in members:
        path = _checked_path(member)
        if member.is_dir() or _is_clutter(path):
            continue
        if path.name not in BUNDLE_FILES:
            raise _stranger(path)
        if path.name in found:
            raise BundleError(f"The zip holds {path.name} twice; expected one model in it.")
        found[path.name] = member
        folders.add(path.parent)
    missing = [name for name in BUNDLE_FILES if name not in found]
    if missing or len(folders) != 1:
        lost = f"{' and '.join(missing)} missing" if missing else "its files lie in several folders"
        raise BundleError(f"The zip is no model of Decor: {lost}.")
    return found


def _checked_path(member: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or ":" in member.filename
    if outside or stat.S_ISLNK(member.external_attr >> 16):
        raise BundleError(f"The zip points outside of itself (“{member.filename}”); it is refused.")
    if member.flag_bits & _ENCRYPTED:
        raise BundleError("The zip is protected by a password; export it again without one.")
    return path


def _is_clutter(path: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return hidden or path.name.lower() in _IGNORED


def _stranger(path: PurePosixPath) -> BundleError:
    why = " Such files can run code when they are loaded." if path.suffix in _RUNS_CODE else ""
    return BundleError(
        f"The zip holds “{path.name}”, which is no part of a model of Decor.{why} Only zips that "
        "Decor exported in its own format (bundle) can be imported."
    )


# --- what the manifest says must make sense where it will be shown


@dataclass(frozen=True)
class _Choice:
    reason: str = ""


@dataclass(frozen=True)
class _TrainingNote:
    """What pages show of a model's training, beside its settings."""

    pictures: int | None = None
    pictures_per_class: dict[str, Count] = field(default_factory=dict)
    choice: _Choice = field(default_factory=_Choice)


def _check_meaning(bundle: Bundle) -> None:
    """Raises DamagedFile where words and figures are not what they should be."""
    names = [bundle.title, *(n for level in bundle.taxonomy.levels for n in _names(level))]
    if not all(0 < len(n) <= _MOST_LETTERS and n.isprintable() for n in names):
        raise DamagedFile(f"titles and labels must be texts of 1 to {_MOST_LETTERS} letters")
    json_as(bundle.training, _TrainingNote)
    try:
        datetime.fromisoformat(bundle.created)
    except ValueError as error:
        raise DamagedFile(f"its date makes no sense: {error}") from error
    known = bundle.novelty
    if known:
        numbers = [known.mean, known.axes, known.variances, known.rest, known.limit]
        if not all(np.isfinite(number).all() for number in numbers) or known.limit <= 0:
            raise DamagedFile("what it knows holds numbers that make no sense")
    for name, evaluation in [
        (bundle.taxonomy.name, bundle.evaluation),
        *bundle.cross_validation.items(),
    ]:
        if evaluation and evaluation.labels != bundle.taxonomy.level(name).labels:
            raise DamagedFile("it was tested on other labels")


def _names(level: Taxonomy) -> tuple[str, ...]:
    return (level.name, *level.labels)


def _check_fit(bundle: Bundle, look: Callable[[Bundle], np.ndarray]) -> None:
    """Whether the model can be used here, without fetching or converting anything for it."""
    architecture = bundle.embedding.architecture
    try:
        here = BackboneSpec.named(architecture).path.exists()
        vectors = look(bundle)[None] if here else None
    except DecorError as error:
        raise BundleError(f"The model cannot be used here: {error}") from error
    if vectors is None:
        raise BundleError(
            f"The model needs the network “{architecture}”, which is not on this machine; retrain "
            f"once with --architecture {architecture}, then import it again."
        )
    # Answer once in every taxonomy: what is wrong shows now, not when somebody asks.
    for level in bundle.taxonomy.levels:
        (answer,) = Judge(bundle).predict(vectors, level.name)
        if not math.isfinite(answer.novelty + answer.confidence):
            with _damaged_model():
                raise DamagedFile("its answers are no numbers")
