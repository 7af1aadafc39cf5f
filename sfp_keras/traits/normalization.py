"""Normalization and rescaling."""

from typing import Any

import numpy as np
from keras import layers

from sfp_keras.traits.registry import LayerTraits, register_traits


def _by_filter(layer: Any, rank: int) -> bool:
    return layer.axis in (-1, rank - 1)


def _by_one_number(layer: Any, rank: int) -> bool:
    return np.ndim(layer.scale) == np.ndim(layer.offset) == 0


register_traits(layers.BatchNormalization, LayerTraits("passed", alone=_by_filter, linear="scaled"))
register_traits(layers.Rescaling, LayerTraits("passed", alone=_by_one_number))
register_traits(layers.Normalization, LayerTraits("passed", alone=False))
# A filter keeps its labels, but its numbers depend on those of the others.
for _name in ("LayerNormalization", "RMSNormalization", "UnitNormalization", "GroupNormalization"):
    register_traits(getattr(layers, _name), LayerTraits("passed", alone=False))
