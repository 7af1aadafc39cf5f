"""Averages over a layer's filters, and signal and noise of each label."""

import dataclasses
import math

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.clusters import FilterClusters, check_same_layer
from sfp_keras.filters.fields import FilterFields


@dataclasses.dataclass(frozen=True)
class SignalToNoise:
    """Equations 1-4 of paper 2, from a layer's averages.

    Attributes:
        signal: `float`. Mean number of filters with a given label in a cluster.
        noise_internal: `float`. Mean number of ones of a label inside clusters on one wrong unit.
        noise_external: `float`. Mean number of ones of a label outside clusters on one unit.
        snr_internal: `float`. `signal / noise_internal`.
        snr_external: `float`. `signal / noise_external`.
    """

    signal: float
    noise_internal: float
    noise_external: float
    snr_internal: float
    snr_external: float


@dataclasses.dataclass(frozen=True)
class LayerStatistics:
    """What the papers' tables say of a layer.

    A ratio with a zero denominator is infinite, and NaN where the signal is zero too.

    Attributes:
        filters: `int`. Number of filters, F.
        labels: `int`. Number of labels, K.
        noise: `float`. Elements above the threshold outside clusters, mean over all filters, n.
        noise_clustered: `float`. The same over filters that have a cluster; NaN if none has.
        clusters: `float`. Mean number of clusters of a filter, N_c.
        cluster_size: `float`. Mean number of labels of a cluster, over all clusters of the
            layer, C_s; NaN if there is none.
        size_fractions: `dict` from the sizes that occur, ascending, to their share of clusters.
        signal: `float`. Equation 1.
        noise_internal: `float`. Equation 2.
        noise_external: `float`. Equation 3.
        snr_internal: `float`. Signal over internal noise.
        snr_external: `float`. Equation 4.
        dead_filters: `int`. Filters whose fields are nowhere positive.
        zero_signal_labels: `int`. Labels that are in no cluster of the layer.
    """

    filters: int
    labels: int
    noise: float
    noise_clustered: float
    clusters: float
    cluster_size: float
    size_fractions: dict[int, float]
    signal: float
    noise_internal: float
    noise_external: float
    snr_internal: float
    snr_external: float
    dead_filters: int
    zero_signal_labels: int


@dataclasses.dataclass(frozen=True, eq=False)
class LabelStatistics:
    """Signal and noise of each label, by counts of ones and by their fields.

    Both noises are for one wrong output unit: sums over the K-1 others divided by K-1. Field
    versions are sums of un-normalised fields, accumulated over inputs, of the same elements.

    Attributes:
        appearances: int64 `(K,)`. Clusters of the layer that hold the label.
        signal: float64 `(K,)`. The same number, as the signal; its mean is equation 1.
        noise_internal: float64 `(K,)`. Ones of the label's rows inside clusters, off the
            diagonal.
        noise_external: float64 `(K,)`. Ones of the label's rows outside clusters; its mean is
            equation 3 times K/(K-1).
        field_signal: float64 `(K,)`, or None where no fields were given.
        field_noise_internal: float64 `(K,)` or None.
        field_noise_external: float64 `(K,)` or None.
    """

    appearances: np.ndarray
    signal: np.ndarray
    noise_internal: np.ndarray
    noise_external: np.ndarray
    field_signal: np.ndarray | None = None
    field_noise_internal: np.ndarray | None = None
    field_noise_external: np.ndarray | None = None


def signal_to_noise(
    *, filters: int, labels: int, noise: float, clusters: float, cluster_size: float
) -> SignalToNoise:
    """Equations 1-4 of paper 2.

    Args:
        filters: `int`. Number of filters, N_f.
        labels: `int`. Number of labels, N_l; at least 2.
        noise: `float`. Mean noise of a filter, n.
        clusters: `float`. Mean number of clusters of a filter, N_c.
        cluster_size: `float`. Mean cluster size, C_s; not used where there are no clusters.

    Returns:
        `SignalToNoise`. Without clusters signal and internal noise are zero. A zero denominator
        gives infinity, 0/0 gives NaN.

    Raises:
        InputError: if there is only one label.
    """
    _check_labels(labels)
    signal = cluster_size * clusters * filters / labels if clusters else 0.0
    internal = (cluster_size - 1) / (labels - 1) * signal if clusters else 0.0
    external = noise * filters / labels**2
    return SignalToNoise(
        signal, internal, external, _ratio(signal, internal), _ratio(signal, external)
    )


def layer_statistics(clusters: FilterClusters) -> LayerStatistics:
    """Averages over a layer's filters, and equations 1-4.

    Args:
        clusters: `FilterClusters` of the layer.

    Returns:
        `LayerStatistics`.

    Raises:
        InputError: if there is only one label.

    Source: paper 2, Tables 1-6 and equations 1-4; paper 1, Figure 5A.
    """
    sizes = clusters.sizes()
    noise = clusters.noise
    clustered = noise[clusters.num_clusters > 0]
    mean_noise = float(noise.mean())
    mean_clusters = sizes.size / clusters.num_filters
    mean_size = float(sizes.mean()) if sizes.size else math.nan
    equations = signal_to_noise(
        filters=clusters.num_filters,
        labels=clusters.num_labels,
        noise=mean_noise,
        clusters=mean_clusters,
        cluster_size=mean_size,
    )
    values, counts = np.unique(sizes, return_counts=True)
    return LayerStatistics(
        filters=clusters.num_filters,
        labels=clusters.num_labels,
        noise=mean_noise,
        noise_clustered=float(clustered.mean()) if clustered.size else math.nan,
        clusters=mean_clusters,
        cluster_size=mean_size,
        size_fractions=dict(zip(values.tolist(), (counts / sizes.size).tolist(), strict=True)),
        dead_filters=int(clusters.dead.sum()),
        zero_signal_labels=int((~clusters.in_cluster.any(axis=0)).sum()),
        **dataclasses.asdict(equations),
    )


def label_statistics(
    clusters: FilterClusters, fields: FilterFields | None = None
) -> LabelStatistics:
    """Signal, internal and external noise of each label over the filters of a layer.

    Args:
        clusters: `FilterClusters` of the layer.
        fields: `FilterFields` the clusters were found in, for the field versions; they are
            multiplied by the mean number of inputs a label. Default None: counts alone.

    Returns:
        `LabelStatistics`.

    Raises:
        InputError: if there is only one label, or fields and clusters differ in shape.

    Source: paper 2, Figure 2 (A: counts, B: fields). The division of both noises by K-1 follows
    from the values printed there.
    """
    _check_labels(clusters.num_labels)
    others = clusters.num_labels - 1
    sizes = clusters.size_of_label
    appearances = clusters.in_cluster.sum(axis=0, dtype=np.int64)
    counts = LabelStatistics(
        appearances=appearances,
        signal=appearances.astype(np.float64),
        noise_internal=(sizes.sum(axis=0) - appearances) / others,
        noise_external=(clusters.ones_per_row.sum(axis=0, dtype=np.int64) - sizes.sum(axis=0))
        / others,
    )
    if fields is None:
        return counts
    signal, internal, external = _field_sums(clusters, fields) * fields.inputs_per_label
    return dataclasses.replace(
        counts,
        field_signal=signal,
        field_noise_internal=internal / others,
        field_noise_external=external / others,
    )


def _field_sums(clusters: FilterClusters, fields: FilterFields) -> np.ndarray:
    """Mean fields summed over filters on, off and outside cluster diagonals, `(3, K)`."""
    check_same_layer(clusters, fields)
    sums = np.zeros((3, clusters.num_labels))
    for block, matrices, boolean in fields.clipped_blocks(clusters.threshold):
        for matrix, ones, numbers, counts in zip(
            matrices, boolean, clusters.cluster_id[block], clusters.ones_per_row[block], strict=True
        ):
            labels = np.flatnonzero(numbers >= 0)
            together = numbers[labels, None] == numbers[labels]
            inside = np.where(together, matrix[np.ix_(labels, labels)], 0).astype(np.float64)
            diagonal, rows = inside.diagonal(), inside.sum(axis=1)
            sums[0, labels] += diagonal
            sums[1, labels] += rows - diagonal
            sums[2] += _row_sums(matrix[ones], counts)
            sums[2, labels] -= rows
    return sums


def _row_sums(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums of consecutive values, the first `counts[0]` of them, the next `counts[1]`, ..."""
    ends = counts.cumsum()
    if ends[-1] != len(values):
        raise InputError("the clusters were found in other fields; pass those of one layer")
    running = np.concatenate([[0], values.cumsum(dtype=np.float64)])
    return running[ends] - running[ends - counts]


def _check_labels(labels: int) -> None:
    if labels < 2:
        raise InputError("signal and noise need at least two labels; this layer has one")


def _ratio(signal: float, noise: float) -> float:
    if noise:
        return signal / noise
    return math.inf if signal else math.nan
