"""Clusters and statistics of measurements, computed by `sfp_keras.filters` and kept in a cache."""

from typing import Any

import numpy as np

from sfp_keras.filters import (
    FilterClusters,
    FilterFields,
    LabelStatistics,
    LayerStatistics,
    find_clusters,
    label_statistics,
    layer_statistics,
)
from tb_plugin.cache import ByteCache
from tb_plugin.reader import LogReader, Measurement

# What an entry of the cache takes beside its arrays.
_ENTRY = 2048


class Analysis:
    """What follows from a measurement at a threshold.

    Whole layers are computed once and kept; of single filters only those asked for are computed,
    so that a page of a large layer comes at once. Where a layer cannot be computed an
    `InputError` or what `LogReader` raises says why.

    Args:
        reader: `LogReader`.
        cache: `ByteCache`.
    """

    def __init__(self, reader: LogReader, cache: ByteCache):
        self._reader = reader
        self._cache = cache

    def clusters(
        self, ctx: Any, measurement: Measurement, threshold: float, keep: bool = True
    ) -> FilterClusters:
        """The clusters of all filters."""
        return self._cache.get(
            ("clusters", measurement.identity, threshold),
            lambda: find_clusters(self._reader.fields(ctx, measurement), threshold),
            _clusters_bytes,
            keep,
        )

    def layer(
        self, ctx: Any, measurement: Measurement, threshold: float, keep: bool = True
    ) -> LayerStatistics:
        """The averages over all filters.

        They are always kept; `keep` says whether the clusters behind them are too, which a walk
        through all steps had better not ask for.
        """
        return self._cache.get(
            ("layer", measurement.identity, threshold),
            lambda: layer_statistics(self.clusters(ctx, measurement, threshold, keep)),
            lambda made: _ENTRY + 128 * len(made.size_fractions),
        )

    def labels(self, ctx: Any, measurement: Measurement, threshold: float) -> LabelStatistics:
        """Signal and noise of each label, also of fields."""
        return self._cache.get(
            ("labels", measurement.identity, threshold),
            lambda: label_statistics(
                self.clusters(ctx, measurement, threshold), self._reader.fields(ctx, measurement)
            ),
            lambda made: _ENTRY + 7 * made.appearances.nbytes,
        )

    def maxima(self, ctx: Any, measurement: Measurement) -> np.ndarray:
        """The maximal field of each filter."""
        return self._cache.get(
            ("maxima", measurement.identity),
            lambda: self._reader.fields(ctx, measurement).maxima(),
            lambda made: _ENTRY + made.nbytes,
        )

    def some(self, ctx: Any, measurement: Measurement, filters: list[int]) -> FilterFields:
        """The fields of some filters alone, in the order given."""
        fields = self._reader.fields(ctx, measurement)
        # The same numbers to the last bit: each filter's matrix is a product of its own.
        return FilterFields(
            fields.features[:, :, filters],
            fields.kernel[:, filters],
            fields.label_counts,
            fields.position_shape,
        )


def _clusters_bytes(clusters: FilterClusters) -> int:
    # The table of sizes, which is made when first asked for and stays, counts as well.
    most = int(clusters.num_clusters.max())
    table = clusters.num_filters * most * np.dtype(np.int64).itemsize
    return _ENTRY + clusters.cluster_id.nbytes + clusters.ones_per_row.nbytes + table
