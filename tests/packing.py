"""Zips that tests make."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path


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
