"""What puts numbers elsewhere and computes nothing."""

from typing import Any

from keras import layers

from sfp_keras.traits.registry import LayerTraits, register_traits


def _flattens(layer: Any, rank: int) -> bool:
    return tuple(layer.target_shape) == (-1,)


# Operations have no public classes. Of the first ones the arguments are no sizes.
for _kind in (layers.Flatten, layers.Permute, "Transpose", "Moveaxis", "Swapaxes"):
    register_traits(_kind, LayerTraits("moved"))
register_traits(layers.Reshape, LayerTraits("moved", alone=_flattens))
_OPERATIONS = (
    *("Reshape", "Ravel", "Squeeze", "ExpandDims", "Flip", "Roll", "Rot90", "GetItem"),
    *("Split", "ArraySplit", "Unstack"),
)
for _kind in _OPERATIONS:
    register_traits(_kind, LayerTraits("moved", alone=False))
