"""What can go wrong: one tree of errors, each message one sentence fit to be shown to a user."""

import tokenize
import zipfile
import zlib

# What reading a damaged npz or JSON file raises, between NumPy, zipfile and json.
DAMAGED_FILE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    RuntimeError,
    MemoryError,
    OverflowError,
    SyntaxError,  # NumPy reads parts of a header as Python
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
)


class DecorError(Exception):
    """Base of all expected errors: says what was expected, what came and what to do."""


class PictureError(DecorError):
    """A file that is no picture, or one that is beyond the limits."""


class DataError(DecorError):
    """A data set that cannot be read, or is not fit to train on."""


class BackboneError(DecorError):
    """A network whose name is unknown or whose weights cannot be had."""


class TrainingError(DecorError):
    """Settings out of range, or a training that failed."""


class BundleError(DecorError):
    """A model folder that is missing, damaged or of another version."""


class RunError(DecorError):
    """A run that is not there, is damaged, or may not be changed."""


class Stopped(DecorError):
    """Work that was asked to stop before it had a result."""


class SettingsError(DecorError):
    """A setting of the server, from its environment, that makes no sense."""


class LimitError(DecorError):
    """More than this server gives one visitor, or all of them together."""
