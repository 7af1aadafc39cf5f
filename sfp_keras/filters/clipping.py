"""The threshold that fields are clipped at, and the least field that exceeds it."""

import numbers

import numpy as np

from sfp_keras.errors import InputError


def as_threshold(threshold: float) -> np.float32:
    """The threshold as float32; refused unless a number in [0, 1).

    Below 1, the largest element of a filter that is not dead is always above the threshold.
    """
    if isinstance(threshold, numbers.Real) and 0 <= threshold < 1 and np.float32(threshold) < 1:
        return np.float32(threshold)
    raise InputError(f"`threshold` must be a number of at least 0 and below 1, not {threshold!r}")


def least_above_threshold(maxima: np.ndarray, limit: np.float32) -> np.ndarray:
    """The least field of each filter that exceeds the threshold when divided by the maximum.

    Args:
        maxima: float32 array `(n,)`. The maximal field of each filter, not positive if dead.
        limit: float32. The threshold.

    Returns:
        float32 array `(n,)`.

    Rounded division never reverses an order: comparing fields with this number is comparing the
    normalised ones, without another pass over them. Infinite for a dead filter.
    """
    alive = np.where(maxima > 0, maxima, np.float32(1))
    # Floats of one sign are in the order of their bits, so that halving intervals of bits ends.
    near = np.abs(limit * alive).view(np.int32)  # -0.0 is a threshold, too.
    low, high = np.maximum(near - 2, 0), np.minimum(near + 2, alive.view(np.int32))
    low[low.view(np.float32) / alive > limit] = 0
    high = np.where(high.view(np.float32) / alive > limit, high, alive.view(np.int32))
    while (high - low > 1).any():
        middle = low + (high - low) // 2
        above = middle.view(np.float32) / alive > limit
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(maxima > 0, high.view(np.float32), np.float32(np.inf))


def finite_maxima(matrices: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The largest element of each matrix (n, K, K) of the filters `chosen`, which is finite."""
    return finite(matrices.max(axis=(1, 2)), chosen)


def finite(maxima: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The maxima (n,) of the filters `chosen`; an `InputError` where one is not finite."""
    overflown = chosen.reshape(-1)[~np.isfinite(maxima)]
    if overflown.size:
        raise InputError(
            f"the fields of filter {overflown[0]} are too large for float32; "
            "scale `features` or `kernel` down"
        )
    return maxima
