"""A page of thumbnails: the corners of permuted Boolean matrices, packed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sfp_keras.filters import FilterClusters, FilterFields, filter_columns, find_clusters
from tb_plugin import columns, encoding
from tb_plugin.analysis import own_labels, strongest_labels
from tb_plugin.answers import Answer, binary_answer


def thumbnails_answer(
    step: int, fields: FilterFields, filters: list[int], threshold: float, corner: int
) -> Answer:
    """The answer of the route `thumbnails`.

    Args:
        step: `int`. Where the filters were measured.
        fields: `FilterFields` of these filters alone.
        filters: their numbers.
        threshold: `float` in [0, 1).
        corner: `int`. Most rows and columns of a thumbnail.
    """
    size = min(fields.num_labels, corner)
    described: list[dict[str, Any]] = []
    matrices: list[bytes] = []
    own = own_labels(fields)
    for clusters, corners in _blocks(fields, threshold, size):
        # What does not depend on the threshold is in the list of filters.
        statistics = filter_columns(clusters, columns.keys(columns.FILTER_COLUMNS))
        ones = clusters.ones_per_row.sum(axis=1)
        start = len(described)
        strongest = strongest_labels(own[start : start + clusters.num_filters], clusters)
        for i, matrix in enumerate(corners):
            labels = clusters.members(i)
            matrices.append(encoding.pack(matrix))
            described.append(
                {
                    "filter": filters[len(described)],
                    **{key: values[i] for key, values in statistics.items()},
                    "strongest": strongest[i],
                    "labels": labels,
                    "sizes": [len(cluster) for cluster in labels],
                    "ones": ones[i],
                }
            )
    header = {"step": step, "size": size, "labels": fields.num_labels, "filters": described}
    return binary_answer(header, matrices)


def _blocks(
    fields: FilterFields, threshold: float, size: int
) -> Iterator[tuple[FilterClusters, Iterator[np.ndarray]]]:
    """Clusters of some filters at a time, and the corner of each one's permuted matrix."""
    if fields.without_matrices:
        clusters = find_clusters(fields, threshold)
        orders = (clusters.permutation(i)[:size] for i in range(fields.num_filters))
        yield clusters, (fields.boolean_of(i, order, threshold) for i, order in enumerate(orders))
        return
    for block in fields.blocks():
        boolean = fields.boolean(block, threshold)
        clusters = find_clusters(boolean, threshold)
        orders = (clusters.permutation(i)[:size] for i in range(len(boolean)))
        yield (
            clusters,
            (matrix[np.ix_(order, order)] for matrix, order in zip(boolean, orders, strict=True)),
        )
