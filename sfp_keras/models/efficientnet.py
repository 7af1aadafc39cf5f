"""EfficientNet-B0 with Tan and Le's stage numbers, as a functional Keras model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from sfp_keras.errors import InputError
from sfp_keras.models.initializers import normal_fan_out, seed_of, uniform_fan_in


@dataclass(frozen=True)
class _MBConv:
    """One row of the table: the inverted bottlenecks of a stage."""

    expansion: int
    kernel: int
    stride: int
    width: int
    blocks: int


# Tan and Le, "EfficientNet: Rethinking model scaling", Table 1.
_STEM_WIDTH = 32
_STAGES = {
    2: _MBConv(expansion=1, kernel=3, stride=1, width=16, blocks=1),
    3: _MBConv(expansion=6, kernel=3, stride=2, width=24, blocks=2),
    4: _MBConv(expansion=6, kernel=5, stride=2, width=40, blocks=2),
    5: _MBConv(expansion=6, kernel=3, stride=2, width=80, blocks=3),
    6: _MBConv(expansion=6, kernel=5, stride=1, width=112, blocks=3),
    7: _MBConv(expansion=6, kernel=5, stride=2, width=192, blocks=4),
    8: _MBConv(expansion=6, kernel=3, stride=1, width=320, blocks=1),
}
_TOP_WIDTH = 1280
_SHRINK = 32

EFFICIENTNET_NAMES = ("efficientnetb0",)
# Batch norm's epsilon and momentum in Keras' sense: torchvision's, and keras.applications'.
_BATCH_NORM = {"symmetric": (1e-5, 0.9), "same": (1e-3, 0.99)}


def build_efficientnet(
    num_labels: int | None,
    *,
    input_shape: Sequence[int] = (224, 224, 3),
    front: Sequence[keras.layers.Layer] = (),
    padding: str = "symmetric",
    batch_norm_epsilon: float | None = None,
    batch_norm_momentum: float | None = None,
    blocks: Mapping[int, int] | None = None,
    stage9: bool = True,
    drop_connect: float = 0.2,
    dropout: float = 0.2,
    output_bias: bool = False,
    seed: int = 0,
    dtype: Any = None,
) -> keras.Model:
    """Build EfficientNet-B0.

    Stages are numbered as by Tan and Le: 1 is the stem, 2 to 8 are the inverted bottlenecks, 9 is
    the last 1x1 convolution. A stage's layers are called `stage<s>_...` and in blocks
    `stage<s>_block<b>_...`; the last of them is what the papers probe as `stage<s>`. Then come
    `top_pool`, `top_dropout` and `output`, which yields logits.

    Example:

    ```
    model = build_efficientnet(100)
    model = build_efficientnet(100, blocks={3: 1, 4: 1})  # paper 2's simplified variant
    model = build_efficientnet(100, stage9=False)
    ```

    Args:
        num_labels: `int`. Output units K; `None` for a network that ends at `top_pool`.
        input_shape: `(height, width, channels)` of one image. Defaults to `(224, 224, 3)`.
        front: layers that an image passes before the network, such as a `keras.layers.Rescaling`
            and an `Enlarge`. Defaults to none.
        padding: `str`. `"symmetric"` as PyTorch pads, or `"same"` as `keras.applications` does;
            they differ where a convolution has stride 2. Weights fit the padding they were
            trained with.
        batch_norm_epsilon: `float`. Defaults to 1e-5 for `"symmetric"` and 1e-3 for `"same"`.
        batch_norm_momentum: `float`. In Keras' sense. Defaults to 0.9 and 0.99.
        blocks: mapping from a stage (2 to 8) to its number of blocks where it differs. Defaults
            to none: 1, 2, 2, 3, 3, 4, 1 blocks.
        stage9: `bool`. Whether the network has its stage 9. Defaults to `True`.
        drop_connect: `float`. Rate at which residual blocks are left out of training, growing
            linearly with depth up to this. Defaults to 0.2.
        dropout: `float`. Before the output. Defaults to 0.2.
        output_bias: `bool`. Whether the output units have biases; the papers' have none.
            Defaults to `False`.
        seed: `int`. The initial weights are a function of it (and of the Keras backend) alone.
            Defaults to 0.
        dtype: a Keras dtype policy such as `"mixed_bfloat16"`. In a mixed policy the output
            layer computes in float32. Defaults to Keras' global policy.

    Returns:
        A functional `keras.Model` called `efficientnetb0`.

    Raises:
        InputError: if an argument does not fit; the message names it.
    """
    counts = _block_counts(blocks)
    if padding not in _BATCH_NORM:
        raise InputError(f"padding (--padding) is symmetric or same, not {padding!r}")
    epsilon, momentum = _BATCH_NORM[padding]
    policy = keras.dtype_policies.get(keras.config.dtype_policy() if dtype is None else dtype)
    mixed = policy.compute_dtype != policy.variable_dtype
    layers = _Layers(
        padding,
        epsilon if batch_norm_epsilon is None else batch_norm_epsilon,
        momentum if batch_norm_momentum is None else batch_norm_momentum,
        seed,
        policy,
    )

    inputs = keras.Input(tuple(input_shape), name="image")
    x = inputs
    for layer in front:
        x = layer(x)
    _check_image(x.shape[1:])
    x = layers.convolution(x, "stage1", "conv", _STEM_WIDTH, 3, stride=2)
    x = layers.activation(x, "stage1")
    number, total = 0, sum(counts.values())
    for stage, row in _STAGES.items():
        for block in range(1, counts[stage] + 1):
            stride = row.stride if block == 1 else 1
            x = layers.mbconv(
                x, f"stage{stage}_block{block}", row, stride, drop_connect * number / total
            )
            number += 1
    if stage9:
        x = layers.convolution(x, "stage9", "conv", _TOP_WIDTH, 1)
        x = layers.activation(x, "stage9")
    x = keras.layers.GlobalAveragePooling2D(dtype=policy, name="top_pool")(x)
    if num_labels is not None:
        x = keras.layers.Dropout(
            dropout, seed=seed_of(seed, "top"), dtype=policy, name="top_dropout"
        )(x)
        x = keras.layers.Dense(
            num_labels,
            use_bias=output_bias,
            **uniform_fan_in(seed, "output", x.shape[-1]),
            dtype=policy.variable_dtype if mixed else policy,
            name="output",
        )(x)
    return keras.Model(inputs, x, name="efficientnetb0")


class _Layers:
    """Makes the network's layers with what all of them share."""

    def __init__(self, padding: str, epsilon: float, momentum: float, seed: int, policy: Any):
        self.padding, self.epsilon, self.momentum = padding, epsilon, momentum
        self.seed, self.policy = seed, policy

    def convolution(
        self,
        x: Any,
        name: str,
        kind: str,
        width: int,
        kernel: int,
        stride: int = 1,
        depthwise: bool = False,
    ) -> Any:
        """A convolution without bias, and its batch norm."""
        padding = "same"
        if stride > 1 and self.padding == "symmetric":
            x = keras.layers.ZeroPadding2D(kernel // 2, dtype=self.policy, name=f"{name}_pad")(x)
            padding = "valid"
        layer = f"{name}_{kind}"
        common = {
            "strides": stride,
            "padding": padding,
            "data_format": "channels_last",
            "use_bias": False,
            "dtype": self.policy,
            "name": layer,
        }
        # PyTorch counts all channels as outputs of a depthwise convolution.
        initializer = normal_fan_out(self.seed, layer, kernel * kernel * width)
        if depthwise:
            x = keras.layers.DepthwiseConv2D(kernel, depthwise_initializer=initializer, **common)(x)
        else:
            x = keras.layers.Conv2D(width, kernel, kernel_initializer=initializer, **common)(x)
        return keras.layers.BatchNormalization(
            momentum=self.momentum,
            epsilon=self.epsilon,
            dtype=self.policy,
            name=f"{layer}_norm",
        )(x)

    def activation(self, x: Any, name: str) -> Any:
        """SiLU."""
        return keras.layers.Activation("silu", dtype=self.policy, name=f"{name}_silu")(x)

    def mbconv(self, x: Any, name: str, row: _MBConv, stride: int, drop: float) -> Any:
        """An inverted bottleneck: expand, convolve by channel, excite, project."""
        shortcut, width = x, x.shape[-1]
        inner = width * row.expansion
        if row.expansion > 1:
            x = self.convolution(x, name, "expand", inner, 1)
            x = self.activation(x, f"{name}_expand")
        x = self.convolution(x, name, "depthwise", inner, row.kernel, stride, depthwise=True)
        x = self.activation(x, f"{name}_depthwise")
        x = self._excite(x, f"{name}_excite", max(1, width // 4))
        x = self.convolution(x, name, "project", row.width, 1)
        if stride > 1 or row.width != width:
            return x
        if drop > 0:
            x = keras.layers.Dropout(
                drop,
                noise_shape=(None, 1, 1, 1),
                seed=seed_of(self.seed, name),
                dtype=self.policy,
                name=f"{name}_drop",
            )(x)
        return keras.layers.Add(dtype=self.policy, name=f"{name}_add")([shortcut, x])

    def _excite(self, x: Any, name: str, reduced: int) -> Any:
        """Squeeze and excitation: each channel times a number that depends on all their means."""
        channels = x.shape[-1]
        means = keras.layers.GlobalAveragePooling2D(
            keepdims=True, dtype=self.policy, name=f"{name}_means"
        )(x)
        for part, width, activation in (
            ("reduce", reduced, "silu"),
            ("expand", channels, "sigmoid"),
        ):
            layer = f"{name}_{part}"
            means = keras.layers.Conv2D(
                width,
                1,
                activation=activation,
                data_format="channels_last",
                kernel_initializer=normal_fan_out(self.seed, layer, width),
                dtype=self.policy,
                name=layer,
            )(means)
        return keras.layers.Multiply(dtype=self.policy, name=f"{name}_scale")([x, means])


def _block_counts(changed: Mapping[int, int] | None) -> dict[int, int]:
    counts = {stage: row.blocks for stage, row in _STAGES.items()}
    for stage, blocks in (changed or {}).items():
        if stage not in counts:
            raise InputError(
                f"blocks (--blocks) names stage {stage}, but only stages 2 to 8 have blocks"
            )
        if not isinstance(blocks, int) or not 1 <= blocks <= 100:
            raise InputError(f"blocks (--blocks) of stage {stage} must be 1 to 100, not {blocks!r}")
        counts[stage] = blocks
    return counts


def _check_image(shape: Sequence[int | None]) -> None:
    if len(shape) != 3 or any(size is not None and size < _SHRINK for size in shape[:2]):
        raise InputError(
            f"efficientnetb0 makes images {_SHRINK} times smaller, so it needs (height, width, "
            f"channels) with at least {_SHRINK}x{_SHRINK} pixels, not {tuple(shape)}: enlarge the "
            "images with --enlarge or --image_size"
        )
