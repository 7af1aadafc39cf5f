"""Layers: Dense layers whose masked weights are exactly zero, or not stored, and a constraint."""

from sfp_keras.layers.compact_dense import CompactDense
from sfp_keras.layers.gathered_dense import GatheredDense
from sfp_keras.layers.mask_constraint import MaskConstraint
from sfp_keras.layers.masked_dense import MaskedDense

__all__ = ["CompactDense", "GatheredDense", "MaskConstraint", "MaskedDense"]
