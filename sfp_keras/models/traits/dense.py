"""Dense layers, of the last axis and of any axes, and embeddings."""

from typing import Any

from keras import layers

from sfp_keras.models.traits.registry import KernelAxes, LayerTraits, register_traits


def _dense_axes(layer: Any) -> KernelAxes:
    return KernelAxes()


def einsum_axes(layer: Any) -> KernelAxes | None:
    """The axes of an `EinsumDense` layer that makes its output's last axis of axes of the input.

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


register_traits(layers.Dense, LayerTraits("made", kernel=_dense_axes))
register_traits(layers.EinsumDense, LayerTraits("made", kernel=einsum_axes))
register_traits(layers.Embedding, LayerTraits("made"))
