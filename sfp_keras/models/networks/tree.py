"""Tree-3 (arXiv:2211.11378): one convolution, branches that sample it, one output layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.models.initializers import DEVIATIONS, normal
from sfp_keras.models.options import Layer, Options
from sfp_keras.models.registry import Architecture, register
from sfp_keras.settings.field import setting

if TYPE_CHECKING:
    import keras

_FILTERS, _BRANCHES = 15, 16
_KERNEL, _POOL = 5, 2


@dataclass(frozen=True)
class TreeOptions(Options):
    """Options of Tree-3."""

    only_layer: ClassVar[Layer | None] = 1

    branches: int = setting(_BRANCHES, "Branches of a tree3.", low=1, high=65_536)
    rectangle_rows: int | None = setting(
        None,
        "Rows of a map that a branch of a tree3 sums to one number. Default: 2, and 4 of maps of "
        "12 rows (MNIST's).",
        low=1,
    )
    trees: int = setting(1, "How many tree3 stand side by side in one network.", low=1, high=1000)
    tree_outputs: str = setting(
        "all",
        "What several tree3 in one network put out: all, each the logits of all labels, which are "
        "added up; or one, each the logit of one label, for as many trees as labels.",
        choices=("all", "one"),
    )
    activation: str = setting(
        "relu", "Activation of all hidden layers of tree3.", choices=("relu", "sigmoid")
    )
    output_bias: bool = True


def _build(
    num_labels: int,
    options: TreeOptions,
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    seed: int = 0,
    dtype: Any = None,
) -> "keras.Model":
    """Build a tree, or several.

    Layers are `layer1_conv`, `layer1_activation` and `layer1_pool`, whose maps are of one colour
    each, `layer2_sampling` (`TreeSampling`), `flatten` and `output`, with biases, for the published
    numbers of parameters count them.

    Between a weight of the first layer and an output unit there is one route within a branch: what
    a filter puts out at a place is read once by each branch, at one unit. Ten trees as one network
    are our reading of "ten Tree-3", whose text is not available: added up they are a committee
    that is trained together; with one output each no weight is shared between labels, and the
    whole is a tree for every label.
    """
    import keras

    from sfp_keras.layers import MaskedDense, TreeSampling

    filters = dict(options.filters or {}).pop(1, _FILTERS) * options.trees
    _check(options, input_shape, num_labels)
    colours = input_shape[-1]
    policy = keras.dtype_policies.get(keras.config.dtype_policy() if dtype is None else dtype)
    mixed = policy.compute_dtype != policy.variable_dtype
    deviation = DEVIATIONS[options.activation]

    shared: dict[str, Any] = {"data_format": "channels_last"}
    image = keras.Input(tuple(input_shape), name="image")
    # The convolution with a group for each colour; by its groups it is 30 times slower on a CPU.
    x = keras.layers.DepthwiseConv2D(
        _KERNEL,
        depth_multiplier=filters,
        depthwise_initializer=normal(seed, "layer1_conv", deviation(_KERNEL**2)),
        dtype=policy,
        name="layer1_conv",
        **shared,
    )(image)
    x = keras.layers.Activation(options.activation, dtype=policy, name="layer1_activation")(x)
    x = keras.layers.MaxPooling2D(_POOL, dtype=policy, name="layer1_pool", **shared)(x)
    rows = _rows(options, x.shape[1])
    inputs = rows * x.shape[2] * (filters // options.trees)
    x = TreeSampling(
        options.branches,
        rows,
        groups=colours,
        trees=options.trees,
        activation=options.activation,
        kernel_initializer=normal(seed, "layer2_sampling", deviation(inputs)),
        dtype=policy,
        name="layer2_sampling",
    )(x)
    branches = x.shape[-1]
    x = keras.layers.Flatten(dtype=policy, name="flatten", **shared)(x)
    units = x.shape[-1] // options.trees
    how: dict[str, Any] = {
        "use_bias": options.output_bias,
        "kernel_initializer": normal(seed, "output", deviation(units)),
        "dtype": policy.variable_dtype if mixed else policy,
        "name": "output",
    }
    if options.tree_outputs == "all":
        x = keras.layers.Dense(num_labels, **how)(x)
    else:
        tree = np.arange(x.shape[-1]) % branches // options.branches
        x = MaskedDense(num_labels, tree[:, None] == np.arange(num_labels), **how)(x)
    return keras.Model(image, x, name="tree3")


def _check(options: TreeOptions, input_shape: Sequence[int], num_labels: int) -> None:
    for layer, count in (options.filters or {}).items():
        if layer != 1:
            raise InputError(f"`filters`={layer}:{count}, but tree3 has filters in layer 1 alone")
    if options.tree_outputs == "one" and options.trees != num_labels:
        raise InputError(
            f"`tree_outputs`=one needs a tree for each of the {num_labels} labels: give "
            f"`trees`={num_labels}"
        )
    smallest = _KERNEL + _POOL - 1
    if min(input_shape[:2]) < smallest:
        raise InputError(
            f"tree3 needs images of at least {smallest}x{smallest} pixels, not "
            f"{tuple(input_shape)}: enlarge them by `image_size`"
        )
    height = (input_shape[0] - _KERNEL + 1) // _POOL
    if height % _rows(options, height):
        raise InputError(
            f"`rectangle_rows`={_rows(options, height)} does not divide the {height} rows that "
            f"convolution and pooling leave of images of {tuple(input_shape)}: give a divisor, or "
            "another `image_size`"
        )


def _rows(options: TreeOptions, height: int) -> int:
    """Rows of a rectangle; MNIST's maps have 12 rows, and 3 rectangles of 4 x 12."""
    return options.rectangle_rows or (4 if height == 12 else 2)


register(
    Architecture(
        "tree3",
        _build,
        TreeOptions,
        stages=lambda options: ("layer1", "layer2"),
        channels=None,
        groups={"conv": r"(^|/)layer\d+_", "fc": r"(^|/)output/"},
        defining=(
            *("filters", "branches", "rectangle_rows", "trees", "tree_outputs", "activation"),
        ),
        layer_of=lambda number: "layer1_conv",
    )
)
