"""What is measured of each filter. A new statistic is one field here."""

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np

from sfp_keras.filters.clusters import FilterClusters, check_clusters, check_same_layer
from sfp_keras.filters.fields import FilterFields
from sfp_keras.filters.frames import Framed
from sfp_keras.filters.quantity import documented, quantity


def _mean_size(clusters: FilterClusters) -> np.ndarray:
    counts = clusters.num_clusters
    covered = clusters.in_cluster.sum(axis=1)
    return np.divide(covered, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def _labels_of_clusters(clusters: FilterClusters) -> list[list[list[int]]]:
    return [clusters.members(f) for f in range(clusters.num_filters)]


@documented
@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class FilterStatistics(Framed):
    """The numbers of every filter of a layer.

    Arrays `(F,)`; `labels` is a list. A field names what it is computed from: `of_clusters`, which
    depend on the threshold, or `of_fields`, which do not; the latter is None without fields.

    Attributes:
    """

    _row = "filter"

    noise: np.ndarray = quantity(
        "noise",
        "Elements above the threshold outside the filter's clusters",
        "d",
        symbol="n",
        source="paper 1, Figure 4",
        of_clusters=lambda clusters: clusters.noise,
    )
    clusters: np.ndarray = quantity(
        "clusters",
        "Clusters of the filter",
        "d",
        symbol="N_c",
        source="paper 1, Figure 4",
        of_clusters=lambda clusters: clusters.num_clusters,
    )
    cluster_size: np.ndarray = quantity(
        "cluster size",
        "Labels of a cluster, mean over the filter's clusters; undefined if there is none",
        ".2f",
        symbol="C_s",
        source="paper 2, Table 1",
        of_clusters=_mean_size,
    )
    labels: list[list[list[int]]] = quantity(
        "labels",
        "The labels of each cluster, in the order found",
        "",
        of_clusters=_labels_of_clusters,
    )
    maximum: np.ndarray | None = quantity(
        "largest field",
        "Largest element of the filter's field matrix, by which its fields are normalised",
        ".4g",
        source="paper 1, Figure 4",
        default=None,
        of_fields=FilterFields.maxima,
    )
    dead: np.ndarray = quantity(
        "dead",
        "The filter's fields are nowhere positive",
        "",
        of_clusters=lambda clusters: clusters.dead,
    )
    selectivity: np.ndarray | None = quantity(
        "selectivity",
        "Class selectivity index of the filter's mean activation: 1 where one label alone drives "
        "the filter, 0 where all drive it alike; undefined where activations are not positive",
        ".3f",
        source="Morcos et al., ICLR 2018",
        default=None,
        of_fields=FilterFields.selectivity,
    )

    def __repr__(self) -> str:
        fields = "" if self.maximum is None else ", with fields"
        return f"FilterStatistics({len(self.noise)} filters{fields})"


for _field in dataclasses.fields(FilterStatistics):
    if (_field.metadata["of_clusters"] is None) == (_field.metadata["of_fields"] is None):
        raise TypeError(f"`{_field.name}` needs either `of_clusters` or `of_fields`")


def filter_statistics(
    clusters: FilterClusters, fields: FilterFields | None = None
) -> FilterStatistics:
    """The numbers of every filter.

    Args:
        clusters: `FilterClusters` of the layer.
        fields: `FilterFields` the clusters were found in. Default None: what follows from
            clusters alone.

    Returns:
        `FilterStatistics`.

    Raises:
        InputError: if fields and clusters differ in shape.

    Source: paper 1, Figure 4; paper 2, Figure 1.
    """
    check_clusters(clusters)
    if fields is None:
        return FilterStatistics(**filter_columns(clusters))
    check_same_layer(clusters, fields)
    return FilterStatistics(**filter_columns(clusters), **filter_columns(fields))


def filter_columns(
    source: FilterClusters | FilterFields, keys: Collection[str] | None = None
) -> dict[str, Any]:
    """The part of `FilterStatistics` that follows from clusters alone, or from fields alone.

    Args:
        source: `FilterClusters` or `FilterFields` of the layer.
        keys: names of what is wanted. Default None: all.

    Returns:
        Dict from the name of a statistic to its values, one a filter.

    Raises:
        TypeError: if a statistic has another number of values.
    """
    given = "of_clusters" if isinstance(source, FilterClusters) else "of_fields"
    columns = {
        field.name: field.metadata[given](source)
        for field in dataclasses.fields(FilterStatistics)
        if field.metadata[given] is not None and (keys is None or field.name in keys)
    }
    for name, values in columns.items():
        shape = getattr(values, "shape", (len(values),))
        if shape != (source.num_filters,):
            raise TypeError(f"`{name}` has shape {shape}, it must be ({source.num_filters},)")
    return columns
