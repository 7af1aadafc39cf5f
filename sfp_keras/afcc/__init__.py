"""AFCC: heads, and links between layers, that keep only what clusters of labels connect."""

from sfp_keras.afcc.cached_batches import CachedBatches
from sfp_keras.afcc.compact import compact_head
from sfp_keras.afcc.dead_filters import DeadFilters, dead_filters, remove_dead_filters
from sfp_keras.afcc.fine_tuning import HeadFineTuning, Outcome, check_fine_tuning
from sfp_keras.afcc.link_fine_tuning import LinkData, LinkFineTuning, LinkOutcome
from sfp_keras.afcc.link_layers import (
    check_label_outputs,
    layers_of_link,
    prefix_of,
    start_before,
    train_only,
)
from sfp_keras.afcc.link_variants import LINK_VARIANTS, LinkVariant, ZeroedLink
from sfp_keras.afcc.links import Link, link_mask, links, unlinked_kernels
from sfp_keras.afcc.masked_layers import mask_layers, strip_masks
from sfp_keras.afcc.masks import cluster_mask, magnitude_mask, random_label_mask, short_mask
from sfp_keras.afcc.network_report import LayerCost, NetworkReport, compared, network_report
from sfp_keras.afcc.pruning import prune_filters, unused_filters
from sfp_keras.afcc.tail import SplitNetwork, last_kernel_layer, split_network
from sfp_keras.afcc.variants import VARIANTS, Variant

__all__ = [
    "LINK_VARIANTS",
    "VARIANTS",
    "CachedBatches",
    "DeadFilters",
    "HeadFineTuning",
    "LayerCost",
    "Link",
    "LinkData",
    "LinkFineTuning",
    "LinkOutcome",
    "LinkVariant",
    "NetworkReport",
    "Outcome",
    "SplitNetwork",
    "Variant",
    "ZeroedLink",
    "check_fine_tuning",
    "check_label_outputs",
    "cluster_mask",
    "compact_head",
    "compared",
    "dead_filters",
    "last_kernel_layer",
    "layers_of_link",
    "link_mask",
    "links",
    "magnitude_mask",
    "mask_layers",
    "network_report",
    "prefix_of",
    "prune_filters",
    "random_label_mask",
    "remove_dead_filters",
    "short_mask",
    "split_network",
    "start_before",
    "strip_masks",
    "train_only",
    "unlinked_kernels",
    "unused_filters",
]
