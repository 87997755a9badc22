"""Reads the TFLite file of a network: its objects, and tensors as arrays.

The file is trusted: it ships, was made here, or has been through ``tflite_check``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.schema_py_generated import TensorType


@dataclass(frozen=True)
class FileTensor:
    """A tensor of the file: its ``values`` if they are constant, and its step if of eight bits.

    ``scale`` is one number, or one for each output channel of a kernel. Maps are kept as whole
    numbers of steps, 0 where the file has its zero point: between ``low`` and ``high``.
    """

    values: Any
    scale: Any
    low: float = 0
    high: float = 0


def read_model(content: bytes) -> Any:
    """The objects of a TFLite file, to look at and to change: a ``ModelT`` of its schema."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def read_tensor(model: Any, tensor: Any) -> FileTensor:
    content, values = model.buffers[tensor.buffer].data, None
    if content is not None and len(content):
        kinds = {TensorType.FLOAT32: "<f4", TensorType.INT32: "<i4", TensorType.INT8: "i1"}
        if tensor.type in kinds:  # others belong to operators that nothing here knows
            values = np.asarray(content, np.uint8).view(kinds[tensor.type]).reshape(tensor.shape)
    steps = tensor.quantization and tensor.quantization.scale
    if steps is None or tensor.type != TensorType.INT8:
        return FileTensor(values, None)
    zero = int(tensor.quantization.zeroPoint[0])
    return FileTensor(values, np.float32(steps), -128 - zero, 127 - zero)
