"""What ships with Decor: models, networks, vectors and samples."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from decor_core.config import beside
from decor_core.errors import DecorError

MODELS = Path(os.environ.get("DECOR_MODELS") or beside("decor_core", "models"))
_log = logging.getLogger(__name__)


@contextmanager
def restorable(path: Path) -> Iterator[None]:
    """Turn an error about ``path``, if it ships with Decor, into one that says how to put it back.

    Visitors see it: it names no place of this computer. The log has the reason.
    """
    try:
        yield
    except DecorError as error:
        if not path.is_relative_to(MODELS):
            raise
        _log_once(str(error))
        name = path.relative_to(MODELS).as_posix()
        raise type(error)(
            f"“models/{name}”, which ships with Decor, is missing or damaged. Whoever runs Decor "
            "can put it back, for instance by “git checkout models”; then try again. Nothing of "
            "yours is lost."
        ) from error


@cache  # pages try again and again
def _log_once(reason: str) -> None:
    _log.error("what ships cannot be read: %s", reason)
