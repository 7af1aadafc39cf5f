"""Convolutions: plain, grouped, transposed, depthwise and separable."""

from collections.abc import Sequence
from typing import Any

from keras import layers

from sfp_keras.traits.counting import places_of, used_at
from sfp_keras.traits.elementwise import is_elementwise
from sfp_keras.traits.registry import (
    Filters,
    KernelAxes,
    LayerTraits,
    Operations,
    register_traits,
)


def _axes(layer: Any) -> KernelAxes:
    if _is_depthwise(layer):
        return KernelAxes(inputs=(), output=-1)
    return KernelAxes(groups=layer.groups, count="filters")


def _filters(layer: Any) -> Filters:
    return "passed" if _is_depthwise(layer) else "made"


def _is_depthwise(layer: Any) -> bool:
    """Whether each group is one filter, as in some networks' depthwise convolutions."""
    return 1 < layer.groups == layer.filters and layer.kernel.shape[-2] == 1


def _alone(layer: Any, rank: int) -> bool:
    return _is_depthwise(layer) and is_elementwise(layer.activation, rank)


def _transposed_axes(layer: Any) -> KernelAxes:
    # Outputs stand before inputs.
    return KernelAxes(inputs=(-1,), output=-2, count="filters")


def _depthwise_axes(layer: Any) -> KernelAxes:
    return KernelAxes(inputs=(), output=-2)


def _depthwise_filters(layer: Any) -> Filters:
    """Several of one filter are others than it is, each to be measured by itself."""
    return "passed" if layer.depth_multiplier == 1 else "made"


def _elementwise(layer: Any, rank: int) -> bool:
    return is_elementwise(layer.activation, rank)


def _count(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    return used_at(places_of(layer, outputs), layer.kernel)


def _count_transposed(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    return used_at(places_of(layer, inputs), layer.kernel)


def _count_separable(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    return used_at(places_of(layer, outputs), layer.depthwise_kernel, layer.pointwise_kernel)


for _kind in (layers.Conv1D, layers.Conv2D, layers.Conv3D):
    register_traits(
        _kind,
        LayerTraits(_filters, alone=_alone, positions="window", kernel=_axes, multiply_adds=_count),
    )
for _kind in (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose):
    register_traits(
        _kind, LayerTraits("made", kernel=_transposed_axes, multiply_adds=_count_transposed)
    )
for _kind in (layers.DepthwiseConv1D, layers.DepthwiseConv2D):
    register_traits(
        _kind,
        LayerTraits(
            _depthwise_filters,
            alone=_elementwise,
            positions="window",
            kernel=_depthwise_axes,
            multiply_adds=_count,
        ),
    )
for _kind in (layers.SeparableConv1D, layers.SeparableConv2D):
    register_traits(_kind, LayerTraits("made", multiply_adds=_count_separable))
