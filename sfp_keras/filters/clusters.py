"""Clusters of labels on the diagonal of Boolean filter matrices, and the noise outside them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sfp_keras.errors import InputError, arguments_called
from sfp_keras.filters.clipping import as_threshold
from sfp_keras.filters.fields import FilterFields, filter_blocks, filter_indices
from sfp_keras.filters.kinds import check_kind

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True, eq=False)
class FilterClusters:
    """The clusters of every filter of a layer.

    All else follows from two small arrays. The size of a cluster is its number of labels; a
    label belongs to one cluster of a filter at most.

    Attributes:
        cluster_id: int16 array `(F, K)`. Number of the cluster of filter `f` that holds label
            `i`, counted from 0 in the order found; -1 where it is in none.
        ones_per_row: int32 array `(F, K)`. Elements of row `i` above the threshold.
        threshold: `float`. The threshold the fields were clipped at.
    """

    cluster_id: np.ndarray
    ones_per_row: np.ndarray
    threshold: float = 0.3

    def __post_init__(self) -> None:
        cluster_id, ones = np.asarray(self.cluster_id), np.asarray(self.ones_per_row)
        if cluster_id.ndim != 2 or cluster_id.shape != ones.shape or 0 in ones.shape:
            raise InputError(
                "`cluster_id` and `ones_per_row` must be filled arrays of one shape (F, K); "
                f"received {cluster_id.shape} and {ones.shape}"
            )
        labels = ones.shape[1]
        for name, values, low, high in (
            ("cluster_id", cluster_id, -1, labels - 1),
            ("ones_per_row", ones, 0, labels),
        ):
            if values.dtype.kind not in "iu" or values.min() < low or values.max() > high:
                raise InputError(f"`{name}` must hold integers from {low} to {high}")
        as_threshold(self.threshold)
        object.__setattr__(self, "cluster_id", cluster_id.astype(np.int16, copy=False))
        object.__setattr__(self, "ones_per_row", ones.astype(np.int32, copy=False))
        object.__setattr__(self, "threshold", float(self.threshold))

    @property
    def num_filters(self) -> int:
        """Number of filters, `F`."""
        return self.cluster_id.shape[0]

    @property
    def num_labels(self) -> int:
        """Number of labels, `K`."""
        return self.cluster_id.shape[1]

    @property
    def in_cluster(self) -> np.ndarray:
        """bool `(F, K)`: whether label `i` is in any cluster of filter `f`."""
        return self.cluster_id >= 0

    @property
    def num_clusters(self) -> np.ndarray:
        """Number of clusters of each filter, int64 `(F,)`."""
        return self.cluster_id.max(axis=1).astype(np.int64) + 1

    @property
    def noise(self) -> np.ndarray:
        """Elements above the threshold in no cluster block, of each filter: n, int64 `(F,)`."""
        ones = self.ones_per_row.sum(axis=1, dtype=np.int64)
        return ones - (self._size_table**2).sum(axis=1)

    @property
    def dead(self) -> np.ndarray:
        """bool `(F,)`: filters without an element above the threshold.

        The largest element of a positive matrix normalises to 1 and is above every threshold, so
        these are the filters whose fields are nowhere positive.
        """
        return self.ones_per_row.max(axis=1) == 0

    @property
    def size_of_label(self) -> np.ndarray:
        """Size of the cluster that holds each label, 0 where none does, int64 `(F, K)`."""
        padded = np.pad(self._size_table, ((0, 0), (0, 1)))  # Number -1 reads the added zero.
        return np.take_along_axis(padded, self.cluster_id.astype(np.intp), axis=1)

    @property
    def ones_in_clusters(self) -> np.ndarray:
        """Ones inside clusters in each label's row, over all filters, int64 `(K,)`.

        The sum of `size_of_label` over filters, without an array of them.
        """
        filters, labels = np.nonzero(self.in_cluster)
        sizes = self._size_table[filters, self.cluster_id[filters, labels]]
        return np.bincount(labels, sizes, minlength=self.num_labels).astype(np.int64)

    def to_frame(self, fields: FilterFields | None = None) -> pd.DataFrame:
        """A table with a row for each filter, and the columns of filters.csv.

        Args:
            fields: `FilterFields` the clusters were found in. Default None: without the columns
                that follow from fields alone.
        """
        # The statistics are computed from this class.
        from sfp_keras.filters.statistics import filter_statistics

        return filter_statistics(self, fields).to_frame()

    def __repr__(self) -> str:
        sizes = self.sizes()
        size = f" of {sizes.mean():.4g} labels" if sizes.size else ""
        return (
            f"FilterClusters({self.num_filters} filters, {self.num_labels} labels, threshold "
            f"{self.threshold:g}: {sizes.size / self.num_filters:.4g} clusters a filter{size}, "
            f"noise {self.noise.mean():.4g})"
        )

    def _repr_html_(self) -> str:
        from sfp_keras.filters.statistics import filter_statistics

        return filter_statistics(self)._repr_html_()

    def sizes(self) -> np.ndarray:
        """Sizes of all clusters of the layer, filter by filter in the order found, int64."""
        return self._size_table[self._size_table > 0]

    def members(self, filter_index: int) -> list[list[int]]:
        """Labels of each cluster of one filter, in the order found.

        Raises:
            InputError: if there is no such filter.
        """
        numbers = self._of(filter_index)
        return [np.flatnonzero(numbers == number).tolist() for number in range(numbers.max() + 1)]

    def permutation(self, filter_index: int) -> np.ndarray:
        """Order of labels that makes a filter's clusters diagonal blocks, int64 `(K,)`.

        Clusters come in the order found, then the other labels ascending; show it with
        `boolean[np.ix_(order, order)]`.

        Raises:
            InputError: if there is no such filter.

        Source: paper 1, Figure 4; paper 2, Figure 1.
        """
        numbers = self._of(filter_index)
        return np.argsort(np.where(numbers < 0, self.num_labels, numbers), kind="stable")

    def _of(self, filter_index: int) -> np.ndarray:
        """`cluster_id` of one filter."""
        with arguments_called(filters="filter_index"):
            chosen = filter_indices(filter_index, self.num_filters)
        if chosen.ndim:
            raise InputError(f"`filter_index` must be one number, not {filter_index!r}")
        return self.cluster_id[chosen]

    @functools.cached_property
    def _size_table(self) -> np.ndarray:
        """Size of cluster `c` of filter `f`, zeros after its last, int64 `(F, most clusters)`."""
        width = int(self.cluster_id.max()) + 1
        filters, labels = np.nonzero(self.in_cluster)
        flat = filters * width + self.cluster_id[filters, labels]
        return np.bincount(flat, minlength=self.num_filters * width).reshape(
            self.num_filters, width
        )


def check_clusters(clusters: FilterClusters) -> None:
    """Refuse what is no `FilterClusters`."""
    check_kind("clusters", clusters, FilterClusters, "find_clusters(fields)")


def check_fields(fields: FilterFields) -> None:
    """Refuse what is no `FilterFields`."""
    check_kind("fields", fields, FilterFields, "measure_fields(...)[stage].fields")


def check_same_layer(clusters: FilterClusters, fields: FilterFields) -> None:
    """Refuse fields whose numbers of filters and labels are not those of the clusters."""
    check_clusters(clusters)
    check_fields(fields)
    if (fields.num_filters, fields.num_labels) != clusters.cluster_id.shape:
        raise InputError(
            f"`fields` have {fields.num_filters} filters and {fields.num_labels} labels; "
            f"`clusters` have {clusters.num_filters} and {clusters.num_labels}: pass those of one "
            "layer"
        )


def find_clusters(
    fields_or_boolean: FilterFields | np.ndarray, threshold: float = 0.3, *, reverse: bool = False
) -> FilterClusters:
    """Find the clusters of every filter.

    The first label with a one on the diagonal opens a cluster; each later such label joins it if
    the elements between it and every member are ones, both ways; the first label still free opens
    the next cluster, and so on.

    Works in blocks of filters: beside its input it holds little more than one block of matrices.

    Args:
        fields_or_boolean: `FilterFields`, or what `measure_fields` returns of a stage; or a
            Boolean array `(F, K, K)`, or `(K, K)` for one filter; integers 0 and 1 will do.
        threshold: `float` in [0, 1), default 0.3. What fields are clipped at; for a Boolean
            array, only noted in the result.
        reverse: `bool`, default False. Walk the labels backwards, from the last to the first, as
            the papers do to check that averages do not depend on the order. Labels keep their
            numbers; clusters are numbered in the order found.

    Returns:
        `FilterClusters`.

    Raises:
        InputError: if the threshold is out of range or the array is not Boolean.

    Source: paper 1, Figure 4 and its explanation in the supplement; paper 2, Figure 1.
    """
    num_filters, num_labels, parts = _parts(fields_or_boolean, threshold)
    cluster_id = np.full((num_filters, num_labels), -1, np.int16)
    ones_per_row = np.empty((num_filters, num_labels), np.int32)
    step = -1 if reverse else 1
    for index, (ones, diagonal, part_of) in enumerate(parts):
        ones_per_row[index] = ones
        labels = diagonal.nonzero()[0][::step]
        if labels.size:
            square = part_of(labels)
            cluster_id[index, labels] = _number_labels(square & square.T)
    return FilterClusters(cluster_id, ones_per_row, threshold)


def diagonal_labels(
    fields_or_boolean: FilterFields | np.ndarray, threshold: float = 0.3
) -> np.ndarray:
    """Find the labels whose element on the diagonal of a filter's Boolean matrix is one.

    ANDC ("applied nodal diagonal connection") keeps the weights from node `n` to these labels.
    They are the labels in the clusters that `find_clusters` gives at the same threshold, for any
    number of positions and any order of the labels: each of them opens a cluster if it joins none,
    and no other label is in one. So ANDC keeps what AFCC keeps, of a head as of links; it needs
    the diagonals alone.

    Example:

    ```
    labels = {path: diagonal_labels(fields[path]) for path in (*link.sources, link.target)}
    mask_layers(model, {link.layer: link.mask(labels)})
    ```

    Args:
        fields_or_boolean: as of `find_clusters`.
        threshold: as of `find_clusters`.

    Returns:
        bool `(F, K)`, as `link_mask` and `Link.mask` take it.

    Raises:
        InputError: as `find_clusters`.

    Source: arXiv 2501.12900 names ANDC in its abstract; the rule between hidden nodes, that two
    share such a label, is our reading.
    """
    num_filters, num_labels, parts = _parts(fields_or_boolean, threshold)
    found = np.empty((num_filters, num_labels), bool)
    for index, (_, diagonal, _) in enumerate(parts):
        found[index] = diagonal
    return found


def _number_labels(compatible: np.ndarray) -> list[int]:
    """Number of the cluster of each label, given which labels may share one (true diagonal)."""
    # A row is one Python integer, its bits the labels: a whole row is intersected in some 50 ns,
    # and the lowest bit set is the next label of the walk.
    rows = _bits_of_rows(compatible)
    numbers = [-1] * len(rows)
    free = (1 << len(rows)) - 1
    number = 0
    while free:
        candidates = free
        while candidates:
            lowest = candidates & -candidates
            label = lowest.bit_length() - 1
            numbers[label] = number
            free ^= lowest
            candidates = (candidates ^ lowest) & rows[label]
        number += 1
    return numbers


def _bits_of_rows(boolean: np.ndarray) -> list[int]:
    """Each row as an integer, its first element the lowest bit."""
    packed = np.packbits(boolean, axis=1, bitorder="little")
    width = packed.shape[1]
    if width <= 8:
        words = np.zeros((len(packed), 8), np.uint8)
        words[:, :width] = packed
        return words.view("<u8")[:, 0].tolist()
    content = packed.tobytes()
    starts = range(0, len(content), width)
    return [int.from_bytes(content[start : start + width], "little") for start in starts]


# Of one filter's Boolean matrix: the ones of each row, the diagonal, and what gives the rows and
# columns of some labels.
_Part = tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]


def _parts(source: FilterFields | np.ndarray, threshold: float) -> tuple[int, int, Iterator[_Part]]:
    """Number of filters and labels, and what clusters are found from, filter by filter."""
    as_threshold(threshold)
    fields = getattr(source, "fields", None)  # Of a measurement.
    source = fields if isinstance(fields, FilterFields) else source
    if isinstance(source, Mapping):
        maker = "measure_fields(...)[stage].fields"
        check_kind("fields_or_boolean", source, FilterFields, maker)
    if isinstance(source, FilterFields):
        if source.without_matrices:
            return source.num_filters, source.num_labels, _parts_of_products(source, threshold)
        clipped = (source.boolean(block, threshold) for block in source.blocks())
        return source.num_filters, source.num_labels, _parts_of_matrices(clipped)
    array = np.asarray(source)
    shape = array.shape
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[1] != array.shape[2] or 0 in array.shape:
        raise InputError(
            f"`fields_or_boolean`: Boolean matrices have shape (F, K, K) or (K, K), not {shape}"
        )
    blocks = (_as_boolean(array[block]) for block in filter_blocks(*array.shape[:2]))
    return *array.shape[:2], _parts_of_matrices(blocks)


def _parts_of_matrices(blocks: Iterator[np.ndarray]) -> Iterator[_Part]:
    for boolean in blocks:
        packed = np.packbits(boolean, axis=2)
        ones_per_row = np.bitwise_count(packed).sum(axis=2, dtype=np.int32)
        diagonals = boolean.diagonal(axis1=1, axis2=2)
        for matrix, ones, diagonal in zip(boolean, ones_per_row, diagonals, strict=True):
            yield ones, diagonal, functools.partial(_rows_and_columns, matrix)


def _rows_and_columns(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    if labels.size < len(matrix):
        return matrix[np.ix_(labels, labels)]
    return matrix if labels[0] <= labels[-1] else matrix[::-1, ::-1]


def _parts_of_products(fields: FilterFields, threshold: float) -> Iterator[_Part]:
    """The same of a stage with one position, whose matrices are not needed."""
    for one in fields.one_position(threshold):
        yield one.ones_per_row(), one.diagonal, one.ones_between


def _as_boolean(array: Any) -> np.ndarray:
    if array.dtype == bool:
        return array
    if array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 1:
        return array.astype(bool)
    raise InputError(
        f"`fields_or_boolean`: matrices of {array.dtype} are not Boolean; pass FilterFields, or "
        "clip them first"
    )
