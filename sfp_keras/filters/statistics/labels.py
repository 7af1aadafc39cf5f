"""Signal and noise of each label of a layer."""

import dataclasses

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.clusters import FilterClusters, check_clusters, check_same_layer
from sfp_keras.filters.fields import FilterFields
from sfp_keras.filters.frames import Framed
from sfp_keras.filters.quantity import documented, quantity
from sfp_keras.filters.statistics.layers import check_labels


@documented
@dataclasses.dataclass(frozen=True, eq=False)
class LabelStatistics(Framed):
    """Signal and noise of each label, by counts of ones and by their fields.

    Arrays `(K,)`, int64 appearances, the others float64. Both noises are for one wrong output
    unit: sums over the K-1 others divided by K-1. Field versions are sums of un-normalised fields,
    accumulated over inputs, of the same elements; None where no fields were given.

    Attributes:
    """

    _row = "label"

    appearances: np.ndarray = quantity(
        "appearances",
        "Clusters of the stage that hold the label",
        "d",
        source="paper 1, Figure 5B",
    )
    signal: np.ndarray = quantity(
        "signal",
        "Filters with the label in a cluster; the mean over labels is equation 1",
        ".0f",
        source="paper 2, Figure 2A",
    )
    noise_internal: np.ndarray = quantity(
        "internal noise",
        "Ones in the label's row of every filter, inside a cluster but on another output unit, "
        "divided by K\N{MINUS SIGN}1; the mean over labels is at least equation 2",
        ".2f",
        symbol="noise_I",
        source="paper 2, Figure 2A",
    )
    noise_external: np.ndarray = quantity(
        "external noise",
        "Ones in the label's row of every filter, in no cluster, divided by K\N{MINUS SIGN}1; the "
        "mean over labels is equation 3 times K/(K\N{MINUS SIGN}1)",
        ".2f",
        symbol="noise_E",
        source="paper 2, Figure 2A",
    )
    field_signal: np.ndarray | None = quantity(
        "field signal",
        "Sum of the fields of what the signal counts, accumulated over the label's inputs",
        ".1f",
        source="paper 2, Figure 2B",
        default=None,
    )
    field_noise_internal: np.ndarray | None = quantity(
        "internal noise of fields",
        "Sum of the fields of what the internal noise counts, accumulated over the label's inputs",
        ".2f",
        symbol="field noise_I",
        source="paper 2, Figure 2B",
        default=None,
    )
    field_noise_external: np.ndarray | None = quantity(
        "external noise of fields",
        "Sum of the fields of what the external noise counts, accumulated over the label's inputs",
        ".2f",
        symbol="field noise_E",
        source="paper 2, Figure 2B",
        default=None,
    )

    def __repr__(self) -> str:
        fields = "" if self.field_signal is None else ", with fields"
        return f"LabelStatistics({len(self.signal)} labels{fields})"


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
    check_clusters(clusters)
    check_labels(clusters.num_labels)
    others = clusters.num_labels - 1
    inside = clusters.ones_in_clusters
    appearances = clusters.in_cluster.sum(axis=0, dtype=np.int64)
    counts = LabelStatistics(
        appearances=appearances,
        signal=appearances.astype(np.float64),
        noise_internal=(inside - appearances) / others,
        noise_external=(clusters.ones_per_row.sum(axis=0, dtype=np.int64) - inside) / others,
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
    parts = fields.parts_above(clusters.threshold)
    ones_of_filter = clusters.ones_per_row.sum(axis=1)
    for (row_labels, column_labels, matrix, ones), numbers, counts, total in zip(
        parts, clusters.cluster_id, clusters.ones_per_row, ones_of_filter, strict=True
    ):
        # Half the time of `matrix[ones]`, and less where there are many.
        above = matrix.ravel().compress(ones.ravel())
        if above.size != total:
            raise InputError("`clusters` were found in other fields; pass those of one layer")
        sums[2, row_labels] += _row_sums(above, counts[row_labels])
        labels = (numbers >= 0).nonzero()[0]
        if not labels.size:
            continue
        of_labels = numbers[labels]
        together = of_labels[:, None] == of_labels
        # Labels of clusters have ones, and so are among both.
        rows, columns = row_labels.searchsorted(labels), column_labels.searchsorted(labels)
        inside = np.where(together, matrix[rows[:, None], columns], 0).astype(np.float64)
        diagonal, row_sums = inside.diagonal(), inside.sum(axis=1)
        sums[0, labels] += diagonal
        sums[1, labels] += row_sums - diagonal
        sums[2, labels] -= row_sums
    return sums


def _row_sums(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums of consecutive values, the first `counts[0]` of them, the next `counts[1]`, ..."""
    ends = counts.cumsum()
    running = np.zeros(len(values) + 1)
    values.cumsum(dtype=np.float64, out=running[1:])
    return running[ends] - running[ends - counts]
