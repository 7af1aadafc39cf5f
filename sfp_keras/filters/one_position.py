"""Fields of stages with one position, without their matrices.

Where a filter has a single output, its field matrix is the product of a column and a row,
`a[i] * k[j]`. Rounded multiplication never reverses an order, so the elements of row `i` above a
limit are those of the kernel above a limit of the row's own, `limit / a[i]`: it is found among the
sorted kernel, and `K log K` steps stand for `K * K` products. The numbers are the same to the last
bit.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

# Filters whose factors are read together.
TOGETHER = 64
# Up to so many products are compared sooner than their limits are looked up.
_FEW_PRODUCTS = 2**15


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
    if features.size * kernel.size <= _FEW_PRODUCTS:
        with np.errstate(over="ignore"):
            ones = features[:, None] * kernel >= least
        return ones.view(np.int8).sum(axis=1, dtype=np.int32)
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


class OnePosition(NamedTuple):
    """A filter of one position at a threshold.

    Attributes:
        features: float32 array `(K,)`.
        kernel: float32 array `(K,)`.
        least: float32. The least field above the threshold; infinite for a dead filter.
        rows: int array. Labels in whose rows of the matrix a field may be above the threshold,
            ascending.
        columns: int array. The same of columns.
        diagonal: bool array `(K,)`. Whether each label's field on its own unit is above.
    """

    features: np.ndarray
    kernel: np.ndarray
    least: np.float32
    rows: np.ndarray
    columns: np.ndarray
    diagonal: np.ndarray

    def ones_per_row(self) -> np.ndarray:
        """Fields above the threshold of each row, int32 `(K,)`."""
        counts = np.zeros(self.features.shape, np.int32)
        counts[self.rows] = count_at_least(
            self.features[self.rows], self.kernel[self.columns], self.least
        )
        return counts

    def ones_between(self, labels: np.ndarray) -> np.ndarray:
        """Rows and columns of some labels of the Boolean matrix."""
        with np.errstate(over="ignore"):
            return self.features[labels, None] * self.kernel[labels] >= self.least

    def matrix(self) -> np.ndarray:
        """`rows` and `columns` of the field matrix."""
        with np.errstate(over="ignore"):
            return self.features[self.rows, None] * self.kernel[self.columns]


def filters_at(
    features: np.ndarray, kernel: np.ndarray, least: np.ndarray
) -> Iterator[OnePosition]:
    """Filters of one position, each with the part of its matrix that has all its ones.

    Args:
        features: float32 array `(n, K)`, finite. A row a filter.
        kernel: float32 array `(n, K)`, finite.
        least: float32 array `(n,)`. The least field of each filter above the threshold.

    Yields:
        `OnePosition` of each filter.
    """
    with np.errstate(over="ignore"):
        rows = _reaching(features, kernel, least)
        columns = _reaching(kernel, features, least)
        diagonals = features * kernel >= least[:, None]
    for index in range(len(least)):
        yield OnePosition(
            features[index],
            kernel[index],
            least[index],
            rows[index].nonzero()[0],
            columns[index].nonzero()[0],
            diagonals[index],
        )


def _reaching(values: np.ndarray, others: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Whether each value has a product with one of the others that reaches the filter's limit."""
    largest, smallest = others.max(axis=1, keepdims=True), others.min(axis=1, keepdims=True)
    return np.maximum(values * largest, values * smallest) >= least[:, None]
