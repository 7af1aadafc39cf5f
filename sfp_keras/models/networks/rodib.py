"""A network with one output unit whose outputs at several times are the labels.

An example after the abstract of arXiv:2410.11384 ("role of delay in brain dynamics", RoDiB): a
single output, M delays between successive layers, outputs in time whose number is polynomial in M,
VGG-6 below. All else is our reading, for the rest of the paper was not available: it reproduces no
number of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfp_keras.errors import InputError
from sfp_keras.models.initializers import uniform_fan_in
from sfp_keras.models.networks.vgg import build_vgg
from sfp_keras.models.options import WidthOptions
from sfp_keras.models.registry import Architecture, default_stage_names, register
from sfp_keras.settings.field import setting

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class RodibOptions(WidthOptions):
    """Options of the network with delays."""

    body: str = setting(
        "vgg6",
        "The network whose convolutions rodib has.",
        choices=("vgg6", "vgg11", "vgg16"),
    )
    delays: int | None = setting(
        None,
        "Delays M of each of the last two links of rodib, whose output unit then has M*M output "
        "times, at most one a label. Default: the fewest for the labels.",
        low=1,
        high=1024,
    )
    delay_nodes: int = setting(32, "Nodes between the last two links of rodib.", low=1, high=65_536)
    label_units: bool = setting(
        False,
        "Give rodib an output unit for each label and one delay, as networks usually have: what "
        "its output times are to be compared with.",
    )


def _build(
    num_labels: int,
    options: RodibOptions,
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    seed: int = 0,
    dtype: Any = None,
) -> "keras.Model":
    """Layers up to `flatten` are the body's; then `fc1` and `output`.

    With delays, `fc1` has a node for each of the h nodes k and M delays a of the first link,
    f(sum_i w[k, i, a] x_i), where f is ReLU; `output` has M weights v[k, b] for every k, and sums
    over k at each time (a, b). `time_outputs` puts these in the order of b, and of a for each b;
    `labels` takes the first K.
    """
    import keras

    if options.label_units and options.delays is not None:
        raise InputError(
            f"`delays`={options.delays}: with `label_units` the output units have one delay; leave "
            "one of the two out"
        )
    delays = 1 if options.label_units else _delays(options.delays, num_labels)
    nodes = options.delay_nodes
    widths: dict[str, Any] = {"filters": options.filters, "width": options.width}
    how: dict[str, Any] = {"input_shape": input_shape, "seed": seed, "dtype": dtype}
    body = build_vgg(options.body, num_labels, **widths, **how)
    policy = body.get_layer("flatten").dtype_policy
    exact = body.get_layer("output").dtype_policy

    x = body.get_layer("flatten").output
    x = keras.layers.Dense(
        delays * nodes,
        activation="relu",
        **uniform_fan_in(seed, "fc1", x.shape[-1]),
        dtype=policy,
        name="fc1",
    )(x)
    output: dict[str, Any] = {"use_bias": False, "dtype": exact, "name": "output"}
    output |= uniform_fan_in(seed, "output", nodes)
    if options.label_units:
        return keras.Model(
            body.inputs[0], keras.layers.Dense(num_labels, **output)(x), name="rodib"
        )
    x = keras.layers.Reshape((delays, nodes), dtype=policy, name="delayed_nodes")(x)
    x = keras.layers.Dense(delays, **output)(x)
    # All delays of the first link, which has most of the weights, are used by some label.
    x = keras.layers.Permute((2, 1), dtype=exact, name="delayed_outputs")(x)
    x = keras.layers.Reshape((delays**2, 1), dtype=exact, name="time_outputs")(x)
    unused = delays**2 - num_labels
    x = keras.layers.Cropping1D((0, unused), dtype=exact, name="used_times")(x)
    x = keras.layers.Reshape((num_labels,), dtype=exact, name="labels")(x)
    return keras.Model(body.inputs[0], x, name="rodib")


def _delays(asked: int | None, num_labels: int) -> int:
    fewest = math.isqrt(num_labels - 1) + 1
    if asked is not None and asked < fewest:
        raise InputError(
            f"`delays`={asked}: one output unit has {asked**2} output times, fewer "
            f"than the {num_labels} labels; give at least {fewest}"
        )
    return asked or fewest


register(
    Architecture(
        "rodib",
        _build,
        RodibOptions,
        stages=lambda options: default_stage_names(options.body),
        groups={"conv": r"(^|/)layer\d+_", "fc": r"(^|/)(fc\d+|output)/"},
        defining=("filters", "width", "body", "delays", "delay_nodes", "label_units"),
        layer_of=lambda number: f"layer{number}_conv",
    )
)
