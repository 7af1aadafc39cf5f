"""Tree-3: its numbers of parameters, routes, first weights, trees beside trees, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sfp_keras import build_network
from sfp_keras.errors import InputError
from sfp_keras.models import find_architecture
from sfp_keras.probing import default_stages, list_stages


def test_tree_of_given_filters_and_branches_has_the_papers_parameters() -> None:
    sizes = {(6, 16): 60_622, (15, 16): 145_996, (15, 80): 725_260}
    for (filters, branches), parameters in sizes.items():
        network = build_network("tree3", 10, filters=filters, branches=branches)
        assert network.count_params() == parameters
    assert network.get_layer("layer1_pool").output.shape == (None, 14, 14, 45)
    assert network.get_layer("layer2_sampling").output.shape == (None, 3, 7, 80)


def test_mnist_has_rectangles_of_four_rows() -> None:
    network = build_network("tree3", 10, input_shape=(28, 28, 1), filters=3)
    layer = network.get_layer("layer2_sampling")
    assert layer.kernel.shape == (3, 4, 12, 3, 16)
    assert layer.output.shape == (None, 1, 3, 16)


@pytest.mark.parametrize("given", [15, "15", ("15",), ("1:15",), {1: 15}])
def test_filters_of_one_layer_may_be_a_number(given) -> None:
    assert find_architecture("tree3").read({"filters": given}).filters == {1: 15}
    with pytest.raises(InputError, match="give a layer and a number each"):
        find_architecture("lenet5").read({"filters": 15})


def test_one_route_joins_a_place_of_the_first_layer_to_an_output_in_a_branch() -> None:
    network = build_network("tree3", 3, filters=2, branches=4, input_shape=(12, 12, 3))
    maps, units = (network.get_layer(name).output for name in ("layer1_pool", "layer2_sampling"))
    tail = keras.Model(maps, [units, network.output])
    kernel = keras.ops.convert_to_numpy(network.get_layer("layer2_sampling").kernel)
    output = keras.ops.convert_to_numpy(network.get_layer("output").kernel).reshape(3, 2, 4, 3)
    numbers = tf.constant(np.random.default_rng(0).uniform(0, 1, (1, *maps.shape[1:])), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(numbers)
        found, logits = tail(numbers)
    to_units = tape.jacobian(found, numbers, experimental_use_pfor=False).numpy()[0, :, :, :, 0]
    to_logits = tape.jacobian(logits, numbers, experimental_use_pfor=False).numpy()[0, :, 0]
    active = found.numpy()[0] > 0
    for row, column, channel in np.ndindex(maps.shape[1:]):
        colour, rectangle = channel // 2, row // 2
        # Of each branch one unit reads the place, or none where ReLU is off.
        routes = np.argwhere(to_units[..., row, column, channel])
        on = np.flatnonzero(active[colour, rectangle])
        np.testing.assert_array_equal(routes, [[colour, rectangle, branch] for branch in on])
        # The gradient of an output is a sum over branches of one product each.
        weights = kernel[rectangle, row % 2, column, channel]
        expected = (weights[on, None] * output[colour, rectangle, on]).sum(axis=0)
        np.testing.assert_allclose(
            to_logits[:, row, column, channel], expected, rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize(
    ("activation", "deviations"),
    [("relu", [(2 / n) ** 0.5 for n in (25, 420, 336)]), ("sigmoid", [1.0, 1.0, 1.0])],
)
def test_first_weights_fit_the_activation(activation, deviations) -> None:
    network = build_network("tree3", 10, activation=activation)
    for name, deviation in zip(
        ("layer1_conv", "layer2_sampling", "output"), deviations, strict=True
    ):
        kernel, bias = map(keras.ops.convert_to_numpy, network.get_layer(name).weights)
        assert kernel.std() == pytest.approx(deviation, rel=0.07)
        assert not bias.any()
    used = network.get_layer("layer2_sampling").activation
    assert used is keras.activations.get(activation)


def split(several, trees):
    """The weights of each of several trees, in the order of one tree's weights."""
    conv, conv_bias, kernel, bias, output, output_bias = map(keras.ops.convert_to_numpy, several)
    for tree in range(trees):

        def own(array, axis, groups, tree=tree):
            """Its part of an axis on which groups, trees and their own numbers follow."""
            shape = (*array.shape[:axis], groups, trees, -1, *array.shape[axis + 1 :])
            part = np.take(array.reshape(shape), tree, axis + 1)
            return part.reshape(*array.shape[:axis], -1, *array.shape[axis + 1 :])

        yield [
            *(own(conv, 3, 1), own(conv_bias, 0, 3), own(kernel, 3, 3), own(bias, 2, 1)),
            *(own(output, 0, bias.shape[0] * bias.shape[1]), output_bias),
        ]


@pytest.mark.parametrize("outputs", ["all", "one"])
def test_several_trees_are_each_tree_alone(outputs) -> None:
    how = {"filters": 2, "branches": 4, "input_shape": (12, 12, 3), "seed": 3}
    several = build_network("tree3", 3, trees=3, tree_outputs=outputs, **how)
    single = build_network("tree3", 3, **how)
    images = np.random.default_rng(0).uniform(-1, 1, (5, 12, 12, 3)).astype(np.float32)
    logits = []
    for weights in split(several.weights, trees=3):
        single.set_weights(weights)
        # Called a few times, a network is sooner run than compiled.
        logits.append(keras.ops.convert_to_numpy(single(images)))
    first, *_ = logits
    assert not np.allclose(first, logits[1])
    of_all = np.sum(logits, axis=0)
    found = keras.ops.convert_to_numpy(several(images))
    np.testing.assert_allclose(found, of_all, rtol=1e-4, atol=1e-5)
    if outputs == "one":
        # No other tree has a say in a label.
        np.testing.assert_allclose(
            found, np.stack([one[:, i] for i, one in enumerate(logits)], axis=1), atol=1e-5
        )


def test_its_stages_are_filters_and_branches() -> None:
    network = build_network("tree3", 10)
    first, second = default_stages(network)
    assert (first.filters, first.position_shape, first.called) == (45, (14, 14), "")
    assert (second.filters, second.position_shape, second.called) == (16, (3, 7), "branch")
    assert "layer2_sampling" in {stage.name for stage in list_stages(network)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": {2: 5}}, "`filters`=2:5, but tree3 has filters in layer 1 alone"),
        ({"rectangle_rows": 3}, "`rectangle_rows`=3 does not divide the 14 rows"),
        ({"input_shape": (5, 32, 3)}, r"at least 6x6 pixels, not \(5, 32, 3\)"),
        ({"tree_outputs": "one", "trees": 2}, "`tree_outputs`=one needs .*give `trees`=10"),
        ({"activation": "tanh"}, "`activation`=tanh must be one of relu, sigmoid"),
        ({"branches": 0}, "`branches`=0 must be at least 1"),
    ],
)
def test_refusals(options, message) -> None:
    with pytest.raises(InputError, match=message):
        build_network("tree3", 10, **options)
