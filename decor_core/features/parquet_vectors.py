"""Parquet files of vectors, as ``embed`` writes them: what they tell of pictures, and the vectors.

They are read part by part into a file that is mapped into memory, so that it does not matter how
many there are.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decor_core.data.scan import Progress
from decor_core.errors import DamagedFile, DataError, missing_package, unwritable
from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder, read_spec
from decor_core.images.decode import DECODER_VERSION
from decor_core.io import json_as, read_json

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# Where the schema of a file tells how its vectors were made, as JSON: a VectorsMadeBy.
METADATA = b"decor"
NAMES, SIZES = ["file", "key"], ["width", "height"]
_NEEDED = (*NAMES, "vector")
_ENDING = ".parquet"
_MAGIC = b"PAR1"
_ROWS = 2048  # 18 MB of vectors


@dataclass(frozen=True)
class VectorsMadeBy:
    """What made the vectors of a file: the spec, the digest of the network's weights, and the
    version of the decoder."""

    spec: EmbeddingSpec
    digest: str
    decoder: int = DECODER_VERSION


def are_parquet(place: Path) -> bool:
    """Whether ``place`` is a folder, or a file that is or is called Parquet."""
    if place.is_dir() or place.suffix.lower() == _ENDING:
        return True
    try:
        with place.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


class ParquetVectors:
    """The rows of a Parquet file, or of all those in a folder, in the order of their names.

    ``embedder`` makes such vectors. DataError where a file is no Parquet, lacks a column, or was
    made otherwise than the others; BackboneError where Decor makes no such vectors any more.
    """

    def __init__(self, place: Path) -> None:
        self._parts = _parts(place)
        made_by: dict[VectorsMadeBy, Path] = {}
        for path in self._parts:
            with _opened(path) as file:
                made_by.setdefault(_made_by(path, file.schema_arrow), path)
        (first, path), *others = made_by.items()
        if others:
            other, its = others[0]
            one, two = (vars(made.spec) | vars(made) | {"spec": ""} for made in (first, other))
            differ = ", ".join(f"{k} {one[k]} and {two[k]}" for k in one if one[k] != two[k])
            raise DataError(
                f"“{path}” and “{its}” hold vectors that were made in different ways ({differ}), "
                "which cannot be compared; expected one way for all: embed the pictures again."
            )
        self.embedder = ImageEmbedder(first.spec)
        if first.digest != self.embedder.digest:
            raise DataError(
                f"The vectors in “{path}” were made by a network whose file has the digest "
                f"{first.digest}, but that of {first.spec.architecture} here has "
                f"{self.embedder.digest}; embed the pictures again."
            )

    def pictures(self) -> pd.DataFrame:
        """All rows without their vectors: file, key, width and height (0 if unknown), error."""
        found = []
        for path, batch in self._batches([*NAMES, *SIZES, "error"]):
            table = batch.to_pandas().reindex(columns=[*NAMES, *SIZES, "error"])
            table["error"] = table["error"].fillna("").astype(str)
            if ((table["error"] == "") & table[NAMES].isna().any(axis=1)).any():
                raise DataError(
                    f"In “{path}” there is a row without file or key, and without an error that "
                    "says why; embed the pictures again."
                )
            found.append(table)
        pictures = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*NAMES])
        if not len(pictures):
            raise DataError(f"There is no row in “{self._parts[0]}”; expected one a picture.")
        pictures[NAMES] = pictures[NAMES].fillna("").astype(str)
        numbers = pictures[SIZES].apply(pd.to_numeric, errors="coerce")
        pictures[SIZES] = numbers.fillna(0).astype(int)
        return pictures

    def vectors(
        self, chosen: np.ndarray, progress: Progress | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vectors [n, d], float16, of the ``chosen`` rows in their order, on disk and mapped.

        And for each the first of them [n] that is equal. ``progress`` is called with (vectors
        read, their number). DataError where one is none, or has numbers that are not finite.
        """
        dimensions = self.embedder.dimensions
        first: dict[bytes, int] = {}
        same: list[int] = []
        begin = 0
        with unwritable(DataError, Path(tempfile.gettempdir())), tempfile.TemporaryFile() as store:
            for path, batch in self._batches(["vector"]):
                end = begin + len(batch)
                wanted = chosen[slice(*np.searchsorted(chosen, (begin, end)))] - begin
                halves = _numbers(path, batch.column(0).take(wanted), dimensions)
                for row in halves:
                    seen = hashlib.blake2b(row, digest_size=16).digest()
                    same.append(first.setdefault(seen, len(same)))
                store.write(halves.data)
                begin = end
                if progress:
                    progress(len(same), len(chosen))
            store.flush()
            vectors = np.memmap(store, np.float16, "r", shape=(len(same), dimensions))
        return vectors, np.array(same)

    def _batches(self, columns: Sequence[str]) -> Iterator[tuple[Path, "pa.RecordBatch"]]:
        """Rows of all parts, a few at once, of each what it has of the ``columns``."""
        for path in self._parts:
            with _opened(path) as file:
                there = [name for name in columns if name in file.schema_arrow.names]
                for batch in file.iter_batches(_ROWS, columns=there):
                    yield path, batch


def _parts(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    found = [path for path in place.rglob(f"*{_ENDING}") if path.name[0] not in "._"]
    if not found:
        raise DataError(
            f"There is no Parquet file in “{place}”; expected what “embed” wrote, "
            f"files that end in {_ENDING}."
        )
    return sorted(found)


@contextmanager
def _opened(path: Path) -> Iterator["pq.ParquetFile"]:
    """A Parquet file to read from; DataError where it is none, or is damaged."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise missing_package("Reading Parquet", "pyarrow", "parquet") from error
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DataError(
            f"“{path}” cannot be read as Parquet ({reason}); expected what “embed” wrote."
        ) from error


def _made_by(path: Path, schema: "pa.Schema") -> VectorsMadeBy:
    """Origin of the vectors, from the schema; DataError where it lacks what is needed."""
    import pyarrow as pa

    lacking = [name for name in _NEEDED if name not in schema.names]
    metadata = (schema.metadata or {}).get(METADATA)
    if lacking or metadata is None:
        what = f"no column “{lacking[0]}”" if lacking else "nothing on how its vectors were made"
        raise DataError(
            f"“{path}” has {what}; expected what “embed” wrote, with the columns "
            f"{', '.join(_NEEDED)}. It has: {', '.join(schema.names)}."
        )
    kind = schema.field("vector").type
    is_list = isinstance(kind, pa.FixedSizeListType | pa.ListType | pa.LargeListType)
    if not (is_list and pa.types.is_floating(kind.value_type)):
        raise DataError(f"The vectors in “{path}” are no lists of numbers, but {kind}.")
    try:
        stored = read_json(metadata, dict[str, Any])
        read_spec(stored.get("spec"))  # which refuses what this version does not know
        return json_as(stored, VectorsMadeBy)
    except DamagedFile as error:
        raise DataError(
            f"What “{path}” tells of how its vectors were made cannot be read ({error}); embed the "
            "pictures again."
        ) from error


def _numbers(path: Path, vectors: "pa.Array", dimensions: int) -> np.ndarray:
    """Vectors of a file as float16 [n, d]; DataError where one is none, or has a wrong number."""
    import pyarrow.compute as pc

    lengths = pc.call_function("list_value_length", [vectors]).to_numpy(False)
    lengths = np.where(vectors.is_valid().to_numpy(False), lengths, 0).astype(int)
    if (lengths != dimensions).any():
        found = lengths[lengths != dimensions][0]
        raise DataError(
            f"A vector in “{path}” has {found} numbers, but such pictures have {dimensions}; embed "
            "the pictures again."
        )
    numbers = vectors.flatten().to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        numbers = numbers.astype(np.float16, copy=False).reshape(-1, dimensions)
    damaged = ~np.isfinite(numbers).all(axis=1)
    if damaged.any():
        raise DataError(
            f"Vectors in “{path}” hold what is no finite number (NaN or infinite), {damaged.sum()} "
            f"of {len(numbers)} that were looked at together; embed the pictures again."
        )
    return np.ascontiguousarray(numbers)
