"""The formats of rows: JSON lines, CSV and Parquet, in parts that are joined at the end.

A part is a file of some rows. CSV is joined from JSON lines, which hold names as they are.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from decor_core.bulk.rows import Row
from decor_core.errors import DamagedFile, DataError, missing_package
from decor_core.io import read_json

# Of rows that become one group, in Arrow's memory: writing a group takes several times as much.
_GROUP_BYTES = 2**18
_LONGEST_LINE = 2**20  # bytes


class Writer(Protocol):
    """How rows are kept: ``part`` encodes some, ``join`` makes one file of all parts in order."""

    ending: str  # of a part

    def part(self, rows: Sequence[Row]) -> bytes: ...

    def files(self, part: bytes) -> list[tuple[str, bool]]:
        """The file of each row and whether it has an error; DamagedFile for half a part."""
        ...

    def join(self, parts: Iterable[bytes], to: Path) -> None: ...

    def made_by(self, whole: IO[bytes]) -> dict[str, Any] | None:
        """What a finished file says it is made by, None where its format says nothing of it.

        DamagedFile where it holds no such rows.
        """
        ...


class JsonLines:
    """A JSON object in each line; what has no value is null."""

    ending = ".jsonl"

    def __init__(self, columns: dict[str, type | int], made_by: dict[str, Any]) -> None:
        if any(isinstance(kind, int) for kind in columns.values()):
            raise DataError("Vectors are written as Parquet: give --out a name with .parquet.")
        self._columns = tuple(columns)

    def part(self, rows: Sequence[Row]) -> bytes:
        lines = ({name: row.get(name) for name in self._columns} for row in rows)
        return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)

    def files(self, part: bytes) -> list[tuple[str, bool]]:
        if not part.endswith(b"\n"):
            raise DamagedFile("it ends in the middle of a line")
        rows = (read_json(line, dict[str, Any]) for line in part.splitlines())
        return [(row["file"], row["error"] is not None) for row in rows]

    def join(self, parts: Iterable[bytes], to: Path) -> None:
        with to.open("wb") as file:
            file.writelines(parts)

    def made_by(self, whole: IO[bytes]) -> None:
        self._check_columns(read_json(whole.readline(_LONGEST_LINE), dict[str, Any]))

    def _check_columns(self, found: Iterable[str]) -> None:
        if tuple(found) != self._columns:
            raise DamagedFile("it has other columns")


class Csv(JsonLines):
    """CSV with a header, in UTF-8; no cell is taken for a formula (``csv_escape``)."""

    def join(self, parts: Iterable[bytes], to: Path) -> None:
        from decor_core.data.tables.csv_escape import escape_cell

        with to.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self._columns)
            for part in parts:
                for line in part.splitlines():
                    writer.writerow(map(escape_cell, json.loads(line).values()))

    def made_by(self, whole: IO[bytes]) -> None:
        header = whole.readline(_LONGEST_LINE).decode(errors="replace")
        self._check_columns(next(csv.reader([header]), []))


class Parquet:
    """Parquet; ``made_by`` is in the metadata of the schema as JSON, by the key “decor”."""

    ending = ".parquet"

    def __init__(self, columns: dict[str, type | int], made_by: dict[str, Any]) -> None:
        try:
            import pyarrow as pa
        except ImportError as error:
            raise missing_package("Parquet", "pyarrow", "parquet") from error
        types = {str: pa.string(), float: pa.float64(), int: pa.int32()}
        fields = [
            (name, pa.list_(pa.float16(), kind) if isinstance(kind, int) else types[kind])
            for name, kind in columns.items()
        ]
        self._schema = pa.schema(fields, {"decor": json.dumps(made_by)})
        texts = [name for name, kind in columns.items() if kind is str]
        vectors = [
            f"{name}.list.element" for name, kind in columns.items() if isinstance(kind, int)
        ]
        # Half precision shrinks by a fifth where high and low bytes are apart.
        self._options = {
            "compression": "zstd", "use_dictionary": texts, "use_byte_stream_split": vectors,
        }  # fmt: skip

    def part(self, rows: Sequence[Row]) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = [_column([row.get(f.name) for row in rows], f.type) for f in self._schema]
        stream = io.BytesIO()
        pq.write_table(pa.table(columns, self._schema), stream, **self._options)
        return stream.getvalue()

    def files(self, part: bytes) -> list[tuple[str, bool]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(io.BytesIO(part), columns=["file", "error"])
        except (pa.ArrowException, OSError) as error:
            raise DamagedFile(str(error)) from error
        failed = table["error"].is_valid().to_pylist()
        return list(zip(table["file"].to_pylist(), failed, strict=True))

    def join(self, parts: Iterable[bytes], to: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetWriter(to, self._schema, **self._options) as writer:
            for tables in _groups(
                pq.read_table(pa.BufferReader(part), use_threads=False, pre_buffer=False)
                for part in parts
            ):
                writer.write_table(pa.concat_tables(tables))
                pa.default_memory_pool().release_unused()  # else it grows from group to group

    def made_by(self, whole: IO[bytes]) -> dict[str, Any] | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            found = pq.read_schema(whole)
        except (pa.ArrowException, OSError) as error:
            raise DamagedFile(str(error)) from error
        made_by = (found.metadata or {}).get(b"decor")
        if made_by is None:
            raise DamagedFile("it does not say what it is made by")
        return read_json(made_by, dict[str, Any])


def _groups(tables: Iterable[Any]) -> Iterator[list[Any]]:
    """Tables that are written as one group of rows: readers want few, and memory small ones."""
    group: list[Any] = []
    for table in tables:
        group.append(table)
        if sum(table.nbytes for table in group) >= _GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _column(values: list[Any], kind: Any) -> Any:
    import pyarrow as pa

    if not pa.types.is_fixed_size_list(kind):
        return pa.array(values, kind)
    filled = np.zeros((len(values), kind.list_size), np.float16)
    for row, vector in zip(filled, values, strict=True):
        if vector is not None:
            row[:] = vector
    missing = pa.array([vector is None for vector in values])
    flat = pa.array(filled.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, type=kind, mask=missing)


WRITERS: dict[str, type[JsonLines] | type[Parquet]] = {
    ".parquet": Parquet, ".jsonl": JsonLines, ".csv": Csv,
}  # fmt: skip
