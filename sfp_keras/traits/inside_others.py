"""Layers whose filters are made by several kernels, or by a layer, inside them."""

from keras import layers

from sfp_keras.traits.registry import LayerTraits, register_traits

_ATTENTION = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention")
_RECURRENT = ("SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_WRAPPERS = ("RNN", "Bidirectional", "TimeDistributed")
for _name in (*_ATTENTION, *_RECURRENT, *_WRAPPERS):
    register_traits(getattr(layers, _name), LayerTraits("made"))
register_traits(layers.SpectralNormalization, LayerTraits("made", only_in_training=True))
