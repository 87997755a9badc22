"""Zips and tars that tests make, some of them odd; tables read by themselves."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from decor_core.data.listing import Listing
from decor_core.data.tables.columns import Columns
from decor_core.data.tables.table_listing import list_tables

LABELS = ("白蜡树", "橡树", "榆树")  # of the fixture ``members``


def zip_bytes(members: Mapping[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of ``members``, contents by name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def zip_of(folder: Path, target: Path, prefix: str = "") -> Path:
    """A zip of all that lies below ``folder``, written to ``target``."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    members = {prefix + f.relative_to(folder).as_posix(): f.read_bytes() for f in files}
    target.write_bytes(zip_bytes(members))
    return target


def tar_bytes(members: Mapping[str, Any], mode: Any = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of ``members``: contents by name, or attributes of a member without content."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(data, bytes):
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            else:
                for key, value in data.items():
                    setattr(info, key, value)
                archive.addfile(info)
    return stream.getvalue()


def with_method(packed: bytes, method: int, count: int | None = None) -> bytes:
    """A zip that says of its first ``count`` members that they are compressed by a method."""
    data = bytearray(packed)
    for signature, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        at, left = data.find(signature), count
        while at >= 0 and left != 0:
            struct.pack_into("<H", data, at + place, method)
            at, left = data.find(signature, at + 4), left and left - 1
    return bytes(data)


def zip_of_raw_names(
    members: Mapping[tuple[bytes, int], bytes], extra: Callable[[bytes], bytes] | None = None
) -> bytes:
    """A zip whose members have names of bytes: contents by (name, flags).

    ``extra`` gives the extra field of a name.
    """
    places = [f"{number:03}".ljust(len(name), "_") for number, (name, _) in enumerate(members)]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for place, ((name, _), data) in zip(places, members.items(), strict=True):
            info = zipfile.ZipInfo(place)
            info.extra = extra(name) if extra else b""
            archive.writestr(info, data)
    data = bytearray(stream.getvalue())
    for place, (name, flag) in zip(places, members, strict=True):
        for signature, flags, start in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
            at = data.find(place.encode())
            assert data[at - start :].startswith(signature)
            struct.pack_into("<H", data, at - start + flags, flag)
            data[at : at + len(name)] = name
    return bytes(data)


def list_table(data: bytes, names: Sequence[str], columns: Columns | None = None) -> Listing:
    """The rows of one table from elsewhere."""
    return list_tables({"": data}, names, columns)
