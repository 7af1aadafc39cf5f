"""Attention and recurrent layers, whose filters are made by several kernels inside them."""

from keras import layers

from sfp_keras.models.traits.registry import LayerTraits, register_traits

_ATTENTION = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention")
_RECURRENT = ("SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_AROUND_OTHERS = ("RNN", "Bidirectional", "TimeDistributed", "SpectralNormalization")
for _name in (*_ATTENTION, *_RECURRENT, *_AROUND_OTHERS):
    register_traits(getattr(layers, _name), LayerTraits("made"))
