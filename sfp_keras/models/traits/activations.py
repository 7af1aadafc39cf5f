"""Activations, and what layers do in training alone."""

from typing import Any

from keras import layers

from sfp_keras.models.traits.elementwise import is_elementwise
from sfp_keras.models.traits.registry import LayerTraits, register_traits


def _elementwise(layer: Any, rank: int) -> bool:
    return is_elementwise(layer.activation)


register_traits(layers.Activation, LayerTraits("passed", alone=_elementwise))
for _name in ("ReLU", "LeakyReLU", "ELU", "Identity", "ActivityRegularization"):
    register_traits(getattr(layers, _name), LayerTraits("passed"))
# PReLU has weights for each filter, which nothing takes away with it.
for _kind in (layers.PReLU, layers.Softmax, layers.Masking, "Softmax", "LogSoftmax"):
    register_traits(_kind, LayerTraits("passed", alone=False))
for _name in ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"):
    register_traits(getattr(layers, _name), LayerTraits("passed"))
for _axes in (1, 2, 3):
    register_traits(getattr(layers, f"SpatialDropout{_axes}D"), LayerTraits("passed"))
