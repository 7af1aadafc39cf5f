"""Convolutions: plain, grouped, transposed, depthwise and separable."""

from typing import Any

from keras import layers

from sfp_keras.models.traits.registry import Filters, KernelAxes, LayerTraits, register_traits


def _axes(layer: Any) -> KernelAxes:
    return KernelAxes(groups=layer.groups)


def _transposed_axes(layer: Any) -> KernelAxes:
    # Outputs stand before inputs.
    return KernelAxes(inputs=(-1,), output=-2)


def _depthwise_filters(layer: Any) -> Filters:
    """Several of one filter are others than it is, each to be measured by itself."""
    return "passed" if layer.depth_multiplier == 1 else "made"


for _kind in (layers.Conv1D, layers.Conv2D, layers.Conv3D):
    register_traits(_kind, LayerTraits("made", kernel=_axes))
for _kind in (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose):
    register_traits(_kind, LayerTraits("made", kernel=_transposed_axes))
for _kind in (layers.DepthwiseConv1D, layers.DepthwiseConv2D):
    register_traits(_kind, LayerTraits(_depthwise_filters, positions="window"))
for _kind in (layers.SeparableConv1D, layers.SeparableConv2D):
    register_traits(_kind, LayerTraits("made"))
