"""Layers: a Dense layer whose masked weights are exactly zero, and its constraint."""

from sfp_keras.layers.mask_constraint import MaskConstraint
from sfp_keras.layers.masked_dense import MaskedDense

__all__ = ["MaskConstraint", "MaskedDense"]
