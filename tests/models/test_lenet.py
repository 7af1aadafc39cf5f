"""LeNet-5: its shapes, first weights and refusals."""

import math

import keras
import numpy as np
import pytest

from sfp_keras import build_network
from sfp_keras.errors import InputError
from sfp_keras.training import StepDecay


def test_shapes_and_parameters_are_the_papers() -> None:
    network = build_network("lenet5", 10)
    shapes = [network.get_layer(f"layer{n}_pool").output.shape[1:] for n in (1, 2)]
    assert shapes == [(14, 14, 6), (5, 5, 16)]
    assert network.get_layer("flatten").output.shape == (None, 400)
    convolutions = 6 * (75 + 1) + 16 * (150 + 1)
    assert network.count_params() == convolutions + 120 * 401 + 84 * 121 + 10 * 84
    assert build_network("lenet5", 10, input_shape=(28, 28, 1)).output_shape == (None, 10)


@pytest.mark.parametrize(
    ("activation", "deviation"),
    [("relu", (2 / 400) ** 0.5), ("sigmoid", 1.0), ("tanh", (1 / 400) ** 0.5)],
)
def test_first_weights_fit_the_activation(activation: str, deviation: float) -> None:
    network = build_network("lenet5", 10, activation=activation)
    layer = network.get_layer("fc1")
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    assert kernel.std() == pytest.approx(deviation, rel=0.02)
    assert np.abs(kernel).max() > 3 * deviation
    assert not keras.ops.convert_to_numpy(layer.bias).any()
    assert layer.activation is keras.activations.get(activation)


def test_filters_and_activations_can_be_others() -> None:
    network = build_network("lenet5", 10, filters={1: 3, 2: 5}, activation="tanh")
    assert network.get_layer("layer1_conv").filters == 3
    assert network.get_layer("layer2_conv").filters == 5
    with pytest.raises(InputError, match="`filters` names layer 3, but lenet5 has layers 1 and 2"):
        build_network("lenet5", 10, filters={3: 5})
    with pytest.raises(InputError, match="`activation`=gelu must be one of relu, sigmoid, tanh"):
        build_network("lenet5", 10, activation="gelu")
    with pytest.raises(InputError, match=r"at least 16x16 pixels, not \(12, 32, 3\)"):
        build_network("lenet5", 10, input_shape=(12, 32, 3))


def test_rates_of_the_preset_are_the_papers() -> None:
    decay = StepDecay.parse("0.5/100<=149,0.2/150")
    rates = [0.01 * decay.factor(epoch) for epoch in (0, 99, 100, 149, 150, 199)]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.005, 0.005, 0.001, 0.001])


@pytest.mark.parametrize("width", [1, 3, 5, 48])
def test_widths_keep_the_papers_ratio(width: int) -> None:
    network = build_network("lenet5", 10, width=width)
    filters = [network.get_layer(f"layer{n}_conv").filters for n in (1, 2)]
    assert filters == [width, math.floor(width * 16 / 6 + 0.5)]
    assert network.get_layer("flatten").output.shape == (None, 25 * filters[1])
    assert [network.get_layer(f"fc{n}").units for n in (1, 2)] == [120, 84]


def test_fully_connected_layers_are_scaled_where_asked_and_single_layers_still_named() -> None:
    network = build_network("lenet5", 10, width=9, scale_fc=True, filters={2: 7})
    assert network.get_layer("layer2_conv").filters == 7
    assert [network.get_layer(f"fc{n}").units for n in (1, 2)] == [180, 126]
