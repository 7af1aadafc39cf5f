"""Initial weights, a function of the seed and the layer's name alone."""

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

# Standard deviation of a layer's first weights, of its number of inputs, by its activation: the
# code of arXiv:2211.11378 has He's for ReLU and 1 for the sigmoid; LeCun's for tanh is ours.
DEVIATIONS: Mapping[str, Callable[[int], float]] = {
    "relu": lambda inputs: math.sqrt(2 / inputs),
    "sigmoid": lambda inputs: 1.0,
    "tanh": lambda inputs: math.sqrt(1 / inputs),
}


def uniform_fan_in(seed: int, layer: str, fan_in: int) -> "dict[str, keras.Initializer]":
    """PyTorch's default initialisers: kernel and bias are uniform in +-1/sqrt(fan_in).

    Args:
        seed: `int`.
        layer: `str`. Name of the layer; others' widths do not matter.
        fan_in: `int`. Inputs of one output unit.

    Returns:
        The arguments `kernel_initializer` and `bias_initializer` of a Keras layer.
    """
    import keras

    limit = 1 / math.sqrt(fan_in)
    return {
        "kernel_initializer": keras.initializers.VarianceScaling(
            1 / 3, "fan_in", "uniform", seed=seed_of(seed, layer, "kernel")
        ),
        "bias_initializer": keras.initializers.RandomUniform(
            -limit, limit, seed=seed_of(seed, layer, "bias")
        ),
    }


def normal_fan_out(seed: int, layer: str, fan_out: int) -> "keras.Initializer":
    """Normal numbers of variance 2/fan_out, as torchvision initialises convolutions."""
    return normal(seed, layer, math.sqrt(2 / fan_out))


def normal(seed: int, layer: str, deviation: float) -> "keras.Initializer":
    """Normal numbers of a standard deviation, for a layer's kernel."""
    import keras

    return keras.initializers.RandomNormal(0.0, deviation, seed=seed_of(seed, layer, "kernel"))


def seed_of(*parts: object) -> int:
    """A seed that differs with each of its parts, and is the same in every process."""
    # Python's hash() differs from process to process; 31 bits fit every backend's seeds.
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
