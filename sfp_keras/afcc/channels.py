"""The same layer with fewer of the filters that it makes, passes or reads."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import keras
import numpy as np
from keras import layers

from sfp_keras.afcc.attention_channels import reads_between, without_heads
from sfp_keras.afcc.masks import short_mask
from sfp_keras.errors import InputError
from sfp_keras.layers import AttentionHeads, CompactDense, MaskConstraint, MaskedKernel
from sfp_keras.models.rebuilding import Exchange, remade
from sfp_keras.traits import KernelAxes, LayerTraits, traits_of
from sfp_keras.traits.elementwise import is_elementwise


def puts_out_filters(layer: Any) -> bool:
    """Whether a layer makes filters, each from all its inputs and independent of the others.

    Of an attention that are its heads: `filters_together` are one.
    """
    if type(layer) is AttentionHeads:
        return True
    return _kernel_axes(layer) is not None and _activates_each_alone(layer)


def filters_together(layer: Any) -> int:
    """How many filters one behind another, of a layer that makes them, go together or stay."""
    return layer.head_size if type(layer) is AttentionHeads else 1


def passes_filters(layer: Any, rank: int) -> bool:
    """Whether each output filter of a layer is made of the same input filter and no other.

    Args:
        layer: a layer or Keras operation with one input.
        rank: number of the input's axes, the batch among them; filters are the last.
    """
    if not isinstance(layer, layers.Layer):
        return is_elementwise(layer, rank)  # An operation, such as that of `keras.ops.relu`.
    traits = traits_of(layer)
    return _is(traits, layer, "passed") and traits.alone_in(layer, rank)


def moves_filters(layer: Any, rank: int) -> bool:
    """Whether a layer or operation only moves numbers, also where there are fewer of them."""
    traits = traits_of(layer)
    return _is(traits, layer, "moved") and traits.alone_in(layer, rank)


def reads_filters(layer: Any) -> bool:
    """Say whether a layer sums over its input filters, so that some can be left out."""
    return _kernel_axes(layer) is not None or not adds_constants(layer)


def adds_constants(layer: Any) -> bool:
    """Whether what a layer that `reads_filters` makes of constants can be added to its bias."""
    return not isinstance(layer, CompactDense) and type(layer) is not AttentionHeads


def why_no_maker(layer: Any) -> str:
    """Why filters cannot be removed from a layer that neither makes nor passes them, as a verb."""
    if isinstance(layer, layers.Wrapper):
        return f"wraps {type(layer.layer).__name__}, whose weights it changes"
    if isinstance(layer, CompactDense):
        return "is a compact layer, whose units stay: remove filters before `compact_head`"
    traits = traits_of(layer)
    own_kernels = traits is not None and traits.kernel_of(layer) == KernelAxes((), -2)
    if reads_filters(layer) or own_kernels or type(layer) is layers.Activation:
        if _activates_each_alone(layer):
            return "makes several filters of each"
        return "has an activation that does not compute each filter alone and alike"
    if _is(traits, layer, "passed") and isinstance(layer, layers.Layer):
        return "does not compute each filter alone"
    if getattr(layer, "groups", 1) != 1:
        return "makes its filters in groups"
    return "is of a kind from which filters are not removed"


def kernel_between(layer: Any) -> np.ndarray:
    """The kernel of a layer that `reads_filters`, as (places, inputs, outputs).

    Of an attention, whether a node depends on an input.
    """
    if type(layer) is AttentionHeads:
        return reads_between(layer)[None]
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    axes = _kernel_axes(layer) or KernelAxes()
    kernel = np.moveaxis(kernel, (axes.inputs[0], axes.output), (-2, -1))
    return kernel.reshape(-1, *kernel.shape[-2:])


def mask_between(layer: Any) -> np.ndarray | None:
    """Which weights of a layer that `reads_filters` its masks keep: bool (inputs, outputs).

    Those of which a mask keeps any place; `None` for a layer without a mask.
    """
    if isinstance(layer, CompactDense):
        return np.asarray(layer.mask)
    if type(layer) is AttentionHeads:
        return None
    axes: Any = _kernel_axes(layer)
    kept = _kept_weights(layer)
    if kept is None:
        return None
    kept = np.moveaxis(kept, (axes.inputs[0], axes.output), (-2, -1))
    return np.asarray(kept.reshape(-1, *kept.shape[-2:]).any(axis=0))


def mask_of_each(layer: Any) -> np.ndarray | None:
    """Of which filters the masks of a layer that `passes_filters` keep a weight: bool (filters,).

    `None` for a layer without a mask on a kernel.
    """
    traits = traits_of(layer) if isinstance(layer, layers.Layer) else None
    axes = traits.kernel_of(layer) if traits is not None else None
    kept = None if axes is None else _kept_weights(layer)
    if axes is None or kept is None:
        return None
    kept = np.moveaxis(kept, axes.output, -1)
    return np.asarray(kept.reshape(-1, kept.shape[-1]).any(axis=0))


def _kept_weights(layer: Any) -> np.ndarray | None:
    """Which weights of a kernel all its masks keep, of its shape; `None` without a mask."""
    masks = [layer.mask] if isinstance(layer, MaskedKernel) and layer.mask is not None else []
    constraint = getattr(layer, "kernel_constraint", None)
    constraint = constraint or getattr(layer, "depthwise_constraint", None)
    while isinstance(constraint, MaskConstraint):
        masks.append(np.broadcast_to(constraint.mask, layer.kernel.shape))
        constraint = constraint.constraint
    return np.logical_and.reduce(masks) if masks else None


def without(
    layer: Any, inputs: np.ndarray, outputs: np.ndarray, added: np.ndarray | None = None
) -> Exchange | None:
    """A layer that `reads_filters` with fewer filters that it reads and that it makes.

    Args:
        layer: the layer.
        inputs: bool, true for the filters left of those that it reads.
        outputs: bool, true for those left of the filters that it makes.
        added: float (outputs,), what is added to its bias; `None` for nothing. An attention takes
            none.

    Returns:
        An `Exchange`; `None` where the layer can stay as it is.
    """
    if inputs.all() and outputs.all() and added is None:
        return None
    if type(layer) is AttentionHeads:
        return without_heads(layer, inputs, outputs)
    axes = _kernel_axes(layer)
    if axes is None:
        return _compact_without(layer, inputs)
    changes: dict[str, Any] = {str(axes.count): int(outputs.sum())}
    if added is not None:
        changes["use_bias"] = True
    exchange = _cut_kernel(layer, {axes.inputs[0]: inputs, axes.output: outputs}, changes)
    if added is not None:
        kernel, *bias = exchange.weights
        old = bias[0] if bias else np.zeros((), kernel.dtype)
        exchange.weights[1:] = [(old + added[outputs]).astype(kernel.dtype)]
    return exchange


def _compact_without(layer: CompactDense, inputs: np.ndarray) -> Exchange:
    values, *bias = layer.get_weights()
    mask = _cut_mask(layer.mask, 0, inputs, layer.name)
    # Values stand row by row, so that those of the rows left stay in order.
    return Exchange(remade(layer, mask=mask), [values[inputs[_rows(layer)]], *bias])


def with_fewer_filters(layer: Any, keep: np.ndarray) -> Exchange | None:
    """The layer of `passes_filters` for the filters left; `None` where it can stay as it is."""
    if keep.all() or not isinstance(layer, layers.Layer) or not layer.weights:
        return None
    traits = traits_of(layer)
    axes = traits.kernel_of(layer) if traits is not None else None
    if axes is not None:
        number = int(keep.sum())
        grouped = {"filters": number, "groups": number} if hasattr(layer, "filters") else {}
        return _cut_kernel(layer, {axes.output: keep}, grouped)
    constraints = {
        name: _cut_constraint(keras.constraints.get(value), -1, keep, layer.name)
        for name, value in layer.get_config().items()
        if name.endswith("_constraint")
    }
    weights = [array[..., keep] for array in layer.get_weights()]
    return Exchange(remade(layer, **constraints), weights)


def _activates_each_alone(layer: Any) -> bool:
    # Convolutions know how many axes theirs are; dense layers may have any number before the last.
    rank = getattr(layer, "rank", None)
    return is_elementwise(layer.activation, rank and rank + 2)


def _is(traits: LayerTraits | None, layer: Any, filters: str) -> TypeGuard[LayerTraits]:
    return traits is not None and traits.filters_of(layer) == filters


def _kernel_axes(layer: Any) -> KernelAxes | None:
    """The axes of a kernel whose inputs and outputs can be left out one by one."""
    traits = traits_of(layer)
    if not _is(traits, layer, "made"):
        return None
    axes = traits.kernel_of(layer)
    separable = axes is not None and axes.groups == 1 and axes.count
    # Layers with other arguments than those of Keras have a bias and constraints of other forms.
    like_keras = hasattr(layer, "use_bias") and hasattr(layer, "kernel_constraint")
    return axes if separable and like_keras else None


def _cut_kernel(layer: Any, cuts: dict[int, np.ndarray], changes: dict[str, Any]) -> Exchange:
    """Cut axes of a kernel, its mask with it, and the bias where filters go that it makes.

    Args:
        layer: the layer.
        cuts: by axis of the kernel, what is left of it; the last is that of the filters made.
        changes: what else is new in the layer's configuration.
    """
    config = layer.get_config()
    kernel, *bias = layer.get_weights()
    _check_weights(layer, [kernel, *bias])
    made = list(cuts.values())[-1]
    constraints = {
        "depthwise_constraint" if "depthwise_constraint" in config else "kernel_constraint": cuts,
        "bias_constraint": {-1: made},
    }
    for name, places in constraints.items():
        constraint = keras.constraints.get(config[name])
        for axis, keep in places.items():
            constraint = _cut_constraint(constraint, axis, keep, layer.name)
        changes[name] = constraint
    mask = layer.mask if isinstance(layer, MaskedKernel) else None
    for axis, keep in cuts.items():
        kernel = np.compress(keep, kernel, axis=axis)
        mask = mask if mask is None else _cut_mask(mask, axis, keep, layer.name)
    if mask is not None:
        changes["mask"] = short_mask(mask, list(cuts))
    return Exchange(remade(layer, **changes), [kernel, *(array[made] for array in bias)])


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
