"""Activations."""

from typing import Any

from keras import layers

from sfp_keras.traits.elementwise import is_elementwise
from sfp_keras.traits.registry import LayerTraits, register_traits


def _elementwise(layer: Any, rank: int) -> bool:
    return is_elementwise(layer.activation, rank)


register_traits(layers.Activation, LayerTraits("passed", alone=_elementwise))
for _kind in (layers.ReLU, layers.LeakyReLU, layers.ELU):
    register_traits(_kind, LayerTraits("passed"))
# The weights of PReLU may be those of single positions.
for _kind in (layers.PReLU, layers.Softmax, layers.Masking, "Softmax", "LogSoftmax"):
    register_traits(_kind, LayerTraits("passed", alone=False))
