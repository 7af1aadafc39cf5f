"""What tells a transformer's tokens apart: numbers of each position, added to its token."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.traits import LayerTraits, register_traits
from sfp_keras.traits.registry import Operations

KINDS = ("learned", "sine")


@keras.saving.register_keras_serializable(package="sfp_keras")
class PositionEmbedding(keras.layers.Layer):
    """Adds to each token numbers of its position.

    Args:
        kind: `str`. `"learned"`: the weight `embedding` (T, D) is trained. `"sine"`: it is not;
            of position t, node i gets the sine, where i is odd the cosine, of
            `t / 10000 ** (2 (i // 2) / D)`. Defaults to `"learned"`.
        initializer: of what is learned. Defaults to normal numbers of deviation 0.2.
        **kwargs: the other arguments of `keras.layers.Layer`.

    Raises:
        InputError: if `kind` is another one or, when the layer is built, the inputs are no tokens
            of known number and width.

    Input and output shape: `(batch, T, D)`.
    """

    def __init__(self, kind: str = "learned", initializer: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise InputError(f"`kind` must be one of {', '.join(KINDS)}, received {kind!r}")
        self.kind = kind
        usual = keras.initializers.RandomNormal(0.0, 0.2)
        self.initializer = usual if initializer is None else keras.initializers.get(initializer)

    def build(self, input_shape: Any) -> None:
        """Make the weight."""
        if len(input_shape) != 3 or None in input_shape[1:]:
            raise InputError(
                "PositionEmbedding needs tokens (batch, tokens, width) of known number and width, "
                f"received shape {tuple(input_shape)}: give the network a fixed `image_size`"
            )
        learned = self.kind == "learned"
        self.embedding = self.add_weight(
            name="embedding",
            shape=tuple(input_shape[1:]),
            initializer=self.initializer if learned else _sines,
            trainable=learned,
        )
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the tokens with their positions' numbers added."""
        return inputs + self.embedding

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "kind": self.kind,
            "initializer": keras.initializers.serialize(self.initializer),
        }


def sine_positions(tokens: int, width: int) -> np.ndarray:
    """The numbers of positions that are not learnt (arXiv:1706.03762).

    Args:
        tokens: `int`. T.
        width: `int`. D.

    Returns:
        float32 (T, D).
    """
    node = np.arange(width)
    angles = np.arange(tokens)[:, None] / 10_000.0 ** (2 * (node // 2) / width)
    return np.where(node % 2, np.cos(angles), np.sin(angles)).astype(np.float32)


def _sines(shape: tuple[int, int], dtype: Any = None) -> Any:
    return ops.cast(sine_positions(*shape), dtype)


def _count(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    return 0.0, 0.0  # It only adds.


register_traits(PositionEmbedding, LayerTraits("passed", multiply_adds=_count))
