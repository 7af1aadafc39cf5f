"""Histograms of the fields that clipping leaves out."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.clusters import FilterClusters, check_same_layer
from sfp_keras.filters.fields import FilterFields
from sfp_keras.short_repr import ShortRepr

# Wide enough for all but a few of a layer's fields; lower ones are counted separately.
_LOWEST = -1.0


@dataclass(frozen=True, eq=False, repr=False)
class FieldHistogram(ShortRepr):
    """How normalised fields are distributed.

    Attributes:
        edges: float array `(B + 1,)`. Bin `b` holds `edges[b] <= field < edges[b + 1]`, the last
            one its upper edge too.
        counts: int64 array `(B,)`. Fields in each bin.
        below: `int`. Fields lower than the first edge.
        above: `int`. Fields higher than the last edge.
        mean: `float`. Of all the fields, those outside the bins too; NaN where there is none.
    """

    edges: np.ndarray
    counts: np.ndarray
    below: int
    above: int
    mean: float

    @property
    def size(self) -> int:
        """Number of fields, those outside the bins too."""
        return int(self.counts.sum()) + self.below + self.above


@dataclass(frozen=True, eq=False, repr=False)
class SubThresholdFields(ShortRepr):
    """Normalised fields of a layer that are not above the threshold, by their rows.

    Attributes:
        threshold: `float`. The threshold of the clusters.
        cluster_rows: `FieldHistogram`. Sub-threshold fields of input labels that are in a
            cluster of the filter.
        other_rows: `FieldHistogram`. Those of the filter's other input labels.
        cluster_mean: `float`. Mean normalised field inside clusters, for comparison; NaN where
            the layer has none.
    """

    threshold: float
    cluster_rows: FieldHistogram
    other_rows: FieldHistogram
    cluster_mean: float


def sub_threshold_fields(
    clusters: FilterClusters, fields: FilterFields, bins: int | np.ndarray = 52
) -> SubThresholdFields:
    """Histograms and means of the fields below the threshold.

    Elements that are not above the threshold are counted, one exactly at it included; noise is
    above it and in neither histogram. A filter without a cluster has only other rows. Settled
    here, where the paper says nothing: dead filters, which have no normalised matrix, and rows of
    labels without inputs are left out.

    Works in blocks of filters: beside its input it holds little more than one block of matrices.

    Args:
        clusters: `FilterClusters` of the layer.
        fields: `FilterFields` the clusters were found in.
        bins: `int`, default 52, the number of equal bins from -1 to the threshold (0.025 wide at
            0.3, with an edge at zero), or increasing bin edges `(B + 1,)`.

    Returns:
        `SubThresholdFields`.

    Raises:
        InputError: if fields and clusters are not of one layer, or the bins cannot be used.

    Source: paper 1, Figure 5C and its explanation in the supplement.
    """
    check_same_layer(clusters, fields)
    edges = _bin_edges(bins, clusters.threshold)
    # For a number of bins NumPy takes half the time; their edges are the same.
    equal = (len(edges) - 1, (_LOWEST, clusters.threshold)) if np.ndim(bins) == 0 else None
    cluster_rows, other_rows = (_Counter(edges, equal) for _ in range(2))
    measured = fields.label_counts > 0
    total, elements = 0.0, int(clusters.size_of_label.sum())
    for block, matrices, boolean in fields.clipped_blocks(clusters.threshold):
        if np.count_nonzero(boolean) != clusters.ones_per_row[block].sum():
            raise InputError("`clusters` were found in other fields; pass those of one layer")
        maxima = matrices.max(axis=(1, 2))
        alive = maxima > 0
        matrices /= np.where(alive, maxima, np.float32(1))[:, None, None]
        numbers = clusters.cluster_id[block]
        cluster_rows.add(matrices, boolean, numbers >= 0)
        other_rows.add(matrices, boolean, (numbers < 0) & measured & alive[:, None])
        for matrix, of_labels in zip(matrices, numbers, strict=True):
            labels = np.flatnonzero(of_labels >= 0)
            together = of_labels[labels, None] == of_labels[labels]
            total += matrix[np.ix_(labels, labels)].sum(dtype=np.float64, where=together)
    return SubThresholdFields(
        clusters.threshold,
        cluster_rows.histogram(),
        other_rows.histogram(),
        total / elements if elements else np.nan,
    )


class _Counter:
    """Fields counted and summed block by block."""

    def __init__(
        self, edges: np.ndarray, equal: tuple[int, tuple[float, float]] | None = None
    ) -> None:
        self.edges = edges
        self.bins = equal or (edges, None)
        self.counts = np.zeros(len(edges) - 1, np.int64)
        self.below = self.size = 0
        self.sum = 0.0

    def add(self, normalized: np.ndarray, boolean: np.ndarray, rows: np.ndarray) -> None:
        """Count the elements `(n, K, K)` of chosen rows `(n, K)` that are not ones."""
        values = normalized[rows][~boolean[rows]]
        self.counts += np.histogram(values, *self.bins)[0]
        self.below += int(np.count_nonzero(values < self.edges[0]))
        self.size += values.size
        self.sum += values.sum(dtype=np.float64)

    def histogram(self) -> FieldHistogram:
        """What was counted."""
        above = self.size - self.below - int(self.counts.sum())
        mean = self.sum / self.size if self.size else np.nan
        return FieldHistogram(self.edges, self.counts, self.below, above, mean)


def _bin_edges(bins: int | np.ndarray, threshold: float) -> np.ndarray:
    """Edges in float32, as the fields are: a field at the threshold is in the last bin."""
    if isinstance(bins, (int, np.integer)):
        if bins < 1:
            raise InputError(f"`bins` must be at least 1, not {bins}")
        return np.linspace(_LOWEST, threshold, bins + 1, dtype=np.float32)
    edges = np.asarray(bins)
    if edges.ndim != 1 or len(edges) < 2 or edges.dtype.kind not in "iuf":
        raise InputError("`bins` must be a number of bins or a flat array of at least two edges")
    edges = edges.astype(np.float32)
    if not (np.diff(edges) > 0).all():
        raise InputError("`bins`: edges must increase, also once rounded to float32")
    return edges
