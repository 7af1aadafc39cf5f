"""What puts numbers elsewhere and computes nothing."""

from keras import layers

from sfp_keras.models.traits.registry import LayerTraits, register_traits

_LAYERS = (layers.Flatten, layers.Permute, layers.Reshape)
_OPERATIONS = (
    *("Transpose", "Moveaxis", "Swapaxes", "Reshape", "Ravel", "Squeeze", "ExpandDims"),
    *("Flip", "Roll", "Rot90", "GetItem"),
)
for _kind in (*_LAYERS, *_OPERATIONS):
    register_traits(_kind, LayerTraits("moved"))
