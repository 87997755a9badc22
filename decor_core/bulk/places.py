"""Where pictures are and rows go: paths on this machine, and URLs of object stores and servers."""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from decor_core.errors import DataError, DecorError, PictureError, missing_package, unwritable
from decor_core.io import replacing_file
from decor_core.text import format_bytes

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)  # a drive has one letter
_WEB = ("http", "https")
_WAITS = (1, 4)  # seconds before another try; the libraries of object stores try again, too
_BUSY = (429, *range(500, 600))  # HTTP
# Packages that write to the log, with all that led there, what is told in a sentence here.
_TALKATIVE = ("adlfs", "azure", "gcsfs", "s3fs")


class _Unreachable(DecorError):
    """A network that may be there another time."""


class _Busy(DataError):
    """A server that may answer another time."""


def scheme_of(place: str) -> str:
    """What a URL begins with, such as “s3”; "" for a path on this machine."""
    found = _URL.match(place)
    return found[1].lower() if found else ""


def local_or_url(place: str) -> str:
    """A place as it is named from here on: file:// URLs are paths."""
    if not (scheme := scheme_of(place)):
        return str(Path(place))
    if scheme != "file":
        return scheme + place[len(scheme) :]  # in lower case
    parts = urlsplit(place)
    if parts.netloc not in ("", "localhost"):
        raise DataError(
            f"“{place}” names the machine “{parts.netloc}”; expected three slashes before a path "
            f"of this one: file:///{parts.netloc}{parts.path}"
        )
    from urllib.request import url2pathname  # brings HTTP and TLS, which labeling has no use for

    return url2pathname(parts.path)


def file_system(url: str) -> tuple[Any, str]:
    """The file system (fsspec) of a URL and its path there; DecorError where it cannot be had."""
    with translate_url_errors(url):
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise missing_package(f"“{url}”", "fsspec", "cloud") from error
        for name in _TALKATIVE:
            if not (log := logging.getLogger(name)).level:
                log.setLevel(logging.CRITICAL)
        return url_to_fs(url)


@contextmanager
def translate_url_errors(url: str) -> Iterator[None]:
    """Tell in a sentence what went wrong with a URL; only calls of fsspec belong into the block.

    DataError where it is about what is at the URL, another DecorError where the network or the
    credentials fail. Stores raise whatever their libraries do, without a common base.
    """
    try:
        yield
    except DecorError:
        raise
    except ImportError as error:
        raise _without_package(url, error) from error
    except FileNotFoundError as error:
        raise DataError(
            f"There is nothing at “{url}”; please check the name of the bucket or server, and the "
            "path."
        ) from error
    except PermissionError as error:
        raise DecorError(
            f"“{url}” may not be read or written ({error}). Check the credentials: {_CREDENTIALS}"
        ) from error
    except NotImplementedError as error:
        raise DataError(f"“{url}” can be read, but not written; give another place.") from error
    except Exception as error:
        reason = str(error).strip() or type(error).__name__
        if isinstance(error, ValueError) and "Protocol not known" in reason:
            raise DataError(
                f"“{url}” begins with “{scheme_of(url)}://”, which is not known; expected s3://, "
                "gs://, az://, https:// or file://, or a path."
            ) from error
        if "credential" in (type(error).__name__ + reason).lower():
            raise DecorError(f"“{url}” needs credentials ({reason}); {_CREDENTIALS}") from error
        if status := getattr(error, "status", None):  # aiohttp's answers have one
            kind = _Busy if status in _BUSY else DataError
            raise kind(f"“{url}” cannot be read: the server says HTTP {status}.") from error
        raise _Unreachable(
            f"“{url}” cannot be reached ({reason}); please check the network and the name."
        ) from error


_CREDENTIALS = (
    "they are taken from where the store's own tools take them: the environment, or the files of "
    "its command line."
)


def _without_package(url: str, error: ImportError) -> DecorError:
    packages = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
    packages |= dict.fromkeys(_WEB, "aiohttp")
    package = packages.get(scheme_of(url))
    if not package:
        return DecorError(f"“{url}” needs a package that is not installed here ({error}).")
    return missing_package(f"“{url}”", package, "cloud")


def list_folder(place: str) -> tuple[list[str], dict[str, int]]:
    """Names in a folder, those of folders with a slash at the end; and sizes, where told.

    OSError or DecorError where it cannot be read.
    """
    if not scheme_of(place):
        with os.scandir(place) as found:  # folders that are links are not entered
            return [f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name for e in found], {}
    system, path = file_system(place)
    with translate_url_errors(place):
        entries = system.ls(path, detail=True)
        system.invalidate_cache()  # else it keeps every listing
    names, sizes, here = [], {}, path.rstrip("/")
    for entry in entries:
        if (full := entry["name"].rstrip("/")) == here:
            continue  # what some stores put in place of the folder itself
        name = full.rpartition("/")[2]
        if name.startswith("?"):
            continue  # a link that sorts a server's page
        names.append(f"{name}/" if entry["type"] == "directory" else name)
        sizes[name] = entry.get("size") or 0
    return names, sizes


def is_folder(place: str) -> bool:
    """Whether it is a folder, or a prefix of an object store; DecorError if nothing is there.

    What a server has behind a URL is a folder (its page of links) if the URL ends with a slash.
    """
    if not (scheme := scheme_of(place)):
        return os.path.isdir(place)
    if scheme in _WEB:
        return urlsplit(place).path.endswith("/")
    system, path = file_system(place)
    with translate_url_errors(place):
        return system.info(path)["type"] == "directory"


def joined(folder: str, name: str) -> str:
    """The place of ``name`` in a folder."""
    return f"{folder.rstrip('/')}/{name}" if scheme_of(folder) else str(Path(folder, name))


def name_of(place: str) -> str:
    """The last part of a place; what a web server is asked for behind a “?” is none of it."""
    if not (scheme := scheme_of(place)):
        return Path(place).name
    return PurePosixPath(urlsplit(place).path if scheme in _WEB else place).name


def read_remote(url: str, limit: int | None = None) -> bytes:
    """The bytes at a URL, or the first of them.

    PictureError where this one cannot be had, another DecorError where none can, as without a
    network, which is tried a few times.
    """
    for wait in (*_WAITS, None):
        try:
            return _read_once(url, limit)
        except DataError as error:
            if wait is None or not isinstance(error, _Busy):
                raise PictureError(str(error)) from error
        except _Unreachable:
            if wait is None:
                raise
        time.sleep(wait)
    raise AssertionError


def _read_once(url: str, limit: int | None) -> bytes:
    system, path = file_system(url)
    with translate_url_errors(url):
        if limit is None:
            return system.cat_file(path)
        with system.open(path, "rb", cache_type="none") as file:  # nothing is read ahead
            return file.read(limit)


def fetch(url: str, to: Path, most_bytes: int) -> None:
    """Write what is at a URL to a file; DecorError where it cannot be had or is too large."""
    system, path = file_system(url)
    with translate_url_errors(url):
        size = system.info(path).get("size") or 0
        if size > most_bytes:
            raise DataError(
                f"“{url}” has {format_bytes(size)}; archives of at most "
                f"{format_bytes(most_bytes)} are read. Unpack it there and give the folder."
            )
        system.get_file(path, str(to))


def put(file: Path, url: str) -> None:
    """Write a file to a URL, where it is there as a whole or not at all."""
    system, path = file_system(url)
    with translate_url_errors(url):
        system.put_file(str(file), path)


@contextmanager
def opened(place: str) -> Iterator[IO[bytes]]:
    """The file at a place, to be read to and fro; OSError or DecorError where it cannot be."""
    if not scheme_of(place):
        with open(place, "rb") as file:
            yield file
        return
    system, path = file_system(place)
    with translate_url_errors(place), system.open(path, "rb") as file:
        yield file


class Folder:
    """A folder that parts of an output are kept in, here or in an object store.

    A file is there as a whole or not at all. OSError or DecorError where it cannot be written.
    """

    def __init__(self, place: str) -> None:
        if scheme_of(place) in _WEB:
            raise DataError(f"“{place}” is on a web server, which can be read, but not written.")
        self.place = place
        self._remote = file_system(place) if scheme_of(place) else None

    def names(self) -> list[str]:
        """What is in it, sorted; nothing where it is not there."""
        if not self._remote:
            return sorted(os.listdir(self.place)) if os.path.isdir(self.place) else []
        system, path = self._remote
        with translate_url_errors(self.place):
            system.invalidate_cache()
            found = system.ls(path, detail=False) if system.exists(path) else []
        return sorted(name.rstrip("/").rpartition("/")[2] for name in found)

    def read(self, name: str) -> bytes:
        if not self._remote:
            return Path(self.place, name).read_bytes()
        with translate_url_errors(self.place):
            return self._remote[0].cat_file(f"{self._remote[1]}/{name}")

    def write(self, name: str, content: bytes) -> None:
        if self._remote:
            with translate_url_errors(self.place):
                self._remote[0].pipe_file(f"{self._remote[1]}/{name}", content)
            return
        path = Path(self.place, name)
        with (
            unwritable(DataError, path),
            replacing_file(path) as partial,
            partial.open("wb") as file,
        ):
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a machine that goes down leaves no empty file

    def remove(self, names: list[str]) -> None:
        """Delete files, and the folder if nothing is left in it."""
        if self._remote:
            system, path = self._remote
            with translate_url_errors(self.place):
                for name in names:
                    system.rm_file(f"{path}/{name}")
            return
        for name in names:
            Path(self.place, name).unlink(missing_ok=True)
        if Path(self.place).is_dir() and not any(Path(self.place).iterdir()):
            Path(self.place).rmdir()


def exists(place: str) -> bool:
    """Whether there is anything at a place."""
    if not scheme_of(place):
        return os.path.exists(place)
    system, path = file_system(place)
    with translate_url_errors(place):
        system.invalidate_cache()
        return system.exists(path)
