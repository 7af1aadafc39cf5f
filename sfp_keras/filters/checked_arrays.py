"""Arrays that a caller gives, checked."""

import operator
from typing import Any

import numpy as np

from sfp_keras.errors import InputError


def as_float32(name: str, values: Any, axes: str) -> np.ndarray:
    """A filled array of three axes as float32; `axes` says in a message what they are."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "cSUmM":  # Of complex numbers a part would be lost.
            raise TypeError
        with np.errstate(over="ignore"):
            array = array.astype(np.float32, copy=False)
    except (TypeError, ValueError):
        raise InputError(f"`{name}` must be an array of real numbers {axes}") from None
    if array.ndim != 3 or 0 in array.shape:
        raise InputError(f"`{name}` has shape {array.shape}; expected a filled array {axes}")
    return array


def as_counts(values: Any, num_labels: int) -> np.ndarray:
    """How many inputs each label has, (K,) int64."""
    counts = np.asarray(values)
    if counts.shape != (num_labels,) or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise InputError(
            f"`label_counts` must be {num_labels} non-negative integers, one a label of "
            f"`features`; received shape {counts.shape} of {counts.dtype}"
        )
    return counts.astype(np.int64, copy=False)


def as_position_shape(shape: Any) -> tuple[int, ...]:
    """The shape of one filter's output as `int`, refused where it is none."""
    try:
        sizes = tuple(operator.index(size) for size in shape)
    except TypeError:
        raise InputError(
            "`position_shape` must be the shape of one filter's output, such as (h, w), not "
            f"{shape!r}"
        ) from None
    if any(size < 1 for size in sizes):
        raise InputError(f"`position_shape` {sizes} has a size below 1")
    return sizes
