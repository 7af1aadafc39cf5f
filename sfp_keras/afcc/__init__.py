"""AFCC: heads that keep only the weights of filters to their clusters' labels."""

from sfp_keras.afcc.compact import compact_head
from sfp_keras.afcc.fine_tuning import HeadFineTuning, Outcome, check_fine_tuning
from sfp_keras.afcc.links import Link, link_mask, links, unlinked_kernels
from sfp_keras.afcc.masked_layers import mask_layers, strip_masks
from sfp_keras.afcc.masks import cluster_mask, magnitude_mask, random_label_mask
from sfp_keras.afcc.network_report import LayerCost, NetworkReport, compared, network_report
from sfp_keras.afcc.pruning import prune_filters, unused_filters
from sfp_keras.afcc.tail import SplitNetwork, last_kernel_layer, split_network
from sfp_keras.afcc.variants import VARIANTS, Variant

__all__ = [
    "VARIANTS",
    "HeadFineTuning",
    "LayerCost",
    "Link",
    "NetworkReport",
    "Outcome",
    "SplitNetwork",
    "Variant",
    "check_fine_tuning",
    "cluster_mask",
    "compact_head",
    "compared",
    "last_kernel_layer",
    "link_mask",
    "links",
    "magnitude_mask",
    "mask_layers",
    "network_report",
    "prune_filters",
    "random_label_mask",
    "split_network",
    "strip_masks",
    "unlinked_kernels",
    "unused_filters",
]
