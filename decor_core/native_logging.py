"""What LiteRT and TensorFlow write to stderr of themselves when they start.

They write it to the file descriptor, once for each process, and have no setting against it. All
else is shown; TF_CPP_MIN_LOG_LEVEL=0 shows that, too.
"""

import os

_BEGINNINGS = (
    b"INFO: Created TensorFlow Lite",
    b"WARNING: All log messages before absl::InitializeLog()",
    b"I0000 ",
    b"W0000 ",
    b"fully_quantize: ",
    b"Importing a function (__inference",
)


def is_startup_message(line: bytes) -> bool:
    """Whether a line of stderr says nothing that anybody needs."""
    return line.startswith(_BEGINNINGS)


def is_verbose() -> bool:
    """Whether everything is to be shown."""
    return os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0"
