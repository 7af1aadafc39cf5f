"""Dense layers, of the last axis and of any axes, and embeddings."""

import math
from collections.abc import Sequence
from typing import Any

from keras import layers

from sfp_keras.traits.counting import UNKNOWN, used_at
from sfp_keras.traits.registry import KernelAxes, LayerTraits, Operations, register_traits


def _dense_axes(layer: Any) -> KernelAxes:
    return KernelAxes(count="units")


def _count_dense(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    return used_at(math.prod(outputs[1:-1]), layer.kernel)


def _einsum_axes(layer: Any) -> KernelAxes | None:
    """The axes of a kernel that makes the output's last axis of axes of the input.

    Axes that the kernel shares with the input and the output number positions, each with a kernel
    of its own.
    """
    operands, result = layer.equation.replace(" ", "").split("->")
    read, kernel = operands.split(",")
    if read.endswith(".") or not result[-1].isalpha():
        return None  # Axes behind the last one named cannot be counted.
    made = result[-1]
    summed = [axis for axis in kernel if axis in read and axis not in result]
    if made not in kernel or made in read or not summed:
        return None
    return KernelAxes(
        inputs=tuple(kernel.index(axis) - len(kernel) for axis in summed),
        output=kernel.index(made) - len(kernel),
        reads=tuple(read.index(axis) - len(read) for axis in summed),
    )


def _count_einsum(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    operands, result = layer.equation.replace(" ", "").split("->")
    of_input, of_kernel = operands.split(",")
    if "." in layer.equation:
        return UNKNOWN
    sizes = dict(zip(of_input, inputs, strict=True)) | dict(zip(result, outputs, strict=True))
    # Each weight is used once for every place that its own axes do not number; not for the batch.
    places = [sizes[axis] for axis in {*of_input[1:], *result[1:]} - set(of_kernel)]
    return used_at(math.prod(places), layer.kernel)


register_traits(layers.Dense, LayerTraits("made", kernel=_dense_axes, multiply_adds=_count_dense))
register_traits(
    layers.EinsumDense, LayerTraits("made", kernel=_einsum_axes, multiply_adds=_count_einsum)
)
register_traits(layers.Embedding, LayerTraits("made"))
