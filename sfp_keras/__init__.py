"""Single-filter performance for Keras 3.

Names are loaded when first used, so `import sfp_keras` (and `sfp_keras.filters`, which needs
only NumPy) opens no machine-learning framework.
"""

import importlib
from typing import Any

from sfp_keras._version import __version__
from sfp_keras.saved_classes import PUBLIC_CLASSES, register_saved_classes

register_saved_classes()

_ROOM_OF = {
    **PUBLIC_CLASSES,
    "CommitteeVotes": "sfp_keras.filters",
    "FilterClusters": "sfp_keras.filters",
    "FilterDecisions": "sfp_keras.filters",
    "FilterFields": "sfp_keras.filters",
    "FilterStatistics": "sfp_keras.filters",
    "FollowedClusters": "sfp_keras.filters",
    "HeadSpecialization": "sfp_keras.filters",
    "LabelStatistics": "sfp_keras.filters",
    "LayerStatistics": "sfp_keras.filters",
    "SubThresholdFields": "sfp_keras.filters",
    "SummedFields": "sfp_keras.filters",
    "committee_votes": "sfp_keras.filters",
    "diagonal_labels": "sfp_keras.filters",
    "filter_decisions": "sfp_keras.filters",
    "filter_statistics": "sfp_keras.filters",
    "find_clusters": "sfp_keras.filters",
    "follow_clusters": "sfp_keras.filters",
    "head_specialization": "sfp_keras.filters",
    "label_statistics": "sfp_keras.filters",
    "layer_robustness": "sfp_keras.filters",
    "layer_statistics": "sfp_keras.filters",
    "sub_threshold_fields": "sfp_keras.filters",
    "summed_fields": "sfp_keras.filters",
    "cluster_mask": "sfp_keras.afcc",
    "magnitude_mask": "sfp_keras.afcc",
    "random_label_mask": "sfp_keras.afcc",
    "compact_head": "sfp_keras.afcc",
    "network_report": "sfp_keras.afcc",
    "link_mask": "sfp_keras.afcc",
    "links": "sfp_keras.afcc",
    "mask_layers": "sfp_keras.afcc",
    "strip_masks": "sfp_keras.afcc",
    "dead_filters": "sfp_keras.afcc",
    "remove_dead_filters": "sfp_keras.afcc",
    "prune_filters": "sfp_keras.afcc",
    "unused_filters": "sfp_keras.afcc",
    "FilterMonitor": "sfp_keras.monitoring",
    "StageMonitor": "sfp_keras.monitoring",
    "read_log": "sfp_keras.monitoring",
    "cache_features": "sfp_keras.probing",
    "cut_stages": "sfp_keras.probing",
    "measure_fields": "sfp_keras.probing",
    "measure_single_heads": "sfp_keras.probing",
    "train_heads": "sfp_keras.probing",
    "zero_gradient_shares": "sfp_keras.training",
    "build_efficientnet": "sfp_keras.models",
    "build_network": "sfp_keras.models",
    "build_vgg": "sfp_keras.models",
    "load_dataset": "sfp_keras.data",
    "list_stages": "sfp_keras.probing",
    "ProbeResult": "sfp_keras.one_call",
    "committee": "sfp_keras.one_call",
    "probe": "sfp_keras.one_call",
}

__all__ = ["__version__", *_ROOM_OF]


def __getattr__(name: str) -> Any:
    """Import the room of a public name when it is first asked for."""
    if name in _ROOM_OF:
        return getattr(importlib.import_module(_ROOM_OF[name]), name)
    raise AttributeError(f"module 'sfp_keras' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names alone."""
    return sorted(__all__)
