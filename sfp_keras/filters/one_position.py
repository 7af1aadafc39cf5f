"""Fields of stages with one position, without their matrices.

Where a filter has a single output, its field matrix is the product of a column and a row,
`a[i] * k[j]`. Rounded multiplication never reverses an order, so the elements of row `i` above a
limit are those of the kernel above a limit of the row's own, `limit / a[i]`: it is found among the
sorted kernel, and `K log K` steps stand for `K * K` products. The numbers are the same to the last
bit.
"""

import numpy as np


def outer_maxima(features: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The largest element of each filter's field matrix.

    Args:
        features: float32 array `(n, K)`, finite. A row a filter.
        kernel: float32 array `(n, K)`, finite.

    Returns:
        float32 array `(n,)`: infinite where a product is too large. Of a zero the sign may be
        another one than that of a zero in the matrix.
    """
    ends = [
        np.stack([values.min(axis=1), values.max(axis=1)], axis=1) for values in (features, kernel)
    ]
    with np.errstate(over="ignore"):
        return (ends[0][:, :, None] * ends[1][:, None, :]).max(axis=(1, 2))


def count_at_least(features: np.ndarray, kernel: np.ndarray, least: np.float32) -> np.ndarray:
    """How many products `features[i] * kernel`, rounded to float32, reach a number.

    Args:
        features: float32 array `(K,)`, finite.
        kernel: float32 array `(K,)`, finite.
        least: float32, above zero.

    Returns:
        int32 array `(K,)`: of each feature.
    """
    counts = np.zeros(features.shape, np.int32)
    if not np.isfinite(least):
        return counts
    # Doubles hold a product of two float32 exactly. It is rounded to `least` or above from the
    # middle between `least` and the number before it on; from the middle itself where the last
    # bit of `least` is 0 (ties to even).
    below = np.nextafter(least, np.float32(0))
    middle = (np.float64(least) + np.float64(below)) / 2
    from_middle = least.view(np.int32) % 2 == 0
    for sign in (1.0, -1.0):
        rows = np.flatnonzero(features * np.float32(sign) > 0)
        if not rows.size:
            continue
        ordered = np.sort(kernel * np.float32(sign)).astype(np.float64)
        factors = features[rows].astype(np.float64) * sign
        # Rounding may put the quotient on a number of the kernel, whose product then decides.
        limit = middle / factors
        product = limit * factors
        reached = product >= middle if from_middle else product > middle
        limit = np.where(reached, limit, np.nextafter(limit, np.inf))
        counts[rows] = kernel.size - np.searchsorted(ordered, limit, side="left")
    return counts


def reachable(
    features: np.ndarray, kernel: np.ndarray, least: np.float32
) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns in which a rounded product `features[i] * kernel[j]` reaches a number.

    Args:
        features: float32 array `(K,)`, finite.
        kernel: float32 array `(K,)`, finite.
        least: float32, above zero.

    Returns:
        Two arrays of indices, ascending.
    """
    with np.errstate(over="ignore"):
        return _reaching(features, kernel, least), _reaching(kernel, features, least)


def _reaching(values: np.ndarray, others: np.ndarray, least: np.float32) -> np.ndarray:
    best = np.maximum(values * others.max(), values * others.min())
    return np.flatnonzero(best >= least)
