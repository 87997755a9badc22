"""What can go wrong: one tree of errors, each message one sentence fit to be shown to a user."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from types import UnionType
from typing import Any


class DecorError(Exception):
    """Base of all expected errors: says what was expected, what came and what to do."""


def check_kind(value: Any, kind: type | UnionType, expected: str, error: type[DecorError]) -> None:
    """Raise ``error`` where a program gave something else than what was ``expected``, in words."""
    if not isinstance(value, kind):
        raise error(f"Expected {expected}, but got {kind_of(value)}.")


def checked_path(value: Any, of_what: str, error: type[DecorError]) -> Path:
    """The path that a program gave as one ``of_what``; ``error`` where it is none."""
    if not isinstance(value, str | PathLike) or not value:
        raise error(f"Expected the path of {of_what}, but got {kind_of(value)}.")
    return Path(value)


def kind_of(value: Any) -> str:
    """What somebody gave, in a few words: a value, or the name of its type."""
    if value is None or not isinstance(value, str | bytes | int | float | list | tuple | dict):
        return "None" if value is None else type(value).__name__
    return f"{value!r:.40} ({type(value).__name__})"


def missing_package(purpose: str, package: str, extra: str) -> "DecorError":
    """That ``purpose`` needs a package which is not installed, and how to get it."""
    return DecorError(
        f"{purpose} needs the package {package}, which is not installed here; try: "
        f"pip install 'decor-classifier[{extra}]'"
    )


def require_package(purpose: str, package: str, extra: str) -> None:
    """DecorError where ``purpose`` needs a package that is not installed: before the work."""
    if find_spec(package) is None:
        raise missing_package(purpose, package.replace("_", "-"), extra)


class DamagedFile(DecorError):
    """A file of Decor's own that does not hold what it should; the message is a bare reason.

    Readers of files raise it, ``damaged_file`` makes a sentence for people of it.
    """


class PictureError(DecorError):
    """A file that is no picture, is damaged, or is beyond the limits."""


class UnsupportedPicture(PictureError):
    """A picture of a kind that cannot be read here; it need not be damaged."""


class NotAPicture(PictureError):
    """A file whose content is something other than a picture."""


class DataError(DecorError):
    """A data set that cannot be read, or is not fit to train on."""


class ChangedMeanwhile(DataError):
    """An edit of a data set that somebody else, or another tab, has changed since it was read."""


class BackboneError(DecorError):
    """A network whose name is unknown or whose weights cannot be had."""


class TrainingError(DecorError):
    """Settings out of range, or a training that failed."""


class BundleError(DecorError):
    """A model folder that is missing, damaged or of another version."""


class MissingNetwork(BundleError):
    """A model whose network, called ``name``, is not on this machine."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The model needs the network “{name}”, which is not on this machine; fetch it by "
            f"“decor networks --fetch {name}”, then try again."
        )
        self.name = name


class RunError(DecorError):
    """A run that is not there, is damaged, or may not be changed."""


class Stopped(DecorError):
    """Work that was asked to stop before it had a result."""


class SettingsError(DecorError):
    """A setting of the server, from its environment, that makes no sense."""


class LimitError(DecorError):
    """More than this server gives one visitor, or all of them together."""


@contextmanager
def damaged_file(error_class: type[DecorError], what: str, advice: str = "") -> Iterator[None]:
    """Tell as ``error_class`` that a file cannot be read: “what (reason); advice.”

    Translates OSError and every DecorError but ``error_class`` itself. Whatever else is raised in
    the block is a bug and stays what it is: files are read there by ``io.read_json`` and
    ``io.read_arrays``, which know what damage looks like.
    """
    try:
        yield
    except error_class:
        raise
    except (OSError, DecorError) as error:
        end = f"; {advice}." if advice else "."
        raise error_class(f"{what} ({error}){end}") from error


@contextmanager
def unwritable(error_class: type[DecorError], path: Path) -> Iterator[None]:
    """Tell as ``error_class`` that the disk refuses to have ``path`` written in the block."""
    try:
        yield
    except OSError as error:
        raise error_class(f"“{path}” cannot be written: {error.strerror or error}.") from error
