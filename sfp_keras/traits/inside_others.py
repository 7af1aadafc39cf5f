"""Layers whose filters are made by several kernels, or by a layer, inside them."""

from collections.abc import Sequence
from typing import Any

from keras import layers

from sfp_keras.traits.counting import UNKNOWN, used_at
from sfp_keras.traits.registry import LayerTraits, Operations, register_traits

_ATTENTION = ("GroupQueryAttention", "Attention", "AdditiveAttention")
_RECURRENT = ("SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_WRAPPERS = ("RNN", "Bidirectional", "TimeDistributed")
for _name in (*_ATTENTION, *_RECURRENT, *_WRAPPERS):
    register_traits(getattr(layers, _name), LayerTraits("made"))
register_traits(layers.SpectralNormalization, LayerTraits("made", only_in_training=True))


def _count_attention(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    """Those of attention of tokens to themselves, over one axis; of its shapes no more is known."""
    parts = (layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense)
    shapes = set(((layer.get_build_config() or {}).get("shapes_dict") or {}).values())
    if len(inputs) != 3 or len(shapes) != 1 or getattr(layer, "_use_gate", False):
        return UNKNOWN
    tokens = inputs[1]
    every, nonzero = used_at(tokens, *(part.kernel for part in parts))
    # Queries times keys, and weights times values: of each two tokens.
    products = float(tokens * tokens * layer.num_heads * (layer.key_dim + layer.value_dim))
    return every + products, nonzero + products


register_traits(layers.MultiHeadAttention, LayerTraits("made", multiply_adds=_count_attention))
