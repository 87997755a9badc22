"""The tensors of a PyTorch file, read without PyTorch: nothing in it can run."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from decor_core.errors import BackboneError


class _Storage(NamedTuple):
    key: str
    dtype: str


class _StoredTensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _StateUnpickler(pickle.Unpickler):
    """Reads nothing but tensors: any other class in the pickle is refused."""

    _ALLOWED = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): lambda *parts: _StoredTensor(*parts[:4]),
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._ALLOWED[module, name]
        except KeyError:
            raise BackboneError(
                f"The weights file asks for {module}.{name}; expected tensors only."
            ) from None

    def persistent_load(self, pid: tuple) -> _Storage:
        _, dtype, key, _, _, _ = pid
        return _Storage(key, dtype)


def read_torch_state(path: Path) -> dict[str, np.ndarray]:
    """Tensors of a legacy PyTorch ``.pth`` state dict by name, read without PyTorch.

    Raises BackboneError for a file that is damaged or holds anything but tensors.
    """
    try:
        return _torch_state(path)
    except (
        pickle.UnpicklingError,
        EOFError,
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise BackboneError(
            f"The weights file “{path}” is damaged ({error}); install its package again."
        ) from error


def _torch_state(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        for _ in range(3):  # magic number, protocol version, system info
            _StateUnpickler(file).load()
        tensors: dict[str, _StoredTensor] = _StateUnpickler(file).load()
        dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
        storages = {}
        for key in _StateUnpickler(file).load():
            count = int(np.fromfile(file, "<i8", 1)[0])
            storages[key] = np.fromfile(file, dtypes[key], count)
    return {name: _view(tensor, storages) for name, tensor in tensors.items()}


def _view(tensor: _StoredTensor, storages: dict[str, np.ndarray]) -> np.ndarray:
    storage = storages[tensor.storage.key]
    steps = [(n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True)]
    # NumPy would read whatever lies beyond in memory.
    if min(tensor.offset, *steps, 0) < 0 or tensor.offset + sum(steps) >= len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    strides = [stride * storage.itemsize for stride in tensor.strides]
    flat = storage[tensor.offset :]
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, strides).copy()
