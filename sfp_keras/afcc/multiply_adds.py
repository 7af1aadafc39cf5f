"""How many multiplications and additions a layer makes for one input."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from sfp_keras.layers import CompactDense, GatheredDense

Shape = Sequence[int]
# All, and those of weights that are not zero.
Operations = tuple[float, float]
UNKNOWN = (math.nan, math.nan)


def multiply_adds(layer: Any, inputs: Shape, outputs: Shape) -> Operations:
    """Multiply-adds of one call of a layer on one input.

    Those of kernels are counted, not those of biases, batch norm, activations and pooling.

    Args:
        layer: `keras.layers.Layer`, or a Keras operation.
        inputs: shape of its first input, the batch's axis included.
        outputs: shape of its first output.

    Returns:
        All, and those of weights that are not zero; NaN for layers with matrices that this does
        not know, such as attention and recurrent ones, and for shapes that are not known.
    """
    for kinds, count in _KINDS:
        if isinstance(layer, kinds):
            try:
                return count(layer, inputs, outputs)
            except TypeError:  # An axis of any length is `None`.
                return UNKNOWN
    matrices = [w for w in getattr(layer, "trainable_variables", ()) if len(w.shape) > 1]
    return UNKNOWN if matrices else (0.0, 0.0)


def _times(places: float, *kernels: Any) -> Operations:
    arrays = [keras.ops.convert_to_numpy(kernel) for kernel in kernels]
    nonzero = sum(int(np.count_nonzero(array)) for array in arrays)
    return float(places * sum(array.size for array in arrays)), float(places * nonzero)


def _places(layer: Any, shape: Shape) -> int:
    """The number of places of an image's or a sequence's shape, without batch and channels."""
    first = getattr(layer, "data_format", None) == "channels_first"
    return math.prod(shape[2:] if first else shape[1:-1])


def _dense(layer: Any, inputs: Shape, outputs: Shape) -> Operations:
    return _times(math.prod(outputs[1:-1]), layer.kernel)


def _compact(layer: Any, inputs: Shape, outputs: Shape) -> Operations:
    # Scattered into the whole matrix, which is multiplied.
    places = math.prod(outputs[1:-1])
    return float(places * layer.mask.size), _times(places, layer.values)[1]


def _gathered(layer: Any, inputs: Shape, outputs: Shape) -> Operations:
    places = math.prod(outputs[1:-1])
    most = int(layer.mask.sum(axis=0).max())
    return float(places * layer.units * most), _times(places, layer.values)[1]


def _convolution(layer: Any, inputs: Shape, outputs: Shape) -> Operations:
    return _times(_places(layer, outputs), layer.kernel)


def _transposed(layer: Any, inputs: Shape, outputs: Shape) -> Operations:
    return _times(_places(layer, inputs), layer.kernel)


def _separable(layer: Any, inputs: Shape, outputs: Shape) -> Operations:
    return _times(_places(layer, outputs), layer.depthwise_kernel, layer.pointwise_kernel)


def _einsum(layer: Any, inputs: Shape, outputs: Shape) -> Operations:
    operands, result = layer.equation.replace(" ", "").split("->")
    of_input, of_kernel = operands.split(",")
    if "." in layer.equation:
        return UNKNOWN
    sizes = dict(zip(of_input, inputs, strict=True)) | dict(zip(result, outputs, strict=True))
    # Each weight is used once for every place that its own axes do not number; not for the batch.
    places = [sizes[axis] for axis in {*of_input[1:], *result[1:]} - set(of_kernel)]
    return _times(math.prod(places), layer.kernel)


_Count = Callable[[Any, Shape, Shape], Operations]
_KINDS: tuple[tuple[Any, _Count], ...] = (
    (GatheredDense, _gathered),
    (CompactDense, _compact),
    (keras.layers.Dense, _dense),
    (
        (
            *(keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose),
            keras.layers.Conv3DTranspose,
        ),
        _transposed,
    ),
    ((keras.layers.SeparableConv1D, keras.layers.SeparableConv2D), _separable),
    (
        (
            *(keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D),
            *(keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D),
        ),
        _convolution,
    ),
    (keras.layers.EinsumDense, _einsum),
)
