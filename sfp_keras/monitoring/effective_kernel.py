"""The kernel that a dense layer multiplies by, which is not always the one it stores."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from sfp_keras.errors import InputError
from sfp_keras.layers import CompactDense, MaskedDense

# Numbers handed to a layer at once.
_BLOCK = 1 << 24
_KERNEL_AS_STORED = (layers.Dense.call, MaskedDense.call)


def dense_inside(layer: Any) -> Any | None:
    """The dense layer that a layer is or wraps (`SpectralNormalization`), or `None`."""
    if isinstance(layer, layers.Wrapper) and not isinstance(layer, layers.TimeDistributed):
        return dense_inside(layer.layer)
    return layer if isinstance(layer, (layers.Dense, CompactDense)) else None


def effective_kernel(layer: Any, inputs: Any) -> np.ndarray:
    """The (inputs, units) kernel of a layer of `dense_inside`, as float64.

    Quantized layers store integers beside their scales, and wrappers or classes of one's own may
    compute with something else than the stored kernel. Their kernel is what they answer to unit
    vectors, their answer to zeros (the bias) taken off.

    Args:
        layer: a built layer.
        inputs: what has the shape of its inputs, the batch axis first.

    Raises:
        InputError: if the layer's answer to random inputs is not that of one kernel and a bias.
    """
    dense: Any = dense_inside(layer)
    stored = layer is dense and type(dense).call in _KERNEL_AS_STORED
    if stored and dense.quantization_mode is None:
        return ops.convert_to_numpy(ops.cast(dense.kernel, "float32")).astype(np.float64)
    positions = tuple(int(n) for n in inputs.shape[1:-1])
    count = int(inputs.shape[-1])
    # Quantization to float8 has a fixed scale, of which exactly 1 is to be left.
    size = float(ops.convert_to_numpy(getattr(dense, "inputs_scale", 1.0)))
    with _linear(dense):
        bias = _answers(layer, np.zeros((1, *positions, count), np.float32))
        kernel = np.empty((count, bias.shape[-1]))
        rows = max(1, _BLOCK // (count * max(1, int(np.prod(positions, dtype=int)))))
        for first in range(0, count, rows):
            units = np.eye(min(rows, count - first), count, first, dtype=np.float32) * size
            block = units.reshape(-1, *(1 for _ in positions), count)
            block = np.broadcast_to(block, (len(units), *positions, count))
            answers = (_answers(layer, block) - bias) / size
            kernel[first : first + rows] = answers.reshape(len(units), -1, bias.shape[-1])[:, 0]
        if not type(layer).call.__module__.startswith("keras."):
            _check(layer, kernel, bias, positions)
    return kernel


def _check(layer: Any, kernel: np.ndarray, bias: np.ndarray, positions: tuple[int, ...]) -> None:
    """Refuse a user's own layer whose answer is not linear, alike at all positions."""
    images = np.random.default_rng(0).normal(size=(4, *positions, len(kernel)))
    found = _answers(layer, images.astype(np.float32))
    expected = images @ kernel + bias
    if not np.allclose(found, expected, rtol=0, atol=1e-2 * np.abs(expected).max()):
        raise InputError(
            f"layer {layer.name!r} ({type(layer).__name__}) does not answer as one kernel and a "
            "bias do: filters can only be measured through a linear head; put a Dense layer in "
            "its place, or train heads of the network's stages (`train_heads`)"
        )


def _answers(layer: Any, inputs: np.ndarray) -> np.ndarray:
    outputs = layer(ops.convert_to_tensor(inputs))
    return ops.convert_to_numpy(ops.cast(outputs, "float32")).astype(np.float64)


@contextlib.contextmanager
def _linear(dense: Any) -> Iterator[None]:
    """Leave out a layer's activation."""
    activation = dense.activation
    dense.activation = keras.activations.linear
    try:
        yield
    finally:
        dense.activation = activation
