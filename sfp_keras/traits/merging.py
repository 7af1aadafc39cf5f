"""Sums, products and concatenations of several tensors."""

from keras import layers

from sfp_keras.traits.registry import LayerTraits, register_traits

_LAYERS = (
    *(layers.Add, layers.Subtract, layers.Multiply, layers.Average),
    *(layers.Maximum, layers.Minimum),
)
_OPERATIONS = (
    *("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"),
    *("Power", "Where"),
)
for _kind in (*_LAYERS, *_OPERATIONS):
    register_traits(_kind, LayerTraits("passed"))
for _kind in (layers.Concatenate, "Concatenate", "Hstack", "Vstack", "Stack"):
    register_traits(_kind, LayerTraits("joined"))
# Products of matrices: each number is made of all filters.
for _kind in (layers.Dot, "Matmul", "Einsum", "Dot", "Tensordot"):
    register_traits(_kind, LayerTraits("made"))
