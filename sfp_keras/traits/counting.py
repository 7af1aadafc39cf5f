"""Multiply-adds of kernels, for the traits of layers that have them."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from sfp_keras.traits.registry import Operations

UNKNOWN = (math.nan, math.nan)


def used_at(places: float, *kernels: Any) -> Operations:
    """The multiply-adds of kernels each of whose weights is used once at so many places."""
    arrays = [keras.ops.convert_to_numpy(kernel) for kernel in kernels]
    nonzero = sum(int(np.count_nonzero(array)) for array in arrays)
    return float(places * sum(array.size for array in arrays)), float(places * nonzero)


def places_of(layer: Any, shape: Sequence[int]) -> int:
    """The number of places of an image's or a sequence's shape, without batch and channels."""
    first = getattr(layer, "data_format", None) == "channels_first"
    return math.prod(shape[2:] if first else shape[1:-1])
