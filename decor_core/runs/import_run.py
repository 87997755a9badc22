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
from dataclasses import fields
from datetime import datetime
from pathlib import Path, PurePosixPath

import numpy as np

from decor_core.errors import DAMAGED_FILE, BundleError, DataError, DecorError, TrainingError
from decor_core.features.backbones import BackboneSpec
from decor_core.model.bundle import BUNDLE_FILES, HEAD_FILE, Bundle, load_bundle
from decor_core.model.classifier import Judge, Predictor
from decor_core.runs.run import Run, run_of_bundle
from decor_core.taxonomy import Taxonomy

MOST_BYTES = 64 * 2**20  # of the zip
_MOST_UNPACKED = 128 * 2**20
_MOST_FILES = 50
_MOST_LETTERS = 200
_MOST_PICTURES = 10**9
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
            _check_meaning(bundle)
            run = run_of_bundle(bundle)
            _check_settings(run)
        except BundleError as error:
            # It names a folder that nobody has seen.
            raise BundleError(str(error).replace(f"“{folder}”", "the zip")) from error
        except (TrainingError, DataError, *DAMAGED_FILE) as error:
            raise BundleError(
                f"The model in the zip is damaged ({error}); export it again."
            ) from error
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
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as found:
            members = _own_members(found.infolist())
            files = {name: found.read(member) for name, member in members.items()}
    except (NotImplementedError, *DAMAGED_FILE) as error:
        raise BundleError(
            "The file is no zip, or is damaged; expected one that “Export” wrote."
        ) from error
    _check_arrays(files[HEAD_FILE])
    return files


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


def _check_arrays(content: bytes) -> None:
    """An npz is a zip too, and its arrays tell their own sizes: both must be true and small."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as arrays:
            for member in arrays.infolist():
                with arrays.open(member) as file:
                    shape, dtype = _header(file)
                if math.prod(shape) * dtype.itemsize > min(member.file_size, _MOST_UNPACKED):
                    raise ValueError(f"{member.filename} is not as large as it says")
                if dtype.kind != "f":
                    raise ValueError(f"{member.filename} holds {dtype}, not numbers")
    except DAMAGED_FILE as error:
        raise BundleError(
            f"The weights in the zip are damaged ({error}); export them again."
        ) from error


def _header(file: io.BufferedIOBase) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"an array of version {version}")
    shape, _, dtype = read[version](file)
    return shape, dtype


# --- what the manifest says must make sense where it will be shown


def _check_meaning(bundle: Bundle) -> None:
    """Raises ValueError or the like, where words and figures are not what they should be."""
    names = [bundle.title, *(n for level in bundle.taxonomy.levels for n in _names(level))]
    if not all(isinstance(n, str) and 0 < len(n) <= _MOST_LETTERS and n.isprintable()
               for n in names):  # fmt: skip
        raise ValueError(f"titles and labels must be texts of 1 to {_MOST_LETTERS} letters")
    _check_training(bundle.training)
    datetime.fromisoformat(bundle.created)
    known = bundle.novelty
    if known:
        numbers = [known.mean, known.axes, known.variances, known.rest, known.limit]
        if not all(np.isfinite(number).all() for number in numbers) or known.limit <= 0:
            raise ValueError("what it knows holds numbers that make no sense")
    for name, evaluation in [
        (bundle.taxonomy.name, bundle.evaluation),
        *bundle.cross_validation.items(),
    ]:
        if evaluation and evaluation.labels != bundle.taxonomy.level(name).labels:
            raise ValueError("it was tested on other labels")


def _check_training(told: object) -> None:
    """What pages show of it; the settings among it are looked at as those of a run."""
    if not isinstance(told, dict):
        raise ValueError("what it says of its training is no table")
    counts, choice = told.get("pictures_per_class", {}), told.get("choice", {})
    if not all(type(n) is int and 0 <= n <= _MOST_PICTURES for n in counts.values()):
        raise ValueError("its numbers of pictures make no sense")
    if not isinstance(choice.get("reason", ""), str):
        raise ValueError("it does not say in words how its head was chosen")


def _check_settings(run: Run) -> None:
    scalars = (isinstance(value, str | float | int | None) for value in run.settings.values())
    config = run.config
    kinds = (type(getattr(config, field.name)) in (int, field.type) for field in fields(config))
    if not (all(scalars) and all(kinds)):
        raise ValueError("its settings make no sense")


def _names(level: Taxonomy) -> tuple[str, ...]:
    return (level.name, *level.labels)


def _check_fit(bundle: Bundle, look: Callable[[Bundle], np.ndarray]) -> None:
    """Whether the model can be used here, without fetching or converting anything for it."""
    architecture = bundle.embedding.architecture
    try:
        here = BackboneSpec.named(architecture).path.exists()
        if here:
            _try_out(Judge(bundle), look(bundle)[None])
    except DecorError as error:
        raise BundleError(f"The model cannot be used here: {error}") from error
    except DAMAGED_FILE as error:
        raise BundleError(f"The model in the zip is damaged ({error}); export it again.") from error
    if not here:
        raise BundleError(
            f"The model needs the network “{architecture}”, which is not on this machine; retrain "
            f"once with --architecture {architecture}, then import it again."
        )


def _try_out(judge: Judge, vectors: np.ndarray) -> None:
    """Answer once in every taxonomy: what is wrong shows now, not when somebody asks."""
    for level in judge.bundle.taxonomy.levels:
        (answer,) = judge.predict(vectors, level.name)
        if not math.isfinite(answer.novelty + answer.confidence):
            raise ValueError("its answers are no numbers")
