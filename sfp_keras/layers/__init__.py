"""Layers: those of transformers and trees, and some whose masked weights are zero or not kept."""

from sfp_keras.layers.attention_heads import AttentionHeads
from sfp_keras.layers.compact_dense import CompactDense
from sfp_keras.layers.gathered_dense import GatheredDense
from sfp_keras.layers.mask_constraint import MaskConstraint
from sfp_keras.layers.masked_conv2d import MaskedConv2D
from sfp_keras.layers.masked_dense import MaskedDense
from sfp_keras.layers.masked_depthwise_conv2d import MaskedDepthwiseConv2D
from sfp_keras.layers.masked_einsum_dense import MaskedEinsumDense
from sfp_keras.layers.masked_kernel import MaskedKernel
from sfp_keras.layers.position_embedding import PositionEmbedding
from sfp_keras.layers.sequence_pooling import SequencePooling
from sfp_keras.layers.stochastic_depth import StochasticDepth
from sfp_keras.layers.tree_sampling import TreeSampling

# Each takes the place of its `plain` layer.
MASKED_LAYERS = (MaskedDense, MaskedConv2D, MaskedDepthwiseConv2D, MaskedEinsumDense)

__all__ = [
    "MASKED_LAYERS",
    "AttentionHeads",
    "CompactDense",
    "GatheredDense",
    "MaskConstraint",
    "MaskedConv2D",
    "MaskedDense",
    "MaskedDepthwiseConv2D",
    "MaskedEinsumDense",
    "MaskedKernel",
    "PositionEmbedding",
    "SequencePooling",
    "StochasticDepth",
    "TreeSampling",
]
