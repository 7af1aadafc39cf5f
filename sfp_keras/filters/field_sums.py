"""Signal and noise of each label with sub-threshold fields included."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.filters.clusters import FilterClusters, check_same_layer
from sfp_keras.filters.fields import FilterFields
from sfp_keras.filters.statistics import check_labels
from sfp_keras.short_repr import ShortRepr

_BLOCK_BYTES = 2**25


@dataclass(frozen=True, eq=False, repr=False)
class SummedFields(ShortRepr):
    """Whole fields, below and above the threshold, summed over filters by input label.

    A label that is in no cluster of the layer has no signal, and its ratios are NaN. A ratio is
    infinite where the label has a signal and the fields on wrong units do not add up to anything
    positive: then nothing competes with it.

    Attributes:
        appearances: int64 array `(K,)`. Filters with the label in a cluster.
        fields: float64 array `(K, K)`. S: mean field of inputs of label `i` on output unit `j`,
            summed over the filters with label `i` in a cluster.
        others: float64 array `(K, K)`. The same over all other filters, the paper's second type
            of noise; `fields + others` is the whole head's mean output.
    """

    appearances: np.ndarray
    fields: np.ndarray
    others: np.ndarray

    @property
    def signal(self) -> np.ndarray:
        """Field on the label's unit, `S[i, i]`, float64 `(K,)`; positive or zero."""
        return self.fields.diagonal()

    @property
    def noise(self) -> np.ndarray:
        """Mean field on the K-1 wrong units, float64 `(K,)`; may be negative."""
        return (self.fields.sum(axis=1) - self.signal) / (len(self.fields) - 1)

    @property
    def largest_noise(self) -> np.ndarray:
        """Field on the wrong unit where it is largest, float64 `(K,)`; may be negative."""
        wrong = ~np.eye(len(self.fields), dtype=bool)
        return self.fields.max(axis=1, where=wrong, initial=-np.inf)

    @property
    def snr(self) -> np.ndarray:
        """Signal over the mean field on wrong units, float64 `(K,)`: the paper's ratio."""
        return _ratios(self.signal, self.noise)

    @property
    def snr_of_largest(self) -> np.ndarray:
        """Signal over the field on the strongest wrong unit, float64 `(K,)`; never above `snr`.

        Stricter than the paper's; below 1 these filters alone favour a wrong label.
        """
        return _ratios(self.signal, self.largest_noise)

    @property
    def mean_snr(self) -> float:
        """Mean signal over mean noise of the labels: the number that the paper puts above 5.

        A ratio of averages, as in its estimate; a single label without noise would make an
        average of ratios infinite. It is mostly infinite itself: cross-entropy never changes the
        sum of a head's weights over output units and L2 shrinks it, so that rows of `fields` sum
        to nearly zero and the mean noise is about `-signal / (K - 1)`. Show `snr_of_largest` too.
        """
        return _ratio_of_means(self.signal, self.noise)

    @property
    def mean_snr_of_largest(self) -> float:
        """Mean signal over the mean field on each label's strongest wrong unit."""
        return _ratio_of_means(self.signal, self.largest_noise)

    @property
    def unit_field(self) -> float:
        """Mean field on the label's unit from one filter with the label in a cluster.

        In this unit the mean signal is the mean number of appearances. NaN without clusters.
        """
        clustered = int(self.appearances.sum())
        return float(self.signal.sum() / clustered) if clustered else np.nan


def summed_fields(clusters: FilterClusters, fields: FilterFields) -> SummedFields:
    """Sum whole fields over the filters whose clusters contain the input label.

    Holds no filter's matrix: masked features times the kernel are the sum over filters.

    Args:
        clusters: `FilterClusters` of the layer.
        fields: `FilterFields` the clusters were found in.

    Returns:
        `SummedFields`.

    Raises:
        InputError: if there is only one label, or fields and clusters differ in shape.

    Source: paper 1, Figure 6 and "the mechanism underlying successful DL": 150 clusters of size
    3 with label `i` put 150 unit fields on unit `i`, and `2 * 150 / 9 = 33` on each of nine wrong
    units, less the negative sub-threshold fields there; so the ratio is to the mean of the wrong
    units, above 150 / 33 = 4.5 where sub-threshold fields are negative.
    """
    check_same_layer(clusters, fields)
    labels = fields.num_labels
    check_labels(labels)
    member = clusters.in_cluster.T
    sums = np.zeros((2, labels, labels))
    size = max(1, _BLOCK_BYTES // (8 * labels * fields.num_positions))
    for start in range(0, fields.num_filters, size):
        block = slice(start, start + size)
        features = fields.features[:, :, block].astype(np.float64)
        kernel = fields.kernel[:, block].reshape(-1, labels).astype(np.float64)
        for total, mask in zip(sums, (member[:, block], ~member[:, block]), strict=True):
            total += (features * mask[:, None]).reshape(labels, -1) @ kernel
    return SummedFields(member.sum(axis=1, dtype=np.int64), *sums)


def _ratio_of_means(signal: np.ndarray, noise: np.ndarray) -> float:
    return float(_ratios(signal.mean(keepdims=True), noise.mean(keepdims=True))[0])


def _ratios(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Signal over positive noise, infinite where it is not positive, NaN without signal."""
    unopposed = np.where(signal > 0, np.inf, np.nan)
    return np.divide(signal, noise, out=unopposed, where=(signal > 0) & (noise > 0))
