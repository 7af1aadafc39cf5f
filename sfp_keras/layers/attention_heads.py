"""Self-attention up to the outputs of its heads, which the projection behind it sums over."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sfp_keras.errors import InputError, as_whole
from sfp_keras.layers.token_weights import token_weights
from sfp_keras.traits import LayerTraits, register_traits
from sfp_keras.traits.counting import used_at
from sfp_keras.traits.registry import Operations


@keras.saving.register_keras_serializable(package="sfp_keras")
class AttentionHeads(keras.layers.Layer):
    """The outputs of all heads of a self-attention, one head behind another.

    Of tokens `x` (T, D) head h makes

        softmax(Q K' / sqrt(S)) V  with  Q, K, V = x Wq, x Wk, x Wv  of S columns each,

    and its nodes are `h * S` to `h * S + S - 1` of the output. A `keras.layers.Dense` behind this
    layer is the attention's projection. `keras.layers.MultiHeadAttention` has both in one, does
    not give the heads' outputs, and has biases for all of its kernels or for none.

    There is one weight, `qkv` (D, 3 H S): the columns of all heads' queries, then keys, then
    values, head after head in each, as the one matrix of PyTorch's usual code transposed. Scores
    and softmax are float32 or better under any dtype policy. Dropout draws from a state of the
    layer that is among `model.variables`.

    Example:

    ```
    x = AttentionHeads(4, dropout=0.1)(tokens)  # (n, T, 256): 4 heads of 64
    x = keras.layers.Dense(256)(x)
    ```

    Args:
        num_heads: `int`. H.
        head_size: `int`. S. Defaults to `None`: D / H.
        use_bias: `bool`. Whether queries, keys and values have biases. Defaults to `False`.
        dropout: `float` in [0, 1). Rate at which single weights of the attention are dropped in
            training. Defaults to 0.
        seed: `int` or `None`, of the dropout. Defaults to `None`.
        kernel_initializer: of `qkv`. Defaults to `"glorot_uniform"`.
        **kwargs: the other arguments of `keras.layers.Layer`.

    Raises:
        InputError: if an argument is out of its range or, when the layer is built, the inputs are
            no tokens or D is no multiple of `num_heads`.

    Input shape: `(batch, T, D)`. Output shape: `(batch, T, H * S)`.
    """

    def __init__(
        self,
        num_heads: int,
        head_size: int | None = None,
        use_bias: bool = False,
        dropout: float = 0.0,
        seed: int | None = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not 0 <= dropout < 1:
            raise InputError(f"`dropout` must be at least 0 and below 1, received {dropout!r}")
        self.num_heads = as_whole("num_heads", num_heads, 1)
        self.head_size: Any = None if head_size is None else as_whole("head_size", head_size, 1)
        self.use_bias = bool(use_bias)
        self.dropout = float(dropout)
        self.seed = seed
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        if self.dropout:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.bias = None

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise InputError(
                "AttentionHeads needs tokens (batch, tokens, width) of known width, received "
                f"shape {tuple(input_shape)}"
            )
        width = input_shape[-1]
        if self.head_size is None and width % self.num_heads:
            raise InputError(
                f"`num_heads`={self.num_heads} does not divide the {width} nodes of a token: give "
                "`head_size`, or another number"
            )
        self.head_size = self.head_size or width // self.num_heads
        columns = 3 * self.num_heads * self.head_size
        self.qkv = self.add_weight(
            name="qkv", shape=(width, columns), initializer=self.kernel_initializer
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(columns,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the heads' outputs."""
        queries, keys, values = self._heads_of(inputs)
        queries = queries * (1 / math.sqrt(self.head_size))
        scores = ops.matmul(queries, ops.swapaxes(keys, -1, -2))
        weights = token_weights(scores)
        if training and self.dropout:
            # Not in bfloat16, whose random numbers are too coarse for small rates.
            weights = keras.random.dropout(weights, self.dropout, seed=self.seed_generator)
        weights = ops.cast(weights, self.compute_dtype)
        outputs = ops.swapaxes(ops.matmul(weights, values), 1, 2)
        return ops.reshape(outputs, (-1, ops.shape(inputs)[1], self.num_heads * self.head_size))

    def _heads_of(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Queries, keys and values, each (batch, heads, tokens, head size)."""
        columns = ops.matmul(inputs, self.qkv)
        if self.bias is not None:
            columns = columns + self.bias
        # Queries' heads, then keys', then values'.
        shape = (-1, ops.shape(inputs)[1], 3 * self.num_heads, self.head_size)
        heads = ops.swapaxes(ops.reshape(columns, shape), 1, 2)
        first, second = self.num_heads, 2 * self.num_heads
        return heads[:, :first], heads[:, first:second], heads[:, second:]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As many tokens as in the input, of all heads' nodes."""
        size = self.head_size or input_shape[-1] // self.num_heads
        return (*input_shape[:-1], self.num_heads * size)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; `head_size` is a number once the layer is built."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_size": self.head_size,
            "use_bias": self.use_bias,
            "dropout": self.dropout,
            "seed": self.seed,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def _count(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    tokens = inputs[1]
    every, nonzero = used_at(tokens, layer.qkv)
    # Queries times keys, and weights times values: of each two tokens, all heads' nodes.
    products = 2.0 * tokens * tokens * outputs[-1]
    return every + products, nonzero + products


register_traits(
    AttentionHeads,
    LayerTraits(
        "made",
        only_in_training=True,
        multiply_adds=_count,
        heads=lambda layer: layer.num_heads,
    ),
)
