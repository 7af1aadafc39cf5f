"""Residual branches that are left out for some images of a training batch."""

from typing import Any

import keras
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.traits import LayerTraits, register_traits


@keras.saving.register_keras_serializable(package="sfp_keras")
class StochasticDepth(keras.layers.Layer):
    """Sets a residual branch to zero for some images in training (arXiv:1603.09382).

    Each image of a batch is left out with probability `rate`, all of its positions and filters
    together; those that stay are divided by `1 - rate`. In inference images pass unchanged. Draws
    come from a state of the layer that is among `model.variables`.

    Args:
        rate: `float` in [0, 1).
        seed: `int` or `None`; layers with the same seed draw the same. Defaults to `None`.
        **kwargs: the other arguments of `keras.layers.Layer`.

    Raises:
        InputError: if `rate` is out of its range.

    Input and output shape: `(batch, ...)`.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise InputError(f"`rate` must be at least 0 and below 1, received {rate!r}")
        self.rate = float(rate)
        self.seed = seed
        if self.rate:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the branch, some images' left out where `training`."""
        if not (training and self.rate):
            return inputs
        # Not in bfloat16, whose random numbers are too coarse for small rates.
        ones = ops.ones((ops.shape(inputs)[0], *(1 for _ in inputs.shape[1:])), "float32")
        factors = keras.random.dropout(ones, self.rate, seed=self.seed_generator)
        return inputs * ops.cast(factors, inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


register_traits(StochasticDepth, LayerTraits("passed", linear="identity", only_in_training=True))
