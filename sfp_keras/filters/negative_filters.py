"""Filters whose fields are negative throughout, and the other reading of them.

The group's published scripts divide every matrix by its largest element, also by a negative one:
then all elements are at least 1, and the filter counts as one cluster of all K labels without
noise. Here it is dead, for it raises the field of no label. The papers do not say which.
"""

from __future__ import annotations

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.clusters import FilterClusters
from sfp_keras.filters.fields import FilterFields, filter_blocks


def negative_filters(fields: FilterFields, clusters: FilterClusters) -> np.ndarray:
    """Which filters have negative fields throughout; a zero somewhere makes a filter none of them.

    Args:
        fields: `FilterFields` with F filters.
        clusters: `FilterClusters` of these fields, which say which filters to look at.

    Returns:
        bool `(F,)`.

    Raises:
        InputError: if fields and clusters are of different numbers of filters or labels.
    """
    if (fields.num_filters, fields.num_labels) != clusters.cluster_id.shape:
        raise InputError(
            f"`clusters` are of {clusters.cluster_id.shape[0]} filters and "
            f"{clusters.cluster_id.shape[1]} labels, `fields` of {fields.num_filters} and "
            f"{fields.num_labels}"
        )
    negative = np.zeros(fields.num_filters, bool)
    dead = np.flatnonzero(clusters.dead)
    for block in filter_blocks(len(dead), fields.num_labels):
        negative[dead[block]] = fields.matrices(dead[block]).max(axis=(1, 2)) < 0
    return negative


def as_in_published_code(clusters: FilterClusters, negative: np.ndarray) -> FilterClusters:
    """The clusters with one of all labels in each filter whose fields are negative throughout.

    Args:
        clusters: `FilterClusters` of F filters.
        negative: bool `(F,)`, of `negative_filters`.

    Returns:
        `FilterClusters`, whose statistics are those of the other reading.
    """
    return FilterClusters(
        np.where(negative[:, None], 0, clusters.cluster_id),
        np.where(negative[:, None], clusters.cluster_id.shape[1], clusters.ones_per_row),
        clusters.threshold,
    )
