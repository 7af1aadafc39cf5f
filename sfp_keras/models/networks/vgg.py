"""The papers' VGG networks for small images, as functional Keras models."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfp_keras.errors import InputError, as_whole
from sfp_keras.models.initializers import uniform_fan_in
from sfp_keras.models.options import Layer, ScaledHeadOptions, in_proportion
from sfp_keras.models.registry import Architecture, WeightFiles, register
from sfp_keras.models.weights.pytorch_file import read_modules
from sfp_keras.settings.field import setting

if TYPE_CHECKING:
    import keras


_Pool = tuple[int, str, int]


@dataclass(frozen=True)
class _Layout:
    """One row of the table: filters of each 3x3 convolution, what pools after which, FC widths.

    A pooling is the number of the convolution before it, its kind and the size of its windows.
    """

    filters: tuple[int, ...]
    pools: tuple[_Pool, ...]
    fc_widths: tuple[int, ...]
    stages: tuple[int, ...]


_SIXTEEN = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
_TEN = _SIXTEEN[:10]
_EIGHT = (64, 128, 256, 256, 512, 512, 512, 512)
_SIX = (64, 128, 256, 512, 512)


def _max_after(*layers: int) -> tuple[_Pool, ...]:
    return tuple((layer, "max", 2) for layer in layers)


def _advanced(filters: tuple[int, ...], fc_widths: tuple[int, ...]) -> _Layout:
    """An A-VGG: two poolings, behind the last layer of 256 filters and behind the last of all."""
    first = filters.index(512)
    last = len(filters)
    return _Layout(filters, ((first, "avg", 4), (last, "max", 2)), fc_widths, (last,))


_NETWORKS = {
    "vgg6": _Layout(_SIX, _max_after(1, 2, 3, 4, 5), (), (1, 2, 3, 4, 5)),
    "vgg11": _Layout(_TEN, _max_after(2, 4, 7, 10), (), (2, 4, 7, 10)),
    "vgg11a": _Layout(_EIGHT, _max_after(1, 2, 4, 6, 8), (4096, 4096), (1, 2, 4, 6, 8)),
    "vgg16": _Layout(_SIXTEEN, _max_after(2, 4, 7, 10, 13), (4096, 4096), (2, 4, 7, 10, 13)),
    "avgg6": _advanced(_SIX, ()),
    "avgg8": _advanced(_SIX, (4096, 4096)),
    "avgg13": _advanced(_TEN, (4096, 4096)),
    "avgg14": _advanced(_SIXTEEN, ()),
    "avgg16": _advanced(_SIXTEEN, (4096, 4096)),
}

VGG_NAMES = tuple(_NETWORKS)
# Options of A-VGGs alone.
_POOLING_OPTIONS = ("pooling_order", "first_pooling")
_ORDERS = ("avg,max", "max,avg")


@dataclass(frozen=True)
class VGGOptions(ScaledHeadOptions):
    """Options of the VGG networks: arguments of `build_vgg`."""

    conv_bias: bool | None = setting(
        None,
        "Whether convolutions have biases. Default: as `weights`, or yes.",
    )
    fc_widths: tuple[int, ...] | None = setting(
        None,
        "Widths of the hidden fully connected layers, or 'none'. Default: as `weights`, or the "
        "papers' (4096,4096; none for vgg6, vgg11, avgg6 and avgg14).",
        low=1,
        high=65_536,
    )
    fc_activation: str | None = setting(
        None,
        "Activation of the hidden fully connected layers. Default: linear, as the papers' authors.",
        choices=("linear", "relu"),
    )
    batch_norm: bool | None = None
    output_bias: bool | None = None


@dataclass(frozen=True)
class AVGGOptions(VGGOptions):
    """Options of the A-VGG networks, which have two poolings."""

    pooling_order: str = setting(
        "avg,max",
        "Kinds of an avgg's two poolings, 4x4 and then 2x2, input side first.",
        choices=_ORDERS,
    )
    first_pooling: int | None = setting(
        None,
        "Number of the convolution behind which an avgg's first pooling stands; behind the last "
        "one both are next to the output. Default: 3 of 5 convolutions, else 7.",
        low=1,
    )


def build_vgg(
    name: str,
    num_labels: int,
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    conv_bias: bool = True,
    batch_norm: bool = True,
    fc_widths: Sequence[int] | None = None,
    fc_activation: str | None = None,
    output_bias: bool = False,
    filters: Mapping[Layer, int] | None = None,
    width: int | None = None,
    scale_fc: bool = True,
    pooling_order: str = "avg,max",
    first_pooling: int | None = None,
    seed: int = 0,
    batch_norm_momentum: float = 0.9,
    batch_norm_epsilon: float = 1e-5,
    dtype: Any = None,
) -> "keras.Model":
    """Build one of the papers' VGG networks with PyTorch's initialisation.

    Layer m is `layer<m>_conv`, `layer<m>_norm`, `layer<m>_relu` and, where it ends a block,
    `layer<m>_pool`; then come `flatten`, `fc1`, `fc2`, ... and `output`, which yields logits.

    The A-VGGs (arXiv:2303.05800) decide by pooling next to the output, not along the network. Of
    `avgg16` the layers are known: 4x4 average behind layer 7, 2x2 maximum behind layer 13. Of the
    others the abstract gives numbers of layers alone. Inferred: `avgg6` and `avgg8` are the five
    convolutions of `vgg6` with one and three fully connected layers, `avgg13` the ten of `vgg11`
    with three, `avgg14` those of `avgg16` with one; the average stands behind the last layer of
    256 filters as in `avgg16`, and the layers are linear and as wide. Both operations do not
    commute, and the paper finds the order next to the output to matter: `pooling_order` exchanges
    the kinds, and `first_pooling` says what lies between the two, nothing if it is the last layer
    (then they are `layer<m>_first_pool` and `layer<m>_pool`).

    Example:

    ```
    model = build_vgg("vgg16", 100)
    model = build_vgg("vgg16", 10, filters={13: 350})  # fewer filters in layer 13
    ```

    Args:
        name: `str`. One of `vgg6`, `vgg11` (the papers': the first ten convolutions of `vgg16`
            and one fully connected layer), `vgg11a` (configuration A of the VGG paper, eight
            convolutions), `vgg16`; `avgg6`, `avgg8`, `avgg13`, `avgg14`, `avgg16` (two poolings).
        num_labels: `int`. Output units K.
        input_shape: `(height, width, channels)` of one image. Defaults to `(32, 32, 3)`.
        conv_bias: `bool`. Whether convolutions have biases. Defaults to `True`.
        batch_norm: `bool`. Whether a batch norm follows each convolution. Defaults to `True`.
        fc_widths: widths of the hidden fully connected layers (they have biases). Defaults to
            `(4096, 4096)`, and to none for `vgg6`, `vgg11`, `avgg6` and `avgg14`.
        fc_activation: name of a Keras activation of the hidden fully connected layers. Defaults
            to `None`: no activation between them, as in the papers.
        output_bias: `bool`. Whether the output units have biases; the papers' have none.
            Defaults to `False`.
        filters: mapping from a layer's number to its number of filters, for layers that differ
            from the papers'. Defaults to none.
        width: `int`. Filters of the first layer; all other layers' in proportion. Defaults to the
            papers' 64.
        scale_fc: `bool`. Whether `width` scales the hidden fully connected layers too, where
            `fc_widths` does not say them. Defaults to `True`.
        pooling_order: `str`. Of A-VGGs: kinds of the 4x4 and of the 2x2 pooling, `"avg,max"` as
            the paper's, or `"max,avg"`. Defaults to `"avg,max"`.
        first_pooling: `int`. Of A-VGGs: number of the layer behind which the first pooling stands.
            Defaults to 3 of five layers, else 7.
        seed: `int`. The initial weights are a function of it (and of the Keras backend) alone:
            other layers' widths do not matter. Defaults to 0.
        batch_norm_momentum: `float`. Keras' momentum (one minus PyTorch's). Defaults to 0.9.
        batch_norm_epsilon: `float`. Defaults to 1e-5.
        dtype: a Keras dtype policy such as `"mixed_bfloat16"`. In a mixed policy the output
            layer computes in float32. Defaults to Keras' global policy.

    Returns:
        A functional `keras.Model` called `name`, with outputs of shape `(batch, num_labels)`.

    Raises:
        InputError: if an argument does not fit; the message names it.
    """
    import keras

    pooling = {"max": keras.layers.MaxPooling2D, "avg": keras.layers.AveragePooling2D}
    layout = _scaled(_pooled(name, pooling_order, first_pooling), width, scale_fc)
    widths = _filters(name, layout, filters)
    fc_widths = layout.fc_widths if fc_widths is None else tuple(fc_widths)
    as_whole("num_labels", num_labels, 1)
    for width in fc_widths:
        as_whole("fc_widths", width, 1)
    _check_input_shape(name, layout, input_shape)
    _check_activation(fc_activation)
    policy = keras.dtype_policies.get(keras.config.dtype_policy() if dtype is None else dtype)
    mixed = policy.compute_dtype != policy.variable_dtype

    inputs = keras.Input(tuple(input_shape), name="image")
    x = inputs
    fan_in = 9 * input_shape[-1]
    for number, width in enumerate(widths, start=1):
        layer = f"layer{number}"
        x = keras.layers.Conv2D(
            width,
            3,
            padding="same",
            data_format="channels_last",
            use_bias=conv_bias,
            **uniform_fan_in(seed, layer, fan_in),
            dtype=policy,
            name=f"{layer}_conv",
        )(x)
        if batch_norm:
            x = keras.layers.BatchNormalization(
                momentum=batch_norm_momentum,
                epsilon=batch_norm_epsilon,
                dtype=policy,
                name=f"{layer}_norm",
            )(x)
        x = keras.layers.ReLU(dtype=policy, name=f"{layer}_relu")(x)
        pools = [pool for pool in layout.pools if pool[0] == number]
        for _, kind, size in pools:
            last = (number, kind, size) == pools[-1]
            x = pooling[kind](
                size,
                data_format="channels_last",
                dtype=policy,
                name=f"{layer}_pool" if last else f"{layer}_first_pool",
            )(x)
        fan_in = 9 * width

    x = keras.layers.Flatten(data_format="channels_last", dtype=policy, name="flatten")(x)
    for number, width in enumerate(fc_widths, start=1):
        layer = f"fc{number}"
        x = keras.layers.Dense(
            width,
            activation=fc_activation,
            **uniform_fan_in(seed, layer, x.shape[-1]),
            dtype=policy,
            name=layer,
        )(x)
    logits = keras.layers.Dense(
        num_labels,
        use_bias=output_bias,
        **uniform_fan_in(seed, "output", x.shape[-1]),
        dtype=policy.variable_dtype if mixed else policy,
        name="output",
    )(x)
    return keras.Model(inputs, logits, name=name)


def _layout(name: str) -> _Layout:
    if name not in _NETWORKS:
        raise InputError(f"`name`={name!r} is not one of {', '.join(VGG_NAMES)}")
    return _NETWORKS[name]


def _scaled(layout: _Layout, width: int | None, scale_fc: bool) -> _Layout:
    if width is None:
        return layout
    as_whole("width", width, 1)
    first = layout.filters[0]
    scaled = tuple(in_proportion(count, width, first) for count in layout.filters)
    fc_widths = layout.fc_widths
    if scale_fc:
        fc_widths = tuple(in_proportion(count, width, first) for count in fc_widths)
    return replace(layout, filters=scaled, fc_widths=fc_widths)


def _pooled(name: str, order: str, first: int | None) -> _Layout:
    """The layout of a network, an A-VGG's with its poolings in another order or place."""
    layout = _layout(name)
    if (order, first) == ("avg,max", None):
        return layout
    if not name.startswith("avgg"):
        raise InputError(f"`pooling_order` and `first_pooling` are of A-VGGs, not of {name}")
    last = len(layout.filters)
    first = layout.pools[0][0] if first is None else as_whole("first_pooling", first, 1)
    if first > last:
        raise InputError(f"`first_pooling`={first}, but {name} has layers 1 to {last}")
    if order not in _ORDERS:
        raise InputError(f"`pooling_order`={order!r} must be one of {' and '.join(_ORDERS)}")
    early, late = order.split(",")
    return replace(layout, pools=((first, early, 4), (last, late, 2)))


def _filters(name: str, layout: _Layout, changed: Mapping[Layer, int] | None) -> list[int]:
    widths: dict[Layer, int] = dict(enumerate(layout.filters, start=1))
    for number, width in (changed or {}).items():
        if number not in widths:
            raise InputError(
                f"`filters` names layer {number}, but {name} has layers 1 to {len(widths)}"
            )
        widths[number] = as_whole(f"`filters` of layer {number}", width, 1)
    return list(widths.values())


def _check_input_shape(name: str, layout: _Layout, input_shape: Sequence[int]) -> None:
    shrink = math.prod(size for *_, size in layout.pools)
    good = len(input_shape) == 3 and all(isinstance(size, int) for size in input_shape)
    if not good or input_shape[-1] < 1 or min(input_shape[:2]) < shrink:
        raise InputError(
            f"{name} pools images {shrink} times smaller, so it needs (height, width, channels) "
            f"with at least {shrink}x{shrink} pixels, not {tuple(input_shape)}: enlarge the images "
            "by `image_size`"
        )


def _check_activation(name: str | None) -> None:
    import keras

    try:
        keras.activations.get(name)
    except ValueError:
        raise InputError(
            f"`fc_activation`={name!r} is not a Keras activation such as relu"
        ) from None


def vgg_arguments_of(path: str | Path) -> dict[str, Any]:
    """Read from a safetensors file which arguments `build_vgg` needs for it.

    Example:

    ```
    model = build_vgg("vgg16", fc_activation="relu", **vgg_arguments_of(path))
    load_pytorch_weights(model, path)
    ```

    Args:
        path: `str` or `Path`. A file of a VGG network with PyTorch's names.

    Returns:
        The arguments `num_labels`, `conv_bias`, `batch_norm`, `fc_widths` and `output_bias`.
        Missing is what a file does not say: `fc_activation`.

    Raises:
        InputError: if the file cannot be read or lacks convolutions or linear layers.
    """
    modules = read_modules(Path(path))
    for kind in ("convolution", "linear"):
        if not modules[kind]:
            raise InputError(f"{path} holds no {kind} weights, so it is no VGG network's file")
    *hidden, output = modules["linear"]
    return {
        "num_labels": output.shapes["weight"][0],
        "conv_bias": "bias" in modules["convolution"][0].shapes,
        "batch_norm": bool(modules["batch norm"]),
        "fc_widths": tuple(module.shapes["weight"][0] for module in hidden),
        "output_bias": "bias" in output.shapes,
    }


def _arguments_of(source: str, trained: bool) -> dict[str, Any]:
    return vgg_arguments_of(source) if trained and source.endswith(".safetensors") else {}


def _architecture(name: str, layout: _Layout) -> Architecture:
    advanced = name.startswith("avgg")

    def build(num_labels: int, options: VGGOptions, **how: Any) -> "keras.Model":
        return build_vgg(name, num_labels, **options.given(), **how)

    return Architecture(
        name,
        build,
        AVGGOptions if advanced else VGGOptions,
        # Measured after the pooling of the layer (paper 1, methods).
        stages=lambda options: tuple(f"layer{number}" for number in layout.stages),
        groups={"conv": r"(^|/)layer\d+_", "fc": r"(^|/)(fc\d+|output)/"},
        defining=("filters", "width", *(_POOLING_OPTIONS if advanced else ())),
        files=WeightFiles(_arguments_of, unsaid=("fc_activation",)),
        layer_of=lambda number: f"layer{number}_conv",
    )


for _name, _layout_of_name in _NETWORKS.items():
    register(_architecture(_name, _layout_of_name))
