"""What each kind of layer does with filters, and the same layer with fewer of them."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.layers import (
    CompactDense,
    MaskConstraint,
    MaskedConv2D,
    MaskedDense,
    MaskedDepthwiseConv2D,
    MaskedKernel,
)
from sfp_keras.models.rebuilding import Exchange, remade

# Types are compared exactly: a subclass may do anything with its channels.
_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D, MaskedConv2D)
_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
_DENSE = (layers.Dense, MaskedDense)
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D, MaskedDepthwiseConv2D)
_SAME_FOR_EACH_FILTER = {
    getattr(layers, name)
    for name in (
        *("ReLU", "LeakyReLU", "ELU", "Identity", "ActivityRegularization"),
        *("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"),
        *(f"SpatialDropout{n}D" for n in (1, 2, 3)),
        *(f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)),
        *(f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)),
        *(f"{kind}{n}D" for kind in ("ZeroPadding", "Cropping", "UpSampling") for n in (1, 2, 3)),
    )
}
_ELEMENTWISE = {
    keras.activations.get(name)
    for name in (
        *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish"),
        *("tanh", "sigmoid", "hard_tanh", "hard_sigmoid", "hard_silu", "softplus", "softsign"),
        *("exponential", "log_sigmoid"),
    )
}


def puts_out_filters(layer: Any) -> bool:
    """Whether a layer makes filters, each from all its inputs and independent of the others."""
    return reads_filters(layer) and type(layer) is not CompactDense and _elementwise(layer)


def passes_filters(layer: Any, rank: int) -> bool:
    """Whether each output filter of a layer is made of the same input filter and no other.

    Args:
        layer: a layer or Keras operation with one input.
        rank: number of the input's axes, the batch among them; filters are the last.
    """
    if type(layer) is layers.Activation:
        return _elementwise(layer)
    if type(layer) is layers.Rescaling:
        return np.ndim(layer.scale) == np.ndim(layer.offset) == 0
    if type(layer) is layers.BatchNormalization:
        return layer.axis in (-1, rank - 1)
    if type(layer) in _DEPTHWISE:
        return layer.depth_multiplier == 1 and _elementwise(layer)
    if not isinstance(layer, layers.Layer):
        return is_elementwise(layer)  # An operation, such as that of `keras.ops.relu`.
    return type(layer) in _SAME_FOR_EACH_FILTER


def why_no_maker(layer: Any) -> str:
    """Why filters cannot be removed from a layer that neither makes nor passes them, as a verb."""
    if isinstance(layer, layers.Wrapper):
        return f"wraps {type(layer.layer).__name__}, whose weights it changes"
    if reads_filters(layer) or type(layer) in (layers.Activation, *_DEPTHWISE):
        if _elementwise(layer):
            return "makes several filters of each"
        return "has an activation that does not compute each filter alone and alike"
    if getattr(layer, "groups", 1) != 1:
        return "makes its filters in groups"
    return "is of a kind from which filters are not removed"


def _elementwise(layer: Any) -> bool:
    return layer.activation in _ELEMENTWISE or is_elementwise(layer.activation)


def is_elementwise(function: Any) -> bool:
    """Whether a function of a tensor computes each filter alone, and all alike.

    Activations of other libraries (`tf.nn.relu`), activation layers and functions of one's own
    are tried on random numbers.
    """
    if type(function) in _SAME_FOR_EACH_FILTER:
        return True
    numbers = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    others = numbers.copy()
    others[..., 0] += 1
    order = [3, 0, 4, 1, 2]
    try:
        found, changed, moved = (
            keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(array)))
            for array in (numbers, others, numbers[..., order])
        )
    except Exception:  # It is the user's own.
        return False
    alone = found.shape == numbers.shape and np.array_equal(found[..., 1:], changed[..., 1:])
    return bool(alone and np.allclose(found[..., order], moved, rtol=1e-6))


def moves_filters(layer: Any) -> bool:
    """Whether a layer or operation only moves numbers, also where there are fewer of them."""
    if type(layer) is layers.Reshape:
        return tuple(layer.target_shape) == (-1,)
    named = type(layer).__name__ in ("Transpose", "Moveaxis", "Swapaxes")
    return type(layer) in (layers.Flatten, layers.Permute) or (
        named and not isinstance(layer, layers.Layer)
    )


def reads_filters(layer: Any) -> bool:
    """Say whether a layer sums over its input filters, so that some can be left out."""
    if type(layer) in (*_CONVOLUTIONS, *_TRANSPOSED):
        return getattr(layer, "groups", 1) == 1
    return type(layer) in (*_DENSE, CompactDense)


def without_outputs(layer: Any, keep: np.ndarray) -> Exchange:
    """The layer with only the filters (or units) it puts out where `keep`, bool (F,), is true."""
    return _cut_kernel(layer, -1, keep)


def without_inputs(layer: Any, keep: np.ndarray) -> Exchange:
    """The layer for fewer inputs: of the last axis, those where `keep`, bool (inputs,), is true."""
    if type(layer) is not CompactDense:
        return _cut_kernel(layer, -2, keep)
    values, *bias = layer.get_weights()
    mask = _cut_mask(layer.mask, 0, keep, layer.name)
    # Values stand row by row, so that those of the rows left stay in order.
    return Exchange(remade(layer, mask=mask), [values[keep[_rows(layer)]], *bias])


def with_fewer_filters(layer: Any, keep: np.ndarray) -> Exchange | None:
    """The layer of `passes_filters` for the filters left; `None` where it can stay as it is."""
    if type(layer) not in (layers.BatchNormalization, *_DEPTHWISE):
        return None
    weights = layer.get_weights()
    if type(layer) is layers.BatchNormalization:
        return Exchange(remade(layer), [array[keep] for array in weights])
    _check_weights(layer, weights)
    config = layer.get_config()
    changes = {}
    for name, axis in (("depthwise_constraint", -2), ("bias_constraint", -1)):
        constraint = keras.constraints.get(config[name])
        changes[name] = _cut_constraint(constraint, axis, keep, layer.name)
    if isinstance(layer, MaskedKernel) and layer.mask is not None:
        changes["mask"] = _cut_mask(layer.mask, -2, keep, layer.name)
    kernel, *bias = weights
    return Exchange(remade(layer, **changes), [kernel[..., keep, :], *(b[keep] for b in bias)])


def _cut_kernel(layer: Any, axis: int, keep: np.ndarray) -> Exchange:
    """Cut the input axis (-2) or the output axis (-1) of a convolution's or dense kernel."""
    config = layer.get_config()
    kernel, *bias = layer.get_weights()
    _check_weights(layer, [kernel, *bias])
    # Kernels of transposed convolutions have the outputs before the inputs.
    kernel_axis = -3 - axis if type(layer) in _TRANSPOSED else axis
    constraint = keras.constraints.get(config["kernel_constraint"])
    changes = {"kernel_constraint": _cut_constraint(constraint, kernel_axis, keep, layer.name)}
    if axis == -1:
        constraint = keras.constraints.get(config["bias_constraint"])
        changes["bias_constraint"] = _cut_constraint(constraint, -1, keep, layer.name)
        changes["units" if type(layer) in _DENSE else "filters"] = int(keep.sum())
        bias = [array[keep] for array in bias]
    if isinstance(layer, MaskedKernel) and layer.mask is not None:
        changes["mask"] = _cut_mask(layer.mask, axis, keep, layer.name)
    return Exchange(remade(layer, **changes), [np.compress(keep, kernel, axis=kernel_axis), *bias])


def _cut_constraint(constraint: Any, axis: int, keep: np.ndarray, layer: str) -> Any:
    """A constraint for the weights left: only masks depend on their number."""
    if not isinstance(constraint, MaskConstraint):
        return constraint
    mask = constraint.mask
    if mask.ndim >= -axis and mask.shape[axis] == keep.size:
        mask = _cut_mask(mask, axis, keep, layer)
    return MaskConstraint(mask, _cut_constraint(constraint.constraint, axis, keep, layer))


def _cut_mask(mask: np.ndarray, axis: int, keep: np.ndarray, layer: str) -> np.ndarray:
    left = np.compress(keep, mask, axis=axis)
    if not left.any():
        raise InputError(
            f"removing these leaves layer {layer!r} no weight: its mask keeps none of the other "
            "filters; remove fewer"
        )
    return left


def _check_weights(layer: Any, weights: Sequence[np.ndarray]) -> None:
    if len(weights) != 1 + bool(layer.use_bias):
        raise InputError(
            f"layer {layer.name!r} has more weights than a kernel and a bias: remove filters "
            "before quantization and LoRA"
        )


def _rows(layer: CompactDense) -> np.ndarray:
    return np.nonzero(layer.mask)[0]
