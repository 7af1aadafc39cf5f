"""LeNet-5 for small images (arXiv:2211.11378), as a functional Keras model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfp_keras.errors import InputError
from sfp_keras.models.initializers import DEVIATIONS, normal
from sfp_keras.models.options import Layer, ScaledHeadOptions, in_proportion
from sfp_keras.models.registry import Architecture, register
from sfp_keras.settings.field import setting

if TYPE_CHECKING:
    import keras

# Filters of the convolutions, and nodes of the fully connected layers behind them. The generalised
# LeNet of arXiv:2211.11106 keeps the ratio of the first two.
_FILTERS: dict[Layer, int] = {1: 6, 2: 16}
_WIDTHS = (120, 84)
_KERNEL = 5
_SMALLEST = 16


@dataclass(frozen=True)
class LeNetOptions(ScaledHeadOptions):
    """Options of LeNet-5."""

    activation: str = setting(
        "relu", "Activation of all hidden layers of lenet5.", choices=tuple(DEVIATIONS)
    )


def _build(
    num_labels: int,
    options: LeNetOptions,
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    seed: int = 0,
    dtype: Any = None,
) -> "keras.Model":
    """Layers are `layer<m>_conv`, `_activation` and `_pool`, `fc1`, `fc2` and `output`."""
    import keras

    if min(input_shape[:2]) < _SMALLEST:
        raise InputError(
            f"lenet5 needs images of at least {_SMALLEST}x{_SMALLEST} pixels, not "
            f"{tuple(input_shape)}: enlarge them by `image_size`"
        )
    scaled: dict[Layer, int] = {
        number: in_proportion(count, options.width, _FILTERS[1])
        for number, count in _FILTERS.items()
    }
    filters = {**scaled, **(options.filters or {})}
    fc_width = options.width if options.scale_fc else None
    for number in filters:
        if number not in _FILTERS:
            raise InputError(f"`filters` names layer {number}, but lenet5 has layers 1 and 2")
    policy = keras.dtype_policies.get(keras.config.dtype_policy() if dtype is None else dtype)

    shared: dict[str, Any] = {"data_format": "channels_last"}

    def drawn(layer: str, inputs: int) -> dict[str, Any]:
        draw = normal(seed, layer, DEVIATIONS[options.activation](inputs))
        return {"kernel_initializer": draw, "dtype": policy, "name": layer}

    image = keras.Input(tuple(input_shape), name="image")
    x = image
    for number in _FILTERS:
        inputs = _KERNEL**2 * x.shape[-1]
        layer = f"layer{number}"
        drawn_here = drawn(f"{layer}_conv", inputs)
        x = keras.layers.Conv2D(filters[number], _KERNEL, **drawn_here, **shared)(x)
        x = keras.layers.Activation(options.activation, dtype=policy, name=f"{layer}_activation")(x)
        x = keras.layers.MaxPooling2D(2, dtype=policy, name=f"{layer}_pool", **shared)(x)
    x = keras.layers.Flatten(dtype=policy, name="flatten", **shared)(x)
    for number, width in enumerate(_WIDTHS, start=1):
        name = f"fc{number}"
        width = in_proportion(width, fc_width, _FILTERS[1])
        x = keras.layers.Dense(width, options.activation, **drawn(name, x.shape[-1]))(x)
    output = {**drawn("output", x.shape[-1]), "dtype": policy.variable_dtype, "use_bias": False}
    return keras.Model(image, keras.layers.Dense(num_labels, **output)(x), name="lenet5")


register(
    Architecture(
        "lenet5",
        _build,
        LeNetOptions,
        # Measured after the pooling, as the group's VGGs.
        stages=lambda options: tuple(f"layer{number}" for number in _FILTERS),
        groups={"conv": r"(^|/)layer\d+_", "fc": r"(^|/)(fc\d+|output)/"},
        defining=("filters", "width", "activation"),
        layer_of=lambda number: f"layer{number}_conv",
    )
)
