"""The fields every filter sends to the output units of a probe head, in factorised form."""

import dataclasses
import math
import operator
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.blas_threads import one_blas_thread
from sfp_keras.filters.checked_arrays import as_counts, as_float32, as_position_shape
from sfp_keras.filters.clipping import (
    as_threshold,
    finite,
    finite_maxima,
    least_above_threshold,
)
from sfp_keras.filters.grouping import grouped
from sfp_keras.filters.one_position import TOGETHER, OnePosition, filters_at, outer_maxima
from sfp_keras.filters.selectivity import class_selectivity

# One 1000 x 1000 float32 matrix; larger blocks leave the cache and are slower.
BLOCK_BYTES = 2**22

# From so many labels on a row's ones are counted sooner than its products are made.
_MANY_LABELS = 128

Filters = int | slice | np.ndarray | list[int]


@dataclasses.dataclass(frozen=True, eq=False)
class FilterFields:
    """The fields of all filters of a stage, kept as mean features and head kernel.

    A bias-free linear head sees filter `f` alone as the matrix

        M_f[i, j] = sum over p of features[i, p, f] * kernel[p, f, j],

    the mean field on output unit `j` over the inputs of label `i` when the weights of all other
    filters are silenced. The matrices are computed when asked for, so a layer costs
    `K*P*F + P*F*K` numbers and not `F*K*K`.

    Example:

    ```python
    fields = FilterFields(features, kernel, label_counts, position_shape=(2, 2))
    fields.matrix(7)               # (K, K), rows are input labels, columns output units
    fields.boolean(slice(0, 16))   # (16, K, K), True above 0.3 of each matrix's maximum
    ```

    Args:
        features: float32 array `(K, P, F)`. Mean stage output over the inputs of each label, at
            each of the `P` positions of each of the `F` filters. Rows of labels without inputs
            are set to zero, with one warning.
        kernel: float32 array `(P, F, K)`. Weights of the head.
        label_counts: int64 array `(K,)`. Number of inputs of each label.
        position_shape: tuple of int with product `P`. Shape of one filter's output: `(h, w)`,
            `(tokens,)`, or `()` for a dense stage.

    Raises:
        InputError: if shapes disagree, a value is not finite, or a count is negative.

    Source: paper 1, "single-filter performance" (Figures 3A and 4).
    """

    features: np.ndarray
    kernel: np.ndarray
    label_counts: np.ndarray
    position_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        features = as_float32("features", self.features, "(K, P, F)")
        kernel = as_float32("kernel", self.kernel, "(P, F, K)")
        labels, positions, filters = features.shape
        if kernel.shape != (positions, filters, labels):
            raise InputError(
                f"`kernel` has shape {kernel.shape}; `features` of shape {features.shape} = "
                f"(K, P, F) need a kernel (P, F, K) = {(positions, filters, labels)}"
            )
        counts = as_counts(self.label_counts, labels)
        shape = as_position_shape(self.position_shape)
        if math.prod(shape) != positions:
            raise InputError(
                f"`position_shape` {shape} has {math.prod(shape)} positions; "
                f"`features` of shape {features.shape} have P = {positions}"
            )
        missing = np.flatnonzero(counts == 0)
        if missing.size:
            # A mean over no inputs is often NaN; it must not spread.
            features = features.copy()
            features[missing] = 0
            listed = ", ".join(map(str, missing[:10])) + (", ..." if missing.size > 10 else "")
            warnings.warn(
                f"{missing.size} of {labels} labels have no inputs and get zero fields: {listed}",
                stacklevel=3,
            )
        for name, values in (("features", features), ("kernel", kernel)):
            if not np.isfinite(values).all():
                raise InputError(
                    f"`{name}` holds NaN or infinite values; check the scaling of the images and "
                    "that training did not diverge"
                )
        for name, value in (
            ("features", features),
            ("kernel", kernel),
            ("label_counts", counts),
            ("position_shape", shape),
        ):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.position_shape)) or "1"
        return (
            f"FilterFields({self.num_filters} filters of {shape} outputs, {self.num_labels} "
            f"labels, {int(self.label_counts.sum())} inputs)"
        )

    @property
    def num_labels(self) -> int:
        """Number of labels and output units, `K`."""
        return self.features.shape[0]

    @property
    def num_positions(self) -> int:
        """Number of outputs of one filter, `P`."""
        return self.features.shape[1]

    @property
    def num_filters(self) -> int:
        """Number of filters, `F`."""
        return self.features.shape[2]

    @property
    def without_matrices(self) -> bool:
        """Whether clusters are found sooner without the matrices: one position, many labels."""
        return self.num_positions == 1 and self.num_labels >= _MANY_LABELS

    @property
    def inputs_per_label(self) -> float:
        """Mean number of inputs a label; mean fields times this are accumulated fields."""
        return float(self.label_counts.mean())

    def blocks(self, max_bytes: int = BLOCK_BYTES) -> Iterator[slice]:
        """Slices of consecutive filters, in order, for work in bounded memory.

        Args:
            max_bytes: `int`, default 4 MiB. The float32 matrices of one slice take no more,
                except where a single filter's does.
        """
        return filter_blocks(self.num_filters, self.num_labels, max_bytes)

    def matrix(self, filter_index: int) -> np.ndarray:
        """The field matrix of one filter, float32 `(K, K)`: rows are input labels."""
        return self._products(self._chosen(operator.index(filter_index)))[0]

    def matrices(self, filters: Filters) -> np.ndarray:
        """The field matrices of chosen filters.

        Args:
            filters: slice, or array of indices or bools. Memory grows with its length.

        Returns:
            float32 array `(n, K, K)`, each equal to `matrix` of that filter to the last bit.
        """
        return self._products(self._chosen(filters))

    def normalized(self, filters: Filters) -> np.ndarray:
        """Field matrices divided by their maximal element, a dead filter's being zeros.

        The maximum is that of the whole matrix, not of rows, of the layer or of absolute values.

        Args:
            filters: index, slice, or array of indices or bools.

        Returns:
            float32 array `(K, K)` for an index, else `(n, K, K)`.

        Raises:
            InputError: if a field is too large for float32.
        """
        chosen = self._chosen(filters)
        matrices = self._products(chosen)
        maxima = finite_maxima(matrices, chosen)
        dead = maxima <= 0
        matrices /= np.where(dead, np.float32(1), maxima)[:, None, None]
        matrices[dead] = 0
        return matrices.reshape(*chosen.shape, self.num_labels, self.num_labels)

    def boolean(self, filters: Filters, threshold: float = 0.3) -> np.ndarray:
        """Clipped field matrices: True where the normalised field exceeds the threshold.

        Normalised and compared in float32, strictly greater.

        Args:
            filters: index, slice, or array of indices or bools.
            threshold: `float` in [0, 1), default 0.3.

        Returns:
            bool array `(K, K)` for an index, else `(n, K, K)`.

        Raises:
            InputError: if the threshold is out of range, or a field too large for float32.

        Source: paper 1, Figure 4; paper 2, Figure 1.
        """
        limit = as_threshold(threshold)
        chosen = self._chosen(filters)
        boolean = np.empty((chosen.size, self.num_labels, self.num_labels), bool)
        for block in filter_blocks(chosen.size, self.num_labels):
            self._clip(chosen.flat[block], limit, boolean[block])
        return boolean.reshape(*chosen.shape, *boolean.shape[1:])

    def boolean_of(
        self, filter_index: int, labels: np.ndarray, threshold: float = 0.3
    ) -> np.ndarray:
        """Rows and columns of some labels of one filter's clipped matrix, in their order.

        Args:
            filter_index: `int`.
            labels: array of indices `(m,)`.
            threshold: `float` in [0, 1), default 0.3.

        Returns:
            bool array `(m, m)`.
        """
        if self.num_positions > 1:
            return self.boolean(filter_index, threshold)[np.ix_(labels, labels)]
        (least,) = self.least_above([filter_index], threshold)
        features, kernel = self.features[:, 0, filter_index], self.kernel[0, filter_index]
        with np.errstate(over="ignore"):
            return features[labels, None] * kernel[labels] >= least

    def clipped_blocks(
        self, threshold: float = 0.3
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Walk through all filters in blocks, with fields and clipped fields.

        Args:
            threshold: `float` in [0, 1), default 0.3.

        Yields:
            A slice of filters with what `matrices` and `boolean` give for it.
        """
        limit = as_threshold(threshold)
        for block in self.blocks():
            boolean = np.empty((block.stop - block.start, *2 * (self.num_labels,)), bool)
            yield block, self._clip(self._chosen(block), limit, boolean), boolean

    def parts_above(
        self, threshold: float = 0.3
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Walk through all filters, of each with the rows and columns that have all its ones.

        Args:
            threshold: `float` in [0, 1), default 0.3.

        Yields:
            Of each filter rows and columns, indices ascending, and of them what `matrix` and
            `boolean` give. Elements outside are below the threshold.
        """
        if not self.without_matrices:
            labels = np.arange(self.num_labels)
            for _, matrices, boolean in self.clipped_blocks(threshold):
                for matrix, ones in zip(matrices, boolean, strict=True):
                    yield labels, labels, matrix, ones
            return
        for one in self.one_position(threshold):
            matrix = one.matrix()
            yield one.rows, one.columns, matrix, matrix >= one.least

    def one_position(self, threshold: float = 0.3) -> Iterator[OnePosition]:
        """Walk through all filters of a stage with one position, at a threshold in [0, 1)."""
        for start in range(0, self.num_filters, TOGETHER):
            block = slice(start, start + TOGETHER)
            features = np.ascontiguousarray(self.features[:, 0, block].T)
            least = self.least_above(block, threshold)
            yield from filters_at(features, self.kernel[0, block], least)

    def maxima(self) -> np.ndarray:
        """The maximal element of each filter's matrix, float32 `(F,)`; not positive if dead."""
        maxima = np.empty(self.num_filters, np.float32)
        blocks = self.blocks() if self.num_positions > 1 else [slice(0, self.num_filters)]
        for block in blocks:
            maxima[block] = self._maxima(self._chosen(block))
        return maxima

    def least_above(self, filters: Filters, threshold: float = 0.3) -> np.ndarray:
        """The least field of each filter whose normalised value exceeds the threshold.

        Args:
            filters: slice, or array of indices or bools.
            threshold: `float` in [0, 1), default 0.3.

        Returns:
            float32 array `(n,)`, above zero; infinite for a dead filter.

        Raises:
            InputError: if the threshold is out of range, or a field too large for float32.
        """
        return least_above_threshold(self._maxima(self._chosen(filters)), as_threshold(threshold))

    def selectivity(self) -> np.ndarray:
        """Class selectivity index of each filter's mean activation, float64 `(F,)`.

        The activation is averaged over positions, labels without inputs are left out; see
        `sfp_keras.filters.selectivity` for where the index is NaN.
        """
        activation = self.features.mean(axis=1, dtype=np.float64)
        return class_selectivity(activation[self.label_counts > 0])

    def by_heads(self, heads: int) -> "FilterFields":
        """The fields of attention heads: of each, all nodes but its own are silenced.

        Args:
            heads: `int`. Number of heads, whose outputs lie one behind another on the nodes' axis:
                of `F` nodes the first `F / heads` are those of head 0.

        Returns:
            `FilterFields` of `heads` filters. A filter's positions are those of the nodes, and
            behind them the nodes of a head: `position_shape` is `(*position_shape, F / heads)`.
            A head's matrix is the sum of its nodes'.

        Raises:
            InputError: if the nodes do not divide into so many heads.

        Source: single-head performance, arXiv 2506.23832.
        """
        features = grouped(self.features, heads)
        # (P, F, K) has the nodes in the middle.
        kernel = grouped(self.kernel.transpose(2, 0, 1), heads).transpose(1, 2, 0)
        with warnings.catch_warnings():
            # These fields have warned of labels without inputs already.
            warnings.simplefilter("ignore")
            return FilterFields(
                features,
                np.ascontiguousarray(kernel),
                self.label_counts,
                (*self.position_shape, self.num_filters // heads),
            )

    def _chosen(self, filters: Any) -> np.ndarray:
        return filter_indices(filters, self.num_filters)

    def _maxima(self, chosen: np.ndarray) -> np.ndarray:
        """The maximal elements of the chosen filters' matrices, which must be finite."""
        if self.num_positions > 1:
            return finite_maxima(self._products(chosen), chosen)
        maxima = finite(outer_maxima(self.features[:, 0, chosen].T, self.kernel[0, chosen]), chosen)
        # Of a zero the matrix alone knows the sign.
        zeros = np.flatnonzero(maxima == 0)
        if zeros.size:
            maxima[zeros] = self._products(chosen[zeros]).max(axis=(1, 2))
        return maxima

    def _clip(self, chosen: np.ndarray, limit: np.float32, out: np.ndarray) -> np.ndarray:
        """Write where normalised fields exceed the threshold; returns the field matrices."""
        matrices = self._products(chosen)
        least = least_above_threshold(finite_maxima(matrices, chosen), limit)
        np.greater_equal(matrices, least[:, None, None], out=out)
        return matrices

    def _products(self, chosen: np.ndarray) -> np.ndarray:
        """Field matrices of the chosen filters, `(n, K, K)` also for a single one."""
        chosen = chosen.reshape(-1)
        # Contiguous copies: matmul falls back to a slow loop on other strides.
        features = np.ascontiguousarray(self.features[:, :, chosen].transpose(2, 0, 1))
        kernel = np.ascontiguousarray(self.kernel[:, chosen].transpose(1, 0, 2))
        with np.errstate(over="ignore", invalid="ignore"):
            if self.num_positions == 1:  # The same numbers, three times as fast.
                return features * kernel
            with one_blas_thread(self.num_labels, self.num_positions, self.num_labels):
                return features @ kernel


def filter_blocks(
    num_filters: int, num_labels: int, max_bytes: int = BLOCK_BYTES
) -> Iterator[slice]:
    """Slices of consecutive filters whose float32 `(n, K, K)` stays within `max_bytes`."""
    size = max(1, max_bytes // (4 * num_labels**2))
    for start in range(0, num_filters, size):
        yield slice(start, min(start + size, num_filters))


def filter_indices(filters: Any, num_filters: int) -> np.ndarray:
    """The numbers of chosen filters: without axes for an index, else flat."""
    try:
        chosen = np.asarray(np.arange(num_filters)[filters])
    except IndexError:
        last = num_filters - 1
        raise InputError(f"`filters`={filters!r}: filters are numbered 0 to {last}") from None
    if chosen.ndim > 1:
        raise InputError(f"`filters` must be an index, slice or flat array, not {filters!r}")
    return chosen
