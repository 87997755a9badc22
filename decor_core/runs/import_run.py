"""A zip that “export” wrote → the model in it as a run, or the reason why not.

Whatever comes is a stranger's: nothing in it is run, unpickled or followed to another place, and
nothing is kept before all of it was checked.
"""

import io
import math
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypedDict

import numpy as np

from decor_core.data.sources.clutter import is_clutter
from decor_core.data.sources.zips import is_encrypted, is_link
from decor_core.errors import (
    BundleError,
    DamagedFile,
    DecorError,
    MissingNetwork,
    damaged_file,
)
from decor_core.features.backbones import is_at_hand
from decor_core.io import damaged_zip, json_as
from decor_core.model.bundle import (
    BUNDLE_FILES,
    MAX_WEIGHT_BYTES,
    NETWORK_FILE,
    Bundle,
    load_bundle,
)
from decor_core.model.evaluation import Count
from decor_core.model.predictor import ImagePredictor, VectorPredictor
from decor_core.runs.run import MAX_LETTERS, Run, run_of_bundle
from decor_core.text import format_bytes

MAX_BYTES = 2 * MAX_WEIGHT_BYTES + 2**20  # of any model: its head, its network, and words
_MAX_RATIO = 3  # of what a zip unpacks to and its size at most: weights hardly shrink
_MAX_FILES = 50
_MAX_BYTES_AT_ONCE = 2**20  # bytes that are read of a zip; such a list has 20,000 files
_RUNS_CODE = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".keras", ".h5", ".hdf5", ".py", ".pb"}


def import_run(
    source: bytes | Path,
    embed_blank: Callable[[Bundle], np.ndarray] = lambda model: ImagePredictor(model).embed_blank(),
    most_bytes: int = MAX_BYTES,
) -> Run:
    """The model in a zip that “export” wrote in its own format, as a run to keep.

    BundleError says why it is refused: no zip, larger than ``most_bytes``, damaged, another kind of
    file inside, or made for another version of Decor; MissingNetwork, if that is all.
    ``embed_blank`` gives the vector [d] of a blank picture, maybe by another process; BundleError
    where the network is not the model's.
    """
    with tempfile.TemporaryDirectory(prefix="decor-import-") as folder:
        _unpack(source, Path(folder), most_bytes)
        try:
            bundle = load_bundle(Path(folder))
        except BundleError as error:  # it names a folder that nobody has seen
            reason = str(error).replace(f"“{folder}”", "the zip")
            raise BundleError(reason.replace("retrain it", "export it again")) from error
    damaged = "The model in the zip is damaged", "export it again"
    with damaged_file(BundleError, *damaged):
        _check_texts_and_figures(bundle)
        run = run_of_bundle(bundle)
    architecture = bundle.embedding.architecture
    try:
        # Nothing is fetched or converted now.
        if not is_at_hand(architecture):
            raise MissingNetwork(architecture)
        vector = embed_blank(bundle)
    except MissingNetwork:
        raise
    except DecorError as error:
        raise BundleError(f"The model cannot be used here: {error}") from error
    with damaged_file(BundleError, *damaged):
        for level in bundle.taxonomy.levels:
            (prediction,) = VectorPredictor(bundle).predict(vector[None], level.name)
            if not math.isfinite(prediction.novelty + prediction.confidence):
                raise DamagedFile("its answers are no numbers")
    return run


def _unpack(source: bytes | Path, folder: Path, most_bytes: int) -> None:
    """Put the model's files into a folder, piece by piece: they may be larger than memory."""
    if isinstance(source, Path) and source.is_dir():
        raise BundleError(
            f"“{source}” is a folder; expected a zip that “export” wrote. A model folder needs no "
            "import: commands take it as it is."
        )
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > most_bytes:
        raise BundleError(_too_large("has", size, most_bytes))
    what = "The file is no zip, or is damaged"
    with (
        damaged_file(BundleError, what, "expected one that “Export” wrote"),
        io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file,
    ):
        with damaged_zip():
            archive = zipfile.ZipFile(_InPieces(file))
        with archive:
            most = min(_MAX_RATIO * most_bytes, MAX_BYTES)
            for name, member in _model_files(archive.infolist(), most).items():
                with damaged_zip(), archive.open(member) as packed, _unpacked(folder / name) as to:
                    shutil.copyfileobj(packed, to)


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to; BundleError where the disk refuses."""
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise BundleError(
            f"The zip cannot be unpacked ({error.strerror or error}); make room on the disk, then "
            "import it again."
        ) from error


class _InPieces(io.RawIOBase):
    """A file that gives little at once: ``zipfile`` reads a zip's whole list of files in one go."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        most = _MAX_BYTES_AT_ONCE + 1
        data = self._file.read(most if size < 0 else min(size, most))
        if len(data) == most:
            raise DamagedFile("it lists more files than a model of Decor has")
        return data


def _too_large(how: str, size: int, most_bytes: int) -> str:
    most = format_bytes(most_bytes)
    whose = "any model of Decor has" if most_bytes >= MAX_BYTES else "this server takes"
    return f"The zip {how} {format_bytes(size)}, more than the {most} that {whose}."


def _model_files(members: Sequence[zipfile.ZipInfo], most_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """The members that make the model, by the name of the file; any other is a reason to stop."""
    if len(members) > _MAX_FILES:
        raise BundleError(f"The zip holds {len(members)} files, more than a model of Decor has.")
    size = sum(member.file_size for member in members)
    if size > most_bytes:
        raise BundleError(_too_large("unpacks to", size, most_bytes))
    found: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        outside = path.is_absolute() or ".." in path.parts or ":" in member.filename
        if outside or is_link(member):
            raise BundleError(
                f"The zip points outside of itself (“{member.filename}”); it is refused."
            )
        if is_encrypted(member):
            raise BundleError("The zip is protected by a password; export it again without one.")
        # “Export” adds a README, and operating systems scatter files about.
        if member.is_dir() or is_clutter(str(path)) or path.name.lower() == "readme.md":
            continue
        if path.name not in (*BUNDLE_FILES, NETWORK_FILE):
            code = " Such files can run code when they are loaded."
            raise BundleError(
                f"The zip holds “{path.name}”, which is no part of a model of Decor."
                f"{code if path.suffix in _RUNS_CODE else ''} Only zips that Decor exported in its "
                "own format (bundle) can be imported."
            )
        if path.name in found:
            raise BundleError(f"The zip holds {path.name} twice; expected one model in it.")
        found[path.name] = member
        folders.add(path.parent)
    missing = [name for name in BUNDLE_FILES if name not in found]
    if missing:
        raise BundleError(f"The zip is no model of Decor: {' and '.join(missing)} missing.")
    if len(folders) != 1:
        raise BundleError("The zip is no model of Decor: its files lie in several folders.")
    return found


class _Choice(TypedDict, total=False):
    reason: str


class _RegionChoice(_Choice, total=False):
    candidates: list[dict[str, Any]]


class _FineTuned(TypedDict, total=False):
    bits: int
    stopped: bool


class _TrainingNote(TypedDict, total=False):
    """What pages show of a model's training, beside its settings."""

    pictures: int | None
    pictures_per_class: dict[str, Count]
    choice: _Choice
    region_choice: _RegionChoice
    alike_classes: tuple[str, ...]
    fine_tuned: _FineTuned


def _check_texts_and_figures(bundle: Bundle) -> None:
    """DamagedFile where what pages show of the model makes no sense, beyond its types."""
    levels = bundle.taxonomy.levels
    texts = [bundle.title, *(text for level in levels for text in (level.name, *level.labels))]
    if elsewhere := bundle.elsewhere:
        texts += [elsewhere.source, *(strangers.kind for strangers in elsewhere.strangers)]
    if not all(0 < len(text) <= MAX_LETTERS and text.isprintable() for text in texts):
        raise DamagedFile(f"titles and labels must be texts of 1 to {MAX_LETTERS} letters")
    json_as(bundle.training, _TrainingNote)
    try:
        datetime.fromisoformat(bundle.created)
    except ValueError as error:
        raise DamagedFile(f"its date makes no sense: {error}") from error
    novelty = bundle.novelty
    if novelty:
        scales = novelty.variances, novelty.residual_variances
        numbers = [novelty.means, novelty.axes, novelty.mean_variances, *scales, novelty.limit]
        sound = all(np.isfinite(number).all() for number in numbers)
        sound = sound and all((scale > 0).all() for scale in scales)
        sound = sound and (novelty.mean_variances >= 0).all()
        if not (sound and novelty.median_distance < novelty.limit):
            raise DamagedFile("what it knows holds numbers that make no sense")
    for name, evaluation in [
        (bundle.taxonomy.name, bundle.evaluation),
        (bundle.taxonomy.name, elsewhere and elsewhere.evaluation),
        *bundle.cross_validation.items(),
    ]:
        if evaluation and evaluation.labels != bundle.taxonomy.level(name).labels:
            raise DamagedFile("it was tested on other labels")
