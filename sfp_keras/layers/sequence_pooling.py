"""The mean of an image's tokens with weights that are learnt."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.layers.token_weights import token_weights
from sfp_keras.traits import LayerTraits, register_traits
from sfp_keras.traits.counting import used_at
from sfp_keras.traits.registry import Operations


@keras.saving.register_keras_serializable(package="sfp_keras")
class SequencePooling(keras.layers.Layer):
    """A weighted mean of tokens: the weights are a softmax over a linear function of each.

    Of tokens `x` (T, D) it makes `softmax(x @ kernel + bias)' x` (D,), the sequence pooling of
    compact transformers (arXiv:2104.05704). Each output is of the node of its number, averaged
    over the tokens; the weights of the average depend on all nodes. Several axes of positions are
    tokens one behind another. Scores and softmax are float32 or better under any dtype policy.

    Args:
        kernel_initializer: of `kernel` (D, 1). Defaults to `"glorot_uniform"`; `bias` (1,) begins
            at zero.
        **kwargs: the other arguments of `keras.layers.Layer`.

    Raises:
        InputError: if, when the layer is built, the inputs have no positions or no known width.

    Input shape: `(batch, ..., D)`. Output shape: `(batch, D)`.
    """

    def __init__(self, kernel_initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        if len(input_shape) < 3 or input_shape[-1] is None:
            raise InputError(
                "SequencePooling needs tokens (batch, tokens, width) of known width, received "
                f"shape {tuple(input_shape)}"
            )
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], 1), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(1,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the mean."""
        width = inputs.shape[-1]
        tokens = ops.reshape(inputs, (-1, math.prod(ops.shape(inputs)[1:-1]), width))
        scores = ops.matmul(tokens, self.kernel) + self.bias
        weights = ops.cast(token_weights(scores, axis=1), self.compute_dtype)
        return ops.squeeze(ops.matmul(ops.swapaxes(weights, 1, 2), tokens), axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """One token of each image."""
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        kernel = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), "kernel_initializer": kernel}


def _count(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    tokens = math.prod(inputs[1:-1])
    every, nonzero = used_at(tokens, layer.kernel)
    mean = float(tokens * inputs[-1])
    return every + mean, nonzero + mean


register_traits(
    SequencePooling,
    LayerTraits("passed", alone=False, positions="all", multiply_adds=_count),
)
