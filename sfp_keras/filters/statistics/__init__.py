"""What is measured of a layer, of each of its labels and of each of its filters."""

from sfp_keras.filters.statistics.filters import (
    FilterStatistics,
    filter_columns,
    filter_statistics,
)
from sfp_keras.filters.statistics.labels import LabelStatistics, label_statistics
from sfp_keras.filters.statistics.layers import (
    LayerStatistics,
    SignalToNoise,
    check_labels,
    layer_statistics,
    signal_to_noise,
)

__all__ = [
    "FilterStatistics",
    "LabelStatistics",
    "LayerStatistics",
    "SignalToNoise",
    "check_labels",
    "filter_columns",
    "filter_statistics",
    "label_statistics",
    "layer_statistics",
    "signal_to_noise",
]
