"""The log of a hosted server: one JSON object a line on stderr, with no personal data in it.

Messages are logged as their templates, without what would be filled in, and errors as their type
and place in the code, without their text: file names, labels and addresses are in those, and are
nobody's business. What is needed beside them goes into ``fields``: numbers and words of our own.
"""

import json
import logging
import sys
import time
import traceback
from typing import Any, TextIO

_log = logging.getLogger("decor")


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, where from, what, fields, error."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(record.msg),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)[-8:]
            line["error"] = type(error).__name__
            line["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)


def log_event(event: str, **fields: int | float | str | bool | None) -> None:
    """Log ``event`` with ``fields``, which must tell nothing about a visitor."""
    _log.info(event, extra={"fields": fields})


def use_json_logging(stream: TextIO | None = None) -> None:
    """Let every logger of this process write JSON lines to ``stream`` (stderr), and only those."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    if root.level > logging.INFO or root.level == logging.NOTSET:
        root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)  # not each request
    for name in list(logging.root.manager.loggerDict):  # such as Streamlit's and Uvicorn's
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
