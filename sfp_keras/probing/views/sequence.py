"""Sequence pooling: a mean over tokens whose weights are learnt with the head.

Source: compact convolutional transformers, arXiv 2104.05704; as a probe head, arXiv 2501.12900.
"""

import keras

from sfp_keras.layers import SequencePooling
from sfp_keras.probing.views.registry import Seen, View, register_view


def _sequence(seen: Seen) -> list[keras.layers.Layer]:
    if len(seen.shape) < 2:
        raise seen.refuse()
    first = keras.initializers.TruncatedNormal(stddev=0.02, seed=seen.seed)
    name = seen.layer_name("sequence_pool")
    return [SequencePooling(first, dtype="float32", name=name)]


register_view(View("sequence", _sequence, learnt=True))
