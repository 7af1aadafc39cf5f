"""The heads of an attention as filters that can go: the nodes of one head go together.

Queries, keys and values of a head are equally many, so that single nodes of its values cannot go:
a dead node in a living head stays, with its zero weights.
"""

import numpy as np

from sfp_keras.layers import AttentionHeads
from sfp_keras.models.rebuilding import Exchange, remade


def reads_between(layer: AttentionHeads) -> np.ndarray:
    """Find which inputs the nodes of all heads depend on.

    A node sums its own values, weighted by all queries and keys of its head. Where its values have
    no weights it depends on nothing: attention weights add up to one.

    Args:
        layer: built `AttentionHeads`.

    Returns:
        bool (inputs, nodes).
    """
    qkv = layer.get_weights()[0]
    used = qkv.reshape(len(qkv), 3, layer.num_heads, layer.head_size) != 0
    weighted = used[:, :2].any(axis=(1, 3))[:, :, None]
    values = used[:, 2]
    return (values | (weighted & values.any(axis=0))).reshape(len(qkv), -1)


def without_heads(layer: AttentionHeads, inputs: np.ndarray, nodes: np.ndarray) -> Exchange:
    """The layer with fewer inputs and heads.

    Args:
        layer: built `AttentionHeads`.
        inputs: bool (inputs,), true for those left.
        nodes: bool (nodes,), true for those left: all of a head or none.
    """
    qkv, *bias = layer.get_weights()
    columns = np.tile(nodes, 3)
    left = int(nodes.sum()) // layer.head_size
    fewer = remade(layer, num_heads=left, head_size=layer.head_size)
    return Exchange(fewer, [qkv[inputs][:, columns], *(one[columns] for one in bias)])
