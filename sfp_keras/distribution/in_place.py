"""Arrays that TensorFlow reads where NumPy has them; `tf.convert_to_tensor` copies them twice."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

# TensorFlow ends the process on a tensor that begins elsewhere.
_ALIGNMENT = 64


def aligned_empty(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """An array that is not filled yet, where `tensor_in_place` can read it.

    Args:
        shape: of the array.
        dtype: of its numbers.
    """
    size = math.prod(shape) * dtype.itemsize
    room = np.empty(size + _ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % _ALIGNMENT
    return room[begin : begin + size].view(dtype).reshape(shape)


def tensor_in_place(array: np.ndarray) -> Any:
    """TensorFlow's tensor of an array's own memory.

    Args:
        array: which nobody writes to any more.

    Returns:
        A tensor on the CPU, which keeps the memory; `None` where the array does not lie as
        TensorFlow needs it.
    """
    lies_well = array.size and array.flags.c_contiguous and array.flags.writeable
    if not lies_well or array.ctypes.data % _ALIGNMENT:
        return None
    import tensorflow as tf

    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
