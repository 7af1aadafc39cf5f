"""The same layer with fewer of the filters that it makes, passes or reads."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import keras
import numpy as np
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.layers import CompactDense, MaskConstraint, MaskedKernel
from sfp_keras.models.rebuilding import Exchange, remade
from sfp_keras.models.traits import KernelAxes, LayerTraits, traits_of
from sfp_keras.models.traits.elementwise import is_elementwise


def puts_out_filters(layer: Any) -> bool:
    """Whether a layer makes filters, each from all its inputs and independent of the others."""
    return _kernel_axes(layer) is not None and is_elementwise(layer.activation)


def passes_filters(layer: Any, rank: int) -> bool:
    """Whether each output filter of a layer is made of the same input filter and no other.

    Args:
        layer: a layer or Keras operation with one input.
        rank: number of the input's axes, the batch among them; filters are the last.
    """
    if not isinstance(layer, layers.Layer):
        return is_elementwise(layer)  # An operation, such as that of `keras.ops.relu`.
    traits = traits_of(layer)
    return _is(traits, layer, "passed") and traits.alone_in(layer, rank)


def moves_filters(layer: Any, rank: int) -> bool:
    """Whether a layer or operation only moves numbers, also where there are fewer of them."""
    traits = traits_of(layer)
    return _is(traits, layer, "moved") and traits.alone_in(layer, rank)


def reads_filters(layer: Any) -> bool:
    """Say whether a layer sums over its input filters, so that some can be left out."""
    return _kernel_axes(layer) is not None or type(layer) is CompactDense


def why_no_maker(layer: Any) -> str:
    """Why filters cannot be removed from a layer that neither makes nor passes them, as a verb."""
    if isinstance(layer, layers.Wrapper):
        return f"wraps {type(layer.layer).__name__}, whose weights it changes"
    traits = traits_of(layer)
    own_kernels = traits is not None and traits.kernel_of(layer) == KernelAxes((), -2)
    if reads_filters(layer) or own_kernels or type(layer) is layers.Activation:
        if is_elementwise(layer.activation):
            return "makes several filters of each"
        return "has an activation that does not compute each filter alone and alike"
    if getattr(layer, "groups", 1) != 1:
        return "makes its filters in groups"
    return "is of a kind from which filters are not removed"


def without_outputs(layer: Any, keep: np.ndarray) -> Exchange:
    """The layer with only the filters (or units) it puts out where `keep`, bool (F,), is true."""
    axes: Any = _kernel_axes(layer)
    changes = {axes.count: int(keep.sum())}
    return _cut_kernel(layer, axes.output, keep, with_bias=True, changes=changes)


def without_inputs(layer: Any, keep: np.ndarray) -> Exchange:
    """The layer for fewer inputs: of the last axis, those where `keep`, bool (inputs,), is true."""
    axes = _kernel_axes(layer)
    if axes is not None:
        return _cut_kernel(layer, axes.inputs[0], keep)
    values, *bias = layer.get_weights()
    mask = _cut_mask(layer.mask, 0, keep, layer.name)
    # Values stand row by row, so that those of the rows left stay in order.
    return Exchange(remade(layer, mask=mask), [values[keep[_rows(layer)]], *bias])


def with_fewer_filters(layer: Any, keep: np.ndarray) -> Exchange | None:
    """The layer of `passes_filters` for the filters left; `None` where it can stay as it is."""
    if not isinstance(layer, layers.Layer) or not layer.weights:
        return None
    traits = traits_of(layer)
    axes = traits.kernel_of(layer) if traits is not None else None
    if axes is not None:
        return _cut_kernel(layer, axes.output, keep, with_bias=True)
    return Exchange(remade(layer), [array[..., keep] for array in layer.get_weights()])


def _is(traits: LayerTraits | None, layer: Any, filters: str) -> TypeGuard[LayerTraits]:
    return traits is not None and traits.filters_of(layer) == filters


def _kernel_axes(layer: Any) -> KernelAxes | None:
    """The axes of a kernel whose inputs and outputs can be left out one by one."""
    traits = traits_of(layer)
    if not _is(traits, layer, "made"):
        return None
    axes = traits.kernel_of(layer)
    separable = axes is not None and axes.groups == 1 and axes.count
    return axes if separable else None


def _cut_kernel(
    layer: Any,
    axis: int,
    keep: np.ndarray,
    with_bias: bool = False,
    changes: dict[str, Any] | None = None,
) -> Exchange:
    """Cut one axis of a kernel, its mask with it, and the bias."""
    config = layer.get_config()
    kernel, *bias = layer.get_weights()
    _check_weights(layer, [kernel, *bias])
    changes = dict(changes or {})
    name = "depthwise_constraint" if "depthwise_constraint" in config else "kernel_constraint"
    cuts = {name: axis, "bias_constraint": -1} if with_bias else {name: axis}
    for name, place in cuts.items():
        constraint = keras.constraints.get(config[name])
        changes[name] = _cut_constraint(constraint, place, keep, layer.name)
    if isinstance(layer, MaskedKernel) and layer.mask is not None:
        changes["mask"] = _cut_mask(layer.mask, axis, keep, layer.name)
    bias = [array[keep] for array in bias] if with_bias else bias
    return Exchange(remade(layer, **changes), [np.compress(keep, kernel, axis=axis), *bias])


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
