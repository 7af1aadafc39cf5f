"""Compact convolutional transformers (arXiv:2104.05704), as functional Keras models."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfp_keras.errors import InputError
from sfp_keras.models.initializers import normal, seed_of
from sfp_keras.models.options import Options
from sfp_keras.models.registry import Architecture, WeightFiles, register
from sfp_keras.models.weights.cct_files import cct_arguments, cct_module
from sfp_keras.settings.field import setting

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class _Layout:
    """One row of the table: encoders, their width, heads and ratio, and the tokeniser's layers."""

    encoders: int
    width: int
    heads: int
    ff_ratio: int
    kernel: int
    convolutions: int


_NETWORKS = {
    "cct2_3x2": _Layout(2, 128, 2, 1, kernel=3, convolutions=2),
    "cct4_3x2": _Layout(4, 128, 2, 1, kernel=3, convolutions=2),
    "cct6_3x1": _Layout(6, 256, 4, 2, kernel=3, convolutions=1),
    "cct7_3x1": _Layout(7, 256, 4, 2, kernel=3, convolutions=1),
    "cct7_7x2": _Layout(7, 256, 4, 2, kernel=7, convolutions=2),
    "cct14_7x2": _Layout(14, 384, 6, 3, kernel=7, convolutions=2),
}
# Filters of the first of two convolutions.
_FIRST_FILTERS = 64
_EPSILON = 1e-5
# Standard deviations of first weights. PyTorch's "truncated" normal numbers are cut at 2, which is
# many deviations: they are normal.
_LINEAR, _POSITIONS = 0.02, 0.2


@dataclass(frozen=True)
class CCTOptions(Options):
    """Options of compact convolutional transformers."""

    encoders: int | None = setting(
        None, "Encoders of a cct. Default: the number in its name.", low=1, high=100
    )
    attention_heads: int | None = setting(
        None,
        "Heads of each attention of a cct; each has `token_width` / `attention_heads` nodes. "
        "Default: 2, 4 or 6 by the network.",
        low=1,
    )
    token_width: int | None = setting(
        None,
        "Nodes of a token of a cct. Default: 128, 256 or 384 by the network.",
        low=1,
        high=65_536,
    )
    ff_width: int | None = setting(
        None,
        "Nodes inside the feed-forward part of a cct's encoders. Default: 1, 2 or 3 times "
        "`token_width` by the network.",
        low=1,
        high=65_536,
    )
    position_embedding: str | None = setting(
        None,
        "What a cct adds to its tokens: numbers of their positions that are learned, or sine, "
        "which are not. Default: as `weights`, or learned.",
        choices=("learned", "sine"),
    )
    front_convolutions: int = setting(
        0,
        "How many of a cct's first encoders are replaced by a convolution each: 3x3, batch norm, "
        "ReLU, as wide as tokens.",
        low=0,
    )
    attention_dropout: float = setting(
        0.1, "Rate at which a cct's single attention weights are dropped.", low=0, below=1
    )
    drop_path: float = setting(
        0.1,
        "Rate at which parts of a cct's last encoder are left out for an image; that of the first "
        "is 0, and it grows linearly.",
        low=0,
        below=1,
    )
    output_bias: bool = True


def _build(
    name: str,
    num_labels: int,
    options: CCTOptions,
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    seed: int = 0,
    dtype: Any = None,
) -> "keras.Model":
    """Build a network.

    Layers are the tokeniser's `token<j>_conv`, `_relu` and `_pool`; `conv<i>_conv`, `_norm` and
    `_relu` in the place of the first encoders; `tokens` and `position`; of encoder i
    `encoder<i>_norm1`, `_heads`, `_projection`, `_drop_path1`, `_add1`, `_norm2`, `_ff1`, `_ff2`,
    `_drop_path2`, `_add2`; and `norm`, `pooling` and `output`. The second norm of an encoder takes
    the place of the tokens, also of those that its feed-forward part is added to.
    """
    import keras

    from sfp_keras.layers import PositionEmbedding, SequencePooling

    layout, sizes = _NETWORKS[name], _sizes(name, options)
    policy = keras.dtype_policies.get(keras.config.dtype_policy() if dtype is None else dtype)
    mixed = policy.compute_dtype != policy.variable_dtype
    make = _Layers(seed, policy)

    image = keras.Input(tuple(input_shape), name="image")
    x = image
    for number in range(1, layout.convolutions + 1):
        filters = sizes.width if number == layout.convolutions else _FIRST_FILTERS
        x = make.tokeniser(x, f"token{number}", filters, layout.kernel)
    for number in range(1, options.front_convolutions + 1):
        x = make.convolution(x, f"conv{number}", sizes.width)
    tokens = math.prod(x.shape[1:-1])
    x = keras.layers.Reshape((tokens, sizes.width), dtype=policy, name="tokens")(x)
    x = PositionEmbedding(
        options.position_embedding or "learned",
        normal(seed, "position", _POSITIONS),
        dtype=policy,
        name="position",
    )(x)
    for number in _encoders(name, options):
        share = (number - 1) / max(1, sizes.encoders - 1)
        x = make.encoder(x, f"encoder{number}", sizes, options, options.drop_path * share)
    x = make.norm(x, "norm")
    x = SequencePooling(normal(seed, "pooling", _LINEAR), dtype=policy, name="pooling")(x)
    x = keras.layers.Dense(
        num_labels,
        use_bias=options.output_bias,
        kernel_initializer=normal(seed, "output", _LINEAR),
        dtype=policy.variable_dtype if mixed else policy,
        name="output",
    )(x)
    return keras.Model(image, x, name=name)


@dataclass(frozen=True)
class _Sizes:
    encoders: int
    width: int
    heads: int
    ff_width: int


def _sizes(name: str, options: CCTOptions) -> _Sizes:
    layout = _NETWORKS[name]
    width = options.token_width or layout.width
    heads = options.attention_heads or layout.heads
    encoders = options.encoders or layout.encoders
    if width % heads:
        raise InputError(
            f"`attention_heads`={heads} does not divide the {width} nodes of a token of {name}: "
            "choose another number, or another `token_width`"
        )
    if options.front_convolutions >= encoders:
        raise InputError(
            f"`front_convolutions`={options.front_convolutions} leaves none of the {encoders} "
            f"encoders of {name}: choose at most {encoders - 1}"
        )
    return _Sizes(encoders, width, heads, options.ff_width or layout.ff_ratio * width)


def _encoders(name: str, options: CCTOptions) -> range:
    """The numbers of the encoders that are there."""
    return range(options.front_convolutions + 1, _sizes(name, options).encoders + 1)


class _Layers:
    """Makes the network's layers with what all of them share."""

    def __init__(self, seed: int, policy: Any):
        import keras

        self.layers: Any = keras.layers
        self.seed, self.policy = seed, policy

    def tokeniser(self, x: Any, name: str, filters: int, kernel: int) -> Any:
        """A convolution without bias, ReLU and a maximum of 3x3; padded alike on all sides."""
        layers, policy, shared = self.layers, self.policy, {"data_format": "channels_last"}
        stride = max(1, kernel // 2 - 1)
        # With a stride, Keras' own padding is not the same on both sides.
        if stride > 1:
            x = layers.ZeroPadding2D(kernel // 2, **shared, dtype=policy, name=f"{name}_pad")(x)
        x = layers.Conv2D(
            filters,
            kernel,
            stride,
            padding="same" if stride == 1 else "valid",
            use_bias=False,
            kernel_initializer=self._he(f"{name}_conv", kernel**2 * x.shape[-1]),
            **shared,
            dtype=policy,
            name=f"{name}_conv",
        )(x)
        x = layers.ReLU(dtype=policy, name=f"{name}_relu")(x)
        # Behind ReLU no number is below the padding's zeros.
        x = layers.ZeroPadding2D(1, **shared, dtype=policy, name=f"{name}_pool_pad")(x)
        return layers.MaxPooling2D(3, 2, **shared, dtype=policy, name=f"{name}_pool")(x)

    def convolution(self, x: Any, name: str, filters: int) -> Any:
        """What may stand in the place of an encoder."""
        x = self.layers.Conv2D(
            filters,
            3,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=self._he(f"{name}_conv", 9 * x.shape[-1]),
            dtype=self.policy,
            name=f"{name}_conv",
        )(x)
        x = self.layers.BatchNormalization(
            momentum=0.9, epsilon=_EPSILON, dtype=self.policy, name=f"{name}_norm"
        )(x)
        return self.layers.ReLU(dtype=self.policy, name=f"{name}_relu")(x)

    def encoder(self, x: Any, name: str, sizes: _Sizes, options: CCTOptions, drop: float) -> Any:
        """Attention and the feed-forward part, each added to the tokens."""
        from sfp_keras.layers import AttentionHeads

        tokens = x
        x = self.norm(x, f"{name}_norm1")
        x = AttentionHeads(
            sizes.heads,
            dropout=options.attention_dropout,
            seed=seed_of(self.seed, f"{name}_heads"),
            kernel_initializer=normal(self.seed, f"{name}_heads", _LINEAR),
            dtype=self.policy,
            name=f"{name}_heads",
        )(x)
        x = self._linear(x, f"{name}_projection", sizes.width)
        x = self._added(tokens, x, name, 1, drop)
        tokens = x = self.norm(x, f"{name}_norm2")
        x = self._linear(x, f"{name}_ff1", sizes.ff_width, "gelu")
        x = self._linear(x, f"{name}_ff2", sizes.width)
        return self._added(tokens, x, name, 2, drop)

    def norm(self, x: Any, name: str) -> Any:
        """A layer norm."""
        return self.layers.LayerNormalization(epsilon=_EPSILON, dtype=self.policy, name=name)(x)

    def _linear(self, x: Any, name: str, units: int, activation: str | None = None) -> Any:
        return self.layers.Dense(
            units,
            activation,
            kernel_initializer=normal(self.seed, name, _LINEAR),
            dtype=self.policy,
            name=name,
        )(x)

    def _added(self, tokens: Any, branch: Any, name: str, part: int, drop: float) -> Any:
        from sfp_keras.layers import StochasticDepth

        if drop:
            layer = f"{name}_drop_path{part}"
            seed = seed_of(self.seed, layer)
            branch = StochasticDepth(drop, seed, dtype=self.policy, name=layer)(branch)
        return self.layers.Add(dtype=self.policy, name=f"{name}_add{part}")([tokens, branch])

    def _he(self, layer: str, fan_in: int) -> "keras.Initializer":
        return normal(self.seed, layer, math.sqrt(2 / fan_in))


def _architecture(name: str) -> Architecture:
    def build(num_labels: int, options: CCTOptions, **how: Any) -> "keras.Model":
        return _build(name, num_labels, options, **how)

    def stages(options: CCTOptions) -> tuple[str, ...]:
        return tuple(
            f"encoder{number}_{part}"
            for number in _encoders(name, options)
            for part in ("heads", "ff2")
        )

    return Architecture(
        name,
        build,
        CCTOptions,
        stages=stages,
        pool="sequence",
        scaling="dataset",
        groups={"conv": r"(^|/)(token|conv)\d+_", "fc": r"(^|/)output/"},
        defining=(
            *("encoders", "attention_heads", "token_width", "ff_width", "position_embedding"),
            *("front_convolutions", "filters"),
        ),
        files=WeightFiles(cct_arguments, ("attention_heads",), module_of=cct_module),
    )


for _name in _NETWORKS:
    register(_architecture(_name))
