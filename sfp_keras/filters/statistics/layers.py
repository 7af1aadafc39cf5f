"""Averages over the filters of a layer, and equations 1-4 of paper 2."""

import dataclasses
import math

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.clusters import FilterClusters, check_clusters
from sfp_keras.filters.frames import Framed
from sfp_keras.filters.quantity import documented, quantity


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


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerStatistics(Framed):
    """The numbers of a layer as in the papers' tables.

    A ratio with a zero denominator is infinite, and NaN where the signal is zero too.

    Attributes:
        labels: Number of labels, K.
        size_fractions: The sizes of clusters that occur, ascending, with their share of clusters.
    """

    filters: int = quantity("filters", "Filters of the stage", "d", symbol="N_f")
    labels: int
    noise: float = quantity(
        "noise",
        "Elements above the threshold outside clusters, mean over all filters",
        ".2f",
        symbol="n",
        source="paper 1, Figure 4; paper 2, Table 1",
    )
    noise_clustered: float = quantity(
        "clustered noise",
        "Noise, mean over the filters that have a cluster; undefined if none has",
        ".2f",
    )
    clusters: float = quantity(
        "clusters",
        "Clusters of a filter, mean over all filters",
        ".2f",
        symbol="N_c",
        source="paper 2, Table 1",
    )
    cluster_size: float = quantity(
        "size",
        "Labels of a cluster, mean over all clusters of the stage; undefined if there is none",
        ".2f",
        symbol="C_s",
        source="paper 2, Table 1",
    )
    size_fractions: dict[int, float]
    signal: float = quantity(
        "signal",
        "Filters with a given label in a cluster, mean over labels",
        ".2f",
        source="paper 2, equation 1",
    )
    noise_internal: float = quantity(
        "internal noise",
        "Ones of a label inside clusters on one wrong output, from means of the stage",
        ".3f",
        symbol="noise_I",
        source="paper 2, equation 2",
    )
    noise_external: float = quantity(
        "external noise",
        "Ones of a label outside clusters on one output, from means of the stage",
        ".3f",
        symbol="noise_E",
        source="paper 2, equation 3",
    )
    snr_internal: float = quantity(
        "internal ratio", "Signal over internal noise", ".1f", symbol="SNR_I"
    )
    snr_external: float = quantity(
        "external ratio",
        "Signal over external noise",
        ".1f",
        symbol="SNR_E",
        source="paper 2, equation 4",
    )
    dead_filters: int = quantity("dead", "Filters whose fields are nowhere positive", "d")
    zero_signal_labels: int = quantity(
        "no signal", "Labels that are in no cluster of the stage", "d"
    )

    def __repr__(self) -> str:
        ratios = f"SNR_I {self.snr_internal:.4g}, SNR_E {self.snr_external:.4g}"
        return (
            f"LayerStatistics({self.filters} filters, {self.labels} labels: "
            f"{self.clusters:.4g} clusters a filter of {self.cluster_size:.4g} labels, noise "
            f"{self.noise:.4g}, {ratios})"
        )


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
    check_labels(labels)
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
        InputError: if there is only one label, or `clusters` are something else.

    Source: paper 2, Tables 1-6 and equations 1-4; paper 1, Figure 5A.
    """
    check_clusters(clusters)
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


def check_labels(labels: int) -> None:
    """Refuse a layer of a single label, which has no wrong output unit."""
    if labels < 2:
        raise InputError("signal and noise need at least two labels; this layer has one")


def _ratio(signal: float, noise: float) -> float:
    if noise:
        return signal / noise
    return math.inf if signal else math.nan
