"""EfficientNet-B0 with Tan and Le's stage numbers, as a functional Keras model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfp_keras.errors import InputError
from sfp_keras.files import of_applications
from sfp_keras.models.initializers import normal_fan_out, seed_of, uniform_fan_in
from sfp_keras.models.options import Layer, Options
from sfp_keras.models.registry import Architecture, WeightFiles, register
from sfp_keras.models.weights.pytorch_file import read_modules
from sfp_keras.settings.field import setting

if TYPE_CHECKING:
    import keras


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

# Mean and deviation of each channel of ImageNet, for images in 0..1.
_IMAGENET = "0.485,0.456,0.406/0.229,0.224,0.225"
_ENLARGED = 224
# Batch norm's epsilon and momentum in Keras' sense: torchvision's, and keras.applications'.
_BATCH_NORM = {"symmetric": (1e-5, 0.9), "same": (1e-3, 0.99)}


@dataclass(frozen=True)
class EfficientNetOptions(Options):
    """Options of EfficientNet-B0: arguments of `build_efficientnet`, and what comes before it."""

    padding: str | None = setting(
        None,
        "How efficientnetb0 pads before convolutions of stride 2: symmetric as PyTorch, with batch "
        "norm epsilon 1e-5, or same as keras.applications, with 1e-3. Default: same for weights of "
        "keras.applications, else symmetric; a .keras or .weights.h5 file does not say which.",
        choices=("symmetric", "same"),
    )
    blocks: Mapping[Layer, int] | None = setting(
        None,
        "Blocks of stages of efficientnetb0 that differ, as <stage>:<blocks>: 3:1,4:1 and 5:2 are "
        "the paper's simplified networks.",
    )
    stage9: bool = setting(True, "Whether efficientnetb0 has its stage 9.")
    drop_connect: float = setting(
        0.2, "Rate at which efficientnetb0's last blocks are left out.", low=0, below=1
    )
    dropout: float = setting(0.2, "Dropout before efficientnetb0's output layer.", low=0, below=1)
    enlarge: int | None = setting(
        None,
        "Size to which efficientnetb0 enlarges images itself, on the device (bicubic); 0 for "
        "images as they are. Default: 224 for smaller images.",
        low=0,
        high=4096,
    )
    output_bias: bool | None = None


def build_efficientnet(
    num_labels: int | None,
    *,
    input_shape: Sequence[int] = (224, 224, 3),
    front: "Sequence[keras.layers.Layer]" = (),
    padding: str = "symmetric",
    batch_norm_epsilon: float | None = None,
    batch_norm_momentum: float | None = None,
    blocks: Mapping[Layer, int] | None = None,
    stage9: bool = True,
    drop_connect: float = 0.2,
    dropout: float = 0.2,
    output_bias: bool = False,
    seed: int = 0,
    dtype: Any = None,
) -> "keras.Model":
    """Build EfficientNet-B0.

    Stages are numbered as by Tan and Le: 1 is the stem, 2 to 8 are the inverted bottlenecks, 9 is
    the last 1x1 convolution. A stage's layers are called `stage<s>_...` and in blocks
    `stage<s>_block<b>_...`; the last of them is what the papers probe as `stage<s>`. Then come
    `top_pool`, `top_dropout` and `output`, which yields logits.

    Example:

    ```
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
        output_bias: `bool`. Whether outputs have biases, unlike the papers'. Defaults to `False`.
        seed: `int`. The initial weights are a function of it and the Keras backend. Defaults to 0.
        dtype: a Keras dtype policy such as `"mixed_bfloat16"`. In a mixed policy the output
            layer computes in float32. Defaults to Keras' global policy.

    Returns:
        A functional `keras.Model` called `efficientnetb0`.

    Raises:
        InputError: if an argument does not fit; the message names it.
    """
    import keras

    counts = _block_counts(blocks)
    if padding not in _BATCH_NORM:
        raise InputError(f"`padding` is symmetric or same, not {padding!r}")
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
    x = keras.layers.GlobalAveragePooling2D("channels_last", dtype=policy, name="top_pool")(x)
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
        import keras

        self.layers: Any = keras.layers
        self.padding, self.epsilon, self.momentum = padding, epsilon, momentum
        self.seed, self.policy = seed, policy
        self.shared = {"data_format": "channels_last", "dtype": policy}

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
            x = self.layers.ZeroPadding2D(kernel // 2, **self.shared, name=f"{name}_pad")(x)
            padding = "valid"
        layer = f"{name}_{kind}"
        common = {
            "strides": stride,
            "padding": padding,
            "use_bias": False,
            **self.shared,
            "name": layer,
        }
        # PyTorch counts all channels as outputs of a depthwise convolution.
        initializer = normal_fan_out(self.seed, layer, kernel * kernel * width)
        if depthwise:
            x = self.layers.DepthwiseConv2D(kernel, depthwise_initializer=initializer, **common)(x)
        else:
            x = self.layers.Conv2D(width, kernel, kernel_initializer=initializer, **common)(x)
        return self.layers.BatchNormalization(
            momentum=self.momentum,
            epsilon=self.epsilon,
            dtype=self.policy,
            name=f"{layer}_norm",
        )(x)

    def activation(self, x: Any, name: str) -> Any:
        """SiLU."""
        return self.layers.Activation("silu", dtype=self.policy, name=f"{name}_silu")(x)

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
            x = self.layers.Dropout(
                drop,
                noise_shape=(None, 1, 1, 1),
                seed=seed_of(self.seed, name),
                dtype=self.policy,
                name=f"{name}_drop",
            )(x)
        return self.layers.Add(dtype=self.policy, name=f"{name}_add")([shortcut, x])

    def _excite(self, x: Any, name: str, reduced: int) -> Any:
        """Squeeze and excitation: each channel times a number that depends on all their means."""
        channels = x.shape[-1]
        means = self.layers.GlobalAveragePooling2D(
            keepdims=True, **self.shared, name=f"{name}_means"
        )(x)
        for part, width, activation in (
            ("reduce", reduced, "silu"),
            ("expand", channels, "sigmoid"),
        ):
            layer = f"{name}_{part}"
            means = self.layers.Conv2D(
                width,
                1,
                activation=activation,
                kernel_initializer=normal_fan_out(self.seed, layer, width),
                **self.shared,
                name=layer,
            )(means)
        return self.layers.Multiply(dtype=self.policy, name=f"{name}_scale")([x, means])


def _block_counts(changed: Mapping[Layer, int] | None) -> dict[Layer, int]:
    counts: dict[Layer, int] = {stage: row.blocks for stage, row in _STAGES.items()}
    for stage, blocks in (changed or {}).items():
        if stage not in counts:
            raise InputError(f"`blocks` names stage {stage}, but only stages 2 to 8 have blocks")
        if not isinstance(blocks, int) or not 1 <= blocks <= 100:
            raise InputError(f"`blocks` of stage {stage} must be 1 to 100, not {blocks!r}")
        counts[stage] = blocks
    return counts


def _check_image(shape: Sequence[int | None]) -> None:
    if len(shape) != 3 or any(size is not None and size < _SHRINK for size in shape[:2]):
        raise InputError(
            f"efficientnetb0 makes images {_SHRINK} times smaller, so it needs (height, width, "
            f"channels) with at least {_SHRINK}x{_SHRINK} pixels, not {tuple(shape)}: enlarge the "
            "images by `enlarge` or `image_size`"
        )


def efficientnet_arguments_of(path: str | Path) -> dict[str, Any]:
    """Read from a safetensors file which arguments `build_efficientnet` needs for it.

    Args:
        path: `str` or `Path`. A file of an EfficientNet-B0 with torchvision's names.

    Returns:
        The arguments `num_labels` (`None` where the file has no output layer), `output_bias`,
        `blocks` and `stage9`.

    Raises:
        InputError: if the file cannot be read or is of another network.
    """
    modules = read_modules(Path(path))
    blocks: dict[int, int] = {}
    for module in modules["convolution"]:
        match = re.match(r"features\.(\d+)\.(\d+)\.", module.name)
        if match:
            stage, block = int(match[1]) + 1, int(match[2]) + 1
            blocks[stage] = max(block, blocks.get(stage, 0))
    if not blocks:
        raise InputError(
            f"{path} has no tensors features.<stage>.<block>. ..., so it is no torchvision "
            "EfficientNet's file"
        )
    linear = modules["linear"][-1:]
    return {
        "num_labels": linear[0].shapes["weight"][0] if linear else None,
        "output_bias": bool(linear) and "bias" in linear[0].shapes,
        "blocks": {stage: count for stage, count in blocks.items() if 2 <= stage <= 8},
        "stage9": any(m.name.startswith("features.8.") for m in modules["convolution"]),
    }


def _arguments_of(source: str, trained: bool) -> dict[str, Any]:
    if of_applications(source):
        return {"padding": "same"} | ({"num_labels": 1000, "output_bias": True} if trained else {})
    whole = trained and source.endswith(".safetensors")
    return {"padding": "symmetric", **(efficientnet_arguments_of(source) if whole else {})}


def _layers_of(module: str) -> str | None:
    """The prefix of the layers that torchvision's `features.<stage>.<block>` is here."""
    match = re.match(r"features\.(\d+)\.(\d+)(\.|$)", module)
    if match is None:
        return None
    stage = int(match[1]) + 1
    return f"stage{stage}_" + (f"block{int(match[2]) + 1}_" if stage in _STAGES else "")


def _stages(options: EfficientNetOptions) -> tuple[str, ...]:
    return tuple(f"stage{number}" for number in (1, 3, 4, 5, 7, 9 if options.stage9 else 8))


def _enlarged(options: EfficientNetOptions, image_shape: Sequence[int]) -> int | None:
    if options.enlarge is not None:
        return options.enlarge or None
    return _ENLARGED if max(image_shape[:2]) < _ENLARGED else None


def _build(
    num_labels: int,
    options: EfficientNetOptions,
    *,
    input_shape: Sequence[int] = (_ENLARGED, _ENLARGED, 3),
    scaling: "keras.layers.Layer | None" = None,
    geometry: "keras.layers.Layer | None" = None,
    **how: Any,
) -> "keras.Model":
    from sfp_keras.models.enlarging import Enlarge

    size = _enlarged(options, input_shape)
    enlarging = Enlarge(size, dtype="float32", name="enlarge") if size else None
    others = ("enlarge", "filters")
    arguments = {name: value for name, value in options.given().items() if name not in others}
    front = [layer for layer in (scaling, enlarging, geometry) if layer is not None]
    return build_efficientnet(num_labels, input_shape=input_shape, front=front, **arguments, **how)


register(
    Architecture(
        "efficientnetb0",
        _build,
        EfficientNetOptions,
        stages=_stages,
        pool="avg:7",
        scaling="dataset",
        groups={"conv": r"(^|/)stage\d+_", "fc": r"(^|/)output/"},
        augmentation="geometry",
        enlarged=_enlarged,
        defining=("padding", "blocks", "stage9", "filters"),
        files=WeightFiles(_arguments_of, ("padding",), _IMAGENET, _layers_of),
    )
)
