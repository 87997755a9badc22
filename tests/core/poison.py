"""Rows that workers of a cluster make without a network: some pictures end or fail them."""

import os
import time
from typing import Any

from decor_core.bulk.rows import Content, Row
from decor_core.features.backbone_spec import DEFAULT


class Poisoned:
    """Rows of sizes in bytes."""

    columns: dict[str, type | int] = {"file": str, "size": int, "error": str}
    made_by: dict[str, Any] = {"format": "sizes", "spec": {"architecture": DEFAULT}}

    def row(self, file: str, content: Content) -> Row:
        if content == b"ends":
            os._exit(1)
        if content == b"fails":
            raise ValueError("no such size")
        time.sleep(0.05)
        assert isinstance(content, bytes)
        return {"file": file, "size": len(content)}


class Changed(Poisoned):
    """On a worker it is made by something else than here."""

    def __init__(self) -> None:
        self.made_by = Poisoned.made_by | {"process": os.getpid()}

    def __reduce__(self) -> tuple[Any, ...]:
        return Changed, ()
