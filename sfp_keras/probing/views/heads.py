"""Attention heads as filters: the nodes of a head become positions of one filter.

Source: single-head performance, arXiv 2506.23832.
"""

import keras

from sfp_keras.filters.grouping import check_groups
from sfp_keras.probing.views.registry import Seen, View, register_view


def _heads(seen: Seen) -> list[keras.layers.Layer]:
    *positions, nodes = seen.shape
    check_groups(seen.number, nodes, f"`pool`={seen.text}: stage {seen.stage!r} has")
    split = keras.layers.Reshape(
        (*positions, seen.number, nodes // seen.number), name=seen.layer_name("split_heads")
    )
    axes = len(positions)
    order = (*range(1, axes + 1), axes + 2, axes + 1)
    return [split, keras.layers.Permute(order, name=seen.layer_name("heads_last"))]


register_view(View("heads", _heads, argument="n", shows="head"))
