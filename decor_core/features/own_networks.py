"""Networks that no name gives: a model carries its own, and one from a file is kept here."""

import hashlib
import logging
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakSet

from decor_core.config import is_hosted
from decor_core.errors import BackboneError, DamagedFile, damaged_file
from decor_core.features.backbone_spec import BackboneSpec, kept_path
from decor_core.io import json_as, read_json, write_file, write_json

OWN = "own_"  # begins their names
_living: "WeakSet[OwnNetwork]" = WeakSet()
_living_lock = Lock()
_held: "dict[str, OwnNetwork]" = {}  # from files, by name: few in a process
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A network without a public name, stored in the model.

    ``content`` is a TFLite file of stage maps; its input is as in a BackboneSpec. ``title`` is what
    people see of it, ``based_on`` the named network whose weights it began with, if any. As long
    as it is in memory its ``name``, which tells content and input, finds it: ``load_backbone``,
    ``named_spec``. Nothing has looked at the content yet: ``load_backbone`` checks it.
    """

    content: bytes = field(repr=False)
    side: int
    mean: float
    scale: float
    title: str
    based_on: str = ""

    def __post_init__(self) -> None:
        with _living_lock:
            _living.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Unpickled by ``__init__``, so that the other process finds it by name, too."""
        about = self.side, self.mean, self.scale, self.title, self.based_on
        return OwnNetwork, (self.content, *about)

    @cached_property
    def digest(self) -> str:
        """Hash of content and input, which decide the vectors of pictures."""
        return self._digest_with(self.content)

    def _digest_with(self, content: bytes) -> str:
        settings = f"{self.side} {self.mean!r} {self.scale!r} ".encode()
        return hashlib.sha256(settings + content).hexdigest()[:16]

    @property
    def name(self) -> str:
        return OWN + self.digest

    @cached_property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.content)

    @property
    def spec(self) -> BackboneSpec:
        return BackboneSpec(self.name, self.side, self.mean, self.scale)


class NetworkInFile(OwnNetwork):
    """A network as ``about`` tells, whose content stays in a file until it is wanted.

    The ``digest`` is said to be that of the content: where it is not, or the file is gone by then,
    ``content`` raises BackboneError.
    """

    def __init__(self, path: Path, digest: str, about: OwnNetwork) -> None:
        known = {"path": path, "digest": digest, "size": path.stat().st_size}
        vars(self).update(vars(about) | known)  # it is frozen
        del vars(self)["content"]
        self.__post_init__()

    def __reduce__(self) -> tuple[Any, ...]:
        if "content" in vars(self):
            return super().__reduce__()
        about = self.side, self.mean, self.scale, self.title, self.based_on
        return NetworkInFile, (vars(self)["path"], self.digest, OwnNetwork(b"", *about))

    @cached_property
    def content(self) -> bytes:  # pyright: ignore[reportIncompatibleVariableOverride]
        what = f"The network “{self.title}” of the model is damaged"
        with damaged_file(BackboneError, what, "retrain it"):
            content = vars(self)["path"].read_bytes()
            if self._digest_with(content) != self.digest:
                raise DamagedFile("it is not the one that it was trained on")
            return content


def own_network(name: str) -> OwnNetwork | None:
    """The network of that name which a model in this process carries, or which was kept here."""
    if not name.startswith(OWN):
        return None
    with _living_lock:
        living = [network for network in _living if network.name == name]
    # What is in memory already outlasts any file.
    found = min(living, key=lambda network: "content" not in vars(network), default=None)
    return found or _kept_network(name)


def keep_network(network: OwnNetwork) -> None:
    """Have the name of a network find it in this process from now on, and at home in later ones."""
    _held[network.name] = network
    path = kept_path(network.name)
    if is_hosted() or path.exists():
        return
    about = {one.name: getattr(network, one.name) for one in fields(network)}
    del about["content"]
    try:
        write_json(path.with_suffix(".json"), about)
        write_file(path, network.content)
    except OSError as error:
        _log.warning("The network “%s” cannot be kept: %s", network.title, error.strerror or error)


def _kept_network(name: str) -> OwnNetwork | None:
    path = kept_path(name)
    if is_hosted() or not path.exists():
        return None
    try:
        about = read_json(path.with_suffix(".json"), dict[str, Any])
        network = json_as(about | {"content": path.read_bytes()}, OwnNetwork)
    except (OSError, DamagedFile):
        return None
    if network.name != name:
        return None
    return _held.setdefault(name, network)


def kept_networks() -> list[OwnNetwork]:
    """The networks from files that were kept here."""
    names = (path.stem for path in sorted(kept_path(OWN).parent.glob(f"{OWN}*.tflite")))
    return [network for name in names if (network := own_network(name))]


def own_network_here(name: str) -> OwnNetwork:
    """``own_network``; BackboneError where it is not here."""
    if network := own_network(name):
        return network
    raise BackboneError(
        f"The network “{name}” is in none of the models here; it comes with the model that was "
        "trained on it: name that model by --architecture, or make the vectors again."
    )
