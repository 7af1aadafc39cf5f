"""How much a layer's statistics depend on the threshold and on the order of labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.clusters import FilterClusters, check_fields, find_clusters
from sfp_keras.filters.fields import FilterFields
from sfp_keras.filters.statistics import LayerStatistics, layer_statistics


@dataclass(frozen=True)
class Robustness:
    """A layer's statistics at one threshold, and with the labels walked backwards.

    Attributes:
        threshold: `float`. What fields were clipped at.
        statistics: `LayerStatistics`. Labels in order.
        backwards: `LayerStatistics`. Labels walked from the last to the first.
        regrouped: `float`. Share of filters whose clusters are others when walked backwards.
        single_cluster: `float`. Share of filters with exactly one cluster.
    """

    threshold: float
    statistics: LayerStatistics
    backwards: LayerStatistics
    regrouped: float
    single_cluster: float


def layer_robustness(
    fields: FilterFields, thresholds: Sequence[float] = (0.3, 0.4, 0.5, 0.6)
) -> tuple[Robustness, ...]:
    """Statistics of a layer at several thresholds, with labels walked both ways.

    Args:
        fields: `FilterFields` of the layer.
        thresholds: numbers in [0, 1), default 0.3 to 0.6, the paper's range.

    Returns:
        One `Robustness` a threshold, in the order given.

    Raises:
        InputError: if a threshold is out of range, or there is only one label.

    Source: paper 1's supplement, "robustness to different threshold values" and the note on the
    order of labels in the explanation of Figure 4.
    """
    check_fields(fields)
    if not np.iterable(thresholds):
        raise InputError(f"`thresholds` must be several numbers, such as [0.3], not {thresholds!r}")
    return tuple(_at(fields, threshold) for threshold in thresholds)


def _at(fields: FilterFields, threshold: float) -> Robustness:
    forward = find_clusters(fields, threshold)
    backward = find_clusters(fields, threshold, reverse=True)
    others = [_partition(forward, f) != _partition(backward, f) for f in range(fields.num_filters)]
    return Robustness(
        threshold=forward.threshold,
        statistics=layer_statistics(forward),
        backwards=layer_statistics(backward),
        regrouped=sum(others) / fields.num_filters,
        single_cluster=float((forward.num_clusters == 1).mean()),
    )


def _partition(clusters: FilterClusters, filter_index: int) -> list[list[int]]:
    """Clusters of a filter, without the order they were found in."""
    return sorted(clusters.members(filter_index))
