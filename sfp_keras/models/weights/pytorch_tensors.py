"""What a layer's variables are in a PyTorch file: the tensors' last names, shapes and axes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from sfp_keras.layers import AttentionHeads, PositionEmbedding, SequencePooling

_BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_LAYER_NORM = {"gamma": "weight", "beta": "bias"}


@dataclass(frozen=True, eq=False)
class Assignment:
    """A variable, the tensor it gets with its expected shape, and how its axes are turned."""

    variable: Any
    part: str
    shape: tuple[int, ...]
    turn: Callable[[np.ndarray], np.ndarray] = np.asarray


def assignments_of(layer: Any, order: np.ndarray | None = None) -> list[Assignment]:
    """The variables of a layer of a known kind.

    Args:
        layer: `keras.layers.Layer`, built.
        order: of a Dense layer or batch norm that reads a flattened map, the place in PyTorch's
            order of each of its inputs.

    Returns:
        An `Assignment` each; none for layers of other kinds and without weights.
    """
    if isinstance(layer, keras.layers.BatchNormalization):
        return _named(layer, _BATCH_NORM, order)
    if isinstance(layer, keras.layers.LayerNormalization):
        return _named(layer, _LAYER_NORM)
    if isinstance(layer, PositionEmbedding):
        # A parameter without a module of its own, and with an axis for the batch.
        shape = (1, *layer.embedding.shape)
        return [Assignment(layer.embedding, "", shape, lambda tensor: tensor[0])]
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
        kernel = _convolution(layer)
    elif isinstance(layer, AttentionHeads):
        kernel = _linear(layer.qkv)
    elif isinstance(layer, keras.layers.Dense | SequencePooling):
        kernel = _linear(layer.kernel, order)
    else:
        return []
    bias = layer.bias
    if bias is None:
        return [kernel]
    return [kernel, Assignment(bias, "bias", tuple(bias.shape))]


def _named(layer: Any, parts: dict[str, str], order: np.ndarray | None = None) -> list[Assignment]:
    variables = {part: getattr(layer, name) for name, part in parts.items()}
    turn = np.asarray if order is None else lambda tensor: tensor[order]
    return [
        Assignment(variable, part, tuple(variable.shape), turn)
        for part, variable in variables.items()
        if variable is not None
    ]


def _convolution(layer: Any) -> Assignment:
    height, width, channels, filters = layer.kernel.shape
    # A depthwise kernel is (height, width, channels, 1) here and (channels, 1, ...) there.
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return Assignment(
            layer.kernel, "weight", (channels, filters, height, width), _depthwise_kernel
        )
    return Assignment(layer.kernel, "weight", (filters, channels, height, width), _hwio_from_oihw)


def _linear(kernel: Any, order: np.ndarray | None = None) -> Assignment:
    inputs, outputs = kernel.shape
    return Assignment(kernel, "weight", (outputs, inputs), lambda t: _dense_kernel(t, order))


def _hwio_from_oihw(tensor: np.ndarray) -> np.ndarray:
    return tensor.transpose(2, 3, 1, 0)


def _depthwise_kernel(tensor: np.ndarray) -> np.ndarray:
    return tensor.transpose(2, 3, 0, 1)


def _dense_kernel(tensor: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    return tensor.T if order is None else tensor.T[order]
